# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Notices a peer that owes something and keeps silent.

A clock runs only while the client waits for a message and the peer owes one:
an LLM that thinks for minutes, or a slow consumer, is never an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

# A peer that is silent this long is asked for a sign of life, and has so long
# to give one: together under the 3 s in which a dead one must be noticed.
QUIET_S, PONG_S = 1.0, 1.5

# A loop that was blocked sees its timers before what has arrived meanwhile.
_GRACE_S = 0.05


@dataclass(frozen=True)
class Owed:
    """What the peer owes.

    Without limits: as long as the peer still answers pings.

    Attributes:
        what: names it, for messages.
        limit_s: how long to wait for the next message.
        asked_at: when it was asked for, on the loop's clock.
        ceiling_s: how long after that to wait at all, whatever comes.
    """

    what: str
    limit_s: float = float("inf")
    asked_at: float = 0.0
    ceiling_s: float = float("inf")


class Watchdog:
    """Guards the waits of one stream, one at a time."""

    def __init__(
        self,
        owed: Callable[[], Owed | None],
        ping: Callable[[], Coroutine[Any, Any, None]],
        on_silence: Callable[[str, float], None],
    ) -> None:
        """Guard a stream.

        Args:
            owed: what the peer owes now; asked again at every turn.
            ping: completes when the peer has answered a ping.
            on_silence: called once with what is missing and after how
                many seconds; it must end the wait.
        """
        self._owed = owed
        self._ping = ping
        self._on_silence = on_silence
        self._is_waiting = False
        # The debt whose limit runs, and since when; nothing runs without.
        self._debt: Owed | None = None
        self._debt_since = 0.0
        self._heard_at = 0.0
        self._pong: asyncio.Task[None] | None = None
        self._pinged_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._is_in_grace = False

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Guard the wait for one message."""
        self._is_waiting = True
        self.owed_changed()
        try:
            yield
        finally:
            self._is_waiting = False
            self._use(None)

    def owed_changed(self) -> None:
        """Look again at what is owed: something was asked of the peer.

        A new debt has its whole limit before it. The clock of the pings runs
        on, or a dead peer would go unnoticed as long as text is sent.
        """
        if self._is_waiting:
            owed = self._owed()
            if owed != self._debt:
                self._use(owed)

    def _use(self, owed: Owed | None) -> None:
        now = asyncio.get_running_loop().time()
        if self._debt is None:
            self._heard_at = now
        self._debt, self._debt_since = owed, now
        self._is_in_grace = False
        if owed is None and self._pong:
            self._pong.cancel()
            self._pong = None
        self._look()

    def _look(self) -> None:
        """Judge the wait, and set the timer for the next look at it."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._debt is None:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        late = self._late(self._debt, now)
        if late is None:
            self._ping_if_quiet(now)
            look_at = self._next_look_at(self._debt)
            self._timer = loop.call_at(look_at, self._look)
        elif self._is_in_grace:
            self._on_silence(*late)
        else:
            self._is_in_grace = True
            self._timer = loop.call_later(_GRACE_S, self._look)

    def _late(self, owed: Owed, now: float) -> tuple[str, float] | None:
        """Give what should have come, and for how long it was waited for."""
        if now >= self._debt_since + owed.limit_s:
            return owed.what, now - self._debt_since
        if now >= owed.asked_at + owed.ceiling_s:
            return owed.what, now - owed.asked_at
        if self._pong and now >= self._pinged_at + PONG_S:
            missing = f"answer to a ping, with {owed.what} owed,"
            return missing, now - self._heard_at
        return None

    def _next_look_at(self, owed: Owed) -> float:
        ping_at = self._heard_at + QUIET_S
        if self._pong:
            ping_at = self._pinged_at + PONG_S
        return min(
            self._debt_since + owed.limit_s,
            owed.asked_at + owed.ceiling_s,
            ping_at,
        )

    def _ping_if_quiet(self, now: float) -> None:
        if self._pong is None and now >= self._heard_at + QUIET_S:
            self._pinged_at = now
            self._pong = asyncio.get_running_loop().create_task(
                self._ping(), name="gradium:ping"
            )
            self._pong.add_done_callback(self._answered)

    def _answered(self, pong: asyncio.Task[None]) -> None:
        # A ping that failed is no sign of life; the wait fails by itself.
        if pong.cancelled() or pong.exception() or pong is not self._pong:
            return
        self._pong = None
        self._heard_at = asyncio.get_running_loop().time()
        self._is_in_grace = False
        self._look()
