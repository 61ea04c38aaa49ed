# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A request without TEN: `Speech` and the client on a server."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from gradium_tts_python.config import GradiumTTSConfig
from gradium_tts_python.core.actions import Action, Pcm, Words
from gradium_tts_python.core.endpoint import Endpoint
from gradium_tts_python.core.errors import (
    ConnectionLost,
    ErrorKind,
    GradiumError,
)
from gradium_tts_python.core.request import Ledger
from gradium_tts_python.gradium_tts import GradiumTTSClient
from gradium_tts_python.speech import Speech
from gradium_tts_python.wire.transport import Transport, open_websocket

Connect = Callable[[Endpoint, float], Awaitable[Transport]]


def config_for(
    url: str, *, enable_words: bool = False, **params: Any
) -> GradiumTTSConfig:
    """Settings for a server, with a good key."""
    params = {"url": url, "api_key": "test-key", **params}
    return GradiumTTSConfig.load(
        {"params": params, "enable_words": enable_words}
    )


@asynccontextmanager
async def client_on(
    url: str, *, connect: Connect = open_websocket, **params: Any
) -> AsyncIterator[GradiumTTSClient]:
    """A client that is closed in the end; its log lines are kept back."""
    log = logging.Logger("gradium_tts.test")
    log.addHandler(logging.NullHandler())
    client = GradiumTTSClient(
        config_for(url, **params), connect=connect, log=log
    )
    try:
        yield client
    finally:
        await client.aclose()


@dataclass
class Spoken:
    """What came of a request, below TEN: actions, no messages.

    `ExtensionHost` collects what the graph is sent; here nothing is started
    that could send, so that a failure is one of the request itself.
    """

    speech: Speech
    actions: list[Action] = field(default_factory=list)
    error: GradiumError | None = None

    @property
    def pcm(self) -> bytes:
        return b"".join(a.pcm for a in self.actions if isinstance(a, Pcm))

    @property
    def words(self) -> list[str]:
        """The words that were announced."""
        return [
            action.words[-1].word
            for action in self.actions
            if isinstance(action, Words) and action.words
        ]

    def timestamp_gaps_ms(self, sample_rate_hz: int) -> list[int]:
        """By how much each chunk starts later than the one before ends."""
        chunks = [a for a in self.actions if isinstance(a, Pcm)]
        heard_bytes, gaps = 0, []
        for chunk in chunks:
            due_ms = round(heard_bytes * 500 / sample_rate_hz)
            gaps.append(chunk.timestamp_ms - chunks[0].timestamp_ms - due_ms)
            heard_bytes += len(chunk.pcm)
        return gaps


def cut(ledger: Ledger) -> list[Action]:
    """Let the session of a ledger fail, and the next one begin."""
    word = ledger.next_word()
    assert word is not None, "nobody knows where to go on"
    return ledger.cut_session(word)


def begin(client: GradiumTTSClient, name: str = "r1") -> Spoken:
    """A request whose text is still to come."""
    config = client.config
    request = Ledger(
        name,
        sample_rate_hz=config.sample_rate_hz,
        with_words=config.enable_words,
    )
    # The shortest of the delays that are allowed.
    return Spoken(Speech(request, client, jitter=lambda: 1.0))


async def carry(spoken: Spoken) -> Spoken:
    """Speak until it ends, well or not."""
    loop = asyncio.get_running_loop()
    spoken.speech.ledger.asked(loop.time())

    async def perform(action: Action) -> None:
        spoken.actions.append(action)

    try:
        await spoken.speech.run(perform)
    except GradiumError as error:
        spoken.error = error
    return spoken


async def speak(
    client: GradiumTTSClient, text: str | Iterable[str], name: str = "r1"
) -> Spoken:
    """Speak a text, or a text in fragments, that is all there."""
    spoken = begin(client, name)
    for fragment in [text] if isinstance(text, str) else text:
        spoken.speech.push_fragment(fragment)
    spoken.speech.end_input()
    return await carry(spoken)


@dataclass
class Line:
    """What of one connection's messages reached the client."""

    frames: int = 0
    words: list[str] = field(default_factory=list)
    pcm_bytes: int = 0


class CutLine:
    """Opens real websockets that break after so many messages.

    Args:
        cuts: after how many messages each connection breaks, in the order
            of opening; those after the last one hold.
        is_wordless: whether the word messages are lost on the way.
    """

    def __init__(self, *cuts: int, is_wordless: bool = False) -> None:
        self._cuts = list(cuts)
        self.is_wordless = is_wordless
        self.lines: list[Line] = []

    async def __call__(self, endpoint: Endpoint, timeout_s: float) -> Transport:
        inner = await open_websocket(endpoint, timeout_s)
        left = self._cuts.pop(0) if self._cuts else None
        self.lines.append(Line())
        return _CutTransport(inner, left, self.lines[-1], self.is_wordless)


class _CutTransport:
    def __init__(
        self, inner: Transport, left: int | None, line: Line, is_wordless: bool
    ) -> None:
        self._inner = inner
        self._left = left
        self._line = line
        self._is_wordless = is_wordless

    @property
    def is_open(self) -> bool:
        return self._inner.is_open

    async def send(self, *messages: str) -> None:
        await self._inner.send(*messages)

    async def recv(self) -> str | bytes:
        while True:
            if self._left == 0:
                self._inner.abort()
                raise ConnectionLost("the line was cut", ErrorKind.TRANSIENT)
            raw = await self._inner.recv()
            if self._left is not None:
                self._left -= 1
            message = json.loads(raw)
            if message["type"] == "text":
                if self._is_wordless:
                    continue
                self._line.words.append(message["text"])
            elif message["type"] == "audio":
                self._line.frames += 1
                self._line.pcm_bytes += len(message["audio"]) * 3 // 4
            return raw

    async def ping(self) -> None:
        await self._inner.ping()

    async def wait_closed(self) -> None:
        await self._inner.wait_closed()

    def abort(self) -> None:
        self._inner.abort()

    async def aclose(self) -> None:
        await self._inner.aclose()
