# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The line to the local server, which takes part in the mischief."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

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

from .line import Line, Mischief

# The pace of the local server, as a multiple of real time. The vendor is some
# three times as fast; then a line that is cut is mostly one that has delivered
# all, and there is nothing to be heard of it.
PACE = 1.6

_END = '{"type": "end_of_stream", "client_req_id": {id}}'


class LocalLine(Line):
    """Leads to a server of its own.

    Args:
        voice: who speaks there.
    """

    vendor = "a local server speaks; with GRADIUM_API_KEY Gradium does"
    key = "local-key"

    def __init__(self, voice: VoiceName) -> None:
        super().__init__()
        self._sim = GradiumSim(
            voice,
            api_keys=(self.key,),
            speed=PACE,
            is_keeping_sound=False,
        )

    async def _reach(self, stack: AsyncExitStack) -> tuple[str, int]:
        await stack.enter_async_context(self._sim)
        self.http_url = f"http://{self._sim.host}:{self._sim.port}"
        return self._sim.host, self._sim.port

    @property
    def params(self) -> dict[str, Any]:
        url = self.proxy.url_for(self._sim.url)
        return {"api_key": self.key, "url": url}

    @property
    def mischief(self) -> Mapping[str, Mischief]:
        return {
            **super().mischief,
            "capacity": self._refuse_sessions,
            "http_503": self._refuse_sockets,
            "end_early": self._end_early,
            "stall": self._stall,
        }

    async def _refuse_sessions(self) -> None:
        full = Error("Concurrency limit exceeded", 1008)
        self._sim.faults = FaultPlan(Fault(Point.READY, full, times=2))
        self.proxy.reset_all()

    async def _refuse_sockets(self) -> None:
        busy = Http(503, "no room, come again")
        self._sim.faults = FaultPlan(Fault(Point.UPGRADE, busy, times=2))
        self.proxy.reset_all()

    async def _end_early(self) -> None:
        socket = self._speaking_socket()
        if socket is not None:
            await self._sim.perform(Send(_END), socket)
            await self._sim.perform(Close(1000), socket)

    async def _stall(self) -> None:
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
