"""The end of a node: what it left behind is named and cancelled."""

from __future__ import annotations

import asyncio

from ..run_report import Leak
from .node import Node
from .ownership import tasks_of
from .runners import LoopRunner

SETTLE_S = 0.1
"""How long tasks that are just ending may take before they count as leaks."""

GRACE_S = 0.5
"""What TEN gives unfinished handlers before it tears the loop down."""


async def drain(node: Node) -> tuple[list[Leak], list[str]]:
    """Wait for a node's tasks, then cancel what is left.

    Runs on the node's loop, after its `on_deinit`.

    Returns:
        The leaks, and the handlers that were still running.
    """
    runner = node.runner
    assert isinstance(runner, LoopRunner)
    if own := tasks_of(node) - runner.running:
        await asyncio.wait(own, timeout=SETTLE_S)
    if runner.running:
        await asyncio.wait(set(runner.running), timeout=GRACE_S)
    stuck = [task.get_name() for task in runner.running]
    leaks = []
    for task in own:
        if not task.done():
            what = f"{task.get_name()} ({_where(task)})"
            leaks.append(Leak("task", node.name, what))
    if rest := tasks_of(node) | runner.running:
        for task in rest:
            task.cancel()
        await asyncio.wait(rest, timeout=GRACE_S)
    return leaks, stuck


def _where(task: asyncio.Task[object]) -> str:
    """The function and line where a task waits."""
    stack = task.get_stack()
    if not stack:
        return "not started"
    code = stack[-1].f_code
    return f"{code.co_name}, {code.co_filename}:{stack[-1].f_lineno}"
