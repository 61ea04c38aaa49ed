# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Gradium's text-to-speech over websockets; knows nothing of TEN.

    client = GradiumTTSClient(config)
    client.prewarm()
    async with client.open_stream() as stream:
        await stream.send_text("Hello.")
        await stream.end_input()
        async for message in stream:
            ...
    await client.aclose()

A stream is one session on a socket of its own. The client owns every socket
that is in no stream: the reserve, opened ahead without a setup so that it
holds no session slot, and those that are closing.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from dataclasses import replace

from .config import GradiumTTSConfig
from .core.endpoint import Endpoint, hint_of_region, is_key_moved
from .core.errors import ErrorKind, GradiumError
from .core.pace import Pace
from .core.protocol import Session
from .core.redact import host_of
from .wire.closing import Closing
from .wire.debt import Terms
from .wire.gates import Gates
from .wire.observer import ClientObserver, NoObserver
from .wire.phrases import Phrases
from .wire.race import Way, first_open
from .wire.reserve import Means
from .wire.reserves import Reserves
from .wire.speedups import FASTEST
from .wire.standby import Standby
from .wire.stream import Stream
from .wire.tls import read_ahead
from .wire.trace import Trace
from .wire.transport import Connect, Transport, open_websocket

# A server that is down gets so long to take a connect: whoever asks waits.
DOWN_CONNECT_S = 2.0
# A connect at the last moment is tried all the same.
LEAST_CONNECT_S = 0.1
# The server may think of as many types as it likes.
MOST_IGNORED_TYPES = 32


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
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Make a client; opens nothing, needs no running loop.

        Args:
            connect: opens a transport; tests bring their own.
            observer: told what becomes of sockets.
            trace: where to write down what passes through them.
            log: where to log; whoever writes the lines masks secrets.
            jitter: returns 0 to 1, to spread clients that failed together.
        """
        self.config = config
        self.log = log or logging.getLogger("gradium_tts")
        self.gates = Gates(self.log)
        self._connect = connect
        self._observer = observer or NoObserver()
        self._trace = trace or Trace()
        self._pace = Pace(jitter)
        self._closing = Closing()
        means = Means(
            self.connect, self.retire, self._refused, self._pace, self.log
        )
        self._reserves = Reserves(means, self._closing.begin)
        self._standby: Standby | None = None
        self._ignored_types: set[str] = set()
        self.phrases = Phrases(self)

    def update_config(self, config: GradiumTTSConfig) -> None:
        """Use other settings from the next stream on."""
        old, new = self.config.endpoint(), config.endpoint()
        if is_key_moved(old, new):
            self.log.warning(
                "the key of %s goes to another host from now on: %s",
                host_of(old.url),
                host_of(new.url),
            )
        self._pace.settings_changed(is_other_server=old != new)
        if old != new or self.config.setup() != config.setup():
            self._drop_standby()
        self.config = config
        if self._reserves.is_keeping:
            self._reserves.keep(self.config)
        self.phrases.settings_changed()

    def open_stream(
        self,
        config: GradiumTTSConfig | None = None,
        terms: Terms | None = None,
    ) -> Stream:
        """Make a stream; entering it connects.

        Args:
            config: the settings of its request, the present ones if absent.
            terms: how long it is borne with; by default the timeouts of the
                settings end it.
        """
        config = config or self.config
        return Stream(
            self, config, Session(config.setup(), FASTEST), terms or Terms()
        )

    async def take_stream(
        self, config: GradiumTTSConfig, terms: Terms
    ) -> Stream:
        """Make a stream, or return one that was begun ahead; see above."""
        standby = self._standby
        is_same = config.setup() == self.config.setup()
        if standby and is_same and config.endpoint() == self.config.endpoint():
            stream = await standby.take()
            self._standby = None
            if stream and stream.is_open:
                stream.take_over(terms)
                return stream
            if stream:
                await stream.leave()
        return self.open_stream(config, terms)

    def check(self) -> None:
        """Begin a session in the background, to see whether it is accepted.

        Who comes soon gets it; a refusal that needs the user is told.
        """
        if self._standby is None and not self._closing.is_all:
            self.gates.open(self.config)
            self._stand_by(is_once=True)

    def preload(self) -> None:
        """Speak ahead what the settings say; see `Phrases.start`."""
        self.phrases.start()

    async def aclose(self) -> None:
        """Close everything; see `Closing` for a peer that is slow."""
        self._closing.is_all = True
        self._drop_standby()
        self._reserves.drop()
        await self.phrases.aclose()
        await self._closing.wait()
        await self.gates.aclose()

    # --------------------------------------------------------------- sockets

    def prewarm(self) -> None:
        """Open the next socket in the background, if it is not already."""
        read_ahead(self.config.endpoint())
        if self._closing.is_all:
            return
        self.gates.open(self.config)
        if self.config.params.warm == "off":
            return
        if self.config.params.warm == "session" and self._standby is None:
            self._stand_by(is_once=False)
        self._reserves.keep(self.config)

    async def take_transport(
        self, endpoint: Endpoint, by: float
    ) -> tuple[Transport, bool]:
        """Return a socket, and whether it had been opened ahead.

        Args:
            by: until when to wait, on the loop's clock.

        Raises:
            ConnectError: none can be opened.
        """
        await self._observer.connecting()
        reserves = self._reserves
        transport = reserves.asked(endpoint)
        if transport:
            return transport, True
        by = min(by, self._connects_by())
        ahead: list[Transport | None] = []

        async def wait_for_reserve() -> Transport | None:
            ahead.append(await reserves.opened(endpoint))
            return ahead[-1]

        # Where IPv6 leads nowhere, the first tries nothing else.
        ipv4 = replace(endpoint, is_ipv4_only=True)
        ways: list[Way] = [
            lambda: self.connect(endpoint, by),
            lambda: self.connect(ipv4, by),
        ]
        if reserves.is_opening(endpoint):
            ways.insert(0, wait_for_reserve)
            # Turns come fast: the next request need not wait, too.
            reserves.keep(self.config)
        transport = await first_open(ways, self._closing.abandon)
        reserves.drop_useless()
        return transport, transport in ahead

    async def connect(
        self, endpoint: Endpoint, by: float | None = None
    ) -> Transport:
        """Open a socket; raises `ConnectError` when that time has come."""
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        by = self._connects_by() if by is None else by
        # A connect at the last moment is tried all the same.
        timeout_s = max(LEAST_CONNECT_S, by - started_at)
        host = host_of(endpoint.url)
        number = self._trace.connecting(host)
        try:
            transport = await self._connect(endpoint, timeout_s)
        except GradiumError as error:
            self._trace.refused(number, error)
            raise
        transport = self._trace.opened(number, transport)
        took_s = loop.time() - started_at
        self._pace.haste.opened(took_s)
        self.log.info(
            "vendor_status: connected to %s in %.0f ms", host, took_s * 1000
        )
        try:
            await self._observer.socket_opened(took_s)
        except BaseException:
            self.retire(transport)
            raise
        return transport

    def _connects_by(self) -> float:
        """Return until when a connect that begins now may take."""
        timeout_s = self.config.params.connect_timeout_s
        if self._pace.is_down:
            timeout_s = min(timeout_s, DOWN_CONNECT_S)
        return asyncio.get_running_loop().time() + timeout_s

    def retire(self, transport: Transport) -> None:
        """Close a socket in the background, politely but not for long."""
        self._closing.retire(transport)

    def _stand_by(self, *, is_once: bool) -> None:
        config = self.config

        def open_stream() -> Stream:
            # Requests come first: none waits behind it in the line.
            return self.open_stream(config, Terms(slot_by=0.0, is_rival=True))

        self._standby = Standby(
            open_stream, self._check_failed, self._pace, is_once=is_once
        )

    def _drop_standby(self) -> None:
        standby, self._standby = self._standby, None
        if standby:
            self._closing.begin(standby.aclose())

    async def _check_failed(self, error: GradiumError) -> None:
        self._refused(error)
        await self._observer.refused(error)

    # -------------------------------------------------- what streams report

    async def connected(self) -> None:
        """Learn that the server has accepted a session."""
        self._pace.answered()
        await self._observer.connected()

    async def disconnected(
        self,
        error: GradiumError,
        endpoint: Endpoint,
        *,
        was_accepted: bool = False,
    ) -> None:
        """Learn from a failed session.

        Args:
            endpoint: of its socket.
            was_accepted: whether the server had accepted it.
        """
        is_present = endpoint == self.config.endpoint()
        if error.kind is ErrorKind.AUTH:
            error.hint = hint_of_region(endpoint.url)
        if error.kind is ErrorKind.CAPACITY:
            # The reserves may hold what the next session needs.
            self._pace.haste.refused(asyncio.get_running_loop().time())
            self._reserves.drop()
        elif is_present and error.kind in (ErrorKind.AUTH, ErrorKind.QUOTA):
            self._latch(error)
        else:
            if is_present and not was_accepted:
                # Nor would a socket opened ahead be any good.
                self._pace.failed(asyncio.get_running_loop().time())
            self.prewarm()
        await self._observer.disconnected(error)

    def text_sent(self) -> None:
        """Open the next socket: turns may follow fast, and this one waits.

        A server that may yet refuse the key is not asked twice.
        """
        if self._pace.has_answered:
            self.prewarm()

    def interrupted(self) -> None:
        """Have sockets ready: who interrupts is about to be answered."""
        self._pace.haste.interrupted(asyncio.get_running_loop().time())
        self.prewarm()

    @property
    def is_server_down(self) -> bool:
        """Whether the last request was given up without an answer."""
        return self._pace.is_down

    def given_up(self) -> None:
        """Learn that a request was given up for want of an answer."""
        self._pace.given_up(asyncio.get_running_loop().time())

    def ignored(self, frame_type: str) -> None:
        """Log a frame without news, the first of each type."""
        frame_type = frame_type[:64]
        is_told = frame_type in self._ignored_types
        if is_told or len(self._ignored_types) >= MOST_IGNORED_TYPES:
            return
        self._ignored_types.add(frame_type)
        self.log.info(
            "vendor_status: frames of type %r are left out", frame_type
        )

    def check_latch(self) -> None:
        """Raise where a request need not ask; see `Pace.check`."""
        host = host_of(self.config.endpoint().url)
        self._pace.check(host, asyncio.get_running_loop().time())

    def _refused(self, error: GradiumError) -> None:
        """Learn why the reserve was closed; a wrong key need not be asked."""
        if error.kind in (ErrorKind.AUTH, ErrorKind.QUOTA):
            self._latch(error)

    def _latch(self, error: GradiumError) -> None:
        self._pace.refused(error, asyncio.get_running_loop().time())
        # No use for them until then.
        self._reserves.drop()
