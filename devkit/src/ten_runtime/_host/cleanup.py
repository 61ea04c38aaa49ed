# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The end of a node: what it left behind is named and cancelled."""

from __future__ import annotations

import asyncio
from typing import Any

from ..run_report import Leak
from .node import Node
from .ownership import tasks_of, unhandled_of
from .resources import EXECUTOR, resources_of
from .runners import LoopRunner

SETTLE_S = 0.25
"""How long what is just ending may take before it counts as a leak."""

GRACE_S = 0.5
"""What TEN gives unfinished handlers before it tears the loop down."""

_POLL_S = 0.005


async def drain(node: Node) -> tuple[list[Leak], list[str]]:
    """Wait for a node's tasks, then cancel what is left.

    Runs on the node's loop, after its `on_deinit`.

    Returns:
        The leaks, and the handlers that were still running.
    """
    runner = node.runner
    assert isinstance(runner, LoopRunner)
    own = tasks_of(node) - runner.running.keys()
    if own:
        await asyncio.wait(own, timeout=SETTLE_S)
    if runner.running:
        await asyncio.wait(set(runner.running), timeout=GRACE_S)
    for task in unhandled_of(node):
        if (error := task.exception()) is not None:
            node.raised_unhandled(f"the task {task.get_name()} raised", error)
    stuck = [task.get_name() for task in runner.running]
    leaks = [
        Leak("task", node.name, f"{task.get_name()} ({_where(task)})")
        for task in own
        if not task.done()
    ]
    leaks += await _open_resources(node)
    if rest := tasks_of(node) | runner.running.keys():
        for task in rest:
            task.cancel()
        await asyncio.wait(rest, timeout=GRACE_S)
    return leaks, stuck


async def _open_resources(node: Node) -> list[Leak]:
    """Sockets and files; a transport closes its socket a turn later."""
    deadline = asyncio.get_running_loop().time() + SETTLE_S
    while leaks := _open_now(node):
        if asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(_POLL_S)
    return leaks


def _open_now(node: Node) -> list[Leak]:
    leaks = []
    for owner in (node, EXECUTOR):
        opened = resources_of(owner)
        leaks += [Leak("socket", node.name, s) for s in opened.open_sockets()]
        leaks += [Leak("file", node.name, f) for f in opened.open_files()]
    return leaks


def _where(task: asyncio.Task[Any]) -> str:
    """Return the function and line where a task waits."""
    stack = task.get_stack()
    if not stack:
        return "not started"
    code = stack[-1].f_code
    return f"{code.co_name}, {code.co_filename}:{stack[-1].f_lineno}"
