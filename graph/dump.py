# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Writes what a request sent to the graph into a file of its own."""

from __future__ import annotations

import asyncio
import io
import os
import secrets
import wave
from collections.abc import Callable
from pathlib import Path

import aiofiles
from aiofiles.threadpool.binary import AsyncBufferedIOBase

from ..config import GradiumTTSConfig
from .dump_retention import KEEP_ALL, Retention, dump_name, remove_surplus


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
    if not config.dump:
        return Dump(None, warn)
    is_wav = config.dump_format == "wav"
    file = DumpFile(
        config.dump_path,
        request_id,
        wav_rate_hz=config.sample_rate_hz if is_wav else None,
        kept=Retention(
            config.dump_max_files,
            config.dump_max_bytes,
            config.dump_max_age_s,
        ),
    )
    return Dump(file, warn)


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
        kept: Retention = KEEP_ALL,
    ) -> None:
        """Name the file; nothing is opened yet.

        Args:
            wav_rate_hz: sample rate of a WAV file, `None` for raw samples.
            kept: which dumps the folder keeps once this one is whole.
        """
        suffix = "pcm" if wav_rate_hz is None else "wav"
        self.path = Path(folder) / dump_name(request_id, suffix)
        # Nobody can guess it, and have something in its place.
        token = secrets.token_hex(8)
        self._part = self.path.with_name(f".{self.path.name}.{token}.part")
        self._wav_rate_hz = wav_rate_hz
        self._kept = kept
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
        if self._kept.is_limited:
            await asyncio.to_thread(remove_surplus, self.path, self._kept)

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


def _open_for_owner(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
