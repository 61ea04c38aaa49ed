# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The listener: a WAV and a line for each thing said, and a summary."""

from __future__ import annotations

import json
import time
import wave
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ten_runtime import (
    Addon,
    AsyncExtension,
    AsyncTenEnv,
    AudioFrame,
    Data,
    TenEnv,
    register_addon_as_extension,
)

from .messages import fields_of, properties_of, send

_REASONS = {1: "end", 2: "interrupted", 3: "error"}


@dataclass
class _Spoken:
    """One life of a request id, as it was heard."""

    request_id: str
    started_s: float
    pcm: bytearray = field(default_factory=bytearray)
    rate_hz: int = 0
    reason: str = ""
    ttfb_ms: int | None = None
    file: str = ""

    @property
    def audio_ms(self) -> int:
        return len(self.pcm) * 500 // self.rate_hz if self.rate_hz else 0

    def summary(self) -> dict[str, Any]:
        """Return what a test or a reader wants to know."""
        return {
            "request_id": self.request_id,
            "reason": self.reason,
            "audio_ms": self.audio_ms,
            "ttfb_ms": self.ttfb_ms,
            "file": self.file,
        }


class SinkExtension(AsyncExtension):
    """Listens to the TTS, and tells the user what can be heard."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._began_s = time.monotonic()
        self._folder = Path()
        self._current: _Spoken | None = None
        self._spoken: list[_Spoken] = []
        self._stray_frames = 0
        self._errors: list[str] = []
        self._ttfb_ms: int | None = None

    async def on_init(self, ten_env: AsyncTenEnv) -> None:
        self._folder = Path((await properties_of(ten_env))["folder"])
        self._folder.mkdir(parents=True, exist_ok=True)

    async def on_audio_frame(
        self, ten_env: AsyncTenEnv, audio_frame: AudioFrame
    ) -> None:
        spoken = self._current
        if spoken is None:
            self._stray_frames += 1
            return
        if not spoken.pcm:
            self._say(f"{spoken.request_id} first audio")
        spoken.rate_hz = audio_frame.get_sample_rate()
        spoken.pcm += audio_frame.get_buf()
        await self._report(ten_env, spoken, is_over=False)

    async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
        name, fields = data.get_name(), fields_of(data)
        if name == "tts_audio_start":
            self._current = _Spoken(fields["request_id"], self._now())
        elif name == "tts_audio_end":
            await self._end(ten_env, fields)
        elif name == "tts_flush_end":
            self._say(f"{fields['flush_id']} done")
        elif name == "metrics" and "ttfb" in fields["metrics"]:
            # It comes before the start of the audio it belongs to.
            self._ttfb_ms = fields["metrics"]["ttfb"]
        elif name == "error":
            self._errors.append(fields["message"])
            self._say(f"error: {fields['message']}")

    async def on_stop(self, ten_env: AsyncTenEnv) -> None:
        summary = {
            "spoken": [spoken.summary() for spoken in self._spoken],
            "stray_frames": self._stray_frames,
            "errors": self._errors,
        }
        path = self._folder / "conversation.json"
        path.write_text(json.dumps(summary, indent=2) + "\n")

    async def _end(self, ten_env: AsyncTenEnv, fields: dict[str, Any]) -> None:
        spoken = self._current or _Spoken(fields["request_id"], self._now())
        self._current = None
        spoken.reason = _REASONS[fields["reason"]]
        spoken.ttfb_ms, self._ttfb_ms = self._ttfb_ms, None
        self._spoken.append(spoken)
        self._write(spoken)
        self._say(
            f"{spoken.request_id} {spoken.reason} after"
            f" {spoken.audio_ms / 1000:.2f} s of audio"
            f"{f', {spoken.file}' if spoken.file else ''}"
        )
        await self._report(ten_env, spoken, is_over=True)

    def _write(self, spoken: _Spoken) -> None:
        if not spoken.pcm:
            return
        spoken.file = f"{len(self._spoken):02d}-{spoken.request_id}.wav"
        with wave.open(str(self._folder / spoken.file), "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(spoken.rate_hz)
            wav.writeframes(bytes(spoken.pcm))

    async def _report(
        self, ten_env: AsyncTenEnv, spoken: _Spoken, *, is_over: bool
    ) -> None:
        await send(
            ten_env,
            "heard",
            request_id=spoken.request_id,
            audio_ms=spoken.audio_ms,
            is_over=is_over,
        )

    def _now(self) -> float:
        return time.monotonic() - self._began_s

    def _say(self, line: str) -> None:
        print(f"{self._now():8.3f} s  {line}", flush=True)


@register_addon_as_extension("agent_sink")
class SinkAddon(Addon):
    """Creates the listener."""

    def on_create_instance(
        self, ten_env: TenEnv, name: str, context: Any
    ) -> None:
        ten_env.on_create_instance_done(SinkExtension(name), context)
