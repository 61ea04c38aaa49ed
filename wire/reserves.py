# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""All sockets that are opened ahead: as many as turns come fast."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from ..config import GradiumTTSConfig
from ..core.endpoint import Endpoint
from .reserve import Means, Reserve
from .transport import Transport


class Reserves:
    """Keeps reserve sockets of one endpoint, and hands them over."""

    def __init__(
        self,
        means: Means,
        in_background: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        """Keep none yet.

        Args:
            means: how they are opened; its pace says how many, too.
            in_background: sees to it that something is done.
        """
        self._means = means
        self._in_background = in_background
        self._most = 0
        self._kept: list[Reserve] = []

    @property
    def is_keeping(self) -> bool:
        """Whether there are any, or attempts at them."""
        return bool(self._kept)

    def keep(self, config: GradiumTTSConfig) -> None:
        """Hold as many as are wanted from now on, and as the settings allow.

        What is too many goes when it is looked at next; all go at once where
        none is allowed, or another endpoint is wanted.
        """
        endpoint, params = config.endpoint(), config.params
        self._most = 0 if params.warm == "off" else params.max_reserves
        if not self._most or self._of(endpoint) != self._kept:
            self.drop()
        while len(self._kept) < self._wanted():
            self._kept.append(
                Reserve(
                    self._means,
                    endpoint,
                    params.reserve_max_age_s,
                    self._is_surplus,
                    self._kept.remove,
                )
            )

    def drop(self) -> None:
        """Give all of them up."""
        while self._kept:
            self._in_background(self._kept.pop().aclose())

    def drop_useless(self) -> None:
        """Give up those that are neither open nor being opened."""
        for reserve in self._kept[:]:
            if not (reserve.is_open or reserve.opening):
                self._let_go(reserve)

    def asked(self, endpoint: Endpoint) -> Transport | None:
        """Hand a request a socket that is open; `None` where none is."""
        transport = self._take_open(endpoint)
        left = sum(reserve.is_open for reserve in self._of(endpoint))
        self._means.pace.haste.asked(left, asyncio.get_running_loop().time())
        return transport

    async def opened(self, endpoint: Endpoint) -> Transport | None:
        """Hand over the first that is open; `None` where none is opened.

        Cancelling leaves all of them here.

        Raises:
            ConnectError: one that was being opened could not be.
        """
        done: set[asyncio.Future[Transport]] = set()
        while True:
            if transport := self._take_open(endpoint):
                return transport
            for each in done:
                if not each.cancelled():  # as the settings change
                    each.result()
            opening = self._opening(endpoint)
            if not opening:
                return None
            done, _ = await asyncio.wait(
                opening, return_when=asyncio.FIRST_COMPLETED
            )

    def is_opening(self, endpoint: Endpoint) -> bool:
        """Whether one is being opened."""
        return bool(self._opening(endpoint))

    # ------------------------------------------------------------- internal

    def _opening(self, endpoint: Endpoint) -> list[asyncio.Future[Transport]]:
        kept = self._of(endpoint)
        return [each.opening for each in kept if each.opening]

    def _take_open(self, endpoint: Endpoint) -> Transport | None:
        for reserve in self._of(endpoint):
            if reserve.is_open:
                transport = reserve.take()
                self._let_go(reserve)
                return transport
        return None

    def _of(self, endpoint: Endpoint) -> list[Reserve]:
        return [each for each in self._kept if each.endpoint == endpoint]

    def _let_go(self, reserve: Reserve) -> None:
        self._kept.remove(reserve)
        self._in_background(reserve.aclose())

    def _is_surplus(self) -> bool:
        return len(self._kept) > self._wanted()

    def _wanted(self) -> int:
        now = asyncio.get_running_loop().time()
        return self._means.pace.reserves(self._most, now)
