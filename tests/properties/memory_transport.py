# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A server in memory: speaks the protocol, and breaks as its plans say.

`MemoryServer.connect` takes the place of `gradium_tts.open_websocket`. All
delays are timers of the running loop, so on a virtual clock nothing waits.
Every word has a sound of its own, so that samples tell where they come from.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from gradium_tts_python.core.endpoint import Endpoint
from gradium_tts_python.core.errors import (
    ConnectError,
    ConnectionLost,
    ErrorKind,
    classify,
)

RATE_HZ = 8000
# Bytes of a word's sound: 0.1 s. Chunks of an odd size cut through samples.
WORD_BYTES, CHUNK_BYTES, ODD_CHUNK_BYTES = 1600, 800, 533


class Failure(Enum):
    """How a connection goes wrong."""

    REFUSED = "refused"
    """No connection is made."""
    NO_ANSWER = "no answer"
    """The connection is never completed."""
    RESET = "reset"
    """It breaks without a close frame."""
    CLOSED = "closed"
    """It is closed with code 1000."""
    ERROR = "error"
    """An error message that allows another attempt."""
    FINAL_ERROR = "final error"
    """An error message that does not."""
    STALLED = "stalled"
    """No more messages, but pings are answered."""
    HALF_OPEN = "half-open"
    """No answer of any kind, not even to a close frame."""


@dataclass(frozen=True)
class Plan:
    """How one connection goes.

    Attributes:
        connect_s: how long it takes to be made.
        message_s: the time before each message of the server.
        waits_s: how long it takes besides, by the message's number, from 0.
        send_s: how long a send of the client takes; 0 does not suspend.
        close_s: how long the closing handshake takes.
        is_odd: whether audio is cut within samples.
        failure: what goes wrong, if anything.
        after_messages: after how many messages of the server.
    """

    connect_s: float = 0.01
    message_s: float = 0.01
    waits_s: Mapping[int, float] = field(default_factory=dict)
    send_s: float = 0.0
    close_s: float = 0.01
    is_odd: bool = False
    failure: Failure | None = None
    after_messages: int = 0


@dataclass
class SessionLog:
    """What became of one session.

    Attributes:
        texts: what the client sent.
        words: each word that was spoken.
        chunks: the audio, as it was sent.
        is_complete: whether its end_of_stream went out.
    """

    texts: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    is_complete: bool = False


@dataclass(frozen=True)
class Wrote:
    """A text that the client sent, at which second of the loop's clock."""

    text: str
    at_s: float = field(default=0.0, compare=False)


def sound_of(word: str) -> bytes:
    """The samples of a word; no other word has the same."""
    block = hashlib.sha512(word.encode()).digest()
    sound = (block * (WORD_BYTES // len(block) + 1))[:WORD_BYTES]
    return sound


def words_of(text: str) -> list[str]:
    """The words of a text that are spoken: no tags, no punctuation alone."""
    return [
        word
        for word in text.split()
        if word[0] != "<" and any(map(str.isalnum, word))
    ]


class MemoryServer:
    """Makes connections in the order of its plans, healthy ones after them."""

    def __init__(
        self, plans: list[Plan], on_text: Callable[[Wrote], None]
    ) -> None:
        self._plans = deque(plans)
        self._on_text = on_text
        self.sessions: list[SessionLog] = []
        self.connects_s: list[float] = []
        # How many sessions may run at a time.
        self.most_sessions: int | None = None
        self.refusals = 0
        self.open: set[MemoryTransport] = set()

    async def connect(
        self, endpoint: Endpoint, timeout_s: float
    ) -> MemoryTransport:
        """Open a connection; safe to cancel."""
        plan = self._plans.popleft() if self._plans else Plan()
        self.connects_s.append(asyncio.get_running_loop().time())
        if plan.failure is Failure.NO_ANSWER:
            await asyncio.sleep(timeout_s)
            raise ConnectError("no answer", ErrorKind.TRANSIENT)
        await asyncio.sleep(min(plan.connect_s, timeout_s))
        if plan.connect_s > timeout_s:
            raise ConnectError("no answer", ErrorKind.TRANSIENT)
        if plan.failure is Failure.REFUSED:
            raise ConnectError("refused", ErrorKind.TRANSIENT)
        return MemoryTransport(self, plan)

    def heal(self) -> None:
        """From now on nothing goes wrong any more."""
        self._plans.clear()
        for transport in self.open:
            transport.heal()

    def refuse_from_now_on(self) -> None:
        """Let no connection be made any more."""
        self._plans = deque([Plan(failure=Failure.REFUSED)] * 1000)

    def drop(self) -> None:
        """Close every connection, as a server does that restarts."""
        for transport in list(self.open):
            transport.drop()

    @property
    def is_full(self) -> bool:
        """Whether as many sessions run as may."""
        running = sum(each.is_in_session for each in self.open)
        return self.most_sessions is not None and running >= self.most_sessions

    def heard(self, text: str) -> None:
        """Note a text of the client."""
        self._on_text(Wrote(text, asyncio.get_running_loop().time()))


class MemoryTransport:
    """A connected socket whose other side is played here."""

    def __init__(self, server: MemoryServer, plan: Plan) -> None:
        self._server = server
        self._plan = plan
        self._session: SessionLog | None = None
        self._outgoing: deque[dict[str, Any]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._sent_messages = 0
        self._position_bytes = 0
        self._arrived: deque[str] = deque()
        self._lost: ConnectionLost | None = None
        self._is_silent = False
        self._changed = asyncio.Event()
        self._closed = asyncio.Event()
        server.open.add(self)

    # ------------------------------------------------- the client's side

    @property
    def is_open(self) -> bool:
        """Whether both sides may still send."""
        return self._lost is None

    async def send(self, *messages: str) -> None:
        """Hand messages to the server."""
        if self._plan.send_s:
            await asyncio.sleep(self._plan.send_s)
        if self._lost:
            raise self._lost
        for message in messages:
            if not self._is_silent:
                self._received(json.loads(message))

    async def recv(self) -> str:
        """Wait for a message; safe to cancel."""
        while not self._arrived:
            if self._lost:
                raise self._lost
            self._changed.clear()
            await self._changed.wait()
        return self._arrived.popleft()

    async def ping(self) -> None:
        """Return once the server answers."""
        await asyncio.sleep(self._plan.message_s)
        if self._lost:
            raise self._lost
        if self._is_silent and self._plan.failure is Failure.HALF_OPEN:
            await asyncio.Event().wait()

    async def wait_closed(self) -> None:
        """Return once the connection is gone."""
        await self._closed.wait()

    def abort(self) -> None:
        """Cut the connection."""
        self._lose("cut")

    async def aclose(self) -> None:
        """Do the closing handshake; for ever with a server that is gone."""
        if self._lost:
            return
        if self._is_silent and self._plan.failure is Failure.HALF_OPEN:
            await asyncio.Event().wait()
        await asyncio.sleep(self._plan.close_s)
        self._lose("closed", 1000)

    # ------------------------------------------------- the server's side

    def heal(self) -> None:
        """Let nothing go wrong that has not yet."""
        if not self._is_silent:
            self._plan = Plan()

    def drop(self) -> None:
        """Close the connection with a code that tells to come back."""
        self._lose("restart", 1012)

    @property
    def is_in_session(self) -> bool:
        """Whether a setup was accepted."""
        return self._session is not None

    def _refuse(self, why: str, code: int) -> None:
        error = {"type": "error", "message": why, "code": code}
        self._arrived.append(json.dumps(error))
        self._lose("closed", code)

    def _received(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "setup":
            assert self._session is None, "a second setup on one socket"
            if self._server.is_full:
                self._server.refusals += 1
                self._refuse("Concurrency limit exceeded", 1008)
                return
            self._session = SessionLog()
            self._server.sessions.append(self._session)
            self._say({"type": "ready", "sample_rate": RATE_HZ})
            return
        if self._lost:
            return
        assert self._session is not None, f"{kind} before the setup"
        if kind == "text":
            self._session.texts.append(message["text"])
            self._server.heard(message["text"])
            for word in words_of(message["text"]):
                self._speak(word)
        elif kind == "end_of_stream":
            self._say({"type": "end_of_stream"})

    def _speak(self, word: str) -> None:
        sound = sound_of(word)
        size = ODD_CHUNK_BYTES if self._plan.is_odd else CHUNK_BYTES
        for at in range(0, len(sound), size):
            chunk = base64.b64encode(sound[at : at + size]).decode()
            self._say({"type": "audio", "audio": chunk})
        start = self._position_bytes / 2 / RATE_HZ
        self._position_bytes += len(sound)
        stop = self._position_bytes / 2 / RATE_HZ
        self._say(
            {"type": "text", "text": word, "start_s": start, "stop_s": stop}
        )

    def _say(self, message: dict[str, Any]) -> None:
        self._outgoing.append(message)
        if self._timer is None and not self._is_silent:
            self._schedule()

    def _schedule(self) -> None:
        plan, loop = self._plan, asyncio.get_running_loop()
        wait_s = plan.waits_s.get(self._sent_messages, 0.0)
        self._timer = loop.call_later(plan.message_s + wait_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._is_due(self._plan.failure):
            self._fail(self._plan.failure)
            return
        self._deliver(self._outgoing.popleft())
        if self._outgoing and not self._lost:
            self._schedule()

    def _is_due(self, failure: Failure | None) -> bool:
        return (
            failure is not None
            and self._sent_messages >= self._plan.after_messages
        )

    def _fail(self, failure: Failure | None) -> None:
        if failure is Failure.RESET:
            self._lose("broke")
        elif failure is Failure.CLOSED:
            self._lose("closed", 1000)
        elif failure in (Failure.ERROR, Failure.FINAL_ERROR):
            code = 1011 if failure is Failure.ERROR else 1002
            self._deliver({"type": "error", "message": "no", "code": code})
            self._lose("closed", code)
        else:
            self._is_silent = True

    def _deliver(self, message: dict[str, Any]) -> None:
        assert self._session is not None
        if message["type"] == "audio":
            self._session.chunks.append(base64.b64decode(message["audio"]))
        elif message["type"] == "text":
            self._session.words.append(message["text"])
        elif message["type"] == "end_of_stream":
            self._session.is_complete = True
        self._sent_messages += 1
        self._arrived.append(json.dumps(message))
        self._changed.set()
        if message["type"] == "end_of_stream":
            self._lose("closed", 1000)

    def _lose(self, what: str, code: int | None = None) -> None:
        if self._lost:
            return
        self._lost = ConnectionLost(what, classify(code=code), str(code or ""))
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._server.open.discard(self)
        self._changed.set()
        self._closed.set()
