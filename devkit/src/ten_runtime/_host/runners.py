# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Where the callbacks of a node run: on a loop, or on a thread in turn."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..run_report import GiveUp
from .loop_thread import LoopThread
from .ownership import owned_context

Callback = Callable[..., Any]
Done = Callable[[BaseException | None], None]


@dataclass(frozen=True)
class Call:
    """A callback that runs, and since when on the monotonic clock."""

    what: str
    since_s: float = field(default_factory=time.monotonic)


class Runner(Protocol):
    """Runs callbacks; they start in the order in which they were given."""

    def start(
        self,
        callback: Callback,
        args: tuple[Any, ...],
        done: Done,
        what: str,
    ) -> None:
        """Hand over a callback from any thread, without waiting for it.

        Args:
            what: the callback, and the message it gets, for a reader.
        """

    def post(self, action: Callable[[], Any]) -> None:
        """Run a plain function in turn with the callbacks."""


class LoopRunner:
    """Every callback is a coroutine function and becomes its own task."""

    def __init__(self, thread: LoopThread, owner: object, label: str) -> None:
        self.thread = thread
        self.running: dict[asyncio.Task[None], Call] = {}
        self._label = label
        self._context = owned_context(owner)

    def start(
        self,
        callback: Callback,
        args: tuple[Any, ...],
        done: Done,
        what: str,
    ) -> None:
        def spawn() -> None:
            name = f"{self._label}.{callback.__name__}"
            work = _guarded(callback, args, done)
            task = self.thread.loop.create_task(work, name=name)
            self.running[task] = Call(what)
            task.add_done_callback(self.running.pop)

        self._call(spawn)

    def post(self, action: Callable[[], Any]) -> None:
        self._call(action)

    def _call(self, action: Callable[[], Any]) -> None:
        loop = self.thread.loop
        try:
            loop.call_soon_threadsafe(action, context=self._context)
        except RuntimeError:
            # On a loop that has ended there is nothing left to run.
            if not loop.is_closed():
                raise


async def _guarded(
    callback: Callback, args: tuple[Any, ...], done: Done
) -> None:
    try:
        await callback(*args)
    except BaseException as error:
        done(error)
    else:
        done(None)


class TurnRunner:
    """Callbacks run to completion, one after the other, on one thread.

    Without an `owner` they run in the context of that thread.
    """

    def __init__(self, owner: object | None = None) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], Any] | None] = (
            queue.SimpleQueue()
        )
        self._context = owned_context(owner) if owner else None
        self.current: Call | None = None
        self.thread_id = 0

    def start(
        self,
        callback: Callback,
        args: tuple[Any, ...],
        done: Done,
        what: str,
    ) -> None:
        def job() -> None:
            self.current = Call(what)
            try:
                if self._context is None:
                    callback(*args)
                else:
                    self._context.run(callback, *args)
            except (KeyboardInterrupt, SystemExit, GiveUp):
                raise
            except BaseException as error:
                done(error)
            else:
                done(None)

        self._jobs.put(job)

    def post(self, action: Callable[[], Any]) -> None:
        self._jobs.put(action)

    def serve(self) -> None:
        """Run the callbacks on the calling thread until `end`."""
        self.thread_id = threading.get_ident()
        while (job := self._jobs.get()) is not None:
            job()
            self.current = None

    def end(self) -> None:
        self._jobs.put(None)


class WorkerRunner(TurnRunner):
    """A `TurnRunner` with a thread of its own."""

    def __init__(self, owner: object, name: str) -> None:
        super().__init__(owner)
        self.thread = threading.Thread(
            target=self.serve, name=name, daemon=True
        )
        self.thread.start()


class _Unseated:
    """Of a node whose extension is not there yet: nothing can run."""

    def start(
        self,
        callback: Callback,
        args: tuple[Any, ...],
        done: Done,
        what: str,
    ) -> None:
        raise RuntimeError("the node has no extension yet")

    def post(self, action: Callable[[], Any]) -> None:
        raise RuntimeError("the node has no extension yet")


UNSEATED = _Unseated()
