# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The line to the vendor, which can be made long, and broken.

Without a key the vendor is the local server, which takes part in the
mischief. With one it is Gradium's own.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any

from fault_proxy import FaultProxy
from gradium_sim import (
    Close,
    Error,
    Fault,
    FaultPlan,
    GradiumSim,
    Http,
    Point,
    Send,
    Stall,
)
from gradium_sim.server import VoiceName

LOCAL_KEY = "local-key"

# The pace of the local server, as a multiple of real time. The vendor is some
# three times as fast; then a line that is cut is mostly one that has delivered
# all, and there is nothing to be heard of it.
PACE = 1.6

# How long a server that is started again cannot be reached.
RESTART_S = 1.2

_END = '{"type": "end_of_stream", "client_req_id": {id}}'


class LocalLine:
    """The local server, behind a proxy that stands for the distance."""

    def __init__(self, voice: VoiceName) -> None:
        self._sim = GradiumSim(
            voice,
            api_keys=(LOCAL_KEY,),
            speed=PACE,
            is_keeping_sound=False,
        )
        self._proxy: FaultProxy | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> LocalLine:
        await self._stack.enter_async_context(self._sim)
        self._proxy = await self._stack.enter_async_context(
            FaultProxy(self._sim.host, self._sim.port)
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    @property
    def params(self) -> dict[str, Any]:
        """What the extension has to know to use it."""
        url = self.proxy.url_for(self._sim.url)
        return {"api_key": LOCAL_KEY, "url": url}

    vendor = "a local server speaks; with GRADIUM_API_KEY Gradium does"
    key = LOCAL_KEY

    @property
    def http_url(self) -> str:
        """Where the vendor's list of voices is."""
        return f"http://{self._sim.host}:{self._sim.port}"

    @property
    def proxy(self) -> FaultProxy:
        """The distance."""
        assert self._proxy is not None
        return self._proxy

    def set_round_trip(self, rtt_s: float) -> None:
        """Move the server away."""
        self.proxy.change_rtt(rtt_s)

    async def cut(self) -> None:
        """Break every connection."""
        self.proxy.reset_all()

    async def half_open(self) -> None:
        """Let the server vanish without a word."""
        self.proxy.half_open()

    async def restart(self) -> None:
        """Take the server away for a while."""
        await self.proxy.refuse_connections()
        self.proxy.reset_all()
        await asyncio.sleep(RESTART_S)
        await self.proxy.accept_connections()

    async def refuse_sessions(self) -> None:
        """Break the line; the next two sessions find no room."""
        full = Error("Concurrency limit exceeded", 1008)
        self._sim.faults = FaultPlan(Fault(Point.READY, full, times=2))
        self.proxy.reset_all()

    async def refuse_sockets(self) -> None:
        """Break the line; the next two sockets are not opened."""
        busy = Http(503, "no room, come again")
        self._sim.faults = FaultPlan(Fault(Point.UPGRADE, busy, times=2))
        self.proxy.reset_all()

    async def end_early(self) -> None:
        """Let the server say, in the middle of a word, that all is said."""
        socket = self._speaking_socket()
        if socket is not None:
            await self._sim.perform(Send(_END), socket)
            await self._sim.perform(Close(1000), socket)

    async def stall(self) -> None:
        """Let the server fall silent, though it is alive."""
        socket = self._speaking_socket()
        if socket is not None:
            await self._sim.perform(Stall(), socket)

    def _speaking_socket(self) -> int | None:
        """Return which of the upgraded sockets has a session that runs."""
        upgraded = [c for c in self._sim.connections if c.http_status == 101]
        for session in reversed(self._sim.sessions):
            is_over = session.is_complete or session.error or session.closed_by
            if not is_over:
                same = (
                    index
                    for index, one in enumerate(upgraded)
                    if one is session.connection
                )
                return next(same, None)
        return None
