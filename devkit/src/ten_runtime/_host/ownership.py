# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Which node does a task belong to? The one in whose callback it was made.

And since when is it there?
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import time
from collections.abc import Coroutine, Generator
from typing import Any
from weakref import WeakKeyDictionary

OWNER: contextvars.ContextVar[object | None] = contextvars.ContextVar(
    "ten_host_owner", default=None
)
_TASK_OWNERS: WeakKeyDictionary[asyncio.Task[Any], object] = WeakKeyDictionary()
_TASK_BEGINS_S: WeakKeyDictionary[asyncio.Task[Any], float] = (
    WeakKeyDictionary()
)


def owning_task(
    loop: asyncio.AbstractEventLoop,
    coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
    **options: Any,
) -> asyncio.Task[Any]:
    """Return a task factory that remembers who made the task."""
    task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **options)
    if (owner := OWNER.get()) is not None:
        _TASK_BEGINS_S[task] = time.monotonic()
        # Last: from now on other threads may ask about it.
        _TASK_OWNERS[task] = owner
    return task


def tasks_of(owner: object) -> set[asyncio.Task[Any]]:
    """Return the unfinished tasks of `owner` on the running loop."""
    return {t for t in asyncio.all_tasks() if _TASK_OWNERS.get(t) is owner}


def owner_of(task: object) -> object | None:
    """Return who made a task; None for what is no task of an extension."""
    return _TASK_OWNERS.get(task) if isinstance(task, asyncio.Task) else None


def begin_s(task: asyncio.Task[Any]) -> float:
    """Return when a task of an extension was made, on the monotonic clock."""
    return _TASK_BEGINS_S[task]


def unfinished_tasks_of(owner: object) -> list[asyncio.Task[Any]]:
    """As `tasks_of`, for any thread, at some moment of the call."""
    return [task for task in _made_by(owner) if not task.done()]


def unhandled_of(owner: object) -> list[asyncio.Task[Any]]:
    """Return the tasks that raised, and whose exception nobody looked at."""
    return [t for t in _made_by(owner) if getattr(t, "_log_traceback", False)]


def _made_by(owner: object) -> list[asyncio.Task[Any]]:
    while True:
        # Another thread may make a task meanwhile.
        with contextlib.suppress(RuntimeError):
            known = list(_TASK_OWNERS.items())
            return [task for task, whose in known if whose is owner]


def owned_context(owner: object) -> contextvars.Context:
    """Return a fresh context in which whatever is made belongs to `owner`."""
    context = contextvars.Context()
    context.run(OWNER.set, owner)
    return context
