# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Makes trouble at the right moment: in the middle of an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from ten_host import Error, Event, Frame

from .line import Line
from .relay import Relay
from .troubles import BY_NAME, TROUBLES, WRONG_KEY, Trouble

Json = dict[str, Any]

# Of an answer so much is delivered in its middle, at least.
INTO_THE_SENTENCE_S = 1.5


class MischiefMaker:
    """Performs troubles, now or in the next answer.

    Args:
        relay: knows what is being said.
        tell: given each message for the page.
        use_key: changes the key of the extension.
    """

    def __init__(
        self,
        line: Line,
        relay: Relay,
        tell: Callable[[Json], None],
        use_key: Callable[[str], Awaitable[None]],
    ) -> None:
        self._line = line
        self._relay = relay
        self._tell = tell
        self._use_key = use_key
        self._armed: Trouble | None = None

    def choice(self) -> list[Json]:
        """Return all troubles, and whether they can be had on this line."""
        possible = {*self._line.mischief, WRONG_KEY}
        return [
            {**trouble.tree(), "is_possible": trouble.name in possible}
            for trouble in TROUBLES
        ]

    async def make(self, name: str) -> None:
        """Make trouble in the middle of an answer: this one, or the next."""
        trouble = BY_NAME[name]
        if name == WRONG_KEY:
            await self._use_key("a-wrong-key")
        elif self._is_in_the_middle:
            await self._perform(trouble)
            return
        self._armed = trouble
        self._say(trouble, "armed")

    def due(self, event: Event) -> Coroutine[Any, Any, None] | None:
        """Return what is to be done now that this has happened."""
        trouble = self._armed
        if trouble is None:
            return None
        if trouble.name == WRONG_KEY:
            is_due = isinstance(event, Error)
        else:
            is_due = isinstance(event, Frame) and self._is_in_the_middle
        if not is_due:
            return None
        self._armed = None
        return self._perform(trouble)

    @property
    def _is_in_the_middle(self) -> bool:
        is_far = self._relay.delivered_s >= INTO_THE_SENTENCE_S
        return bool(self._relay.speaking) and is_far

    async def _perform(self, trouble: Trouble) -> None:
        self._say(trouble, "now")
        if trouble.name == WRONG_KEY:
            await self._use_key(self._line.key)
        else:
            await self._line.mischief[trouble.name]()

    def _say(self, trouble: Trouble, when: str) -> None:
        self._tell({"type": "trouble", "name": trouble.name, "when": when})
