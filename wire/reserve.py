# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The reserve socket: opened ahead, so that no handshake is waited for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from ..core.endpoint import Endpoint
from ..core.errors import ConnectionLost, GradiumError, SynthesisError
from ..core.pace import Pace
from ..core.protocol import RemoteProtocolError, ServerError, decode
from ..core.redact import host_of
from .transport import Transport

# An unused socket is pinged this often, and has so long to answer.
WARM_PING_S, WARM_PONG_S = 5.0, 2.0


class Reserve:
    """The next socket: opened ahead, kept alive, replaced when it ages."""

    def __init__(
        self,
        endpoint: Endpoint,
        connect: Callable[[Endpoint], Awaitable[Transport]],
        retire: Callable[[Transport], None],
        refused: Callable[[GradiumError], None],
        pace: Pace,
        max_age_s: float,
        log: logging.Logger,
    ) -> None:
        """Begin to open it, as soon as its pace allows.

        Args:
            connect: opens a socket; raises `ConnectError`.
            retire: takes a socket that is not wanted any more.
            refused: told what the server said when it closed a socket that
                it had never answered on: that of a wrong key, for one.
            pace: says when; told how it went.
            max_age_s: when it is replaced at the latest.
        """
        self.endpoint = endpoint
        self._connect = connect
        self._retire = retire
        self._refused = refused
        self._pace = pace
        self._max_age_s = max_age_s
        self._log = log
        # What was handed over.
        self.taken: Transport | None = None
        self._transport: asyncio.Future[Transport] | None = None
        self._task = asyncio.create_task(self._keep(), name="gradium:warm")

    @property
    def is_opening(self) -> bool:
        """Whether a socket is being opened, but not open yet."""
        return self._transport is not None and not self._transport.done()

    async def take(self) -> Transport | None:
        """Hand over the socket; `None` where none is open or being opened.

        Waits for one that is being opened; cancelling leaves it here.

        Raises:
            ConnectError: the one that was being opened could not be.
        """
        opening = self._transport
        if opening is None:
            return None
        if not opening.done():
            await asyncio.wait({opening})
        if opening.cancelled():  # the settings changed meanwhile
            return None
        transport = opening.result()
        if self._transport is not opening:  # another was faster
            return None
        self._transport = None
        if transport.is_open:
            self.taken = transport
            return transport
        self._retire(transport)
        return None

    async def aclose(self) -> None:
        """Stop keeping; a socket that was not taken is retired."""
        self._task.cancel()
        await asyncio.wait({self._task})
        opening, self._transport = self._transport, None
        if opening and opening.done() and not opening.cancelled():
            if opening.exception() is None:
                self._retire(opening.result())

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            wait_s = self._pace.wait_s(loop.time())
            if wait_s > 0:
                await asyncio.sleep(wait_s)
                continue
            try:
                transport = await self._open()
            except GradiumError as error:
                self._pace.failed(loop.time())
                self._log.warning(
                    "vendor_error: reserve socket failed: %s", error
                )
                if not error.kind.is_retryable:
                    return
                continue
            if not await self._is_only_old(transport):
                self._give_up(transport)

    async def _open(self) -> Transport:
        """Open a socket; the one that is old serves until then."""
        old = self._transport
        opening = asyncio.get_running_loop().create_future()
        if old is None:
            self._transport = opening
        try:
            transport = await self._connect(self.endpoint)
        except GradiumError as error:
            opening.set_exception(error)
            opening.exception()  # a request may wait for it, or none
            if old is None:
                self._transport = None
            raise
        except BaseException:
            opening.cancel()  # else a request would wait for ever
            raise
        finally:
            if old:
                self._give_up(old.result())
        opening.set_result(transport)
        self._transport = opening
        return transport

    def _give_up(self, transport: Transport) -> None:
        """Retire a socket that nobody has taken."""
        if self._has(transport):
            self._transport = None
            self._retire(transport)

    async def _is_only_old(self, transport: Transport) -> bool:
        """Wait until the socket should be replaced; false if it is dead."""
        loop = asyncio.get_running_loop()
        stale_at = loop.time() + self._pace.spread(self._max_age_s)
        has_answered = False
        closed = asyncio.ensure_future(transport.wait_closed())
        try:
            while True:
                left_s = stale_at - loop.time()
                await asyncio.wait({closed}, timeout=min(left_s, WARM_PING_S))
                if closed.done():
                    break
                if left_s <= WARM_PING_S:
                    return True
                if not await self._answers(transport, closed):
                    break
                has_answered = True
                self._pace.answered()
        finally:
            closed.cancel()
        if has_answered:
            self._pace.lost(loop.time())
            return False
        self._pace.failed(loop.time())
        if closed.done() and self._has(transport):
            self._refused(await self._last_words(transport))
        return False

    def _has(self, transport: Transport) -> bool:
        """Whether the socket was not taken."""
        held = self._transport
        return held is not None and held.done() and held.result() is transport

    async def _last_words(self, transport: Transport) -> GradiumError:
        """Return why a server has closed a socket before anything was asked."""
        host = host_of(self.endpoint.url)
        while True:
            try:
                message = decode(await transport.recv())
            except RemoteProtocolError:
                continue
            except ConnectionLost as lost:
                return lost.in_phase(has_audio=False)
            if isinstance(message, ServerError):
                return SynthesisError.of(
                    host, message.message, message.code, has_audio=False
                )

    @staticmethod
    async def _answers(
        transport: Transport, closed: asyncio.Future[None]
    ) -> bool:
        """Ping the peer, and tell whether it is there."""
        pong = asyncio.ensure_future(transport.ping())
        try:
            await asyncio.wait(
                {pong, closed},
                timeout=WARM_PONG_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
            return pong.done() and pong.exception() is None
        finally:
            pong.cancel()
