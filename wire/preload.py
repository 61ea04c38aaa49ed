# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Speaks texts ahead, for the store, while no request runs.

Each is a session of its own on a socket of its own: what is opened ahead is
for requests, and the graph is told nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from typing import Protocol

from ..config import GradiumTTSConfig
from ..core.completeness import missing_at_end
from ..core.endpoint import Endpoint
from ..core.errors import ErrorKind, GradiumError
from ..core.intake import take
from ..core.protocol import Session
from ..core.redact import host_of
from ..core.request import Ledger
from ..core.script import FLUSH, Message, SessionBudget, SessionText
from ..core.text import TextAssembler
from ..fleet.phrase_store import PhraseStore
from .debt import Terms
from .gates import Gates
from .inbox import Inbox
from .repetition import Repetition, repetition_of
from .speedups import FASTEST
from .stream import Stream
from .transport import Transport

# A request that has just ended is often followed by another, and so is a
# start.
CALM_S = 1.0
# A text that failed is tried again so often, and so long after, doubling. What
# others have in use is asked for at the same pace, as long as it takes.
MOST_TRIES = 3
AGAIN_S, LONGEST_AGAIN_S = 5.0, 60.0


class Speaker(Protocol):
    """What is needed of the client."""

    config: GradiumTTSConfig
    log: logging.Logger
    gates: Gates

    def check_latch(self) -> None:
        """See `StreamOwner`."""

    async def connect(self, endpoint: Endpoint) -> Transport:
        """Open a socket."""

    def retire(self, transport: Transport) -> None:
        """See `StreamOwner`."""

    def ignored(self, frame_type: str) -> None:
        """See `StreamOwner`."""


class Preload:
    """Speaks texts ahead, one at a time, until all are in the store."""

    def __init__(self, speaker: Speaker) -> None:
        """Begin with nothing to say."""
        self._speaker = speaker
        self._store: PhraseStore | None = None
        self._left: deque[str] = deque()
        self._tries = 0
        self._task: asyncio.Task[None] | None = None

    def speak(self, texts: Iterable[str], store: PhraseStore | None) -> None:
        """Have these texts in a store; `go_on` begins with it."""
        self._left, self._store = deque(dict.fromkeys(texts)), store
        self._tries = 0

    def go_on(self) -> None:
        """Speak what is left in the background, after a pause."""
        if self._left and self._store:
            self._task = asyncio.create_task(
                self._run(self._store, self._task), name="gradium:preload"
            )

    async def stop(self) -> None:
        """Cut what is being spoken; `go_on` tries it again."""
        task, self._task = self._task, None
        if task:
            task.cancel()
            await asyncio.wait({task})

    async def _run(
        self, store: PhraseStore, before: asyncio.Task[None] | None
    ) -> None:
        if before:
            before.cancel()
            await asyncio.wait({before})
        # From here on they are in memory, too.
        for text in list(self._left):
            if await self._is_known(text, store):
                self._left.remove(text)
        await asyncio.sleep(CALM_S)
        again_s = AGAIN_S
        while self._left:
            try:
                is_kept = await self._have(self._left[0], store)
            except GradiumError as error:
                is_kept = False
                # Whoever has the session ends it some time.
                self._tries += error.kind is not ErrorKind.CAPACITY
                if self._tries == MOST_TRIES or not error.kind.is_retryable:
                    self._give_up(error)
                    return
            if is_kept:
                self._left.popleft()
                self._tries, again_s = 0, AGAIN_S
            else:
                await asyncio.sleep(again_s)
                again_s = min(2 * again_s, LONGEST_AGAIN_S)

    def _give_up(self, error: GradiumError) -> None:
        self._speaker.log.warning(
            "vendor_error: preload: %d of the texts cannot be spoken ahead: %s",
            len(self._left),
            error,
        )
        self._left.clear()

    async def _have(self, text: str, store: PhraseStore) -> bool:
        """Have a text in the store; false while another process does it.

        Raises:
            GradiumError: it cannot be spoken now.
        """
        ledger, repetition = self._request_of(text, store)
        if repetition is None or await repetition.is_known():
            return True
        async with store.lead() as is_ours:
            # Another process may have had it until now.
            if is_ours and not await repetition.is_known():
                await self._speak(ledger, repetition)
                # Whoever has the lead next must find it.
                await store.written()
        return is_ours

    async def _is_known(self, text: str, store: PhraseStore) -> bool:
        _, repetition = self._request_of(text, store)
        return repetition is None or await repetition.is_known()

    def _request_of(
        self, text: str, store: PhraseStore
    ) -> tuple[Ledger, Repetition | None]:
        """Make a request of a text, as the graph would.

        Returns:
            Without a repetition where nothing of it would be heard.
        """
        config = self._speaker.config
        ledger = Ledger("preload", sample_rate_hz=config.sample_rate_hz)
        inbox = Inbox(
            ledger.script, TextAssembler(config.params.text_options()), 0.0
        )
        inbox.push_fragment(text)
        inbox.end_input()
        return ledger, repetition_of(store, config, ledger.script)

    async def _speak(self, ledger: Ledger, repetition: Repetition) -> None:
        params = self._speaker.config.params
        budget = SessionBudget(params.session_max_s, params.session_max_chars)
        text = SessionText(ledger.script, 0, budget)
        messages: list[Message] = []
        while (message := text.take(0.0)) is not None:
            messages.append(message)
        is_kept = False
        if text.goes_on_at is None:
            await self._say(messages, ledger, repetition)
            is_kept = repetition.completed()
        if is_kept:
            self._speaker.log.info("vendor_status: a text was spoken ahead")
            return
        self._speaker.log.warning(
            "preload: a text of %d characters is too long to be kept, or came"
            " without words",
            len(ledger.script.text_from(0)),
        )

    async def _say(
        self,
        messages: Iterable[Message],
        ledger: Ledger,
        repetition: Repetition,
    ) -> None:
        """Speak in one session, all or nothing; raises `GradiumError`."""
        config = self._speaker.config
        host = host_of(config.endpoint().url)
        loop = asyncio.get_running_loop()
        stream = Stream(
            _Aside(self._speaker),
            config,
            Session(config.setup(), FASTEST),
            # A slot that others wait for is not for this.
            Terms(slot_by=loop.time(), is_rival=True),
        )
        async with stream:
            for message in messages:
                if message is not FLUSH:
                    await stream.send_text(message)
            await stream.end_input()
            async for said in stream:
                repetition.received(said)
                output_format = config.params.output_format
                take(ledger, said, output_format, loop.time(), host)
            if missing := missing_at_end(ledger, None, host):
                raise missing


class _Aside:
    """Owns the streams that are in nobody's way, as a client those of requests.

    See `StreamOwner`.
    """

    def __init__(self, speaker: Speaker) -> None:
        self.log = speaker.log
        self.gates = speaker.gates
        self._speaker = speaker

    def check_latch(self) -> None:
        self._speaker.check_latch()

    async def take_transport(
        self, endpoint: Endpoint, by: float
    ) -> tuple[Transport, bool]:
        del by  # nobody waits for it: `connect_timeout_s` is enough
        return await self._speaker.connect(endpoint), False

    async def connected(self) -> None:
        """The graph is told of requests only."""

    async def disconnected(
        self, error: GradiumError, endpoint: Endpoint, *, was_accepted: bool
    ) -> None:
        """The graph is told of requests only."""

    def retire(self, transport: Transport) -> None:
        self._speaker.retire(transport)

    def prewarm(self) -> None:
        """What is opened ahead is for requests."""

    def text_sent(self) -> None:
        """What is opened ahead is for requests."""

    def interrupted(self) -> None:
        """No turn follows this one sooner."""

    def ignored(self, frame_type: str) -> None:
        self._speaker.ignored(frame_type)
