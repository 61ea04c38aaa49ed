"""The TEN side: takes texts of requests, gives audio and events back.

A request is one straight line: `request_tts` admits its texts and returns at
once; the request's task speaks them (`Speech`) and performs the actions of
its ledger (`SpeechRequest`) as events (`GraphEvents`). `cancel_tts` cancels
that task.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import traceback
from collections.abc import Coroutine
from typing import Any

from ten_ai_base.const import LOG_CATEGORY_VENDOR
from ten_ai_base.message import TTSAudioEndReason
from ten_ai_base.struct import TTSTextInput
from ten_ai_base.tts2 import AsyncTTS2BaseExtension, RequestState
from ten_runtime import AsyncTenEnv, Data

from .config import (
    DEFAULT_SAMPLE_RATE_HZ,
    ConfigError,
    GradiumTTSConfig,
    merge_settings,
)
from .core.admission import Admission, Verdict
from .core.errors import GradiumError
from .core.redact import host_of, mask_text, mask_values, secrets_in
from .core.request import Action, EndReason, Pcm, SpeechRequest
from .core.text import is_speakable
from .gradium_tts import GradiumTTSClient
from .graph.dump import DumpFile
from .graph.events import VENDOR, GraphEvents, is_known
from .speech import Speech
from .wire.trace import Trace
from .wire.transport import Connect, open_websocket


class _Job:
    """A running request and what belongs to it."""

    def __init__(
        self,
        speech: Speech,
        dump: DumpFile | None,
        events: GraphEvents,
        metadata: dict[str, Any],
    ) -> None:
        self.speech = speech
        self.request = speech.request
        self._dump = dump
        self._events = events
        self.task: asyncio.Task[None] | None = None
        self.metadata = metadata
        # What came after the last text: the id's next life.
        self.next_texts: list[TTSTextInput] = []

    def start(self, speak: Coroutine[Any, Any, None]) -> None:
        """Run the request's task: there is something to speak, or an end."""
        self.request.asked(asyncio.get_running_loop().time())
        self.task = asyncio.create_task(
            speak, name=f"gradium:{self.request.request_id:.64}"
        )

    async def perform(self, action: Action) -> None:
        """Perform an action of the ledger; the dump follows what is sent."""
        await self._events.perform(self.speech, action)
        if self._dump and isinstance(action, Pcm):
            try:
                await self._dump.write(action.pcm)
            except OSError as error:
                self._warn_of_dump(error)
                await self.complete_dump()
                self._dump = None

    async def cancel(self) -> None:
        """Stop speaking; nothing of the request happens after this."""
        if self.task:
            self.task.cancel()
            await asyncio.wait({self.task})
        # Not before: what was held back would still be sent.
        self.speech.close()

    async def complete_dump(self) -> None:
        """Write everything out that was sent."""
        if self._dump:
            try:
                await self._dump.aclose()
            except OSError as error:
                self._warn_of_dump(error)

    async def end(self, reason: EndReason) -> None:
        """Say what is left to say of the request; does not suspend."""
        for action in self.request.end(reason):
            await self._events.perform(self.speech, action)

    def _warn_of_dump(self, error: OSError) -> None:
        self._events.warn(f"request={self.request.request_id} no dump: {error}")


class GradiumTTSExtension(AsyncTTS2BaseExtension):
    """Gradium's voices for a TEN graph."""

    # How sockets are opened; TEN's constructor takes the name and no more.
    connect: Connect = staticmethod(open_websocket)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._tree: dict[str, Any] = {}
        self._config: GradiumTTSConfig | None = None
        self._config_error = "the extension is not initialised"
        self._client: GradiumTTSClient | None = None
        self._admission = Admission()
        self._job: _Job | None = None
        self._ending: _Job | None = None
        self._cancelling = asyncio.Lock()
        self._releasing: asyncio.Task[None] | None = None
        self._is_stopping = False
        # All there ever were: a running request keeps its settings.
        self._secrets: set[str] = set()
        self._trace = Trace(lambda tree: mask_values(tree, [*self._secrets]))
        self._events = GraphEvents(self, self._redact)

    # ------------------------------------------------------------ life cycle

    async def on_init(self, ten_env: AsyncTenEnv) -> None:
        """Read the settings; opens nothing and waits for nothing."""
        await super().on_init(ten_env)
        try:
            self._trace.open_from_environment()
        except OSError as error:
            self._events.warn(f"no trace: {error}")
        self._trace.write(ten="start", extension=self.name)
        self.ten_env = self._trace.wrap_env(ten_env)
        try:
            text, failure = await ten_env.get_property_to_json("")
            if failure:
                raise ConfigError(f"no properties: {failure.error_message()}")
            # Kept even if it is wrong: an update may complete it.
            self._tree = json.loads(text or "{}")
            self._use(self._tree)
        except Exception as error:  # whatever it is, the app must live on
            self._config_error = str(error)
            await self._events.error("", str(error), is_fatal=True)

    async def on_start(self, ten_env: AsyncTenEnv) -> None:
        """Open the first socket ahead."""
        await super().on_start(ten_env)
        if self._client:
            self._client.prewarm()

    async def on_stop(self, ten_env: AsyncTenEnv) -> None:
        """End what is running and close every socket and file."""
        self._trace.write(ten="in", name="stop")
        self._is_stopping = True
        await self.cancel_tts()
        await super().on_stop(ten_env)
        if self._releasing:
            self._releasing.cancel()
            await asyncio.wait({self._releasing})
        if self._client:
            await self._client.aclose()
        self._trace.close()

    async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
        """Write a message down, then take it as the base does."""
        self._trace.received(data)
        await super().on_data(ten_env, data)

    async def update_configs(self, configs: dict[str, Any]) -> None:
        """Use changed settings from the next request on.

        Raises:
            ConfigError: what is wrong; everything stays as it was.
        """
        self._secrets.update(secrets_in(configs))
        self._trace.write(ten="in", name="update_configs", fields=configs)
        self._use(merge_settings(self._tree, configs))
        if self._client:
            self._client.prewarm()

    def _use(self, tree: dict[str, Any]) -> None:
        config = GradiumTTSConfig.load(tree)
        self._tree, self._config = tree, config
        self._secrets.update(config.secrets())
        for warning in config.warnings:
            self._events.warn(warning)
        self._events.key_point(f"config: {config.redacted()}")
        self._trace.write(ten="config", config=json.loads(config.redacted()))
        self._events.vendor_metadata = {
            "host": host_of(config.endpoint().url),
            "model": config.params.model_name,
        }
        if self._client:
            self._client.update_config(config)
            return
        self._client = GradiumTTSClient(
            config,
            connect=self.connect,
            observer=self._events,
            trace=self._trace,
            log=self._vendor_log(),
        )

    def vendor(self) -> str:
        """Give the vendor's name, for metrics and errors."""
        return VENDOR

    def vendor_metadata(self) -> dict[str, str]:
        """Give what newer base classes put into connection states."""
        return self._events.vendor_metadata

    def synthesize_audio_sample_rate(self) -> int:
        """Give the rate in Hz of the running request, else of the next."""
        job = self._ending or self._job
        if job:
            return job.request.sample_rate_hz
        if self._config:
            return self._config.sample_rate_hz
        return DEFAULT_SAMPLE_RATE_HZ

    # ------------------------------------------------------------- a request

    async def request_tts(self, t: TTSTextInput) -> None:
        """Take a text of a request; returns at once."""
        if self._is_stopping:
            return
        try:
            await self._take(t)
        except Exception as error:  # the base would block its queue for good
            job = self._detach()
            if job:
                await job.cancel()
            await self._report_bug(t.request_id, error)
            if job:
                await job.complete_dump()
                await self._end(job, EndReason.ERROR)
            await self.finish_request(t.request_id, TTSAudioEndReason.ERROR)

    async def _take(self, t: TTSTextInput) -> None:
        if self._job and self._job.request.request_id != t.request_id:
            # The base hands over one request at a time; should it not, the
            # older one ends properly before the newer starts.
            other = self._job.request.request_id
            await self.cancel_tts()
            await self.finish_request(other, TTSAudioEndReason.INTERRUPTED)
        job = self._job or await self._admit(t)
        if job is None:
            return
        if job.request.text.is_ended:
            if job.next_texts or is_speakable(t.text):
                job.next_texts.append(t)
            return
        job.speech.push_fragment(t.text)
        if t.text_input_end:
            job.speech.end_input()
        if not job.task and (is_speakable(t.text) or t.text_input_end):
            job.start(self._speak(job))

    async def _admit(self, t: TTSTextInput) -> _Job | None:
        """Begin a request, if this text is one."""
        verdict = self._admission.admit(
            t.request_id,
            is_speakable=is_speakable(t.text),
            is_end=t.text_input_end,
            metadata=t.metadata,
        )
        if verdict is Verdict.NEW and self._config and self._client:
            self._claim_state(t)
            self._job = self._new_job(t, self._config, self._client)
            return self._job
        if verdict is not Verdict.NEW and is_speakable(t.text):
            self._events.key_point(
                f"request={t.request_id} has ended, its text is left out:"
                f" characters={len(t.text)}"
            )
        if verdict is Verdict.NEW:
            await self._events.error(
                t.request_id, self._config_error, is_fatal=True
            )
            self._admission.ended(
                t.request_id,
                is_input_ended=t.text_input_end,
                owes_end=True,
                metadata=t.metadata,
            )
        if verdict is not Verdict.LATE and t.text_input_end:
            # Unless a flush came after the failure: the base forgot the id.
            if verdict is Verdict.NEW or self._is_completed(t.request_id):
                await self._events.end_unheard(t.request_id)
        await self._release(t.request_id)
        return None

    async def _release(self, request_id: str) -> None:
        """Let the base go on after a text that needs no request."""
        if not self._queued_texts():
            await self.finish_request(request_id, TTSAudioEndReason.ERROR)
        elif self._releasing is None or self._releasing.done():
            # Not here: this is what empties the queue.
            self._releasing = asyncio.create_task(
                self._release_later(request_id),
                name=f"gradium:{request_id:.64}:release",
            )

    async def _release_later(self, request_id: str) -> None:
        await self._queue_is_empty()
        if not self._job:  # else that ends the id
            await self.finish_request(request_id, TTSAudioEndReason.ERROR)

    async def _queue_is_empty(self) -> None:
        """Wait for what the base is about to hand over, a few turns.

        A finished request lets it append what has waited for its turn behind
        what is queued: an id's later texts would come before its earlier.
        """
        while self._queued_texts():  # noqa: ASYNC110 - the queue tells nobody
            await asyncio.sleep(0)

    def _queued_texts(self) -> int:
        # The base documents its order, not the name of its queue.
        return len(getattr(self, "input_queue", ()))

    def _claim_state(self, t: TTSTextInput) -> None:
        """Make a used id a running one for the base, too.

        It would keep the state and the metadata of the id's first life, or
        none once another id has come, and an interruption would pass by a
        request it takes for completed.
        """
        is_absent = t.request_id not in self.request_states
        if is_absent or self._is_completed(t.request_id):
            self.request_states[t.request_id] = RequestState.PROCESSING
        if t.metadata:
            self.metadatas[t.request_id] = t.metadata

    def _is_completed(self, request_id: str) -> bool:
        state = self.request_states.get(request_id)
        return state is RequestState.COMPLETED

    def _new_job(
        self,
        first: TTSTextInput,
        config: GradiumTTSConfig,
        client: GradiumTTSClient,
    ) -> _Job:
        request = SpeechRequest(
            first.request_id,
            sample_rate_hz=config.sample_rate_hz,
            sample_bytes=self.synthesize_audio_sample_width()
            * self.synthesize_audio_channels(),
            unix_offset_s=time.time() - asyncio.get_running_loop().time(),
            with_words=config.enable_words,
        )
        dump = DumpFile(
            config.dump_path,
            first.request_id,
            wav_rate_hz=(
                config.sample_rate_hz if config.dump_format == "wav" else None
            ),
            max_files=config.dump_max_files,
        )
        return _Job(
            Speech(request, client),
            dump if config.dump else None,
            self._events,
            first.metadata,
        )

    async def _speak(self, job: _Job) -> None:
        """The request's task: from its first word to its last event."""
        reason = EndReason.ERROR
        try:
            await job.speech.run(job.perform)
            reason = EndReason.REQUEST_END
        except GradiumError as error:
            await self._events.vendor_failed(job.speech, error)
        except Exception as error:
            await self._report_bug(job.request.request_id, error)
        await self._finish(job, reason)

    async def _finish(self, job: _Job, reason: EndReason) -> None:
        """End a request by itself, and let the base start the next."""
        await job.complete_dump()
        await self._queue_is_empty()
        await self._end(job, reason)
        # Before `finish_request`, which starts the next request.
        self._detach()
        if job.next_texts:
            # To the base it is the same request that goes on.
            for t in job.next_texts:
                await self.request_tts(t)
            return
        await self.finish_request(
            job.request.request_id, TTSAudioEndReason(int(reason))
        )

    async def cancel_tts(self) -> None:
        """Stop speaking at once; the base has been told to flush.

        Waits for no peer and never for `finish_request`, which may wait for
        the lock that the flush holds back.
        """
        # A second flush must not be answered before the first is done.
        async with self._cancelling:
            job = self._detach()
            if job:
                await job.cancel()
                await job.complete_dump()
                await self._end(job, EndReason.INTERRUPTED)

    def _detach(self) -> _Job | None:
        job, self._job = self._job, None
        return job

    async def _end(self, job: _Job, reason: EndReason) -> None:
        # Detached already, perhaps, and still measured at its own rate.
        self._ending = job
        try:
            await job.end(reason)
        finally:
            self._ending = None
        request = job.request
        self._admission.ended(
            request.request_id,
            is_input_ended=request.text.is_ended,
            owes_end=reason is EndReason.ERROR and not is_known(request),
            metadata=job.metadata,
        )

    # ------------------------------------------------------- logs and errors

    async def _report_bug(self, request_id: str, error: Exception) -> None:
        self._events.bug(request_id, traceback.format_exc())
        await self._events.error(request_id, f"internal error: {error!r}")

    def _redact(self, text: str) -> str:
        return mask_text(text, self._secrets)

    def _vendor_log(self) -> logging.Logger:
        """Give a logger whose lines go to TEN's log, secrets masked."""
        log = logging.Logger(f"gradium_tts.{self.name}")
        log.addHandler(_TenLogHandler(self.ten_env, self._redact))
        return log


class _TenLogHandler(logging.Handler):
    """Hands log lines to TEN under the category `vendor`."""

    def __init__(self, ten_env: AsyncTenEnv, redact: Any) -> None:
        super().__init__()
        self._redact = redact
        self._writers = {
            logging.DEBUG: ten_env.log_debug,
            logging.INFO: ten_env.log_info,
            logging.WARNING: ten_env.log_warn,
            logging.ERROR: ten_env.log_error,
        }

    def emit(self, record: logging.LogRecord) -> None:
        """Log one line."""
        write = self._writers[record.levelno]
        write(self._redact(record.getMessage()), category=LOG_CATEGORY_VENDOR)
