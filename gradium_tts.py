"""Gradium's text-to-speech over websockets; knows nothing of TEN.

    client = GradiumTTSClient(config)
    client.prewarm()
    async with client.open_stream() as stream:
        await stream.send_text("Hello.")
        await stream.end_input()
        async for event in stream:
            ...
    await client.aclose()

A `SpeechStream` is one session on a socket of its own. The client opens the
next socket ahead, without a setup, so that it holds no session slot; a
stream writes setup and text at once and does not wait for `ready`. Leaving a
stream never waits for the peer.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from .config import Endpoint, GradiumTTSConfig
from .errors import (
    ConnectError,
    ConnectionLost,
    GradiumError,
    StallError,
    SynthesisError,
)
from .protocol import (
    Audio,
    EndOfStream,
    ErrorKind,
    Event,
    Ready,
    RemoteProtocolError,
    ServerError,
    Session,
    classify,
)
from .redact import host_of
from .slots import gate_of
from .trace import Trace
from .transport import CLOSE_S, Connect, Transport, open_websocket
from .warm_socket import WarmSocket
from .watchdog import Owed, Watchdog

# After a refusal of the key or the credits, requests are refused at once for
# this long: the vendor need not be asked again, nor the user kept waiting.
LATCH_S = 30.0
# More unreadable frames in one session than this, and it is given up.
MAX_GARBAGE_FRAMES = 16
# No answer takes longer than this and so much for each character.
CEILING_S, CEILING_S_PER_CHARACTER = 10.0, 0.25


# --------------------------------------------------------------------- client


class ClientObserver:
    """What a client tells about its sockets; overridden by who cares.

    `connecting`, `connected` and `disconnected` speak of requests, as often
    as it happens; `opened` of every socket, those opened ahead included.
    None of them may wait.
    """

    async def connecting(self) -> None:
        """A request needs a socket."""

    async def connected(self) -> None:
        """The server has accepted a request's session."""

    async def disconnected(self, error: GradiumError) -> None:
        """A request's session failed."""

    async def opened(self, took_s: float) -> None:
        """A socket was opened."""


class GradiumTTSClient:
    """Opens streams, and owns every socket that is not in a stream."""

    def __init__(
        self,
        config: GradiumTTSConfig,
        *,
        connect: Connect = open_websocket,
        observer: ClientObserver | None = None,
        trace: Trace | None = None,
        log: logging.Logger | None = None,
    ) -> None:
        """Make a client; opens nothing, needs no running loop.

        Args:
            connect: opens a transport; tests bring their own.
            observer: told what becomes of sockets.
            trace: where to write down what passes through them.
            log: where to log; never the key, never the user's text.
        """
        self.config = config
        self.log = log or logging.getLogger("gradium_tts")
        self._connect = connect
        self._observer = observer or ClientObserver()
        self._trace = trace or Trace()
        self._warm: WarmSocket | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._latched: GradiumError | None = None
        self._latched_until = 0.0
        self._is_closed = False

    def prewarm(self) -> None:
        """Open the next socket in the background, if it is not already."""
        if self._is_closed or self.config.params.warm == "off":
            return
        endpoint = self.config.endpoint()
        if self._warm and self._warm.endpoint != endpoint:
            self.drop_warm()
        if self._warm is None:
            self._warm = WarmSocket(
                endpoint, self.connect, self.retire, self.log
            )

    def update_config(self, config: GradiumTTSConfig) -> None:
        """Use other settings from the next stream on."""
        self.config = config
        self._latched = None
        if self._warm and self._warm.endpoint != config.endpoint():
            self.drop_warm()
            self.prewarm()

    async def failed(
        self, error: GradiumError, config: GradiumTTSConfig | None = None
    ) -> None:
        """Learn from a failed session, of other settings than now if given."""
        await self._observer.disconnected(error)
        if error.kind is ErrorKind.CAPACITY:
            # The warm socket may hold what the next session needs.
            self.drop_warm()
        elif config and config.endpoint() != self.config.endpoint():
            return  # the present key was not refused
        elif error.kind in (ErrorKind.AUTH, ErrorKind.QUOTA):
            now = asyncio.get_running_loop().time()
            if self._latched is None or now >= self._latched_until:
                self._latched, self._latched_until = error, now + LATCH_S
            # No use for it until then.
            self.drop_warm()

    def check_latch(self) -> None:
        """Raise the last refusal of the key or the credits again."""
        error = self._latched
        left_s = self._latched_until - asyncio.get_running_loop().time()
        if error and left_s > 0:
            raise ConnectError(
                f"{error} (not asked again for {left_s:.0f} s)",
                error.kind,
                error.code,
                error.vendor_message,
            )

    def open_stream(
        self, config: GradiumTTSConfig | None = None
    ) -> SpeechStream:
        """Make a stream; entering it connects.

        Args:
            config: the settings of its request, the present ones if absent.
        """
        return SpeechStream(self, config or self.config)

    async def aclose(self) -> None:
        """Close everything; at most `CLOSE_S` for a peer that is slow."""
        self._is_closed = True
        self.drop_warm()
        while self._closing:
            await asyncio.wait(self._closing)

    # ------------------------------------------- for streams and warm sockets

    async def take_transport(
        self, endpoint: Endpoint
    ) -> tuple[Transport, bool]:
        """Give a socket, and whether it had been opened ahead.

        Raises:
            ConnectError: none can be opened.
        """
        await self._observer.connecting()
        warm = self._warm
        transport = (
            await warm.take() if warm and warm.endpoint == endpoint else None
        )
        is_warm = transport is not None
        if transport is None:
            transport = await self.connect(endpoint)
        # Taken, or no good: the next one is opened once it is in nobody's way.
        if warm and self._warm is warm:
            self.drop_warm()
        return transport, is_warm

    async def connect(self, endpoint: Endpoint) -> Transport:
        """Open a socket; raises `ConnectError`."""
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        host = host_of(endpoint.url)
        timeout_s = self.config.params.connect_timeout_s
        number = self._trace.connecting(host)
        try:
            transport = await self._connect(endpoint, timeout_s)
        except GradiumError as error:
            self._trace.refused(number, error)
            # Libraries and proxies put URLs into their words.
            raise error.masked(self.config.redact) from error.__cause__
        transport = self._trace.opened(number, transport)
        took_s = loop.time() - started_at
        self.log.info(
            "vendor_status: connected to %s in %.0f ms", host, took_s * 1000
        )
        try:
            await self._observer.opened(took_s)
        except BaseException:
            self.retire(transport)
            raise
        return transport

    async def accepted(self) -> None:
        """Learn that the server has accepted a session."""
        await self._observer.connected()

    def retire(self, transport: Transport) -> None:
        """Close a socket in the background, politely but not for long."""
        self._in_background(self._close(transport))

    def drop_warm(self) -> None:
        """Give up the warm socket, if there is one."""
        warm, self._warm = self._warm, None
        if warm:
            self._in_background(warm.aclose())

    def _in_background(self, work: Any) -> None:
        task = asyncio.create_task(work, name="gradium:closing")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close(self, transport: Transport) -> None:
        closing = asyncio.ensure_future(transport.aclose())
        try:
            await asyncio.wait({closing}, timeout=CLOSE_S)
        finally:
            if not closing.done():
                transport.abort()
                closing.cancel()
                await asyncio.wait({closing}, timeout=CLOSE_S)


# --------------------------------------------------------------------- stream


@dataclass
class StreamTimes:
    """When things happened, in seconds of the loop's clock; 0 is never."""

    opened_at: float = 0.0
    setup_at: float = 0.0
    ready_at: float = 0.0
    text_at: float = 0.0
    audio_at: float = 0.0
    is_warm: bool = False


class SpeechStream:
    """One session on one socket, used as `async with` and `async for`.

    The iteration yields what the server says and ends after its
    `end_of_stream`; everything else that ends a session raises a
    `GradiumError`. One task may send while another iterates.
    """

    def __init__(
        self, client: GradiumTTSClient, config: GradiumTTSConfig
    ) -> None:
        self._client = client
        self._config = config
        self._endpoint = config.endpoint()
        self._host = host_of(self._endpoint.url)
        self._session = Session(config.setup())
        self._transport: Transport | None = None
        self._failure: GradiumError | None = None
        self._is_complete = False
        self._garbage_frames = 0
        self._characters = 0
        self._input_ended_at = 0.0
        self._watchdog = Watchdog(self._owed, self._ping, self._on_silence)
        self._slot = AsyncExitStack()
        self.times = StreamTimes()

    @property
    def age_s(self) -> float:
        """Seconds since the setup was sent."""
        return self._now() - self.times.setup_at

    async def __aenter__(self) -> SpeechStream:
        """Connect, and send the setup without waiting for the answer.

        Raises:
            ConnectError: no socket can be opened.
            ConnectionLost: it broke at once.
        """
        try:
            await self._open()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def _open(self) -> None:
        self._client.check_latch()
        self.times.opened_at = self._now()
        params = self._config.params
        gate = gate_of(params.api_key)
        await self._slot.enter_async_context(gate.slot(params.max_sessions))
        self._transport, self.times.is_warm = await self._client.take_transport(
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
        transport, self._transport = self._transport, None
        if transport:
            if not self._is_complete:
                transport.abort()
            self._client.retire(transport)
            self._client.prewarm()
        await self._slot.aclose()

    async def send_text(self, text: str) -> None:
        """Say this next: whole words, which the server joins with a space."""
        self._characters += len(text)
        self.times.text_at = self.times.text_at or self._now()
        await self._send(self._session.push_text(text))

    async def end_input(self) -> None:
        """Say that no more text comes; the server then finishes."""
        self._input_ended_at = self._now()
        await self._send(self._session.end_input())

    def abort(self) -> None:
        """Cut the connection; a pending iteration raises."""
        if self._transport:
            self._transport.abort()

    def __aiter__(self) -> SpeechStream:
        return self

    async def __anext__(self) -> Event:
        """Wait for news; cancelling loses nothing.

        Raises:
            GradiumError: the session failed.
        """
        if self._is_complete:
            raise StopAsyncIteration
        try:
            return await self._next_event()
        except GradiumError as error:
            raise error.masked(self._config.redact) from None

    async def _next_event(self) -> Event:
        while True:
            event = await self._receive()
            if isinstance(event, EndOfStream):
                self._check_end()
                self._is_complete = True
                raise StopAsyncIteration
            if isinstance(event, ServerError):
                raise self._server_error(event)
            if event is not None:
                return event

    # ------------------------------------------------------------- internal

    async def _send(self, frame: str) -> None:
        if self._transport is None:
            raise ConnectionLost("the stream was left", ErrorKind.TRANSIENT)
        self._watchdog.owed_changed()
        await self._transport.send(frame)

    async def _receive(self) -> Event | None:
        if self._transport is None:
            raise ConnectionLost("the stream was left", ErrorKind.TRANSIENT)
        try:
            with self._watchdog.waiting():
                raw = await self._transport.recv()
        except ConnectionLost:
            if self._failure:
                raise self._failure from None
            raise
        try:
            event = self._session.receive(raw)
        except RemoteProtocolError as error:
            self._count_garbage(error)
            return None
        is_first = event is not None and not self.times.ready_at
        if is_first:
            self.times.ready_at = self._now()
        if isinstance(event, Ready):
            self._check_ready(event)
        if is_first and not isinstance(event, ServerError):
            await self._client.accepted()
        if isinstance(event, Audio) and not self.times.audio_at:
            self.times.audio_at = self._now()
            # Not sooner: a handshake would stand in the first audio's way.
            self._client.prewarm()
        return event

    def _check_ready(self, ready: Ready) -> None:
        wanted_hz = self._config.sample_rate_hz
        if ready.sample_rate_hz not in (None, wanted_hz):
            raise SynthesisError(
                f"asked {self._host} for {wanted_hz} Hz and got"
                f" {ready.sample_rate_hz} Hz",
                ErrorKind.PROTOCOL,
            )

    def _check_end(self) -> None:
        if not self._session.is_input_ended:
            raise ConnectionLost(
                f"{self._host} ended the session before its text was complete",
                ErrorKind.TRANSIENT,
            )

    def _server_error(self, error: ServerError) -> SynthesisError:
        first_line = error.message.split("\n", 1)[0].strip()
        return SynthesisError(
            f"{self._host} refused the request: {first_line}",
            classify(code=error.code, message=error.message),
            "" if error.code is None else str(error.code),
            error.message.strip(),
        )

    def _count_garbage(self, error: RemoteProtocolError) -> None:
        self._garbage_frames += 1
        self._client.log.warning(
            "vendor_error: unreadable frame left out: %s", error
        )
        if self._garbage_frames > MAX_GARBAGE_FRAMES:
            raise SynthesisError(
                f"{self._host} sent {self._garbage_frames} unreadable frames",
                ErrorKind.PROTOCOL,
            )

    def _owed(self) -> Owed | None:
        """What the server owes now; the phases of a session, in order."""
        if not self.times.ready_at:
            return Owed("answer to the setup", self._config.ready_timeout_s)
        if self._session.is_input_ended:
            what = "end of the audio" if self.times.audio_at else "audio"
            return Owed(
                what,
                self._config.params.audio_timeout_s,
                self._input_ended_at,
                CEILING_S + CEILING_S_PER_CHARACTER * self._characters,
            )
        # The last words wait for more text, so nobody knows what is owed
        # now, but a sign of life is.
        return Owed("audio") if self._characters else None

    async def _ping(self) -> None:
        if self._transport:
            await self._transport.ping()

    def _on_silence(self, missing: str, waited_s: float) -> None:
        self._failure = StallError(
            f"no {missing} from {self._host} after {waited_s:.1f} s",
            ErrorKind.TRANSIENT,
        )
        self.abort()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
