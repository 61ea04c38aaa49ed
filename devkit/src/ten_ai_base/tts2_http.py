# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The base class for vendors that answer one HTTP request per text.

Like TEN's own it decides the end of a request by its FINALIZING state, which
requests that had to wait for another one never enter: those do not end.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ten_runtime import AsyncTenEnv

from .const import LOG_CATEGORY_KEY_POINT
from .helper import PCMWriter
from .message import (
    ModuleError,
    ModuleErrorCode,
    ModuleErrorVendorInfo,
    ModuleType,
    TTSAudioEndReason,
)
from .struct import TTS2HttpResponseEventType, TTSTextInput
from .tts2 import AsyncTTS2BaseExtension, RequestState


class AsyncTTS2HttpConfig(BaseModel):
    """What every configuration has; `params` is the vendor's part."""

    dump: bool = False
    dump_path: str = "./"
    params: dict[str, Any] = {}

    def update_params(self) -> None:
        """Lift what TEN itself needs out of `params`."""

    def to_str(self, sensitive_handling: bool = True) -> str:
        """For the log, without secrets."""
        return f"{self}"

    def validate_params(self) -> None:
        """Raise ValueError when something required is missing."""

    def validate(self) -> None:  # type: ignore[override]
        self.validate_params()


class AsyncTTS2HttpClient(ABC):
    """Talks to the vendor."""

    @abstractmethod
    def get(
        self, text: str, request_id: str
    ) -> AsyncIterator[tuple[bytes | None, TTS2HttpResponseEventType]]:
        """Speak `text`: audio with RESPONSE, then END; or an error's text."""

    @abstractmethod
    async def cancel(self) -> None:
        """Stop what `get` is delivering."""

    @abstractmethod
    async def clean(self) -> None:
        """Close everything."""

    def get_extra_metadata(self) -> dict[str, Any]:
        """Added to the metadata of metrics."""
        return {}


class AsyncTTS2HttpExtension(AsyncTTS2BaseExtension):
    """Supply `vendor`, the sample rate, a configuration and a client."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.config: AsyncTTS2HttpConfig | None = None
        self.client: AsyncTTS2HttpClient | None = None
        self.current_request_id: str | None = None
        self.recorder_map: dict[str, PCMWriter] = {}
        self._http_audio_bytes = 0
        self._http_text_sent_s = 0.0
        self._http_first_audio_s: float | None = None

    @abstractmethod
    async def create_config(self, config_json_str: str) -> AsyncTTS2HttpConfig:
        """Build the configuration from the extension's property."""

    @abstractmethod
    async def create_client(
        self, config: AsyncTTS2HttpConfig, ten_env: AsyncTenEnv
    ) -> AsyncTTS2HttpClient:
        """Build the client."""

    async def on_init(self, ten_env: AsyncTenEnv) -> None:
        await super().on_init(ten_env)
        try:
            text, _ = await ten_env.get_property_to_json("")
            self.config = await self.create_config(text)
            self.config.update_params()
            self.config.validate()
            ten_env.log_info(
                f"config: {self.config.to_str(sensitive_handling=True)}",
                category=LOG_CATEGORY_KEY_POINT,
            )
            self.client = await self.create_client(self.config, ten_env)
        except Exception as error:
            ten_env.log_error(f"initialization failed: {error}")
            await self._http_send_error(
                "",
                ModuleErrorCode.FATAL_ERROR,
                f"Initialization failed: {error}",
            )

    async def on_stop(self, ten_env: AsyncTenEnv) -> None:
        if self.client is not None:
            await self.client.clean()
        await self._http_flush_recorders()
        await super().on_stop(ten_env)

    async def cancel_tts(self) -> None:
        if self.client is not None:
            await self.client.cancel()
        if self.current_request_id is not None:
            await self._http_end(TTSAudioEndReason.INTERRUPTED)

    async def request_tts(self, t: TTSTextInput) -> None:
        try:
            if t.request_id != self.current_request_id:
                await self._http_begin(t.request_id)
            await self._http_speak(t)
        except Exception as error:
            self.ten_env.log_error(f"request {t.request_id}: {error}")
            await self._http_send_error(
                t.request_id, ModuleErrorCode.NON_FATAL_ERROR, str(error)
            )
            if self._http_is_finalizing(t.request_id):
                await self._http_finish(t.request_id, TTSAudioEndReason.ERROR)

    async def _http_speak(self, t: TTSTextInput) -> None:
        if self.client is None:
            self.client = await self._http_new_client()
        if t.text.strip():
            self.metrics_add_output_characters(len(t.text))
            async for chunk, event in self.client.get(t.text, t.request_id):
                if event is TTS2HttpResponseEventType.RESPONSE and chunk:
                    await self._http_audio(t.request_id, chunk)
                elif event is TTS2HttpResponseEventType.FLUSH:
                    return
                elif event is TTS2HttpResponseEventType.END:
                    break
                elif event is not TTS2HttpResponseEventType.RESPONSE:
                    await self._http_vendor_error(t.request_id, chunk, event)
                    break
        if self._http_is_finalizing(t.request_id):
            await self._http_finish(t.request_id, TTSAudioEndReason.REQUEST_END)

    async def _http_new_client(self) -> AsyncTTS2HttpClient:
        """The client is made again when a request finds none."""
        if self.config is None:
            raise RuntimeError("there is no configuration to make a client of")
        return await self.create_client(self.config, self.ten_env)

    def _http_is_finalizing(self, request_id: str) -> bool:
        state = self.request_states.get(request_id)
        return state is RequestState.FINALIZING

    async def _http_begin(self, request_id: str) -> None:
        await self._http_flush_recorders()
        self.current_request_id = request_id
        self._http_audio_bytes = 0
        self._http_first_audio_s = None
        self._http_text_sent_s = time.monotonic()
        if self.config is not None and self.config.dump:
            folder = Path(self.config.dump_path)
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / f"{self.vendor()}_dump_{request_id}.pcm"
            self.recorder_map[request_id] = PCMWriter(str(file))

    async def _http_audio(self, request_id: str, chunk: bytes) -> None:
        if self._http_first_audio_s is None:
            self._http_first_audio_s = time.monotonic()
            ttfb_ms = int(
                (self._http_first_audio_s - self._http_text_sent_s) * 1000
            )
            extra = self.client.get_extra_metadata() if self.client else {}
            await self.send_tts_ttfb_metrics(
                request_id, ttfb_ms, extra_metadata=extra
            )
            await self.send_tts_audio_start(request_id)
        self._http_audio_bytes += len(chunk)
        self.metrics_add_recv_audio_chunks(chunk)
        if recorder := self.recorder_map.get(request_id):
            await recorder.write(chunk)
        await self.send_tts_audio_data(chunk)

    async def _http_vendor_error(
        self,
        request_id: str,
        text: bytes | None,
        event: TTS2HttpResponseEventType,
    ) -> None:
        is_key = event is TTS2HttpResponseEventType.INVALID_KEY_ERROR
        code = (
            ModuleErrorCode.FATAL_ERROR
            if is_key
            else ModuleErrorCode.NON_FATAL_ERROR
        )
        message = (text or b"").decode("utf-8", "replace")
        await self._http_send_error(request_id, code, message)

    async def _http_send_error(
        self, request_id: str, code: ModuleErrorCode, message: str
    ) -> None:
        error = ModuleError(
            message=message,
            module=ModuleType.TTS.value,
            code=int(code.value),
            vendor_info=ModuleErrorVendorInfo(
                vendor=self.vendor(), message=message
            ),
        )
        await self.send_tts_error(request_id, error)

    async def _http_finish(
        self, request_id: str, reason: TTSAudioEndReason
    ) -> None:
        await self._http_end(reason)
        await self.finish_request(request_id, reason)

    async def _http_end(self, reason: TTSAudioEndReason) -> None:
        request_id = self.current_request_id
        if request_id is None:
            return
        await self._http_flush_recorders()
        interval_s = 0.0
        if self._http_first_audio_s is not None:
            interval_s = time.monotonic() - self._http_first_audio_s
        duration_ms = round(self._tts2_duration_ms(self._http_audio_bytes))
        await self.send_usage_metrics(request_id)
        await self.send_tts_audio_end(
            request_id, int(interval_s * 1000), duration_ms, reason=reason
        )
        self.current_request_id = None

    async def _http_flush_recorders(self) -> None:
        for recorder in self.recorder_map.values():
            # The first flush may only wait for a block on its way to disk.
            await recorder.flush()
            await recorder.flush()
        self.recorder_map.clear()
