# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What only TEN's base class makes necessary, each trap with its reason.

`AsyncTTS2BaseExtension` queues texts by request and hands them to
`request_tts`, one request at a time. Where its bookkeeping and a client that
speaks in the background do not fit together, this class stands between.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from ten_ai_base.const import LOG_CATEGORY_KEY_POINT
from ten_ai_base.message import ModuleError, ModuleType, TTSAudioEndReason
from ten_ai_base.tts2 import (
    CMD_UPDATE_CONFIGS,
    DATA_FLUSH,
    AsyncTTS2BaseExtension,
    RequestState,
)
from ten_runtime import AsyncTenEnv, Cmd, CmdResult, Data, StatusCode


class QuotingError(ModuleError):
    """An error whose message goes on with words of the user."""

    quote: str = ""


class GuardedTTSBase(AsyncTTS2BaseExtension):
    """The base class, with the traps closed that can be closed from here."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._is_initialised = False
        self._inputs = asyncio.Lock()
        self._releasing: asyncio.Task[None] | None = None

    def is_speaking(self) -> bool:
        """Whether a request is running; for the extension to say."""
        raise NotImplementedError

    async def flushing(self) -> None:
        """Learn of a flush before it ends anything, though nothing runs."""

    def flushed(self) -> None:
        """Learn of a flush; the base does not tell when it is idle."""

    def change_settings(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Use changed settings; returns the answer, for the extension to say.

        Raises:
            Exception: what is wrong, for the one who asked.
        """
        raise NotImplementedError

    # -------------------------------------------------------------- start, stop

    async def on_init(self, ten_env: AsyncTenEnv) -> None:
        """Begin; from here on there is something to stop."""
        await super().on_init(ten_env)
        self._is_initialised = True

    async def on_stop(self, ten_env: AsyncTenEnv) -> None:
        """Stop, if it ever began.

        An app that is stopped at once leaves `on_init` out and calls
        `on_stop` all the same: the base would reach for an environment that
        it never got, and the process would end.
        """
        if not self._is_initialised:
            return
        # After a flush that is under way, which ends its request itself.
        async with self._inputs:
            await self.cancel_tts()
            await super().on_stop(ten_env)
        if self._releasing:
            self._releasing.cancel()
            await asyncio.wait({self._releasing})

    # ----------------------------------------------------------------- settings

    async def on_cmd(self, ten_env: AsyncTenEnv, cmd: Cmd) -> None:
        """Answer an update of the settings with what it changed.

        The base says no more than that nothing went wrong, and to those who
        changed nothing, too.
        """
        if cmd.get_name() != CMD_UPDATE_CONFIGS:
            await super().on_cmd(ten_env, cmd)
            return
        try:
            text, _ = cmd.get_property_to_json("")
            status = StatusCode.OK
            answer = self.change_settings(json.loads(text or "{}"))
        except Exception as error:  # the one who asked is told
            status, answer = StatusCode.ERROR, {"message": str(error)}
        result = CmdResult.create(status, cmd)
        result.set_property_from_json(None, json.dumps(answer))
        await ten_env.return_result(result)

    async def update_configs(self, configs: dict[str, Any]) -> None:
        """Use changed settings; raises what is wrong with them."""
        self.change_settings(configs)

    # -------------------------------------------------------------------- input

    async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
        """Take texts and flushes one after the other, as they came.

        Each message has a task of its own, and the base lets flushes
        overlap: the first that ends lets texts in again while the others
        still clear, and what a new request said by then is lost. A text
        that comes before a flush is dropped by it; one that comes after
        them all is spoken.
        """
        is_flush = data.get_name() == DATA_FLUSH and _has_flush_id(data)
        async with self._inputs:
            if is_flush:
                await self.flushing()
            await super().on_data(ten_env, data)
            if is_flush:
                self.flushed()

    # ------------------------------------------------------------------- states

    def claim(self, request_id: str, metadata: Mapping[str, Any]) -> None:
        """Make a used id a running one for the base, too.

        It would keep the state and the metadata of the id's first life, or
        none once another id has come, and an interruption would pass by a
        request it takes for completed.
        """
        state = self.request_states.get(request_id, RequestState.COMPLETED)
        if state is RequestState.COMPLETED:
            self.request_states[request_id] = RequestState.PROCESSING
        if metadata:
            self.metadatas[request_id] = dict(metadata)

    # ------------------------------------------------------------------- errors

    async def send_tts_error(
        self,
        request_id: str | None,
        error: ModuleError,
        turn_id: int = -1,
        extra_metadata: dict[str, Any] | None = None,
    ) -> None:
        """Send an error.

        The base writes each message into the log, where the user's text has
        no place: one with a quote is sent past it.
        """
        if not isinstance(error, QuotingError) or not error.quote:
            await super().send_tts_error(
                request_id, error, turn_id, extra_metadata
            )
            return
        self.ten_env.log_error(
            f"tts_error: code={error.code} {error.message}",
            category=LOG_CATEGORY_KEY_POINT,
        )
        known = self.metadatas.get(request_id, {}) if request_id else {}
        info = error.vendor_info
        payload = {
            "id": request_id or "",
            "code": error.code,
            "module": ModuleType.TTS.value,
            "message": error.message + error.quote,
            "vendor_info": info.model_dump() if info else {},
            "metadata": {**known, **(extra_metadata or {})},
        }
        data = Data.create("error")
        data.set_property_from_json(None, json.dumps(payload))
        await self.ten_env.send_data(data)

    # ------------------------------------------------------------------ the end

    async def release(self, request_id: str) -> None:
        """Let the base go on after a text that needs no request.

        Each text makes its id the one that is processed, and only
        `finish_request` ends that; until then all other requests wait.
        """
        if not self._queued_texts():
            await self.finish_request(request_id, TTSAudioEndReason.ERROR)
        elif self._releasing is None or self._releasing.done():
            # Not here: this is called by what empties the queue.
            self._releasing = asyncio.create_task(
                self._release_later(request_id),
                name=f"gradium:{request_id:.64}:release",
            )

    async def _release_later(self, request_id: str) -> None:
        await self.queue_is_empty()
        if not self.is_speaking():  # else that ends the id
            await self.finish_request(request_id, TTSAudioEndReason.ERROR)

    async def queue_is_empty(self) -> None:
        """Wait for what the base is about to hand over, a few turns.

        A finished request lets it append what has waited for its turn behind
        what is queued: an id's later texts would come before its earlier.
        """
        while self._queued_texts():  # noqa: ASYNC110 - the queue has no signal
            await asyncio.sleep(0)

    def _queued_texts(self) -> int:
        # The base documents its order, not the name of its queue.
        return len(getattr(self, "input_queue", ()))


def _has_flush_id(data: Data) -> bool:
    """Whether a flush is one; the base passes over one without an id."""
    _, failure = data.get_property_string("flush_id")
    return failure is None
