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
from typing import Any, Protocol

from .config import Endpoint, GradiumTTSConfig
from .core.errors import (
    ConnectError,
    ErrorKind,
    GradiumError,
)
from .core.redact import host_of
from .wire.reserve import WarmSocket
from .wire.stream import SpeechStream
from .wire.trace import Trace
from .wire.transport import CLOSE_S, Connect, Transport, open_websocket

# After a refusal of the key or the credits, requests are refused at once for
# this long: the vendor need not be asked again, nor the user kept waiting.
LATCH_S = 30.0


class ClientObserver(Protocol):
    """What a client tells about its sockets.

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


class _Silent:
    """An observer that tells nobody."""

    async def connecting(self) -> None:
        pass

    async def connected(self) -> None:
        pass

    async def disconnected(self, error: GradiumError) -> None:
        pass

    async def opened(self, took_s: float) -> None:
        pass


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
        self._observer = observer or _Silent()
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
