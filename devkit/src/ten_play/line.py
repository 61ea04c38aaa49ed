# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The line to the vendor, which can be made long, and broken."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any

from fault_proxy import FaultProxy

# How long a server that is started again cannot be reached.
RESTART_S = 1.2

KEY_VARIABLE = "GRADIUM_API_KEY"

Mischief = Callable[[], Awaitable[None]]


class Line:
    """A proxy that stands for the distance; `async with` opens the line.

    Subclasses know the vendor at its other end.

    Attributes:
        vendor: who speaks, in a sentence for the page.
        key: the vendor's key.
        http_url: where the vendor's HTTP interface is, without a path.
    """

    vendor = ""
    key = ""
    http_url = ""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._proxy: FaultProxy | None = None

    async def __aenter__(self) -> Line:
        try:
            host, port = await self._reach(self._stack)
            proxy = FaultProxy(host, port)
            self._proxy = await self._stack.enter_async_context(proxy)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def _reach(self, stack: AsyncExitStack) -> tuple[str, int]:
        """Start what is needed; return what the proxy leads to."""
        raise NotImplementedError

    @property
    def params(self) -> dict[str, Any]:
        """What the extension has to know to use this line."""
        raise NotImplementedError

    @property
    def proxy(self) -> FaultProxy:
        """The distance; only while the line is open."""
        assert self._proxy is not None
        return self._proxy

    @property
    def mischief(self) -> Mapping[str, Mischief]:
        """What can happen to this line, by the names of `troubles`."""
        return {
            "cut": self._cut,
            "half_open": self._half_open,
            "restart": self._restart,
        }

    def set_round_trip(self, rtt_s: float) -> None:
        """Move the vendor away by so much."""
        self.proxy.change_rtt(rtt_s)

    async def _cut(self) -> None:
        self.proxy.reset_all()

    async def _half_open(self) -> None:
        self.proxy.half_open()

    async def _restart(self) -> None:
        await self.proxy.refuse_connections()
        self.proxy.reset_all()
        await asyncio.sleep(RESTART_S)
        await self.proxy.accept_connections()


def key_of_environment() -> str:
    """Return Gradium's key, or "" where there is none."""
    return os.environ.get(KEY_VARIABLE, "").strip()
