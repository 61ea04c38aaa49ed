# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Runs a coroutine on a virtual clock, and looks at what it leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from ..virtual_clock import VirtualLoop

T = TypeVar("T")


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end; hours of timeouts take milliseconds.

    For code without real sockets, threads and subprocesses.

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
