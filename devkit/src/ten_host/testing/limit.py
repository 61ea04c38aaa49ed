# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Ends a test that hangs, with who waits for what."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
from collections.abc import Callable, Coroutine, Generator
from types import FrameType
from typing import Any

import pytest

from ..app import is_run_going_on, waiting_lines
from .alarm import Alarm

_Test = Callable[..., Coroutine[Any, Any, Any]]

# A run that a test starts ends a little later than the test itself, which
# then can say more.
RUN_GRACE_S = 5.0
# A coroutine test is ended by its loop, if that is not blocked itself.
BLOCKED_S = 1.0
# How often it is asked whether an extension runs by now.
_AGAIN_S = 1.0


class TestHangs(Exception):
    """The limit of a test is over."""

    __test__ = False


class LimitPlugin:
    """A pytest plugin that ends tests after `limit_s`, and says what hangs.

    A test that is no coroutine, or blocks its loop, is ended wherever its
    thread stands, while an extension runs in this process. One that hangs in
    something else is not ended here.
    """

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(
        self, item: pytest.Item
    ) -> Generator[None, object, object]:
        test: Any = getattr(item, "obj", None)
        is_async = inspect.iscoroutinefunction(test)
        alarm_s = self.limit_s + (BLOCKED_S if is_async else 0.0)
        with self._thread_ends_after(alarm_s, str(item.path)):
            if not is_async:
                return (yield)
            item.obj = limited(test, self.limit_s)  # type: ignore[attr-defined]
            try:
                return (yield)
            finally:
                item.obj = test  # type: ignore[attr-defined]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(
        self, item: pytest.Item
    ) -> Generator[None, object, object]:
        with self._thread_ends_after(self.limit_s, str(item.path)):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(
        self, item: pytest.Item
    ) -> Generator[None, object, object]:
        # The runs of its fixtures end before, if they end at all.
        alarm_s = self.limit_s + RUN_GRACE_S + BLOCKED_S
        with self._thread_ends_after(alarm_s, str(item.path)):
            return (yield)

    def _thread_ends_after(
        self, alarm_s: float, file: str
    ) -> contextlib.AbstractContextManager[None]:
        def ring(frame: FrameType | None) -> float | None:
            if not is_run_going_on():
                return _AGAIN_S
            from ten_runtime.run_report import GiveUp

            raise GiveUp(_hang_text(_where_in(frame, file), self.limit_s))

        return Alarm(alarm_s, ring)


def limited(test: _Test, limit_s: float) -> _Test:
    """Return the test with a limit; over it, `TestHangs` is raised in it."""

    @functools.wraps(test)
    async def wrapped(*args: Any, **options: Any) -> None:
        task = asyncio.current_task()
        assert task is not None
        told: list[str] = []

        def end() -> None:
            told.append(_hang_text(_where(task), limit_s))
            task.cancel()

        timer = asyncio.get_running_loop().call_later(limit_s, end)
        try:
            await test(*args, **options)
        except asyncio.CancelledError:
            if not told:
                raise
        finally:
            timer.cancel()
        if told:
            raise TestHangs(told[0]) from None

    return wrapped


def _hang_text(where: str, limit_s: float) -> str:
    return (
        f"the test hangs; its {limit_s:g} s (--ten-limit) are over"
        f"\n  {where}{waiting_lines()}"
    )


def _where_in(frame: FrameType | None, file: str) -> str:
    """Return the innermost line of the test's file that a thread is in."""
    while frame is not None and frame.f_code.co_filename != file:
        frame = frame.f_back
    if frame is None:
        return "the test waits"
    return f"the test waits ({file}:{frame.f_lineno})"


def _where(task: asyncio.Task[Any]) -> str:
    """Return the line of the test that waits."""
    coroutine: Any = task.get_coro()
    inner = getattr(coroutine, "cr_await", None)
    frame = getattr(inner, "cr_frame", None)
    if frame is None:
        return "the test waits"
    file = frame.f_code.co_filename
    return f"the test waits ({file}:{frame.f_lineno})"
