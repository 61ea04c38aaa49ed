# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Holding sessions at a point, and knowing that they are there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from .faults import Progress
from .points import Point


class Changes:
    """Wakes all that wait for something to become true."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        """Something changed."""
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, is_true: Callable[[], bool]) -> None:
        """Wait until it is true; looks again at every change."""
        while not is_true():
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)


@dataclass
class _Gate:
    after_frames: int
    opened: asyncio.Event = field(default_factory=asyncio.Event)


class Gates:
    """The points at which sessions are held."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._gates: dict[Point, _Gate] = {}
        self._met: dict[Point, int] = {}
        self.resumed = asyncio.Event()

    def pause_at(self, point: Point, after_frames: int) -> None:
        """Hold everyone who comes to this point from now on."""
        self._met.pop(point, None)
        self._gates[point] = _Gate(after_frames)

    def resume(self, point: Point | None) -> None:
        """Let everyone go on, and hold no one there any more."""
        for one in list(self._gates) if point is None else [point]:
            gate = self._gates.pop(one, None)
            if gate is not None:
                gate.opened.set()
        self.resumed.set()
        self.resumed = asyncio.Event()

    async def reached(self, point: Point, count: int) -> None:
        """Wait until sessions have come to this point so many times.

        Counted since `pause_at` for a point that holds, else from the start.
        """
        await self._changes.until(lambda: self._met.get(point, 0) >= count)

    def gate(self, point: Point, progress: Progress) -> asyncio.Event | None:
        """Count an arrival; return what to wait for before going on."""
        gate = self._gates.get(point)
        is_elsewhere = (
            gate is not None
            and point is Point.AUDIO
            and progress.frames != gate.after_frames
        )
        if is_elsewhere:
            return None
        self._met[point] = self._met.get(point, 0) + 1
        self._changes.notify()
        return None if gate is None else gate.opened
