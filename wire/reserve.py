# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A reserve socket: opened ahead, so that no handshake is waited for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ..core.endpoint import Endpoint
from ..core.errors import ConnectionLost, GradiumError, SynthesisError
from ..core.pace import Pace
from ..core.protocol import RemoteProtocolError, ServerError, decode
from ..core.redact import host_of
from .transport import Transport

# The system itself notices a peer that is gone (see `transport.py`). What it
# cannot see is a server that hangs behind a socket which is there: an unused
# one is pinged once it is so old, to know that it was good, and this often
# from then on. The answer may take so long.
FIRST_PING_S, WARM_PING_S, WARM_PONG_S = 5.0, 30.0, 2.0


@dataclass(frozen=True)
class Means:
    """What it takes to keep sockets.

    Attributes:
        connect: opens one; raises `ConnectError`.
        retire: takes one that is not wanted any more.
        refused: told what the server said when it closed one that it had
            never answered on: that of a wrong key, for one.
        pace: says when one may be opened; told how it went.
        log: where to log.
    """

    connect: Callable[[Endpoint], Awaitable[Transport]]
    retire: Callable[[Transport], None]
    refused: Callable[[GradiumError], None]
    pace: Pace
    log: logging.Logger


class Reserve:
    """A socket: opened ahead, kept alive, replaced when it ages."""

    def __init__(
        self,
        means: Means,
        endpoint: Endpoint,
        max_age_s: float,
        is_surplus: Callable[[], bool],
        forget: Callable[[Reserve], None],
    ) -> None:
        """Begin to open it, as soon as its pace allows.

        Args:
            max_age_s: when it is replaced at the latest.
            is_surplus: whether there is one too many.
            forget: told when it was given up for that.
        """
        self.endpoint = endpoint
        self._means = means
        self._max_age_s = max_age_s
        self._is_surplus = is_surplus
        self._forget = forget
        self._transport: asyncio.Future[Transport] | None = None
        self._task = asyncio.create_task(self._keep(), name="gradium:warm")

    @property
    def opening(self) -> asyncio.Future[Transport] | None:
        """Done when the socket that is being opened is open, or failed."""
        held = self._transport
        return None if held is None or held.done() else held

    @property
    def is_open(self) -> bool:
        """Whether it holds a socket that both sides may use."""
        held = self._transport
        if held is None or not held.done() or held.cancelled():
            return False
        return held.result().is_open

    def take(self) -> Transport:
        """Hand over the socket, which is open."""
        assert self._transport is not None
        held, self._transport = self._transport, None
        return held.result()

    async def aclose(self) -> None:
        """Stop keeping; a socket that was not taken is retired."""
        self._task.cancel()
        await asyncio.wait({self._task})
        self._let_go()

    async def _keep(self) -> None:
        loop, pace = asyncio.get_running_loop(), self._means.pace
        while not self._is_surplus():
            wait_s = pace.wait_s(loop.time())
            if wait_s > 0:
                await asyncio.sleep(wait_s)
                continue
            try:
                transport = await self._open()
            except GradiumError as error:
                pace.failed(loop.time())
                self._means.log.warning(
                    "vendor_error: reserve socket failed: %s", error
                )
                if not error.kind.is_retryable:
                    return
                continue
            if not await self._is_only_old(transport):
                self._give_up(transport)
        self._let_go()
        self._forget(self)

    def _let_go(self) -> None:
        """Retire what is held, if anything is."""
        held, self._transport = self._transport, None
        if held and held.done() and not held.cancelled():
            if held.exception() is None:
                self._means.retire(held.result())

    async def _open(self) -> Transport:
        """Open a socket; the one that is old serves until then."""
        old = self._transport
        opening = asyncio.get_running_loop().create_future()
        if old is None:
            self._transport = opening
        try:
            transport = await self._means.connect(self.endpoint)
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
            self._means.retire(transport)

    async def _is_only_old(self, transport: Transport) -> bool:
        """Wait until the socket should go; false if it is dead."""
        loop, pace = asyncio.get_running_loop(), self._means.pace
        stale_at = loop.time() + pace.spread(self._max_age_s)
        ping_s, has_answered = FIRST_PING_S, False
        closed = asyncio.ensure_future(transport.wait_closed())
        try:
            while True:
                left_s = stale_at - loop.time()
                await asyncio.wait({closed}, timeout=min(left_s, ping_s))
                if closed.done():
                    break
                if left_s <= ping_s or self._is_surplus():
                    return True
                if not await self._answers(transport, closed):
                    break
                ping_s, has_answered = WARM_PING_S, True
                pace.answered()
        finally:
            closed.cancel()
        if has_answered:
            pace.lost(loop.time())
            return False
        pace.failed(loop.time())
        if closed.done() and self._has(transport):
            self._means.refused(await self._last_words(transport))
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
