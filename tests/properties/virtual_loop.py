"""An event loop whose clock jumps: hours of timeouts in milliseconds."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class Deadlock(Exception):
    """Nothing is scheduled any more, so whoever waits does so for ever."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Never waits: when nothing is ready, the clock goes to the next timer.

    For code without real sockets, threads and subprocesses.
    """

    def __init__(self) -> None:
        self._now_s = 0.0
        super().__init__(_Clockwork(self))

    def time(self) -> float:
        """Seconds since the loop was made, as its timers see them."""
        return self._now_s

    def advance(self, duration_s: float) -> None:
        """Let time pass."""
        self._now_s += duration_s


class _Clockwork(selectors.SelectSelector):
    """A selector that turns a wait into a step of the clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock("everything waits and no timer is set")
        self._loop.advance(max(timeout, 0.0))
        return []


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a virtual clock, as `asyncio.run` would.

    Raises:
        AssertionError: a task was left, or an exception that nobody saw.
    """
    loop = VirtualLoop()
    unseen: list[Mapping[str, Any]] = []
    loop.set_exception_handler(lambda _, context: unseen.append(context))
    try:
        outcome = loop.run_until_complete(main)
        left = [task.get_name() for task in asyncio.all_tasks(loop)]
        loop.run_until_complete(_cancel_all())
    finally:
        loop.close()
    assert not left, f"tasks left: {left}"
    assert not unseen, f"exceptions nobody saw: {unseen}"
    return outcome


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
