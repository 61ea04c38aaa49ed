# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Threads that run one event loop each, and the one extensions share."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .ownership import OWNER, owner_of, owning_task
from .resources import EXECUTOR_PREFIX

SHARED_NAME = "PythonGlobalMainThread"
_JOIN_S = 2.0


def _tell_owner(
    loop: asyncio.AbstractEventLoop, context: dict[str, Any]
) -> None:
    """Tell an extension's run what it has raised and nobody handled."""
    task = context.get("task") or context.get("future")
    owner = owner_of(task)
    if owner is None and "handle" in context:
        owner = getattr(context["handle"], "_context", {}).get(OWNER)
    error = context.get("exception")
    tell = getattr(owner, "raised_unhandled", None)
    if tell is None or error is None:
        loop.default_exception_handler(context)
    else:
        tell(str(context["message"]), error)


class LoopThread:
    """A thread with a running loop; leftovers are cancelled at its end."""

    def __init__(self, name: str, executor_prefix: str = "asyncio") -> None:
        self._executor_prefix = executor_prefix
        self.loop: asyncio.AbstractEventLoop
        self.thread_id = 0
        self._end: asyncio.Event
        self._is_up = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._main()), name=name, daemon=True
        )
        self._thread.start()
        self._is_up.wait()

    async def _main(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.thread_id = threading.get_ident()
        self.loop.set_task_factory(owning_task)
        self.loop.set_exception_handler(_tell_owner)
        self.loop.set_default_executor(
            ThreadPoolExecutor(thread_name_prefix=self._executor_prefix)
        )
        self._end = asyncio.Event()
        self._is_up.set()
        await self._end.wait()

    def run(self, work: Coroutine[Any, Any, Any], timeout_s: float) -> Any:
        """Run a coroutine on this loop from another thread.

        Raises:
            concurrent.futures.TimeoutError: the loop is blocked, or the work takes longer.
        """
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        return future.result(timeout_s)

    def stop(self) -> bool:
        """End the loop; False when its thread cannot be joined (blocked)."""
        self.loop.call_soon_threadsafe(self._end.set)
        self._thread.join(_JOIN_S)
        return not self._thread.is_alive()


class ExtensionLoops:
    """Gives extensions their loop; the shared one lives while it is used."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shared: LoopThread | None = None
        self._users = 0

    def acquire(self) -> LoopThread:
        if os.environ.get("TEN_PYTHON_THREAD_MODE") == "multi_thread":
            return LoopThread("PythonExtensionThread", EXECUTOR_PREFIX)
        with self._lock:
            if self._shared is None:
                self._shared = LoopThread(SHARED_NAME, EXECUTOR_PREFIX)
            self._users += 1
            return self._shared

    def release(self, thread: LoopThread) -> bool:
        """Stop the loop with its last user; False when it is blocked."""
        with self._lock:
            if thread is self._shared:
                self._users -= 1
                if self._users:
                    return True
                self._shared = None
        return thread.stop()


EXTENSION_LOOPS = ExtensionLoops()
