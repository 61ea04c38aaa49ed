# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Writes what a request sent to the graph into a file of its own."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import os
import re
import secrets
import stat
import time
import wave
from collections.abc import Callable
from pathlib import Path

import aiofiles
from aiofiles.threadpool.binary import AsyncBufferedIOBase

from ..config import GradiumTTSConfig

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
_MOST_CHARACTERS = 80
# What `dump_name` makes, and what such a file is called before it is whole.
_DUMP = re.compile(
    r"gradium_dump_[\w-]{0,80}(\.[0-9a-f]{12})?\.(pcm|wav)", re.A
)
_PART = re.compile(rf"\.{_DUMP.pattern}\.[0-9a-f]{{16}}\.part", re.A)
# One that nobody has written to for so long was left by a crash.
_PART_MAX_AGE_S = 3600.0


def dump_name(request_id: str, suffix: str = "pcm") -> str:
    """Make a file name for a request id, whatever is in it.

    Ids of letters, digits, `-` and `_` stay readable; others are replaced
    and told apart by a hash, so that no two share a file.
    """
    safe = _UNSAFE.sub("_", request_id)[:_MOST_CHARACTERS]
    if safe != request_id:
        octets = request_id.encode("utf-8", "surrogatepass")
        # No readable id has a dot.
        safe += "." + hashlib.sha256(octets).hexdigest()[:12]
    return f"gradium_dump_{safe}.{suffix}"


class Dump:
    """The dump of one request; a failure ends it, never the request."""

    def __init__(
        self, file: DumpFile | None, warn: Callable[[str], None]
    ) -> None:
        """Write to a file, or nowhere without one.

        Args:
            warn: is told of a failure.
        """
        self._file = file
        self._warn = warn

    async def write(self, pcm: bytes) -> None:
        """Append what was sent to the graph."""
        if self._file:
            try:
                await self._file.write(pcm)
            except OSError as error:
                self._warn(str(error))
                await self.complete()
                self._file = None

    async def complete(self) -> None:
        """Write everything out; a second call waits for the first."""
        if self._file:
            try:
                await self._file.aclose()
            except OSError as error:
                self._file = None
                self._warn(str(error))


def dump_of(
    config: GradiumTTSConfig, request_id: str, warn: Callable[[str], None]
) -> Dump:
    """Make the dump of a request as the settings want it, or none."""
    is_wav = config.dump_format == "wav"
    file = DumpFile(
        config.dump_path,
        request_id,
        wav_rate_hz=config.sample_rate_hz if is_wav else None,
        max_files=config.dump_max_files,
    )
    return Dump(file if config.dump else None, warn)


class DumpFile:
    """A file that appears when it is closed, if there was audio.

    Until then it has a name of its own, which starts with a dot and ends in
    `.part`. An older file of the same request id, or a link in its place, is
    replaced, never written to. Only the owner may read it: it is what was
    said to somebody.
    """

    def __init__(
        self,
        folder: str,
        request_id: str,
        *,
        wav_rate_hz: int | None = None,
        max_files: int = 0,
    ) -> None:
        """Name the file; nothing is opened yet.

        Args:
            wav_rate_hz: sample rate of a WAV file, `None` for raw samples.
            max_files: how many dumps the folder keeps; 0 is any number.
        """
        suffix = "pcm" if wav_rate_hz is None else "wav"
        self.path = Path(folder) / dump_name(request_id, suffix)
        # Nobody can guess it, and have something in its place.
        token = secrets.token_hex(8)
        self._part = self.path.with_name(f".{self.path.name}.{token}.part")
        self._wav_rate_hz = wav_rate_hz
        self._max_files = max_files
        self._pcm_bytes = 0
        self._file: AsyncBufferedIOBase | None = None
        self._last_write: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    async def write(self, pcm: bytes) -> None:
        """Append; raises `OSError`. Cancelling does not tear the write."""
        self._last_write = asyncio.create_task(
            self._append(pcm), name="gradium:dump"
        )
        await asyncio.shield(self._last_write)

    async def aclose(self) -> None:
        """Write everything out; raises `OSError`.

        Cancelling does not tear it: the next call waits for its end.
        """
        if self._closing is None:
            self._closing = asyncio.create_task(
                self._complete(), name="gradium:dump"
            )
        await asyncio.shield(self._closing)

    async def _complete(self) -> None:
        if self._last_write:
            await asyncio.wait({self._last_write})
            self._last_write.exception()  # told to who wrote
        file, self._file = self._file, None
        if file is None:
            return
        try:
            if self._wav_rate_hz is not None:
                await file.seek(0)
                await file.write(self._wav_header())
        finally:
            # What could be written is there, whatever went wrong.
            try:
                await file.close()
            finally:
                await asyncio.to_thread(self._publish)
        if self._max_files:
            await asyncio.to_thread(self._remove_oldest)

    async def _append(self, pcm: bytes) -> None:
        if self._file is None:
            await asyncio.to_thread(
                self.path.parent.mkdir, parents=True, exist_ok=True
            )
            self._file = await aiofiles.open(
                self._part, "xb", opener=_open_for_owner
            )
            if self._wav_rate_hz is not None:
                await self._file.write(self._wav_header())
        self._pcm_bytes += len(pcm)
        await self._file.write(pcm)

    def _wav_header(self) -> bytes:
        """Make the header for what has been written so far."""
        header = io.BytesIO()
        with wave.Wave_write(header) as wav:
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(self._wav_rate_hz or 0)
            wav.setnframes(self._pcm_bytes // 2)
            wav.writeframesraw(b"")
            # `close` would correct the size to that of no samples.
            return header.getvalue()

    def _publish(self) -> None:
        try:
            os.replace(self._part, self.path)
        except OSError:
            self._part.unlink(missing_ok=True)
            raise

    def _remove_oldest(self) -> None:
        """Remove what is too much, or was left by a crash, and only dumps.

        Raises:
            OSError: one could not be removed; the others were.
        """
        dumps = _files_like(_DUMP, self.path.parent)
        # The newest even where the clock of the file system is coarse.
        newest = (dumps.pop(self.path, 0.0), self.path)
        by_age = sorted((at, path) for path, at in dumps.items())
        old = [*by_age, newest][: -self._max_files]
        parts = _files_like(_PART, self.path.parent)
        left_at = time.time() - _PART_MAX_AGE_S
        old += [(at, path) for path, at in parts.items() if at < left_at]
        failure: OSError | None = None
        for _, path in old:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                failure = error
        if failure:
            raise failure


def _open_for_owner(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _files_like(name: re.Pattern[str], folder: Path) -> dict[Path, float]:
    """Return the times of the files with such names: no links, no folders."""
    found = {}
    for path in folder.iterdir():
        # Another request may just remove it.
        with contextlib.suppress(FileNotFoundError):
            status = path.lstat()
            if name.fullmatch(path.name) and stat.S_ISREG(status.st_mode):
                found[path] = status.st_mtime
    return found
