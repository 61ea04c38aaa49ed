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


class Reserve:
    """The next socket: opened ahead, kept alive, replaced when it ages."""

    def __init__(
        self,
        endpoint: Endpoint,
        connect: Callable[[Endpoint], Awaitable[Transport]],
        retire: Callable[[Transport], None],
        log: logging.Logger,
    ) -> None:
        """Begin to open it.

        Args:
            connect: opens a socket; raises `ConnectError`.
            retire: takes a socket that is not wanted any more.
        """
        self.endpoint = endpoint
        self._connect = connect
        self._retire = retire
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
        delay_s = WARM_RETRY_S
        while True:
            opening = asyncio.get_running_loop().create_future()
            self._transport = opening
            try:
                transport = await self._connect(self.endpoint)
            except GradiumError as error:
                self._transport = None
                opening.set_exception(error)
                opening.exception()  # a request may wait for it, or none
                self._log.warning(
                    "vendor_error: reserve socket failed: %s", error
                )
                if not error.kind.is_retryable:
                    return
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, WARM_RETRY_MAX_S)
                continue
            except BaseException:
                opening.cancel()  # else a request would wait for ever
                raise
            opening.set_result(transport)
            was_good = await self._until_stale(transport)
            if self._transport is opening:
                self._transport = None
                self._retire(transport)
            if was_good:
                delay_s = WARM_RETRY_S
                continue
            # A wrong key, say: the upgrade succeeds, then the server closes.
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, WARM_RETRY_MAX_S)

    async def _until_stale(self, transport: Transport) -> bool:
        """Return when the socket should not be used any more.

        Returns:
            False if the server closed it before it answered any ping.
        """
        has_answered = False
        loop = asyncio.get_running_loop()
        stale_at = loop.time() + WARM_MAX_AGE_S
        while transport.is_open and loop.time() + WARM_PING_S < stale_at:
            await asyncio.sleep(WARM_PING_S)
            pong = asyncio.ensure_future(transport.ping())
            try:
                await asyncio.wait({pong}, timeout=WARM_PONG_S)
                if not pong.done() or pong.exception():
                    break
                has_answered = True
            finally:
                pong.cancel()
        return has_answered or transport.is_open
