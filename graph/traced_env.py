# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Writes down what passes between the extension and the graph."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ten_runtime import AudioFrame, Data

Write = Callable[..., None]


def note_received(write: Write, message: Data) -> None:
    """Write down a message from the graph."""
    write(ten="in", name=message.get_name(), fields=_fields_of(message))


class TracedEnv:
    """An environment that writes down what is sent through it."""

    def __init__(self, inner: Any, write: Write) -> None:
        self._inner = inner
        self._write = write

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def send_data(self, data: Data, *rest: Any) -> Any:
        """Send a message, written down first: after that it is gone."""
        self._write(ten="out", name=data.get_name(), fields=_fields_of(data))
        return await self._inner.send_data(data, *rest)

    async def send_audio_frame(self, frame: AudioFrame, *rest: Any) -> Any:
        """Send a frame, of which only the size is written down."""
        self._write(
            ten="out",
            name=frame.get_name(),
            bytes=len(frame.get_buf()),
            sample_rate=frame.get_sample_rate(),
            timestamp_ms=frame.get_timestamp(),
        )
        return await self._inner.send_audio_frame(frame, *rest)


def _fields_of(message: Data) -> Any:
    try:
        text, _ = message.get_property_to_json("")
        return json.loads(text or "{}")
    except RecursionError:  # what it means is the receiver's business
        return "too deep"
