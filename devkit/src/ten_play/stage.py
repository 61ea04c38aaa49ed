# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What stands behind one page: the extension, its line, and its trace."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

from ten_host import Event, ExtensionHost
from ten_host.own_trace import VARIABLE as TRACE_VARIABLE
from trace_timeline import Timeline, TraceTail

from .line import Line
from .mischief import MischiefMaker
from .relay import Relay, request_id_of
from .settings import Settings

ADDON = "gradium_tts_python"

# How often the trace is looked at: often enough for the eye.
LOOK_S = 0.04
# How long an extension may take to begin its trace.
PATIENCE_S = 20.0

# A page may stay open for a day.
LONGEST_RUN_S = 24 * 3600.0

Json = dict[str, Any]


class Stage:
    """One extension for one page; `async with` runs it.

    Args:
        line: to the vendor; running.
        tell: given each message for the page.
        play: given each frame for the page, as `Relay` tells it.
        starting: shared by all stages, which start one after the other: the
            variable that names a trace is the process's.
    """

    def __init__(
        self,
        line: Line,
        tell: Callable[[Json], None],
        play: Callable[[bytes], None],
        starting: asyncio.Lock,
    ) -> None:
        self.line = line
        self.settings = Settings(line.params)
        self.tell = tell
        self._relay = Relay(tell, play)
        self.mischief = MischiefMaker(line, self._relay, tell, self._use_key)
        self._timeline = Timeline()
        self._starting = starting
        self._host: ExtensionHost | None = None
        self._stack = AsyncExitStack()
        self._requests = 0
        self._notes: list[Json] = []
        self._works: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Stage:
        folder = self._stack.enter_context(TemporaryDirectory())
        path = Path(folder, "trace.jsonl")
        path.touch(0o600)
        try:
            async with self._starting:
                await self._start_host(path)
        except BaseException:
            await self._stack.aclose()
            raise
        self._stack.push_async_callback(self._stop_works)
        self.start(self._follow(path))
        return self

    async def _start_host(self, trace: Path) -> None:
        host = ExtensionHost(
            ADDON,
            self.settings.tree,
            timeout_s=LONGEST_RUN_S,
            on_event=self._on_event,
        )
        os.environ[TRACE_VARIABLE] = str(trace)
        try:
            self._host = await self._stack.enter_async_context(host)
            await _until_written(trace)
        finally:
            del os.environ[TRACE_VARIABLE]

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    # -------------------------------------------------------------- speaking

    def begin(self) -> str:
        """Begin a request; returns its id."""
        self._requests += 1
        number, request_id = self._requests, request_id_of(self._requests)
        self.tell(
            {"type": "request", "number": number, "request_id": request_id}
        )
        return request_id

    async def write(self, request_id: str, text: str, *, end: bool) -> None:
        """Send a piece of a request's text."""
        assert self._host
        self.tell({"type": "text", "request_id": request_id, "text": text})
        await self._host.send_text(request_id, text, end=end)

    async def flush(self, flush_id: str) -> None:
        """Interrupt, as TEN's control does when the user speaks."""
        assert self._host
        fields = {"flush_id": flush_id, "metadata": {}}
        await self._host.send_data("tts_flush", fields)

    async def update(self, changes: Json) -> None:
        """Change settings, and tell the page what became of it."""
        assert self._host
        answer = await self._host.command("update_configs", changes)
        problem = str(answer.properties.get("message", ""))
        if answer.is_ok:
            self.settings.accept(changes)
        else:
            # A trace has no results of commands.
            refusal = {"page": "refused_settings", "message": problem}
            self.note({"t": round(time.monotonic(), 6), **refusal})
        self.tell(
            {
                "type": "settings",
                "is_ok": answer.is_ok,
                "problem": problem,
                "warnings": answer.properties.get("warnings") or [],
                "settings": self.settings.property_tree(),
            }
        )

    async def _use_key(self, key: str) -> None:
        await self.update({"params": {"api_key": key}})

    # ----------------------------------------------------- events, the trace

    def _on_event(self, event: Event) -> None:
        self._relay.take(event)
        mischief = self.mischief.due(event)
        if mischief:
            self.start(mischief)

    def note(self, line: Json) -> None:
        """Add a line of the listener's to the trace, at its place."""
        self._notes.append(line)

    async def _follow(self, path: Path) -> None:
        tail = TraceTail(path)
        while True:
            notes, self._notes = self._notes, []
            lines = [*tail.lines(), *notes]
            if lines:
                self._tell_lines(sorted(lines, key=lambda one: one["t"]))
            await asyncio.sleep(LOOK_S)

    def _tell_lines(self, lines: list[Json]) -> None:
        # A mark that changes within them is told as it is in the end.
        marks = {
            mark.id: mark.tree()
            for line in lines
            for mark in self._timeline.take(line)
        }
        self.tell(
            {"type": "trace", "lines": lines, "marks": list(marks.values())}
        )

    # ---------------------------------------------------------------- on the side

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something on the side, until the stage is left at the latest."""
        task = asyncio.create_task(work)
        self._works.add(task)
        task.add_done_callback(self._works.discard)
        return task

    async def _stop_works(self) -> None:
        works = list(self._works)
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)


async def _until_written(trace: Path) -> None:
    """Wait until a trace has its first line.

    Raises:
        OSError: none came.
    """
    deadline_s = time.monotonic() + PATIENCE_S
    while not trace.stat().st_size:
        if time.monotonic() > deadline_s:
            raise OSError("the extension did not start to write its trace")
        await asyncio.sleep(LOOK_S / 4)
