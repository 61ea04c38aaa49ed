# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The server in a thread of its own, for tests that have no loop."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar

from .faults import Action, FaultPlan
from .limits import Limits
from .points import Point
from .records import ConnectionRecord, Counters, SessionRecord
from .server import GradiumSim

_T = TypeVar("_T")
_PATIENCE_S = 10.0


class SimThread:
    """`GradiumSim` with blocking methods; same arguments, same records.

    Records may be read at any time; every method may be called from any
    thread but the server's own. A wait that lasts longer than its
    `timeout_s` raises `TimeoutError`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Takes the arguments of `GradiumSim`."""
        self._sim = GradiumSim(*args, **kwargs)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._run, name="gradium_sim", daemon=True
        )

    @property
    def host(self) -> str:
        """Address it listens on."""
        return self._sim.host

    @property
    def url(self) -> str:
        """Address of the text-to-speech socket."""
        return self._sim.url

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._sim.port

    @property
    def sessions(self) -> list[SessionRecord]:
        """One record for each `setup`, in the order received."""
        return self._sim.sessions

    @property
    def connections(self) -> list[ConnectionRecord]:
        """One record for each upgrade asked for."""
        return self._sim.connections

    @property
    def counters(self) -> Counters:
        """Characters over all sessions."""
        return self._sim.counters

    @property
    def open_sockets(self) -> int:
        """Sockets that are open."""
        return self._sim.open_sockets

    @property
    def faults(self) -> FaultPlan:
        """What goes wrong."""
        return self._sim.faults

    @faults.setter
    def faults(self, plan: FaultPlan) -> None:
        self._call(lambda: setattr(self._sim, "faults", plan))

    @property
    def limits(self) -> Limits:
        """What is allowed."""
        return self._sim.limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._call(lambda: setattr(self._sim, "limits", limits))

    @property
    def free_slots(self) -> int | None:
        """Sessions that the busiest key may still start."""
        return self._sim.free_slots

    def add_token(self, token: str) -> None:
        """Make a token good for one connection."""
        self._call(lambda: self._sim.add_token(token))

    def pause_at(self, point: Point | str, after_frames: int = 1) -> None:
        """Hold every session that comes to this point."""
        self._call(lambda: self._sim.pause_at(point, after_frames))

    def resume(self, point: Point | str | None = None) -> None:
        """Let those held go on."""
        self._call(lambda: self._sim.resume(point))

    def reached(
        self,
        point: Point | str,
        count: int = 1,
        timeout_s: float = _PATIENCE_S,
    ) -> None:
        """Block until sessions have come to this point."""
        self._wait(self._sim.reached(point, count), timeout_s)

    def until(
        self,
        is_true: Callable[[GradiumSim], bool],
        timeout_s: float = _PATIENCE_S,
    ) -> None:
        """Block until something is true; it is asked in the server's thread."""
        self._wait(self._sim.until(is_true), timeout_s)

    async def reached_async(self, point: Point | str, count: int = 1) -> None:
        """As `reached`, for a caller with a loop."""
        await self._wrap(self._sim.reached(point, count))

    async def until_async(self, is_true: Callable[[GradiumSim], bool]) -> None:
        """As `until`, for a caller with a loop."""
        await self._wrap(self._sim.until(is_true))

    def perform(self, action: Action, index: int = -1) -> None:
        """Let something happen now on a socket, outside its sessions."""
        self._wait(self._sim.perform(action, index), _PATIENCE_S)

    def refuse_connections(self) -> None:
        """Stop listening; sockets that are open stay so."""
        self._wait(self._sim.refuse_connections(), _PATIENCE_S)

    def accept_connections(self) -> None:
        """Listen again, on the same port."""
        self._wait(self._sim.accept_connections(), _PATIENCE_S)

    def __enter__(self) -> SimThread:
        self._thread.start()
        self._wait(self._sim.__aenter__(), _PATIENCE_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._wait(self._sim.__aexit__(None, None, None), _PATIENCE_S)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_PATIENCE_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            left = asyncio.all_tasks(self._loop)
            for task in left:
                task.cancel()
            self._loop.run_until_complete(
                asyncio.gather(*left, return_exceptions=True)
            )
            self._loop.run_until_complete(
                self._loop.shutdown_default_executor()
            )
        finally:
            self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, _T], timeout_s: float) -> _T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout_s)
        except concurrent.futures.TimeoutError:
            future.cancel()
            raise TimeoutError(f"not within {timeout_s} s") from None

    async def _wrap(self, work: Coroutine[Any, Any, _T]) -> _T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        return await asyncio.wrap_future(future)

    def _call(self, act: Callable[[], None]) -> None:
        async def acting() -> None:
            act()

        self._wait(acting(), _PATIENCE_S)
