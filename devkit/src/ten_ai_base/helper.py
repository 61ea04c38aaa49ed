# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Queues, PCM files and time for extensions."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from datetime import datetime, timezone
from pathlib import Path
from typing import Any


class AsyncQueue:
    """A queue for one loop; a waiting `get` takes items in order."""

    def __init__(self) -> None:
        self._items: deque[Any] = deque()
        self._changed = asyncio.Condition()

    async def put(self, item: Any, prepend: bool = False) -> None:
        """Append `item`, or put it in front."""
        async with self._changed:
            if prepend:
                self._items.appendleft(item)
            else:
                self._items.append(item)
            self._changed.notify()

    async def get(self) -> Any:
        async with self._changed:
            while not self._items:
                await self._changed.wait()
            return self._items.popleft()

    async def flush(self) -> None:
        """Drop everything."""
        async with self._changed:
            self._items.clear()

    def __len__(self) -> int:
        return len(self._items)


class PCMWriter:
    """Appends bytes to a file, in the background and in blocks.

    It makes no folders: writing below an absent one raises
    FileNotFoundError from `flush`. An empty writer makes no file. When a
    block is being written, `flush` waits for it and leaves the rest in the
    buffer: call it twice.
    """

    def __init__(self, file_name: str, buffer_size: int = 65536) -> None:
        self.file_name = file_name
        self.buffer = bytearray()
        self.buffer_size = buffer_size
        self.flush_task: asyncio.Future[None] | None = None

    async def write(self, data: bytes) -> None:
        self.buffer.extend(data)
        if len(self.buffer) >= self.buffer_size:
            self._start_writing()

    async def flush(self) -> None:
        """Write what is buffered, or wait for the block being written."""
        self._start_writing()
        if self.flush_task is not None:
            await self.flush_task

    def _start_writing(self) -> None:
        is_busy = self.flush_task is not None and not self.flush_task.done()
        if is_busy or not self.buffer:
            return
        block, self.buffer = bytes(self.buffer), bytearray()
        loop = asyncio.get_running_loop()
        self.flush_task = loop.run_in_executor(
            None, write_pcm_to_file, block, self.file_name
        )


def write_pcm_to_file(buffer: bytes | bytearray, file_name: str) -> None:
    """Append to a file."""
    with Path(file_name).open("ab") as file:
        file.write(buffer)


def generate_file_name(prefix: str) -> str:
    """`<prefix>_<time>.pcm`."""
    return f"{prefix}_{datetime.now().strftime('%Y%m%d%H%M%S')}.pcm"


class TimeHelper:
    """Durations in milliseconds and points in time."""

    @classmethod
    def duration_ms(cls, start: float, end: float) -> int:
        """Between two readings of `time.time()`, in whole milliseconds."""
        return int((end - start) * 1000)

    @classmethod
    def duration_since_ms(cls, start: float) -> int:
        return cls.duration_ms(start, time.time())

    @classmethod
    def now_ms(cls) -> int:
        """Milliseconds since the epoch."""
        return int(time.time() * 1000)

    @classmethod
    def format(cls, moment: datetime | None = None) -> str:
        return (moment or datetime.now(timezone.utc)).isoformat()
