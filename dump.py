"""Writes what a request sent to the graph into a file of its own."""

from __future__ import annotations

import asyncio
import hashlib
import re
from pathlib import Path

import aiofiles
from aiofiles.threadpool.binary import AsyncBufferedIOBase

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
_MOST_CHARACTERS = 80


def dump_name(request_id: str) -> str:
    """Give a file name for a request id, whatever is in it.

    Ids of letters, digits, `-` and `_` stay readable; others are replaced
    and told apart by a hash, so that no two share a file.
    """
    safe = _UNSAFE.sub("_", request_id)[:_MOST_CHARACTERS]
    if safe != request_id:
        octets = request_id.encode("utf-8", "surrogatepass")
        safe += "-" + hashlib.sha256(octets).hexdigest()[:12]
    return f"gradium_dump_{safe}.pcm"


class DumpFile:
    """A PCM file that appears with the first audio, complete once closed."""

    def __init__(self, folder: str, request_id: str) -> None:
        self.path = Path(folder) / dump_name(request_id)
        self._file: AsyncBufferedIOBase | None = None
        self._last_write: asyncio.Task[None] | None = None

    async def write(self, pcm: bytes) -> None:
        """Append; raises `OSError`. Cancelling does not tear the write."""
        self._last_write = asyncio.create_task(
            self._append(pcm), name="gradium:dump"
        )
        await asyncio.shield(self._last_write)

    async def aclose(self) -> None:
        """Write everything out; raises `OSError`."""
        if self._last_write:
            await asyncio.wait({self._last_write})
        file, self._file = self._file, None
        if file:
            await file.close()

    async def _append(self, pcm: bytes) -> None:
        if self._file is None:
            await asyncio.to_thread(
                self.path.parent.mkdir, parents=True, exist_ok=True
            )
            self._file = await aiofiles.open(self.path, "wb")
        await self._file.write(pcm)
