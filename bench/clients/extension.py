# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Our whole extension in its own loop, without the kit's threads.

An environment of our own takes what it sends, so that what is measured is the
extension and the base class, and not how the kit carries messages.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from client import Client, Speaking, Target
from ours import properties

from gradium_tts_python.extension import GradiumTTSExtension
from ten_runtime import AudioFrame, Data


class Environment:
    """What an extension needs of TEN's environment, without a graph."""

    def __init__(self, target: Target) -> None:
        self.speaking: Speaking | None = None
        self.flushed = asyncio.Event()
        self._property = json.dumps(properties(target))

    async def get_property_to_json(self, path: str) -> tuple[str, None]:
        return self._property, None

    async def send_audio_frame(self, frame: AudioFrame) -> None:
        if self.speaking:
            self.speaking.heard(frame.get_samples_per_channel() * 2)

    async def send_data(self, data: Data) -> None:
        name = data.get_name()
        if name == "tts_audio_end" and self.speaking:
            self.speaking.ended()
        elif name == "tts_flush_end":
            self.flushed.set()

    async def speak(self, extension: GradiumTTSExtension, text: str) -> None:
        """Have one text spoken; returns at its end."""
        self.speaking = Speaking()
        env: Any = self
        data = _message("tts_text_input", _text("r1", text, True))
        await extension.on_data(env, data)
        await self.speaking.over.wait()

    def _log(self, *arguments: Any, **options: Any) -> None:
        """Lines go nowhere, as in a graph that logs warnings only."""

    log_debug = log_info = log_warn = log_error = _log


class Extension(Client):
    """An extension; it lives as TEN would have it live."""

    async def open(self) -> None:
        self._requests = 0
        self._env: Any = Environment(self.target)
        self._tasks: set[asyncio.Task[None]] = set()
        self._extension = GradiumTTSExtension("tts")
        for stage in ("on_configure", "on_init", "on_start"):
            await getattr(self._extension, stage)(self._env)

    async def start(self, pieces: list[str]) -> Speaking:
        self._requests += 1
        self._env.speaking = speaking = Speaking()
        for number, piece in enumerate(pieces, 1):
            self._send(
                "tts_text_input",
                _text(f"r{self._requests}", piece, number == len(pieces)),
            )
        return speaking

    async def interrupt(self) -> None:
        self._env.flushed.clear()
        self._send("tts_flush", {"flush_id": "f", "metadata": {}})
        await self._env.flushed.wait()
        if self._env.speaking:
            self._env.speaking.ended()

    async def close(self) -> None:
        await self._extension.on_stop(self._env)
        await self._extension.on_deinit(self._env)

    def _send(self, name: str, fields: dict[str, Any]) -> None:
        """Hand a message over, in a task of its own, as TEN does."""
        given = self._extension.on_data(self._env, _message(name, fields))
        task = asyncio.create_task(given)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _text(request_id: str, text: str, is_end: bool) -> dict[str, Any]:
    return {
        "request_id": request_id,
        "text": text,
        "text_input_end": is_end,
        "metadata": {},
    }


def _message(name: str, fields: dict[str, Any]) -> Data:
    data = Data.create(name)
    data.set_property_from_json(None, json.dumps(fields))
    return data


def make(target: Target) -> Client:
    return Extension(target)


VERSION = "gradium_tts_python"
