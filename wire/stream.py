# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""One session on one socket.

A `Stream` writes setup and text at once and does not wait for `ready`.
Leaving it never waits for the peer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from types import TracebackType

from ..config import GradiumTTSConfig
from ..core.endpoint import Endpoint
from ..core.errors import (
    ConnectionLost,
    ErrorKind,
    GradiumError,
    StallError,
    SynthesisError,
)
from ..core.protocol import (
    Answer,
    Audio,
    EndOfStream,
    Ignored,
    Input,
    Ready,
    RemoteProtocolError,
    ServerError,
    ServerMessage,
    Session,
    Unreadable,
)
from ..core.redact import host_of
from .debt import Debts, StreamTimes, Terms
from .garbage import Garbage
from .owner import Left, StreamOwner
from .transport import Transport
from .watchdog import Watchdog

# After so many messages the others of the loop get their turn: a message takes
# some 0.1 ms, and those that are buffered already wait for nothing. One that
# was waited for as long as this was not buffered.
MESSAGES_IN_A_TURN = 8
WAITED_S = 0.001


class Stream:
    """One session on one socket, used as `async with` and `async for`.

    The iteration yields what the server says and ends after its
    `end_of_stream`; everything else that ends a session raises a
    `GradiumError`, of which the owner is told on the way out. One task may
    send while another iterates.
    """

    def __init__(
        self,
        owner: StreamOwner,
        config: GradiumTTSConfig,
        session: Session,
        terms: Terms,
    ) -> None:
        """Make a stream; entering it connects.

        Args:
            owner: has the sockets, and is told of acceptance and failure.
            config: the settings of the request; kept while it lasts.
            session: makes the frames to send and reads those received.
            terms: how long it is borne with.
        """
        self.times = StreamTimes()
        self._owner = owner
        self._config = config
        self._session = session
        self._terms = terms
        self._transport: Transport | None = None
        self._cut_for: Exception | None = None
        # Since the loop was last left to others.
        self._messages_in_turn = 0
        self._garbage = Garbage(owner.log)
        self._debts = Debts(config, session, terms, self.times)
        self._watchdog = Watchdog(
            self._debts.owed, self._ping, self._on_silence
        )
        self._slot = owner.gates.slot_for(config)

    @property
    def is_open(self) -> bool:
        """Whether it has a socket that both sides may still use."""
        return self._transport is not None and self._transport.is_open

    @property
    def silent_since(self) -> float:
        """Since when the listener has waited for what is owed; now, if not."""
        return self._debts.silent_since(self._now())

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
        await self.begin(lambda: None)
        return self

    async def begin(self, first_text: Callable[[], str | None]) -> None:
        """Connect; the setup and the first text leave in one packet.

        Args:
            first_text: asked for what there is to say by now, if anything,
                once the socket is open; never, if it was begun ahead.
        """
        if self._transport:  # begun ahead
            return
        try:
            await self._open(first_text)
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)
            raise

    async def _open(self, first_text: Callable[[], str | None]) -> None:
        self._owner.check_latch()
        self.times.opened_at = self._now()
        await self._take_slot()
        self._transport, self.times.is_warm = await self._owner.take_transport(
            self._endpoint, self._debts.speaks_by
        )
        self.times.setup_at = self._now()
        setup, text = self._session.start(), first_text()
        if text is None:
            await self._send(setup)
        else:
            await self._send_text(text, setup)

    async def _take_slot(self) -> None:
        terms = self._terms
        await self._slot.take(ticket=terms.ticket, by=terms.slot_by)
        times = self.times
        times.slot_at = self._now()
        if self._debts.had_to_wait:
            self._owner.log.info(
                "vendor_status: waited %.1f s for a free session",
                times.slot_at - times.opened_at,
            )

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
            if isinstance(exc, asyncio.CancelledError):
                self._owner.interrupted()
            elif not isinstance(exc, GradiumError):
                self._owner.prewarm()
        is_full = isinstance(exc, GradiumError) and (
            exc.kind is ErrorKind.CAPACITY
        )
        if is_full:
            self._slot.refused()
        await self._slot.give_back()
        if isinstance(exc, GradiumError) and not self._terms.is_rival:
            # Whether the next is worth opening ahead is the owner's business.
            await self._owner.disconnected(
                exc, self._endpoint, was_accepted=bool(self.times.ready_at)
            )

    async def leave(self) -> None:
        """Leave it without a failure; never waits for the peer."""
        await self.__aexit__(Left, Left(), None)

    def take_over(self, terms: Terms) -> None:
        """Serve a request, after it was begun ahead of it."""
        self._terms = self._debts.terms = terms
        self.times.opened_at = self.times.slot_at = self._now()
        self.times.is_warm = True

    async def wait_closed(self, at_most_s: float) -> None:
        """Return once the connection is gone, or after that time."""
        closed = asyncio.ensure_future(
            self._connected_transport().wait_closed()
        )
        try:
            await asyncio.wait({closed}, timeout=at_most_s)
        finally:
            closed.cancel()

    async def adopt(self) -> None:
        """Take the place of the stream that this was a rival of."""
        self._terms = replace(self._terms, is_rival=False)
        await self._owner.connected()

    def when_late(self, tell: Callable[[str], None]) -> None:
        """Have it told what is late, while the wait goes on."""
        self._watchdog.on_late = tell

    def abort(self, why: Exception | None = None) -> None:
        """Cut the connection; a pending iteration raises `why`."""
        self._cut_for = self._cut_for or why
        if self._transport:
            self._transport.abort()

    # ---------------------------------------------------------- what we send

    async def send_text(self, text: str) -> None:
        """Say this next: whole words, which the server joins with a space."""
        await self._send_text(text)

    async def _send_text(self, text: str, *frames: str) -> None:
        """Send a text behind what else is to be sent."""
        self._debts.characters += len(text)
        await self._send(*frames, self._session.push_text(text))
        if not self.times.text_at:
            self.times.text_at = self._now()
            self._owner.text_sent()

    async def flush(self) -> None:
        """Have everything so far spoken, though more is to come."""
        await self._send(self._session.flush())

    async def end_input(self) -> None:
        """Say that no more text comes; the server then finishes."""
        self.times.input_ended_at = self._now()
        await self._send(self._session.end_input())

    async def _send(self, *frames: str) -> None:
        self._watchdog.owed_changed()
        await self._connected_transport().send(*frames)

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
            if isinstance(message, Unreadable):
                return message
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
        self._messages_in_turn += 1
        if self._messages_in_turn > MESSAGES_IN_A_TURN:
            # Before the message is taken: one that is cancelled here is kept.
            self._messages_in_turn = 1
            await asyncio.sleep(0)
        try:
            with self._watchdog:
                raw = await transport.recv()
        except ConnectionLost as lost:
            # What a code means depends on how far the session has come.
            has_audio = bool(self.times.audio_at)
            lost = lost.in_phase(has_audio=has_audio)
            raise self._cut_for or lost from None
        if self._watchdog.waited_s > WAITED_S:
            # The others had their turn.
            self._messages_in_turn = 0
        try:
            message = self._session.receive(raw)
        except RemoteProtocolError as error:
            self._garbage.add(error, self._host)
            # Who keeps the account of the audio has to know.
            may_be_audio = error.has_audio is not False
            return Unreadable(bool(error.has_audio)) if may_be_audio else None
        self._garbage.end_row()
        self.times.heard_at = self._now()
        if isinstance(message, Ignored):
            self._owner.ignored(message.type)
            return None
        return message

    def _note_audio(self, message: ServerMessage) -> None:
        if isinstance(message, Audio) and not self.times.audio_at:
            self.times.audio_at = self._now()
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
        return SynthesisError.of(
            self._host,
            error.message,
            error.code,
            has_audio=bool(self.times.audio_at),
        )

    # ----------------------------------------------------- when they are silent

    async def _ping(self) -> None:
        if self._transport:
            await self._transport.ping()

    def _on_silence(self, missing: str, waited_s: float) -> None:
        self.abort(
            StallError(
                f"no {missing} from {self._host} after {waited_s:.1f} s",
                ErrorKind.TRANSIENT,
            )
        )

    # -------------------------------------------------------------- internal

    def _connected_transport(self) -> Transport:
        if self._transport is None:
            raise ConnectionLost("the stream was left", ErrorKind.TRANSIENT)
        return self._transport

    @property
    def _endpoint(self) -> Endpoint:
        return self._config.endpoint()

    @property
    def _host(self) -> str:
        return host_of(self._endpoint.url)

    @cached_property
    def _now(self) -> Callable[[], float]:
        return asyncio.get_running_loop().time
