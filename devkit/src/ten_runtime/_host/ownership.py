# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Which node does a task belong to? The one in whose callback it was made."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine, Generator
from typing import Any
from weakref import WeakKeyDictionary

OWNER: contextvars.ContextVar[object | None] = contextvars.ContextVar(
    "ten_host_owner", default=None
)
_TASK_OWNERS: WeakKeyDictionary[asyncio.Task[Any], object] = WeakKeyDictionary()


def owning_task(
    loop: asyncio.AbstractEventLoop,
    coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
    **options: Any,
) -> asyncio.Task[Any]:
    """Return a task factory that remembers who made the task."""
    task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **options)
    if (owner := OWNER.get()) is not None:
        _TASK_OWNERS[task] = owner
    return task


def tasks_of(owner: object) -> set[asyncio.Task[Any]]:
    """Return the unfinished tasks of `owner` on the running loop."""
    return {t for t in asyncio.all_tasks() if _TASK_OWNERS.get(t) is owner}


def owned_context(owner: object) -> contextvars.Context:
    """Return a fresh context in which whatever is made belongs to `owner`."""
    context = contextvars.Context()
    context.run(OWNER.set, owner)
    return context
