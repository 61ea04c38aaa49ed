# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A loop whose time passes only where there is nothing else to do.

`run(test())` runs a coroutine on it: an hour of timers takes no time, and
what happens at 3.0 s happens at 3.0 s exactly. Real sockets do not belong
here: nobody would wait for them.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class NothingWillHappen(RuntimeError):
    """Everybody waits, and no timer is set: a real loop would hang."""


class _Selector(selectors.SelectSelector):
    """Where a real one would sleep, the clock is set forward."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise NothingWillHappen
        if not ready and timeout:
            self.now_s += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)
        # Sums of floats fall short of the time asked for by less than this.
        self._clock_resolution = 1e-9

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._virtual.now_s

    def block(self, duration_s: float) -> None:
        """Let time pass as a callback does that does not return."""
        self._virtual.now_s += duration_s


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end, on a clock that starts at 0."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.close()
