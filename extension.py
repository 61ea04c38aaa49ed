"""The TEN side: takes texts of requests, gives audio and events back.

A request is one straight line: `request_tts` admits its texts and returns at
once; the request's task speaks them (`Speech`) and performs the actions of
its ledger (`SpeechRequest`) as events. `cancel_tts` cancels that task.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Coroutine
from functools import partial
from typing import Any

from ten_ai_base.const import LOG_CATEGORY_KEY_POINT, LOG_CATEGORY_VENDOR
from ten_ai_base.message import (
    ModuleError,
    ModuleErrorCode,
    ModuleErrorVendorInfo,
    ModuleType,
    TTSAudioEndReason,
)
from ten_ai_base.struct import TTSTextInput, TTSTextResult, TTSWord
from ten_ai_base.tts2 import AsyncTTS2BaseExtension, RequestState
from ten_runtime import AsyncTenEnv

from .config import (
    DEFAULT_SAMPLE_RATE_HZ,
    ConfigError,
    GradiumTTSConfig,
    merge_settings,
)
from .dump import DumpFile
from .gradium_tts import GradiumError, GradiumTTSClient
from .protocol import ErrorKind
from .request import (
    Action,
    Admission,
    End,
    EndReason,
    Pcm,
    SpeechRequest,
    Start,
    Ttfb,
    Verdict,
    Words,
)
from .speech import Speech
from .text import is_speakable

VENDOR = "gradium"


class _Job:
    """A running request and what belongs to it."""

    def __init__(
        self,
        request: SpeechRequest,
        client: GradiumTTSClient,
        dump: DumpFile | None,
    ) -> None:
        self.request = request
        self.speech = Speech(request, client)
        self.dump = dump
        self.task: asyncio.Task[None] | None = None

    def start(self, speak: Coroutine[Any, Any, None]) -> None:
        """Run the request's task: there is something to speak."""
        self.request.asked(asyncio.get_running_loop().time())
        self.task = asyncio.create_task(
            speak, name=f"gradium:{self.request.request_id:.64}"
        )

    async def cancel(self) -> None:
        """Stop speaking; nothing of the request happens after this."""
        self.speech.close()
        if self.task:
            self.task.cancel()
            await asyncio.wait({self.task})


class GradiumTTSExtension(AsyncTTS2BaseExtension):
    """Gradium's voices for a TEN graph."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._tree: dict[str, Any] = {}
        self._config: GradiumTTSConfig | None = None
        self._config_error = "the extension is not initialised"
        self._client: GradiumTTSClient | None = None
        self._admission = Admission()
        self._job: _Job | None = None

    # ------------------------------------------------------------ life cycle

    async def on_init(self, ten_env: AsyncTenEnv) -> None:
        """Read the settings; opens nothing and waits for nothing."""
        await super().on_init(ten_env)
        try:
            text, error = await ten_env.get_property_to_json("")
            if error:
                raise ConfigError(f"no properties: {error.error_message()}")
            self._use(json.loads(text or "{}"))
        except Exception as error:  # whatever it is, the app must live on
            self._config_error = str(error)
            await self._send_error("", str(error), is_fatal=True)

    async def on_start(self, ten_env: AsyncTenEnv) -> None:
        """Open the first socket ahead."""
        await super().on_start(ten_env)
        if self._client:
            self._client.prewarm()

    async def on_stop(self, ten_env: AsyncTenEnv) -> None:
        """End what is running and close every socket and file."""
        await self.cancel_tts()
        await super().on_stop(ten_env)
        if self._client:
            await self._client.aclose()

    async def update_configs(self, configs: dict[str, Any]) -> None:
        """Use changed settings from the next request on.

        Raises:
            ConfigError: what is wrong; everything stays as it was.
        """
        self._use(merge_settings(self._tree, configs))
        if self._client:
            self._client.prewarm()

    def _use(self, tree: dict[str, Any]) -> None:
        config = GradiumTTSConfig.load(tree)
        self._tree, self._config = tree, config
        for warning in config.warnings:
            self.ten_env.log_warn(warning, category=LOG_CATEGORY_KEY_POINT)
        self._key_point(f"config: {config.redacted()}")
        if self._client:
            self._client.update_config(config)
            return
        self._client = GradiumTTSClient(
            config, on_connected=self._report_connect, log=self._vendor_log()
        )

    def vendor(self) -> str:
        """Give the vendor's name, for metrics and errors."""
        return VENDOR

    def synthesize_audio_sample_rate(self) -> int:
        """Give the rate in Hz of the running request, else of the next."""
        if self._job:
            return self._job.request.sample_rate_hz
        if self._config:
            return self._config.sample_rate_hz
        return DEFAULT_SAMPLE_RATE_HZ

    # ------------------------------------------------------------- a request

    async def request_tts(self, t: TTSTextInput) -> None:
        """Take a text of a request; returns at once."""
        try:
            await self._take(t)
        except Exception as error:  # the base would block its queue for good
            self._log_traceback(t.request_id)
            job = self._detach()
            if job:
                await job.cancel()
            await self._send_error(t.request_id, f"internal error: {error!r}")
            await self.finish_request(t.request_id, TTSAudioEndReason.ERROR)

    async def _take(self, t: TTSTextInput) -> None:
        if self._job and self._job.request.request_id != t.request_id:
            # The base hands over one request at a time; should it not, the
            # older one ends properly before the newer starts.
            other = self._job.request.request_id
            await self.cancel_tts()
            await self.finish_request(other, TTSAudioEndReason.INTERRUPTED)
        if not self._job and not await self._admit(t):
            return
        job = self._job
        assert job is not None
        job.speech.push_fragment(t.text)
        if t.text_input_end:
            job.speech.end_input()
        if job.task:
            return
        if is_speakable(t.text):
            job.start(self._speak(job))
        elif t.text_input_end:
            await self._finish(job, EndReason.REQUEST_END)

    async def _admit(self, t: TTSTextInput) -> bool:
        """Begin a request, if this text is one."""
        request_id = t.request_id
        verdict = self._admission.admit(
            request_id,
            is_speakable=is_speakable(t.text),
            is_end=t.text_input_end,
        )
        if verdict is Verdict.NEW and self._config and self._client:
            self._claim_state(t)
            self._job = self._new_job(request_id, self._config, self._client)
            return True
        if verdict is Verdict.NEW:
            await self._send_error(
                request_id, self._config_error, is_fatal=True
            )
            self._admission.ended(
                request_id, is_input_ended=t.text_input_end, owes_end=True
            )
        else:
            self.ten_env.log_debug(f"request={request_id} late text released")
        if verdict is Verdict.LATE_END or (
            verdict is Verdict.NEW and t.text_input_end
        ):
            await self.send_tts_audio_end(
                request_id, 0, 0, reason=TTSAudioEndReason.ERROR
            )
        await self.finish_request(request_id, TTSAudioEndReason.ERROR)
        return False

    def _claim_state(self, t: TTSTextInput) -> None:
        """Make a used id a running one for the base, too.

        It would keep the state and the metadata of the id's first life, and
        an interruption would pass by a request it takes for completed.
        """
        if self.request_states.get(t.request_id) is RequestState.COMPLETED:
            self.request_states[t.request_id] = RequestState.PROCESSING
            if t.metadata:
                self.metadatas[t.request_id] = t.metadata

    def _new_job(
        self,
        request_id: str,
        config: GradiumTTSConfig,
        client: GradiumTTSClient,
    ) -> _Job:
        request = SpeechRequest(
            request_id,
            sample_rate_hz=config.sample_rate_hz,
            sample_bytes=self.synthesize_audio_sample_width()
            * self.synthesize_audio_channels(),
            unix_offset_s=time.time() - asyncio.get_running_loop().time(),
            with_words=config.enable_words,
        )
        dump = DumpFile(config.dump_path, request_id) if config.dump else None
        return _Job(request, client, dump)

    async def _speak(self, job: _Job) -> None:
        """The request's task: from its first word to its last event."""
        request_id = job.request.request_id
        reason = EndReason.ERROR
        try:
            await job.speech.run(partial(self._perform, job))
            reason = EndReason.REQUEST_END
        except GradiumError as error:
            await self._send_vendor_error(job, error)
        except Exception as error:
            self._log_traceback(request_id)
            await self._send_error(request_id, f"internal error: {error!r}")
        await self._finish(job, reason)

    async def _finish(self, job: _Job, reason: EndReason) -> None:
        """End a request by itself, and let the base start the next."""
        await self._end(job, reason)
        # Before `finish_request`, which starts the next request.
        self._detach()
        await self.finish_request(
            job.request.request_id, TTSAudioEndReason(int(reason))
        )

    async def cancel_tts(self) -> None:
        """Stop speaking at once; the base has been told to flush.

        Waits for no peer and never for `finish_request`, which may wait for
        the lock that the flush holds back.
        """
        job = self._detach()
        if job:
            await job.cancel()
            await self._end(job, EndReason.INTERRUPTED)

    def _detach(self) -> _Job | None:
        job, self._job = self._job, None
        return job

    async def _end(self, job: _Job, reason: EndReason) -> None:
        """Close the dump, then say what is left to say of the request."""
        if job.dump:
            try:
                await job.dump.aclose()
            except OSError as error:
                self._log_dump_failure(job, error)
        request = job.request
        is_owed = request.has_started or request.text.is_ended
        for action in request.end(reason):
            await self._perform(job, action)
        self._admission.ended(
            request.request_id,
            is_input_ended=request.text.is_ended,
            owes_end=reason is EndReason.ERROR and not is_owed,
        )

    # --------------------------------------------------------------- actions

    async def _perform(self, job: _Job, action: Action) -> None:
        """Turn an action of the ledger into an event of the graph."""
        request_id = job.request.request_id
        if isinstance(action, Pcm):
            await self.send_tts_audio_data(action.pcm, action.timestamp_ms)
            self.metrics_add_recv_audio_chunks(action.pcm)
            await self._write_dump(job, action.pcm)
        elif isinstance(action, Ttfb):
            await self.send_tts_ttfb_metrics(
                request_id,
                action.ttfb_ms,
                extra_metadata=self._latency_of(job),
            )
        elif isinstance(action, Start):
            await self.send_tts_audio_start(request_id)
        elif isinstance(action, Words):
            await self._send_words(request_id, action)
        elif isinstance(action, End):
            await self._send_end(job, action)

    async def _write_dump(self, job: _Job, pcm: bytes) -> None:
        if job.dump:
            try:
                await job.dump.write(pcm)
            except OSError as error:
                self._log_dump_failure(job, error)
                job.dump = None

    async def _send_words(self, request_id: str, words: Words) -> None:
        await self.send_tts_text_result(
            TTSTextResult(
                request_id=request_id,
                text=words.text,
                start_ms=words.start_ms,
                duration_ms=words.duration_ms,
                words=[
                    TTSWord(
                        word=word.word,
                        start_ms=word.start_ms,
                        duration_ms=word.duration_ms,
                    )
                    for word in words.words
                ],
                text_result_end=words.turn_status != 0,
                metadata={
                    **self.metadatas.get(request_id, {}),
                    "turn_seq_id": words.turn_seq_id,
                    "turn_status": int(words.turn_status),
                },
            )
        )

    async def _send_end(self, job: _Job, end: End) -> None:
        request, speech = job.request, job.speech
        request_id = request.request_id
        is_complete = end.reason is EndReason.REQUEST_END
        left = 0 if is_complete else len(request.unspoken_text())
        self.metrics_add_output_characters(speech.characters_sent)
        self.metrics_add_input_characters(speech.characters_spoken)
        await self.send_usage_metrics(request_id)
        self._key_point(
            f"request={request_id} {end.reason.name.lower()}"
            f" audio_s={request.heard_s:.2f} sessions={speech.sessions}"
            f" characters_left={left}"
        )
        # Who never heard of the request need not hear of its end.
        if is_complete or request.has_started or request.text.is_ended:
            await self.send_tts_audio_end(
                request_id,
                end.interval_ms,
                round(request.heard_s * 1000),
                reason=TTSAudioEndReason(int(end.reason)),
            )

    def _latency_of(self, job: _Job) -> dict[str, Any]:
        """Say where the time to first audio went, in ms."""
        times = job.speech.times
        return {
            "socket_wait_ms": _ms(times.opened_at, times.setup_at),
            "setup_to_ready_ms": _ms(times.setup_at, times.ready_at),
            "text_to_audio_ms": _ms(times.text_at, times.audio_at),
            "is_warm": times.is_warm,
            "attempt": job.speech.sessions,
        }

    async def _report_connect(self, took_s: float) -> None:
        await self.metrics_connect_delay(round(took_s * 1000))

    # ---------------------------------------------------------------- errors

    async def _send_vendor_error(self, job: _Job, error: GradiumError) -> None:
        left = len(job.request.unspoken_text())
        await self._send_error(
            job.request.request_id,
            f"{error} ({left} characters were not spoken)",
            is_fatal=error.kind.is_fatal,
            code=error.code or error.kind.value,
            vendor_message=error.vendor_message or str(error),
        )

    async def _send_error(
        self,
        request_id: str,
        message: str,
        *,
        is_fatal: bool = False,
        code: str = ErrorKind.CONFIG.value,
        vendor_message: str = "",
    ) -> None:
        redact = self._config.redact if self._config else str
        module_code = (
            ModuleErrorCode.FATAL_ERROR
            if is_fatal
            else ModuleErrorCode.NON_FATAL_ERROR
        )
        await self.send_tts_error(
            request_id,
            ModuleError(
                message=redact(message),
                module=ModuleType.TTS,
                code=int(module_code.value),
                vendor_info=ModuleErrorVendorInfo(
                    vendor=VENDOR,
                    code=code,
                    message=redact(vendor_message or message),
                ),
            ),
        )

    # ------------------------------------------------------------------ logs

    def _key_point(self, message: str) -> None:
        self.ten_env.log_info(message, category=LOG_CATEGORY_KEY_POINT)

    def _log_traceback(self, request_id: str) -> None:
        import traceback

        redact = self._config.redact if self._config else str
        self.ten_env.log_error(
            redact(f"request={request_id} {traceback.format_exc()}")
        )

    def _log_dump_failure(self, job: _Job, error: OSError) -> None:
        self.ten_env.log_error(
            f"request={job.request.request_id} no dump: {error}"
        )

    def _vendor_log(self) -> logging.Logger:
        """Give a logger whose lines go to TEN's log."""
        log = logging.Logger(f"gradium_tts.{self.name}")
        log.addHandler(_TenLogHandler(self))
        return log


class _TenLogHandler(logging.Handler):
    """Hands the client's log lines to TEN, secrets masked."""

    def __init__(self, extension: GradiumTTSExtension) -> None:
        super().__init__()
        self._extension = extension

    def emit(self, record: logging.LogRecord) -> None:
        """Log one line under the category `vendor`."""
        env, config = self._extension.ten_env, self._extension._config
        message = record.getMessage()
        if config:
            message = config.redact(message)
        write = {
            logging.DEBUG: env.log_debug,
            logging.WARNING: env.log_warn,
            logging.ERROR: env.log_error,
        }.get(record.levelno, env.log_info)
        write(f"vendor_status: {message}", category=LOG_CATEGORY_VENDOR)


def _ms(start_s: float, stop_s: float) -> int:
    """Give the time between in ms, 0 where one has not happened."""
    return round(max(0.0, stop_s - start_s) * 1000) if start_s else 0
