# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The reserve socket: opened ahead, so that no handshake is waited for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from ..core.endpoint import Endpoint
from ..core.errors import GradiumError
from .transport import Transport

# An unused socket is pinged this often, and replaced at this age: a bare
# connection is said to live a minute at the vendor's.
WARM_PING_S, WARM_PONG_S, WARM_MAX_AGE_S = 5.0, 2.0, 50.0
# How long to wait before opening one again that failed.
WARM_RETRY_S, WARM_RETRY_MAX_S = 1.0, 30.0
# A server that restarts closes the sockets of all its clients at once, and
# those that were started together grow old together: they come back spread
# over this time, and grow old within this part of the age.
WARM_SPREAD_S, WARM_AGE_SPREAD = 0.5, 0.2


class Pace:
    """When a socket may be opened ahead: ever less often while none is good.

    One for all reserves of a client; what becomes of its requests counts,
    too. Times are seconds of one clock, passed in.
    """

    def __init__(self, jitter: Callable[[], float]) -> None:
        """Begin without any failure.

        Args:
            jitter: returns 0 to 1, to spread clients that failed together.
        """
        self._jitter = jitter
        self._failures = 0
        self._next_at = 0.0

    def wait_s(self, now: float) -> float:
        """Return how long no socket should be opened; 0 or less is none."""
        return self._next_at - now

    def failed(self, now: float) -> None:
        """Learn that a socket was no good: 1 s, doubling to 30 s.

        Jitter takes up to a half of it.
        """
        delay_s = WARM_RETRY_S * 2.0 ** min(self._failures, 16)
        delay_s = min(delay_s, WARM_RETRY_MAX_S) * (1 - self._jitter() / 2)
        self._failures += 1
        self._next_at = max(self._next_at, now + delay_s)

    def lost(self, now: float) -> None:
        """Learn that a socket is gone that had been good."""
        self._next_at = max(self._next_at, now + WARM_SPREAD_S * self._jitter())

    def reset(self) -> None:
        """Learn that the server answers."""
        self._failures, self._next_at = 0, 0.0

    def age_s(self) -> float:
        """Return at what age the next socket is to be replaced."""
        return WARM_MAX_AGE_S * (1 - WARM_AGE_SPREAD * self._jitter())


class Reserve:
    """The next socket: opened ahead, kept alive, replaced when it ages."""

    def __init__(
        self,
        endpoint: Endpoint,
        connect: Callable[[Endpoint], Awaitable[Transport]],
        retire: Callable[[Transport], None],
        pace: Pace,
        log: logging.Logger,
    ) -> None:
        """Begin to open it, as soon as its pace allows.

        Args:
            connect: opens a socket; raises `ConnectError`.
            retire: takes a socket that is not wanted any more.
            pace: says when; told how it went.
        """
        self.endpoint = endpoint
        self._connect = connect
        self._retire = retire
        self._pace = pace
        self._log = log
        self._transport: asyncio.Future[Transport] | None = None
        self._task = asyncio.create_task(self._keep(), name="gradium:warm")

    async def take(self) -> Transport | None:
        """Hand over the socket; `None` where none is open or being opened.

        Waits for one that is being opened; cancelling leaves it here.

        Raises:
            ConnectError: the one that was being opened could not be.
        """
        opening = self._transport
        if opening is None:
            return None
        await asyncio.wait({opening})
        if opening.cancelled():  # the settings changed meanwhile
            return None
        transport = opening.result()
        if self._transport is not opening:  # another was faster
            return None
        self._transport = None
        if transport.is_open:
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
        is_wanted = True
        while is_wanted:
            wait_s = self._pace.wait_s(loop.time())
            if wait_s > 0:
                await asyncio.sleep(wait_s)
                continue
            opening = loop.create_future()
            self._transport = opening
            try:
                transport = await self._connect(self.endpoint)
            except GradiumError as error:
                self._transport = None
                opening.set_exception(error)
                opening.exception()  # a request may wait for it, or none
                self._pace.failed(loop.time())
                self._log.warning(
                    "vendor_error: reserve socket failed: %s", error
                )
                is_wanted = error.kind.is_retryable
                continue
            except BaseException:
                opening.cancel()  # else a request would wait for ever
                raise
            opening.set_result(transport)
            await self._until_stale(transport)
            if self._transport is opening:
                self._transport = None
                self._retire(transport)

    async def _until_stale(self, transport: Transport) -> None:
        """Return when the socket should not be used any more."""
        loop = asyncio.get_running_loop()
        stale_at = loop.time() + self._pace.age_s()
        has_answered = False
        closed = asyncio.ensure_future(transport.wait_closed())
        try:
            while True:
                left_s = stale_at - loop.time()
                await asyncio.wait({closed}, timeout=min(left_s, WARM_PING_S))
                if closed.done():
                    break
                if left_s <= WARM_PING_S:
                    return
                if not await self._answers(transport, closed):
                    break
                has_answered = True
                self._pace.reset()
        finally:
            closed.cancel()
        if has_answered:
            self._pace.lost(loop.time())
        else:
            # A wrong key, say: the upgrade succeeds, then the server closes.
            self._pace.failed(loop.time())

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
