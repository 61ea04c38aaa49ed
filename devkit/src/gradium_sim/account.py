# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What one key has in use: session slots and credits."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from .gates import Changes
from .limits import Limits
from .setup_rules import Refusal

_NO_CREDITS = "You have no credits left. Please upgrade your subscription."


@dataclass
class Account:
    """The use of one key.

    Attributes:
        limits: what is allowed; may be replaced at any time.
        changes: told when a slot is free again.
        slots: sessions that count as running.
        spent: characters synthesised so far.
    """

    limits: Limits
    changes: Changes
    slots: set[object] = field(default_factory=set)
    spent: int = 0

    def enter(self, session: object) -> None:
        """Take a slot.

        Raises:
            Refusal: no slot or no credit is left.
        """
        if self.credits_left == 0:
            raise Refusal(_NO_CREDITS)
        allowed = self.limits.sessions
        if allowed is not None and len(self.slots) >= allowed:
            raise Refusal("Concurrency limit exceeded")
        self.slots.add(session)

    def leave(self, session: object) -> None:
        """Give the slot back, after the delay that is set."""
        if session not in self.slots:
            return
        if self.limits.slot_release_s:
            asyncio.get_running_loop().call_later(
                self.limits.slot_release_s, self._release, session
            )
        else:
            self._release(session)

    def spend(self, chars: int) -> None:
        """Pay for characters.

        Raises:
            Refusal: they cannot be paid for.
        """
        left = self.credits_left
        if left is not None and chars > left:
            self.spent += left
            raise Refusal(_NO_CREDITS)
        self.spent += chars

    @property
    def credits_left(self) -> int | None:
        """Characters left; `None` without a limit."""
        if self.limits.credits is None:
            return None
        return max(0, self.limits.credits - self.spent)

    def _release(self, session: object) -> None:
        self.slots.discard(session)
        self.changes.notify()
