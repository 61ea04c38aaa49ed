# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Who waits in a run, for what, and since when: what a hang looks like.

Read from any thread while the run goes on; a line may be out of date by the
time it is read.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from .commands import CommandTable, PendingCommand
from .graph_definition import TESTER_ADDON
from .node import Node, Stage
from .ownership import begin_s, unfinished_tasks_of
from .runners import LoopRunner, TurnRunner

_KIT = Path(__file__).resolve().parents[2]
_PYTHON = Path(asyncio.__file__).resolve().parents[1]
# Nobody waits there: they look for who does.
_LOOKING = (_KIT / "ten_host" / "testing", _KIT / "ten_host" / "app.py")


def who_waits(nodes: Iterable[Node], commands: CommandTable) -> list[str]:
    """Return a sentence for each stage, callback, task and command."""
    now_s = time.monotonic()
    told = []
    for node in nodes:
        if not node.is_gone:
            told += _in_node(node, now_s) + _of_base(node)
    return told + [_asked(one, now_s) for one in commands.pending()]


def _asked(command: PendingCommand, now_s: float) -> str:
    whom = " and ".join(map(_shown, command.receivers))
    since_s = now_s - command.since_s
    return (
        f"{_shown(command.asker)} has waited for {since_s:.1f} s for the result of"
        f" the command {command.name} from {whom}"
    )


def _shown(name: str) -> str:
    return "the tester" if name == TESTER_ADDON else name


def _in_node(node: Node, now_s: float) -> list[str]:
    runner = node.runner
    told = []
    if isinstance(runner, LoopRunner):
        told = _on_loop(node, runner, now_s)
    elif isinstance(runner, TurnRunner) and runner.current is not None:
        where = _of_thread(runner.thread_id)
        since_s = now_s - runner.current.since_s
        what = f"{_shown(node.name)}.{runner.current.what}"
        told = [f"{what} has been running for {since_s:.1f} s{where}"]
    is_named = any(
        f"{_shown(node.name)}.{node.stage.value} " in one for one in told
    )
    if node.stage not in (Stage.RUNNING, Stage.CREATED) and not is_named:
        since_s = now_s - node.stage_since_s
        told.append(
            f"{_shown(node.name)} has not called {node.stage.value}_done for"
            f" {since_s:.1f} s"
        )
    return told


def _of_base(node: Node) -> list[str]:
    """What the extension's base class knows of who waits."""
    tell = getattr(node.instance, "_ten_waiting", list)
    return [f"{_shown(node.name)}: {sentence}" for sentence in tell()]


def _on_loop(node: Node, runner: LoopRunner, now_s: float) -> list[str]:
    told = []
    callbacks = dict(runner.running)
    for task, call in callbacks.items():
        since_s = now_s - call.since_s
        told.append(
            f"{_shown(node.name)}.{call.what} has been running for {since_s:.1f} s"
            f"{_of_task(task, runner.thread.thread_id)}"
        )
    for task in unfinished_tasks_of(node):
        if task not in callbacks:
            since_s = now_s - begin_s(task)
            does = "blocks its loop" if _is_running(task) else "waits"
            told.append(
                f"the task {task.get_name()} of {_shown(node.name)}, made"
                f" {since_s:.1f} s ago, {does}"
                f"{_of_task(task, runner.thread.thread_id)}"
            )
    return told


def _is_running(task: asyncio.Task[Any]) -> bool:
    """Whether its thread is inside of it, and so it does not wait at all."""
    return any(getattr(one, "cr_running", False) for one in _awaited(task))


def _awaited(task: asyncio.Task[Any]) -> Iterator[Any]:
    """What a task awaits: its coroutine, what that one awaits, and so on."""
    one: Any = task.get_coro()
    while one is not None:
        yield one
        one = getattr(one, "cr_await", None)


def _of_task(task: asyncio.Task[Any], thread_id: int) -> str:
    """Return where a task is: the innermost line that is not Python's."""
    if _is_running(task):
        return _of_thread(thread_id)
    found = ""
    for one in _awaited(task):
        frame = getattr(one, "cr_frame", None)
        if frame is not None and not _is_ours(frame.f_code):
            found = _place(frame)
    return found


def _of_thread(thread_id: int) -> str:
    frame = sys._current_frames().get(thread_id)
    while frame is not None and _is_ours(frame.f_code):
        frame = frame.f_back
    return "" if frame is None else _place(frame)


def _place(frame: FrameType) -> str:
    code = frame.f_code
    return f", in {code.co_name} ({code.co_filename}:{frame.f_lineno})"


def _is_ours(code: CodeType) -> bool:
    file = Path(code.co_filename)
    if "site-packages" in file.parts and _KIT not in file.parents:
        return False
    around = {file, *file.parents}
    return not around.isdisjoint((_KIT / "ten_runtime", _PYTHON, *_LOOKING))
