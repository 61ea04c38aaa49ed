# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A request that is running: its speech, its dump, its task."""

from __future__ import annotations

import asyncio

from ..core.actions import Action, Pcm
from ..core.admission import Segment
from ..core.request import Ledger
from ..speech import Speech
from .dump import Dump
from .events import GraphEvents


class Job:
    """A request that is running: its speech, its dump, its task."""

    def __init__(self, speech: Speech, dump: Dump, events: GraphEvents) -> None:
        self.speech = speech
        self.dump = dump
        self.task: asyncio.Task[None] | None = None
        # What came after the last text: the id's next life.
        self.next_life: list[Segment] = []
        self._events = events

    @property
    def ledger(self) -> Ledger:
        return self.speech.ledger

    def push(self, segment: Segment) -> None:
        """Say this next."""
        self.speech.push_fragment(segment.text)
        if segment.is_last:
            self.speech.end_input()

    async def perform(self, action: Action) -> None:
        """Perform an action of the ledger; the dump follows what is sent."""
        await self._events.perform(self.speech, action)
        if isinstance(action, Pcm):
            await self.dump.write(action.pcm)

    async def stop(self) -> None:
        """Stop speaking; nothing of the request happens after this."""
        if self.task:
            self.task.cancel()
            await asyncio.wait({self.task})
        # Not before: what was held back would still be sent.
        self.speech.settle()
