# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A request that is running: its speech, its dump, its task, its end."""

from __future__ import annotations

import asyncio
import traceback

from ..core.actions import Action, EndReason, Pcm
from ..core.admission import Segment
from ..core.request import Ledger
from ..speech import Speech
from .dump import Dump
from .events import GraphEvents
from .log import GraphLog


class Job:
    """A request that is running."""

    def __init__(
        self,
        speech: Speech,
        dump: Dump,
        events: GraphEvents,
        log: GraphLog,
    ) -> None:
        self.speech = speech
        self.task: asyncio.Task[None] | None = None
        # What came after the last text: the id's next life.
        self.next_life: list[Segment] = []
        self._dump = dump
        self._events = events
        self._log = log

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
            await self._dump.write(action.pcm)

    async def attempt(self, action: Action) -> None:
        """Perform an action; one that fails keeps back no other."""
        try:
            await self.perform(action)
        except Exception:
            self._log.bug(self.ledger.request_id, traceback.format_exc())

    async def complete_dump(self) -> None:
        """Have all on disk that was sent."""
        await self._dump.complete()

    async def stop(self) -> None:
        """Stop speaking; nothing of the request happens after this."""
        if self.task:
            self.task.cancel()
            await asyncio.wait({self.task})
        # Not before: what was held back would still be sent.
        self.speech.settle()

    async def end(self, reason: EndReason) -> None:
        """Tell all that is left to tell of the request, once.

        What was heard of an interrupted one comes before its end, which is
        the last that is told of it; of the others it is known later.
        """
        is_cut = reason is EndReason.INTERRUPTED
        if is_cut:
            self.speech.playback.stop(asyncio.get_running_loop().time())
        await self._dump.complete()
        if is_cut:
            await self._events.listener.ended(self.speech, reason)
        for action in self.ledger.end(reason):
            await self.attempt(action)
        if not is_cut:
            await self._events.listener.ended(self.speech, reason)
