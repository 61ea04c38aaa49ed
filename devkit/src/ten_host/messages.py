# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What comes to a tester, as it came: names and properties, not yet read.

`events` says what such a message means in TEN's TTS interface.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ten_runtime import (
    AsyncExtensionTester,
    AsyncTenEnvTester,
    AudioFrame,
    Data,
)

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Message:
    """A data message or an audio frame.

    Attributes:
        fields: its properties.
        time_s: when it came, on the monotonic clock; not compared.
        is_frame: whether it is an audio frame.
        pcm: of a frame, its samples.
        samples: per channel, as the frame says.
        sample_bytes: of one sample of all channels, as it says.
    """

    name: str
    fields: Json = field(default_factory=dict)
    time_s: float = field(default=0.0, compare=False, repr=False, kw_only=True)
    is_frame: bool = field(default=False, kw_only=True)
    pcm: bytes = field(default=b"", repr=False, kw_only=True)
    sample_rate_hz: int = field(default=0, kw_only=True)
    samples: int = field(default=0, kw_only=True)
    sample_bytes: int = field(default=0, kw_only=True)
    timestamp_ms: int = field(default=0, kw_only=True)

    @property
    def request_id(self) -> str:
        """The request it names, or ""; frames name none."""
        return str(self.fields.get("request_id", ""))

    @property
    def metadata(self) -> Json:
        """Its metadata; empty where it has none."""
        found: Json = self.fields.get("metadata") or {}
        return found


def message_of_data(data: Data, time_s: float) -> Message:
    """Return what a data message holds.

    Raises:
        ValueError: its properties cannot be read.
    """
    name = data.get_name()
    text, error = data.get_property_to_json("")
    if error is not None:
        raise ValueError(f"{name} is unreadable: {error}")
    return Message(name, json.loads(text or "{}"), time_s=time_s)


def message_of_frame(frame: AudioFrame, time_s: float) -> Message:
    """Return what an audio frame holds."""
    text, _ = frame.get_property_to_json("")
    return Message(
        frame.get_name(),
        json.loads(text or "{}"),
        time_s=time_s,
        is_frame=True,
        pcm=bytes(frame.get_buf()),
        sample_rate_hz=frame.get_sample_rate(),
        samples=frame.get_samples_per_channel(),
        sample_bytes=(
            frame.get_bytes_per_sample() * frame.get_number_of_channels()
        ),
        timestamp_ms=frame.get_timestamp(),
    )


class Collector(AsyncExtensionTester):
    """A tester to which data and frames come in one place, in order."""

    async def came(self, env: AsyncTenEnvTester, message: Message) -> None:
        """Take a message; for subclasses. Nothing is awaited before it."""

    async def on_data(
        self, ten_env_tester: AsyncTenEnvTester, data: Data
    ) -> None:
        message = message_of_data(data, time.monotonic())
        await self.came(ten_env_tester, message)

    async def on_audio_frame(
        self, ten_env_tester: AsyncTenEnvTester, audio_frame: AudioFrame
    ) -> None:
        message = message_of_frame(audio_frame, time.monotonic())
        await self.came(ten_env_tester, message)
