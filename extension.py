# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The TEN side: takes texts of requests, gives audio and events back.

What happens to a request stands here from top to bottom: `request_tts` judges
its texts at the door (`Admission`) and returns at once, `_speak` is its task
(`Speech` speaks, `GraphEvents` tells), `_finish` ends it by itself, and
`cancel_tts` when it is interrupted.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from ten_ai_base.message import TTSAudioEndReason
from ten_ai_base.struct import TTSTextInput
from ten_runtime import AsyncTenEnv, Data

from .config import DEFAULT_SAMPLE_RATE_HZ, KNOWN, GradiumTTSConfig
from .core.actions import EndReason, WishesRefused
from .core.admission import Admission, Segment, Verdict
from .core.errors import ErrorKind, GradiumError
from .core.redact import host_of, secrets_in
from .core.request import Ledger
from .core.sentences import ConfigError
from .core.setting_names import merge_settings
from .core.text import is_speakable
from .gradium_tts import GradiumTTSClient
from .graph.base_traps import GuardedTTSBase
from .graph.dump import dump_of
from .graph.events import VENDOR, GraphEvents
from .graph.job import Job
from .graph.log import GraphLog
from .graph.traced_env import TracedEnv, note_received
from .graph.updates import answer_to, warnings_since
from .speech import Speech
from .wire.trace import Trace
from .wire.transport import Connect, open_websocket


class GradiumTTSExtension(GuardedTTSBase):
    """Gradium's voices for a TEN graph."""

    # How sockets are opened; TEN hands a constructor nothing but the name.
    connect: Connect = staticmethod(open_websocket)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._tree: dict[str, Any] = {}
        self._config: GradiumTTSConfig | None = None
        self._config_error = "the extension is not initialised"
        self._client: GradiumTTSClient | None = None
        self._sample_rate_hz = DEFAULT_SAMPLE_RATE_HZ
        self._admission = Admission()
        self._job: Job | None = None
        self._is_stopping = False
        self._log = GraphLog(self, name)
        self._trace = Trace(self._masked)
        self._events = GraphEvents(self, self._log)

    # ------------------------------------------------------------ life cycle

    async def on_init(self, ten_env: AsyncTenEnv) -> None:
        """Read the settings; opens nothing and waits for nothing."""
        await super().on_init(ten_env)
        try:
            self._trace.open_from_environment()
        except OSError as error:
            self._log.warn(f"no trace: {error}")
        self._trace.start(self.name)
        self.ten_env = self._traced(ten_env)
        try:
            text, failure = await ten_env.get_property_to_json("")
            if failure:
                raise ConfigError(f"no properties: {failure.error_message()}")
            # Kept even if it is wrong: an update may complete it.
            self._tree = json.loads(text or "{}")
            self._use(self._tree)
        except Exception as error:  # whatever it is, the app must live on
            self._config_error = str(error)
            await self._refuse("", self._config_error)

    async def on_start(self, ten_env: AsyncTenEnv) -> None:
        """Open the first socket ahead, and see whether the server agrees."""
        await super().on_start(ten_env)
        if self._client and self._config:
            self._client.preload()
            if self._config.params.check_at_start:
                self._client.check()
            else:
                self._client.prewarm()

    async def on_stop(self, ten_env: AsyncTenEnv) -> None:
        """End what is running and close every socket and file."""
        self._trace.write(ten="in", name="stop")
        self._is_stopping = True
        await super().on_stop(ten_env)
        await self._events.listener.aclose()
        if self._client:
            await self._client.aclose()
        self._trace.close()

    async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
        """Write a message down, then take it as the base does."""
        if self._trace.is_open:
            note_received(self._trace.write, data)
        # The base answers a flush through this very environment.
        await super().on_data(self._traced(ten_env), data)

    def change_settings(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Use changed settings from the next request on.

        Returns:
            The answer: a sentence, and what it says as lists.

        Raises:
            ConfigError: what is wrong; everything stays as it was.
        """
        self._log.keep_secret(secrets_in(changes))
        self._trace.write(ten="in", name="update_configs", fields=changes)
        before = self._config
        try:
            config = self._use(*merge_settings(self._tree, changes, KNOWN))
        except ConfigError as error:
            self._log.warn(f"update_configs refused: {error}")
            raise
        if self._client:
            self._client.preload()
            self._client.prewarm()
        answer = dict(self._masked(answer_to(before, config)))
        self._log.key_point(f"update_configs: {answer['message']}")
        return answer

    def _use(
        self, tree: dict[str, Any], notes: Sequence[str] = ()
    ) -> GradiumTTSConfig:
        # All that may fail comes before the first change.
        config = GradiumTTSConfig.load(tree, notes)
        secrets, shown = config.secrets(), config.redacted()
        client = self._client or GradiumTTSClient(
            config,
            connect=self.connect,
            observer=self._events,
            trace=self._trace,
            log=self._log.vendor,
        )
        self._log.keep_secret(secrets)
        for warning in warnings_since(self._config, config):
            self._log.warn(warning)
        self._tree, self._config, self._client = tree, config, client
        self._log.key_point(f"config: {shown}")
        warnings = list(config.warnings)
        self._trace.write(
            ten="config", config=json.loads(shown), warnings=warnings
        )
        is_chatty = config.params.debug_log
        self._log.vendor.setLevel(logging.DEBUG if is_chatty else logging.INFO)
        self._events.vendor_metadata = {
            "host": host_of(config.endpoint().url),
            "model": config.params.model_name,
        }
        if not self._job:
            self._sample_rate_hz = config.sample_rate_hz
        client.update_config(config)
        return config

    # ------------------------------------------------- a request: at the door

    async def request_tts(self, t: TTSTextInput) -> None:
        """Take a text of a request; returns at once."""
        if not self._is_stopping:
            await self._enter(
                Segment(
                    t.request_id,
                    t.text,
                    is_speakable=is_speakable(t.text),
                    is_last=t.text_input_end,
                    metadata=t.metadata,
                )
            )

    async def _enter(self, segment: Segment) -> None:
        try:
            await self._admit(segment)
        except Exception as error:  # the base would block its queue for good
            job, self._job = self._job, None
            if job:
                await job.stop()
            await self._report_bug(segment.request_id, error)
            if job:
                await self._end(job, EndReason.ERROR)
            self._admission.ended()
            await self.finish_request(
                segment.request_id, TTSAudioEndReason.ERROR
            )

    async def _admit(self, segment: Segment) -> None:
        job = self._job
        if job and job.ledger.request_id != segment.request_id:
            # The base hands over one request at a time; should it not, the
            # older one ends properly before the newer starts.
            await self.cancel_tts()
            await self.finish_request(
                job.ledger.request_id, TTSAudioEndReason.INTERRUPTED
            )
        verdict = self._admission.admit(segment)
        if verdict is Verdict.NEW:
            self.claim(segment.request_id, segment.metadata)
            await self._begin(segment)
        elif verdict is Verdict.NEXT and self._job:
            self._push(self._job, segment)
        elif verdict is Verdict.NEXT_LIFE and self._job:
            self._job.next_life.append(segment)
        elif not self._job:
            await self._leave_out(segment, verdict)

    async def _begin(self, segment: Segment) -> None:
        """Begin the request that this text is the first of."""
        config, client = self._config, self._client
        if not config or not client:
            await self._refuse(segment.request_id, self._config_error)
            self._admission.ended(owes_end=True)
            if segment.is_last:
                await self._events.end_unheard(segment.request_id)
            await self.release(segment.request_id)
            return
        own, refused = self._settings_of(segment, config)
        self._sample_rate_hz = config.sample_rate_hz
        ledger = Ledger(
            segment.request_id,
            sample_rate_hz=config.sample_rate_hz,
            unix_offset_s=time.time() - asyncio.get_running_loop().time(),
            with_words=config.enable_words,
        )

        def warn(failure: str) -> None:
            self._log.warn(f"request={segment.request_id} no dump: {failure}")

        dump = dump_of(config, segment.request_id, warn)
        speech = Speech(ledger, client, own, clock=self._events.listener.clock)
        self._job = Job(speech, dump, self._events, self._log)
        self._push(self._job, segment)
        if refused:
            await self._job.attempt(refused)

    def _settings_of(
        self, segment: Segment, config: GradiumTTSConfig
    ) -> tuple[GradiumTTSConfig, WishesRefused | None]:
        """Return the settings of a request, and why not those it asked for."""
        try:
            own, notes = config.for_request(segment.metadata.get("tts"))
        except ConfigError as error:
            refused = WishesRefused(str(error), ErrorKind.CONFIG.value)
            self._log.warn(f"request={segment.request_id} {error}")
            return config, refused
        for note in notes:
            self._log.warn(f"request={segment.request_id} {note}")
        return own, None

    def _push(self, job: Job, segment: Segment) -> None:
        job.push(segment)
        if not job.task and (segment.is_speakable or segment.is_last):
            job.ledger.asked(asyncio.get_running_loop().time())
            job.task = asyncio.create_task(
                self._speak(job), name=f"gradium:{job.ledger.request_id:.64}"
            )

    async def _leave_out(self, segment: Segment, verdict: Verdict) -> None:
        """Pass over a text whose request has ended."""
        request_id = segment.request_id
        self._events.listener.left_out(request_id, segment.text)
        if segment.is_speakable:
            self._log.key_point(
                f"request={request_id} has ended, its text is left out:"
                f" characters={len(segment.text)}"
            )
        if verdict is Verdict.LATE_LAST:
            await self._events.end_unheard(request_id)
        await self.release(request_id)

    # ---------------------------------------------------- it is spoken, it ends

    async def _speak(self, job: Job) -> None:
        """The request's task: from its first word to its last event."""
        reason = EndReason.ERROR
        try:
            await job.speech.run(job.perform)
            reason = EndReason.REQUEST_END
        except GradiumError as error:
            await self._tell_of(job, error)
        except Exception as error:
            await self._report_bug(job.ledger.request_id, error)
        await self._finish(job, reason)

    async def _finish(self, job: Job, reason: EndReason) -> None:
        """End a request by itself, and let the base start the next."""
        await job.complete_dump()
        await self.queue_is_empty()
        await self._end(job, reason)
        # Before `finish_request`, which starts the next request.
        self._job = None
        if job.next_life:
            # To the base it is the same request that goes on.
            for segment in job.next_life:
                await self._enter(segment)
            return
        await self.finish_request(
            job.ledger.request_id, TTSAudioEndReason(int(reason))
        )

    async def cancel_tts(self) -> None:
        """Stop speaking at once; the base has been told to flush.

        Waits for no peer and never for `finish_request`, which may wait for
        the lock that the flush holds back.
        """
        job, self._job = self._job, None
        if job:
            await job.stop()
            await self._end(job, EndReason.INTERRUPTED)

    async def _end(self, job: Job, reason: EndReason) -> None:
        """Tell all that is left to tell of a request, once."""
        await job.end(reason)
        self._admission.ended(
            owes_end=reason is EndReason.ERROR and not job.ledger.is_awaited
        )

    # -------------------------------------------------------- what went wrong

    async def _tell_of(self, job: Job, error: GradiumError) -> None:
        try:
            await self._events.vendor_failed(job.speech, error)
        except Exception:  # the request ends all the same
            self._log.bug(job.ledger.request_id, traceback.format_exc())

    async def _refuse(self, request_id: str, message: str) -> None:
        await self._events.error(
            request_id, message, is_fatal=True, code=ErrorKind.CONFIG.value
        )

    async def _report_bug(self, request_id: str, error: Exception) -> None:
        self._log.bug(request_id, traceback.format_exc())
        try:
            await self._events.error(
                request_id,
                f"internal error: {error!r}",
                code=ErrorKind.INTERNAL.value,
            )
        except Exception:  # the request ends all the same
            self._log.bug(request_id, traceback.format_exc())

    # --------------------------------------------------- what the base asks for

    def vendor(self) -> str:
        """Return the vendor's name, for metrics and errors."""
        return VENDOR

    def vendor_metadata(self) -> dict[str, str]:
        """Return what newer base classes put into connection states."""
        return self._events.vendor_metadata

    def synthesize_audio_sample_rate(self) -> int:
        """Return the rate in Hz of the running request, else of the next."""
        return self._sample_rate_hz

    def is_speaking(self) -> bool:
        """Whether a request is running."""
        return self._job is not None

    async def flushing(self) -> None:
        """Tell what was heard of requests that have ended, and still play."""
        await self._events.listener.interrupted()

    def flushed(self) -> None:
        """Owe no end: nothing of what was said before is waited for."""
        self._admission.flushed()
        self._events.listener.flushed()

    # ----------------------------------------------------------------- internal

    def _traced(self, ten_env: AsyncTenEnv) -> Any:
        if not self._trace.is_open:
            return ten_env
        return TracedEnv(ten_env, self._trace.write)

    def _masked(self, tree: Any) -> Any:
        return self._log.masker.mask_values(tree)
