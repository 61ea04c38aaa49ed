# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The base class of TTS extensions, with the traps of TEN's own.

What may surprise here is meant: extensions must be tested against the same
state machine that runs in production.
"""

from __future__ import annotations

import asyncio
import json
import traceback
from abc import ABC, abstractmethod
from enum import Enum
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic import BaseModel, ValidationError

from ten_runtime import (
    AsyncExtension,
    AsyncTenEnv,
    Cmd,
    CmdResult,
    Data,
    StatusCode,
)

from .const import LOG_CATEGORY_KEY_POINT
from .helper import AsyncQueue
from .message import ModuleError, TTSAudioEndReason
from .struct import TTSFlush, TTSTextInput, TTSTextResult, TTSWord
from .tts2_connection import TTSConnection, missing_method

__all__ = [
    "AsyncTTS2BaseExtension",
    "RequestState",
    "TTSFlush",
    "TTSTextInput",
    "TTSTextResult",
    "TTSWord",
]

DATA_TTS_TEXT_INPUT = "tts_text_input"
DATA_TTS_TEXT_RESULT = "tts_text_result"
DATA_FLUSH = "tts_flush"
DATA_FLUSH_RESULT = "tts_flush_end"
CMD_UPDATE_CONFIGS = "update_configs"


class RequestState(str, Enum):
    QUEUED = "queued"
    PROCESSING = "processing"
    FINALIZING = "finalizing"
    COMPLETED = "completed"


_NEXT: dict[RequestState | None, tuple[RequestState, ...]] = {
    None: (RequestState.QUEUED,),
    RequestState.QUEUED: (RequestState.PROCESSING, RequestState.COMPLETED),
    RequestState.PROCESSING: (
        RequestState.FINALIZING,
        RequestState.COMPLETED,
    ),
    RequestState.FINALIZING: (RequestState.COMPLETED,),
    RequestState.COMPLETED: (),
}


class AsyncTTS2BaseExtension(TTSConnection, AsyncExtension, ABC):
    """Queues texts per request and hands them to `request_tts`, in turn."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._tts2_init_events()
        self.input_queue = AsyncQueue()
        self.request_states: dict[str, RequestState] = {}
        self.current_task: asyncio.Task[None] | None = None
        self.loop_task: asyncio.Task[None] | None = None
        self._processing_request_id: str | None = None
        self._pending_messages: dict[str, list[TTSTextInput]] = {}
        self._put_lock = asyncio.Lock()
        self._tts2_no_flush = asyncio.Event()
        self._tts2_no_flush.set()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            kind = type(self).__name__
            usual = f"{kind!r} object has no attribute {name!r}"
            text = missing_method(name) or usual
            raise AttributeError(text, name=name, obj=self)

    # -- what an extension supplies -----------------------------------------

    @abstractmethod
    def vendor(self) -> str:
        """Return the vendor's name, for metrics."""

    @abstractmethod
    async def request_tts(self, t: TTSTextInput) -> None:
        """Speak one piece of text; what it raises is logged and lost."""

    @abstractmethod
    def synthesize_audio_sample_rate(self) -> int:
        """In Hz; must not be 0, usage metrics divide by it."""

    def synthesize_audio_channels(self) -> int:
        return 1

    def synthesize_audio_sample_width(self) -> int:
        """Return bytes per sample."""
        return 2

    async def cancel_tts(self) -> None:
        """Stop the current request; emit its audio_end before returning."""

    async def update_configs(self, configs: dict[str, Any]) -> None:
        """Take over settings; an exception becomes the ERROR result."""

    # -- life cycle ----------------------------------------------------------

    async def on_init(self, ten_env: AsyncTenEnv) -> None:
        await super().on_init(ten_env)
        self.ten_env = ten_env

    async def on_start(self, ten_env: AsyncTenEnv) -> None:
        await super().on_start(ten_env)
        self.loop_task = asyncio.create_task(
            self._tts2_serve_queue(), name="the queue of texts"
        )

    async def on_stop(self, ten_env: AsyncTenEnv) -> None:
        await self.send_usage_metrics()
        await super().on_stop(ten_env)
        await self._tts2_drop_everything()
        if self.loop_task is not None:
            self.loop_task.cancel()
        await self.input_queue.put(None)

    async def on_deinit(self, ten_env: AsyncTenEnv) -> None:
        await super().on_deinit(ten_env)

    # -- input ---------------------------------------------------------------

    async def on_cmd(self, ten_env: AsyncTenEnv, cmd: Cmd) -> None:
        if cmd.get_name() != CMD_UPDATE_CONFIGS:
            await ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))
            return
        text, _ = cmd.get_property_to_json("")
        try:
            await self.update_configs(json.loads(text))
            result = CmdResult.create(StatusCode.OK, cmd)
        except Exception as error:
            ten_env.log_warn(f"update_configs failed: {error}")
            result = CmdResult.create(StatusCode.ERROR, cmd)
            result.set_property_string("message", str(error))
        await ten_env.return_result(result)

    async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
        name = data.get_name()
        if name not in (DATA_TTS_TEXT_INPUT, DATA_FLUSH):
            return
        text, _ = data.get_property_to_json("")
        shape: type[BaseModel] = (
            TTSFlush if name == DATA_FLUSH else TTSTextInput
        )
        try:
            parsed = shape.model_validate_json(text)
        except ValidationError as error:
            ten_env.log_warn(f"invalid {name} dropped: {error}")
            return
        if isinstance(parsed, TTSTextInput):
            await self._tts2_enqueue(parsed)
        elif isinstance(parsed, TTSFlush):
            await self._tts2_flush(ten_env, parsed)

    async def _tts2_enqueue(self, t: TTSTextInput) -> None:
        # The lock is held while a flush is awaited: texts stay in order.
        async with self._put_lock:
            await self._tts2_no_flush.wait()
            if t.request_id not in self.request_states:
                self._tts2_forget_completed()
                self._tts2_transition(t.request_id, RequestState.QUEUED)
                if t.metadata:
                    self.metadatas[t.request_id] = t.metadata
            await self.input_queue.put(t)

    async def _tts2_flush(self, ten_env: AsyncTenEnv, t: TTSFlush) -> None:
        async with self._put_lock:
            self._tts2_no_flush.clear()
        try:
            await self._tts2_drop_everything()
            end = Data.create(DATA_FLUSH_RESULT)
            end.set_property_from_json(
                None,
                json.dumps({"flush_id": t.flush_id, "metadata": t.metadata}),
            )
            # Not through `self.ten_env`, as all else is: whoever has put
            # something in its place does not see this one.
            await ten_env.send_data(end)
        except Exception as error:
            self.ten_env.log_error(f"flush {t.flush_id} failed: {error}")
            raise
        finally:
            self._tts2_no_flush.set()

    async def _tts2_drop_everything(self) -> None:
        """The part of a flush that also happens at the stop."""
        await self.input_queue.flush()
        self._pending_messages.clear()
        state = self.request_states.get(self._processing_request_id or "")
        if self._processing_request_id is not None and state not in (
            None,
            RequestState.COMPLETED,
        ):
            self.leftover_bytes = b""
            await self.cancel_tts()
        self.request_states.clear()
        self.metadatas.clear()
        self._processing_request_id = None
        self.current_audio_request_id = None

    # -- the queue -----------------------------------------------------------

    async def _tts2_serve_queue(self) -> None:
        while (t := await self.input_queue.get()) is not None:
            active = self._processing_request_id
            if active is not None and active != t.request_id:
                self._pending_messages.setdefault(t.request_id, []).append(t)
                continue
            if active is None:
                self._processing_request_id = t.request_id
                self._tts2_transition(t.request_id, RequestState.PROCESSING)
            if t.text_input_end:
                self._tts2_transition(t.request_id, RequestState.FINALIZING)
            try:
                await self.request_tts(t)
            except asyncio.CancelledError:
                self.ten_env.log_info(f"request {t.request_id} is cancelled")
            except Exception as error:
                self.ten_env.log_error(
                    f"request_tts of {t.request_id}: {traceback.format_exc()}"
                )
                _tell_unhandled(f"request_tts of {t.request_id}", error)

    def _ten_waiting(self) -> list[str]:
        """Tell the host, while a run hangs, which requests are why."""
        first, waiting = self._processing_request_id, [*self._pending_messages]
        if first is None:
            return []
        return [
            f"the request {first} is not finished: finish_request was not called",
            *(f"the request {one} waits for {first}" for one in waiting),
        ]

    async def finish_request(
        self,
        request_id: str,
        reason: TTSAudioEndReason = TTSAudioEndReason.REQUEST_END,
        error: ModuleError | None = None,
    ) -> None:
        """End a request and let the next one begin; sends no audio_end."""
        if error is not None:
            await self.send_tts_error(request_id, error)
        self._tts2_transition(request_id, RequestState.COMPLETED)
        if self.current_audio_request_id == request_id:
            self.current_audio_request_id = None
        self.ten_env.log_info(
            f"request {request_id} is finished, reason {int(reason)}",
            category=LOG_CATEGORY_KEY_POINT,
        )
        if self._processing_request_id != request_id:
            return
        self._processing_request_id = None
        if self._pending_messages:
            oldest = next(iter(self._pending_messages))
            messages = self._pending_messages.pop(oldest)
            self._processing_request_id = oldest
            async with self._put_lock:
                for message in messages:
                    await self.input_queue.put(message)

    def _tts2_transition(self, request_id: str, state: RequestState) -> bool:
        """Go to `state`; an illegal step is refused with a warning only."""
        present = self.request_states.get(request_id)
        if state not in _NEXT[present]:
            was = present.value if present else "absent"
            self.ten_env.log_warn(
                f"request {request_id}: no step from {was} to {state.value}"
            )
            return False
        self.request_states[request_id] = state
        return True

    def _tts2_forget_completed(self) -> None:
        for request_id, state in list(self.request_states.items()):
            if state is RequestState.COMPLETED:
                del self.request_states[request_id]
                self.metadatas.pop(request_id, None)


def _tell_unhandled(what: str, error: Exception) -> None:
    """Hand on what nobody handles, so that a test can fail for it."""
    asyncio.get_running_loop().call_exception_handler(
        {
            "message": f"{what} raised; its request never ends",
            "exception": error,
            "task": asyncio.current_task(),
        }
    )
