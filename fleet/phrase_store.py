# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Where phrases are looked for: in memory, then where other processes look.

Nothing here raises, and no disk keeps a request waiting for longer than
`LOOK_UP_S`, nor a Redis for longer than its link allows: what cannot be had in
time is spoken afresh.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, BinaryIO, Final, TypeVar

from ..core.phrases import Phrase, encode_phrase
from .phrase_files import PhraseFiles
from .shared_phrases import SharedPhrases

# A disk answers in a millisecond; one that does not is none to wait for.
LOOK_UP_S: Final = 0.05
# What a process keeps in memory of what is on disk.
_MOST_FRONT_BYTES: Final = 16_000_000
# … and reads at its start: a greeting is mostly the first that is asked for.
_MOST_AHEAD_BYTES: Final = 2_000_000
# How long is waited for a write, where that is in nobody's way.
_WRITE_S: Final = 1.0

_Result = TypeVar("_Result")


class PhraseMemory:
    """The phrases that are at hand; the least recently used go first."""

    def __init__(self, most_bytes: int, ttl_s: float) -> None:
        """Begin without any.

        Args:
            ttl_s: how long after it was spoken one may be used; 0 is for
                ever.
        """
        self._most_bytes = most_bytes
        self._ttl_s = ttl_s
        self._bytes = 0
        self._kept: OrderedDict[str, Phrase] = OrderedDict()

    def get(self, key: str, now: float) -> Phrase | None:
        """Return a phrase that is kept; `now` is Unix time."""
        phrase = self._kept.get(key)
        if phrase is None:
            return None
        if phrase.is_old(now, self._ttl_s):
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return phrase

    def put(self, key: str, phrase: Phrase) -> None:
        """Keep a phrase, if it fits at all."""
        self._drop(key)
        self._kept[key] = phrase
        self._bytes += phrase.size_bytes
        while self._bytes > self._most_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        phrase = self._kept.pop(key, None)
        if phrase is not None:
            self._bytes -= phrase.size_bytes


class PhraseStore:
    """The phrases of an extension, and of others with which it shares them."""

    def __init__(
        self,
        most_bytes: int,
        ttl_s: float,
        log: logging.Logger,
        *,
        files: PhraseFiles | None = None,
        shared: SharedPhrases | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Begin with what the folder has.

        Args:
            files: where the others of this machine find them, too.
            shared: where those of other machines do.
            clock: tells Unix time.
        """
        front_bytes = min(most_bytes, _MOST_FRONT_BYTES)
        self._memory = PhraseMemory(front_bytes if files else most_bytes, ttl_s)
        self._files = files
        self._shared = shared
        self._log = log
        self._clock = clock
        self._is_warned = False
        self._working: set[asyncio.Future[Any]] = set()

    def open(self) -> None:
        """Get ready in the background, so that no request waits for that.

        A disk that cannot be used is told of now; what was used last, of this
        process or another, is at hand.
        """
        if self._files:
            reading = self._begin(self._files.open, _MOST_AHEAD_BYTES)
            reading.add_done_callback(self._have_read)
        if self._shared:
            connecting = self._shared.open()
            self._note(asyncio.create_task(connecting, name="gradium:phrase"))

    async def find(self, key: str) -> Phrase | None:
        """Return a phrase that was kept; cancelling is safe."""
        phrase = self._memory.get(key, self._clock())
        if phrase is None and self._files:
            phrase = await self._found(self._files, key)
            if phrase:
                self._memory.put(key, phrase)
        if phrase is None and self._shared:
            phrase = await self._shared.get(key)
            if phrase:
                self._keep_here(key, phrase)
        return phrase

    def keep(self, key: str, phrase: Phrase) -> None:
        """Have a phrase for the next time; returns at once."""
        self._keep_here(key, phrase)
        if self._shared:
            sharing = self._share(self._shared, key, phrase)
            self._note(asyncio.create_task(sharing, name="gradium:phrase"))

    @asynccontextmanager
    async def lead(self) -> AsyncIterator[bool]:
        """Be the one that fills the store ahead, if no other process is."""
        if self._files is None:
            yield True
            return
        taking = self._begin(self._files.take_lead)
        try:
            await asyncio.wait({taking})
            # Who cannot know does not stay away.
            is_alone = taking.exception() is not None
            yield is_alone or taking.result() is not None
        finally:
            taking.add_done_callback(_leave)

    async def written(self) -> None:
        """Wait until all that was kept is written, but not for long."""
        if self._working:
            await asyncio.wait(self._working, timeout=_WRITE_S)

    async def aclose(self) -> None:
        """Keep nothing more, once all is written."""
        await self.written()
        late = set(self._working)
        for working in late:
            working.cancel()
        if late:
            await asyncio.wait(late)
        if self._shared:
            await self._shared.aclose()

    def _keep_here(self, key: str, phrase: Phrase) -> None:
        self._memory.put(key, phrase)
        if self._files:
            self._begin(self._files.write, key, phrase)

    async def _found(self, files: PhraseFiles, key: str) -> Phrase | None:
        """Look on disk; what takes too long goes on without us."""
        reading = self._begin(files.read, key)
        await asyncio.wait({reading}, timeout=LOOK_UP_S)
        is_read = reading.done() and not reading.exception()
        return reading.result() if is_read else None

    async def _share(
        self, shared: SharedPhrases, key: str, phrase: Phrase
    ) -> None:
        blob = await asyncio.to_thread(encode_phrase, key, phrase)
        await shared.put(key, phrase, blob)

    def _begin(
        self, work: Callable[..., _Result], *arguments: Any
    ) -> asyncio.Future[_Result]:
        """Have the disk do something in a thread."""
        loop = asyncio.get_running_loop()
        working = loop.run_in_executor(None, work, *arguments)
        self._note(working)
        return working

    def _have_read(self, reading: asyncio.Future[dict[str, Phrase]]) -> None:
        if reading.cancelled() or reading.exception():
            return
        for key, phrase in reading.result().items():
            if self._memory.get(key, self._clock()) is None:
                self._memory.put(key, phrase)

    def _note(self, working: asyncio.Future[Any]) -> None:
        self._working.add(working)
        working.add_done_callback(self._worked)

    def _worked(self, working: asyncio.Future[Any]) -> None:
        self._working.discard(working)
        error = None if working.cancelled() else working.exception()
        # The first trouble with a disk is likely to stay.
        if error and not self._is_warned:
            self._is_warned = True
            self._log.warning(
                "phrases are not kept on disk, but in memory only: %s", error
            )


def _leave(taking: asyncio.Future[BinaryIO | None]) -> None:
    """Leave the lead that was taken, or that still comes."""
    if taking.cancelled():
        return
    lead = None if taking.exception() else taking.result()
    if lead is not None:
        lead.close()
