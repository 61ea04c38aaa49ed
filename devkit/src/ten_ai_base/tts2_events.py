# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a TTS extension sends: audio, its frame of events, and metrics."""

from __future__ import annotations

import json
import uuid
from typing import Any

from ten_runtime import AsyncTenEnv, AudioFrame, AudioFrameDataFmt, Data

from .const import (
    AUDIO_FRAME_OUTPUT_NAME,
    DATA_OUT_METRICS,
    LOG_CATEGORY_KEY_POINT,
)
from .message import (
    ModuleError,
    ModuleMetricKey,
    ModuleMetrics,
    ModuleType,
    TTSAudioEndReason,
)
from .struct import TTSTextResult

_Metadata = dict[str, Any] | None


class TTSEvents:
    """The output half of the base class.

    The metadata of an event is that of its request, updated with
    `extra_metadata`; of an unknown request only the latter.
    """

    # None until `on_init`, as in TEN, whatever it is typed as: an extension
    # that is stopped before has no environment.
    ten_env: AsyncTenEnv

    def _tts2_init_events(self) -> None:
        self.ten_env = None  # type: ignore[assignment]
        self.metadatas: dict[str, dict[str, Any]] = {}
        self.leftover_bytes = b""
        self.current_audio_request_id: str | None = None
        self.output_characters = 0
        self.input_characters = 0
        self.recv_audio_chunks_len = 0
        self.total_output_characters = 0
        self.total_input_characters = 0
        self.total_recv_audio_chunks_len = 0

    def vendor(self) -> str:
        raise NotImplementedError

    def synthesize_audio_sample_rate(self) -> int:
        raise NotImplementedError

    def synthesize_audio_channels(self) -> int:
        raise NotImplementedError

    def synthesize_audio_sample_width(self) -> int:
        raise NotImplementedError

    # -- audio ---------------------------------------------------------------

    async def send_tts_audio_start(
        self,
        request_id: str,
        turn_id: int = -1,
        extra_metadata: _Metadata = None,
    ) -> None:
        """Frames sent from now on belong to `request_id`."""
        self.current_audio_request_id = request_id
        await self._tts2_send_json(
            "tts_audio_start",
            {
                "request_id": request_id,
                "metadata": self._tts2_metadata(request_id, extra_metadata),
            },
        )

    async def send_tts_audio_data(
        self, audio: bytes, timestamp: int = 0
    ) -> None:
        """Send whole samples; the rest waits for the next call.

        Nothing resets that rest at the end of a request. What goes wrong
        here is logged and lost.

        Args:
            audio: PCM of any length.
            timestamp: milliseconds since the epoch, by convention.
        """
        try:
            width = self.synthesize_audio_sample_width()
            channels = self.synthesize_audio_channels()
            pcm = self.leftover_bytes + audio
            samples = len(pcm) // (width * channels)
            size = samples * width * channels
            self.leftover_bytes = pcm[size:]
            if samples:
                frame = self._tts2_frame(pcm[:size], samples, timestamp)
                await self.ten_env.send_audio_frame(frame)
        except Exception as error:
            self.ten_env.log_error(f"audio is lost: {error}")

    def _tts2_frame(
        self, pcm: bytes, samples: int, timestamp: int
    ) -> AudioFrame:
        frame = AudioFrame.create(AUDIO_FRAME_OUTPUT_NAME)
        frame.set_sample_rate(self.synthesize_audio_sample_rate())
        frame.set_bytes_per_sample(self.synthesize_audio_sample_width())
        frame.set_number_of_channels(self.synthesize_audio_channels())
        frame.set_samples_per_channel(samples)
        frame.set_data_fmt(AudioFrameDataFmt.INTERLEAVE)
        frame.set_timestamp(timestamp)
        frame.alloc_buf(len(pcm))
        view = frame.lock_buf()
        view[:] = pcm
        frame.unlock_buf(view)
        metadata = self._tts2_metadata(self.current_audio_request_id, None)
        frame.set_property_from_json("metadata", json.dumps(metadata))
        return frame

    async def send_tts_audio_end(
        self,
        request_id: str,
        request_event_interval_ms: int,
        request_total_audio_duration_ms: int,
        turn_id: int = -1,
        reason: TTSAudioEndReason = TTSAudioEndReason.REQUEST_END,
        extra_metadata: _Metadata = None,
    ) -> None:
        """Both numbers must be integers, or the schema refuses the event."""
        await self._tts2_send_json(
            "tts_audio_end",
            {
                "request_id": request_id,
                "request_event_interval_ms": request_event_interval_ms,
                "request_total_audio_duration_ms": (
                    request_total_audio_duration_ms
                ),
                "reason": int(reason),
                "metadata": self._tts2_metadata(request_id, extra_metadata),
            },
        )
        self.current_audio_request_id = None

    async def send_tts_text_result(self, t: TTSTextResult) -> None:
        await self._tts2_send_json("tts_text_result", t.model_dump(mode="json"))

    async def send_tts_error(
        self,
        request_id: str | None,
        error: ModuleError,
        turn_id: int = -1,
        extra_metadata: _Metadata = None,
    ) -> None:
        """Of `error` only code, message and vendor_info are used."""
        vendor_info = error.vendor_info
        self.ten_env.log_error(
            f"error code {error.code}: {error.message}",
            category=LOG_CATEGORY_KEY_POINT,
        )
        await self._tts2_send_json(
            "error",
            {
                "id": request_id or "",
                "code": int(error.code),
                "module": ModuleType.TTS.value,
                "message": error.message,
                "vendor_info": vendor_info.model_dump() if vendor_info else {},
                "metadata": self._tts2_metadata(request_id, extra_metadata),
            },
        )

    # -- metrics -------------------------------------------------------------

    async def send_tts_ttfb_metrics(
        self,
        request_id: str,
        ttfb_ms: int,
        turn_id: int = -1,
        extra_metadata: _Metadata = None,
    ) -> None:
        """Time to the first audio; once per request."""
        metrics = {ModuleMetricKey.TTS_TTFB.value: ttfb_ms}
        await self._tts2_send_metrics(request_id, metrics, extra_metadata)

    async def metrics_connect_delay(
        self,
        connect_delay_ms: int,
        extra_metadata: _Metadata = None,
        request_id: str = "",
    ) -> None:
        """After each successful connect."""
        metrics = {"connect_delay": connect_delay_ms}
        await self._tts2_send_metrics(request_id, metrics, extra_metadata)

    async def send_usage_metrics(
        self, request_id: str = "", extra_metadata: _Metadata = None
    ) -> None:
        """Report the counters; the interval's restart, the totals stay."""
        metrics = {
            "output_characters": self.output_characters,
            "input_characters": self.input_characters,
            "recv_audio_duration": self._tts2_duration_ms(
                self.recv_audio_chunks_len
            ),
            "total_output_characters": self.total_output_characters,
            "total_input_characters": self.total_input_characters,
            "total_recv_audio_duration": self._tts2_duration_ms(
                self.total_recv_audio_chunks_len
            ),
        }
        await self._tts2_send_metrics(request_id, metrics, extra_metadata)
        self.output_characters = 0
        self.input_characters = 0
        self.recv_audio_chunks_len = 0

    async def send_char_audio_metrics(
        self, request_id: str = "", extra_metadata: _Metadata = None
    ) -> None:
        await self.send_usage_metrics(request_id, extra_metadata)

    def metrics_add_output_characters(self, characters: int) -> None:
        """Characters sent to the vendor."""
        self.output_characters += characters
        self.total_output_characters += characters

    def metrics_add_input_characters(self, characters: int) -> None:
        """Characters the vendor reports."""
        self.input_characters += characters
        self.total_input_characters += characters

    def metrics_add_recv_audio_chunks(self, chunk: bytes) -> None:
        """Audio received from the vendor."""
        self.recv_audio_chunks_len += len(chunk)
        self.total_recv_audio_chunks_len += len(chunk)

    # -- inside --------------------------------------------------------------

    def _tts2_duration_ms(self, size_bytes: int) -> float:
        bytes_per_s = (
            self.synthesize_audio_sample_rate()
            * self.synthesize_audio_channels()
            * self.synthesize_audio_sample_width()
        )
        return size_bytes / bytes_per_s * 1000.0

    def _tts2_metadata(
        self, request_id: str | None, extra: _Metadata
    ) -> dict[str, Any]:
        known = self.metadatas.get(request_id, {}) if request_id else {}
        return {**known, **(extra or {})}

    async def _tts2_send_metrics(
        self, request_id: str, metrics: dict[str, Any], extra: _Metadata
    ) -> None:
        event = ModuleMetrics(
            id=uuid.uuid4().hex,
            module=ModuleType.TTS.value,
            vendor=self.vendor(),
            metrics=metrics,
            metadata=self._tts2_metadata(request_id, extra),
        )
        await self._tts2_send_json(DATA_OUT_METRICS, event.model_dump())

    async def _tts2_send_json(self, name: str, content: dict[str, Any]) -> None:
        data = Data.create(name)
        data.set_property_from_json(None, json.dumps(content))
        await self.ten_env.send_data(data)
