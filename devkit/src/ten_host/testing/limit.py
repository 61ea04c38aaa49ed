# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Ends a test that hangs, with who waits for what."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Coroutine, Generator
from typing import Any

import pytest

from ..app import waiting_lines

_Test = Callable[..., Coroutine[Any, Any, Any]]


class TestHangs(Exception):
    """The limit of a test is over."""

    __test__ = False


class LimitPlugin:
    """A pytest plugin that ends coroutine tests after `limit_s`.

    The runs of other tests end by the same limit, since TEN_HOST_LIMIT is set
    to it; a test that hangs in something else is not ended here.
    """

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(
        self, item: pytest.Item
    ) -> Generator[None, object, object]:
        test = getattr(item, "obj", None)
        if not inspect.iscoroutinefunction(test):
            return (yield)
        item.obj = limited(test, self.limit_s)  # type: ignore[attr-defined]
        try:
            return (yield)
        finally:
            item.obj = test  # type: ignore[attr-defined]


def limited(test: _Test, limit_s: float) -> _Test:
    """Return the test with a limit; over it, `TestHangs` is raised in it."""

    @functools.wraps(test)
    async def wrapped(*args: Any, **options: Any) -> None:
        task = asyncio.current_task()
        assert task is not None
        told: list[str] = []

        def end() -> None:
            told.append(_hang_text(task, limit_s))
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


def _hang_text(task: asyncio.Task[Any], limit_s: float) -> str:
    return (
        f"the test hangs; its {limit_s:g} s (--ten-limit) are over"
        f"\n  {_where(task)}{waiting_lines()}"
    )


def _where(task: asyncio.Task[Any]) -> str:
    """Return the line of the test that waits."""
    coroutine: Any = task.get_coro()
    inner = getattr(coroutine, "cr_await", None)
    frame = getattr(inner, "cr_frame", None)
    if frame is None:
        return "the test waits"
    file = frame.f_code.co_filename
    return f"the test waits ({file}:{frame.f_lineno})"
