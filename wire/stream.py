# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""One session on one socket.

A `Stream` writes setup and text at once and does not wait for `ready`.
Leaving it never waits for the peer.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from ..config import GradiumTTSConfig
from ..core.endpoint import Endpoint
from ..core.errors import (
    ConnectionLost,
    ErrorKind,
    GradiumError,
    StallError,
    SynthesisError,
    classify,
    with_reason,
)
from ..core.protocol import (
    Answer,
    Audio,
    EndOfStream,
    Input,
    Ready,
    RemoteProtocolError,
    ServerError,
    ServerMessage,
    Session,
)
from ..core.redact import host_of
from .slots import gate_of
from .transport import Transport
from .watchdog import Owed, Watchdog

# More unreadable frames in a row than this, and the session is given up; so
# many of a session are told in the log.
MAX_GARBAGE_FRAMES = 16
# After so many messages the others of the loop get their turn: a message takes
# some 0.1 ms, and those that are buffered already wait for nothing.
MESSAGES_IN_A_TURN = 8
# No answer takes longer than this and so much for each character.
CEILING_S, CEILING_S_PER_CHARACTER = 10.0, 0.25


class StreamOwner(Protocol):
    """What a stream needs of the client that made it."""

    log: logging.Logger

    def check_latch(self) -> None:
        """Raise where a request would be refused for certain."""

    async def take_transport(
        self, endpoint: Endpoint
    ) -> tuple[Transport, bool]:
        """Return a socket, and whether it had been opened ahead."""

    async def connected(self) -> None:
        """Learn that the server has accepted a session."""

    async def disconnected(
        self, error: GradiumError, endpoint: Endpoint, *, was_accepted: bool
    ) -> None:
        """Learn that a session failed, and whether it had been accepted."""

    def retire(self, transport: Transport) -> None:
        """Close a socket in the background."""

    def prewarm(self) -> None:
        """Open the next socket ahead."""


@dataclass
class StreamTimes:
    """When things happened, in seconds of the loop's clock; 0 is never."""

    opened_at: float = 0.0
    setup_at: float = 0.0
    ready_at: float = 0.0
    text_at: float = 0.0
    audio_at: float = 0.0
    is_warm: bool = False


@dataclass
class _Counts:
    """Frames that were received.

    Attributes:
        in_turn: since the loop was last left to others.
        unreadable: in all.
        unreadable_in_a_row: since the last that could be read.
    """

    in_turn: int = 0
    unreadable: int = 0
    unreadable_in_a_row: int = 0


class Stream:
    """One session on one socket, used as `async with` and `async for`.

    The iteration yields what the server says and ends after its
    `end_of_stream`; everything else that ends a session raises a
    `GradiumError`, of which the owner is told on the way out. One task may
    send while another iterates.
    """

    def __init__(
        self, owner: StreamOwner, config: GradiumTTSConfig, session: Session
    ) -> None:
        """Make a stream; entering it connects.

        Args:
            owner: has the sockets, and is told of acceptance and failure.
            config: the settings of the request; kept while it lasts.
            session: makes the frames to send and reads those received.
        """
        self.times = StreamTimes()
        self._owner = owner
        self._config = config
        self._session = session
        self._endpoint = config.endpoint()
        self._transport: Transport | None = None
        self._stall: StallError | None = None
        self._received = _Counts()
        self._characters = 0
        self._input_ended_at = 0.0
        self._watchdog = Watchdog(self._owed, self._ping, self._on_silence)
        self._slot = AsyncExitStack()

    @property
    def age_s(self) -> float:
        """Seconds since the setup was sent."""
        return self._now() - self.times.setup_at

    # ------------------------------------------------------------- its life

    async def __aenter__(self) -> Stream:
        """Connect, and send the setup without waiting for the answer.

        Raises:
            ConnectError: no socket can be opened.
            ConnectionLost: it broke at once.
        """
        try:
            await self._open()
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    async def _open(self) -> None:
        self._owner.check_latch()
        self.times.opened_at = self._now()
        params = self._config.params
        gate = gate_of(params.api_key)
        await self._slot.enter_async_context(gate.slot(params.max_sessions))
        self._transport, self.times.is_warm = await self._owner.take_transport(
            self._endpoint
        )
        self.times.setup_at = self._now()
        await self._send(self._session.start())

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the socket: cut it, unless the stream is complete.

        Never waits for the peer: this is the way out of an interruption,
        and the peer may be the very thing that is broken.
        """
        self._watchdog.stop()
        transport, self._transport = self._transport, None
        if transport:
            if exc or self._session.answer is not Answer.COMPLETE:
                transport.abort()
            self._owner.retire(transport)
            if not isinstance(exc, GradiumError):
                self._owner.prewarm()
        await self._slot.aclose()
        if isinstance(exc, GradiumError):
            # Whether the next is worth opening ahead is the owner's business.
            await self._owner.disconnected(
                exc, self._endpoint, was_accepted=bool(self.times.ready_at)
            )

    def abort(self) -> None:
        """Cut the connection; a pending iteration raises."""
        if self._transport:
            self._transport.abort()

    # ---------------------------------------------------------- what we send

    async def send_text(self, text: str) -> None:
        """Say this next: whole words, which the server joins with a space."""
        self._characters += len(text)
        self.times.text_at = self.times.text_at or self._now()
        await self._send(self._session.push_text(text))

    async def flush(self) -> None:
        """Have everything so far spoken, though more is to come."""
        await self._send(self._session.flush())

    async def end_input(self) -> None:
        """Say that no more text comes; the server then finishes."""
        self._input_ended_at = self._now()
        await self._send(self._session.end_input())

    async def _send(self, frame: str) -> None:
        self._watchdog.owed_changed()
        await self._connected_transport().send(frame)

    # ------------------------------------------------------- what they answer

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> ServerMessage:
        """Wait for news; cancelling loses nothing.

        Raises:
            GradiumError: the session failed.
        """
        while self._session.answer is not Answer.COMPLETE:
            is_first = self._session.answer is Answer.NONE
            message = await self._receive()
            if message is None:
                continue
            if is_first:
                self.times.ready_at = self._now()
            if isinstance(message, ServerError):
                raise self._refusal(message)
            if isinstance(message, Ready):
                self._check_ready(message)
            if is_first:
                await self._owner.connected()
            if isinstance(message, EndOfStream):
                self._check_end()
            else:
                self._note_audio(message)
                return message
        raise StopAsyncIteration

    async def _receive(self) -> ServerMessage | None:
        transport = self._connected_transport()
        self._received.in_turn += 1
        if self._received.in_turn > MESSAGES_IN_A_TURN:
            # Before the message is taken: one that is cancelled here is kept.
            self._received.in_turn = 1
            await asyncio.sleep(0)
        try:
            with self._watchdog.waiting():
                raw = await transport.recv()
        except ConnectionLost as lost:
            # What a code means depends on how far the session has come.
            has_audio = bool(self.times.audio_at)
            raise self._stall or lost.in_phase(has_audio=has_audio) from None
        try:
            message = self._session.receive(raw)
        except RemoteProtocolError as error:
            self._count_garbage(error)
            return None
        self._received.unreadable_in_a_row = 0
        return message

    def _note_audio(self, message: ServerMessage) -> None:
        if isinstance(message, Audio) and not self.times.audio_at:
            self.times.audio_at = self._now()
            # Not sooner: a handshake would stand in the first audio's way.
            self._owner.prewarm()

    def _check_ready(self, ready: Ready) -> None:
        wanted_hz = self._config.sample_rate_hz
        if ready.sample_rate_hz not in (None, wanted_hz):
            raise SynthesisError(
                f"asked {self._host} for {wanted_hz} Hz and got"
                f" {ready.sample_rate_hz} Hz",
                ErrorKind.PROTOCOL,
            )

    def _check_end(self) -> None:
        if self._session.input is not Input.ENDED:
            raise ConnectionLost(
                f"{self._host} ended the session before its text was complete",
                ErrorKind.TRANSIENT,
            )

    def _refusal(self, error: ServerError) -> SynthesisError:
        first_line = error.message.split("\n", 1)[0].strip()
        return SynthesisError(
            with_reason(f"{self._host} refused the request", first_line),
            classify(
                code=error.code,
                message=error.message,
                has_audio=bool(self.times.audio_at),
            ),
            "" if error.code is None else str(error.code),
            error.message.strip(),
        )

    def _count_garbage(self, error: RemoteProtocolError) -> None:
        self._received.unreadable += 1
        self._received.unreadable_in_a_row += 1
        if self._received.unreadable <= MAX_GARBAGE_FRAMES:
            self._owner.log.warning(
                "vendor_error: unreadable frame left out: %s", error
            )
        in_a_row = self._received.unreadable_in_a_row
        if in_a_row > MAX_GARBAGE_FRAMES:
            raise SynthesisError(
                f"{self._host} sent {in_a_row} unreadable frames in a row",
                ErrorKind.PROTOCOL,
            )

    # ----------------------------------------------------- when they are silent

    def _owed(self) -> Owed | None:
        """Tell what the server owes now; the phases of a session, in order."""
        if not self.times.ready_at:
            return Owed("answer to the setup", self._config.ready_timeout_s)
        if self._session.input is Input.ENDED:
            what = "end of the audio" if self.times.audio_at else "audio"
            return Owed(
                what,
                self._config.params.audio_timeout_s,
                self._input_ended_at,
                CEILING_S + CEILING_S_PER_CHARACTER * self._characters,
            )
        # The last words wait for more text, so it cannot be known what is
        # owed now, but a sign of life is.
        return Owed("audio") if self._characters else None

    async def _ping(self) -> None:
        if self._transport:
            await self._transport.ping()

    def _on_silence(self, missing: str, waited_s: float) -> None:
        self._stall = StallError(
            f"no {missing} from {self._host} after {waited_s:.1f} s",
            ErrorKind.TRANSIENT,
        )
        self.abort()

    # -------------------------------------------------------------- internal

    def _connected_transport(self) -> Transport:
        if self._transport is None:
            raise ConnectionLost("the stream was left", ErrorKind.TRANSIENT)
        return self._transport

    @property
    def _host(self) -> str:
        return host_of(self._endpoint.url)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
