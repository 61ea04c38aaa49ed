# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What the graph is told: actions, errors and states as TEN messages."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass
from enum import Enum

from ten_ai_base.message import (
    ModuleErrorCode,
    ModuleErrorVendorInfo,
    ModuleType,
    TTSAudioEndReason,
)
from ten_ai_base.struct import TTSTextResult, TTSWord
from ten_ai_base.tts2 import AsyncTTS2BaseExtension
from ten_runtime import Data

from ..core.actions import (
    Action,
    End,
    EndReason,
    Pcm,
    Start,
    Ttfb,
    TurnStatus,
    WishesRefused,
    Words,
)
from ..core.audio import SAMPLE_BYTES
from ..core.errors import ErrorKind, GradiumError
from ..core.log_text import ends_of
from ..speech import Speech
from .base_traps import QuotingError
from .figures import heard_of, latency_of, pace_of
from .listener import Listener
from .log import GraphLog

VENDOR = "gradium"
# So much of a server's words is passed on, and of a sentence with them in it.
MOST_CHARACTERS = 2000
DATA_CONNECTION_STATUS = "connection_status_changed"


# ------------------------------------------------------- state of the service
#
# Sockets come and go with every request, and an open one in reserve is no
# news. So the state is `connected` from the first socket on, until a request
# fails, and again when one gets through.


class Status(Enum):
    """The states, by the names that the graph sees."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"


@dataclass(frozen=True)
class StatusChange:
    """One step from `last` to `current`."""

    last: Status
    current: Status


class ConnectionStatus:
    """Remembers the state; tells each change once, in a legal order."""

    def __init__(self) -> None:
        self.current = Status.DISCONNECTED

    def move_to(self, wanted: Status) -> list[StatusChange]:
        """Take the steps to a state; none if it is reached already."""
        steps = []
        if (self.current, wanted) == (Status.DISCONNECTED, Status.CONNECTED):
            steps.append(self._step(Status.CONNECTING))
        if self.current is not wanted:
            steps.append(self._step(wanted))
        return steps

    def _step(self, wanted: Status) -> StatusChange:
        change = StatusChange(self.current, wanted)
        self.current = wanted
        return change


class GraphEvents:
    """Sends through the base class what happens to requests and sockets."""

    def __init__(
        self,
        base: AsyncTTS2BaseExtension,
        log: GraphLog,
    ) -> None:
        """Speak for an extension.

        Args:
            log: where to log; has the masker of the extension's secrets.
        """
        self._base = base
        self._log = log
        self._status = ConnectionStatus()
        # Who hears what is sent, and tells what was heard.
        self.listener = Listener(base, log)
        self._is_wait_told = False
        # What the graph may know of the vendor's side; no secrets.
        self.vendor_metadata: dict[str, str] = {}

    # -------------------------------------------------------------- requests

    async def perform(self, speech: Speech, action: Action) -> None:
        """Turn an action of the ledger into an event."""
        ledger = speech.ledger
        request_id = ledger.request_id
        if isinstance(action, Pcm):
            await self._base.send_tts_audio_data(
                action.pcm, action.timestamp_ms
            )
            self._base.metrics_add_recv_audio_chunks(action.pcm)
            duration_s = len(action.pcm) / SAMPLE_BYTES / ledger.sample_rate_hz
            speech.playback.deliver(duration_s, _now())
        elif isinstance(action, Ttfb):
            await self._base.send_tts_ttfb_metrics(
                request_id, action.ttfb_ms, extra_metadata=latency_of(speech)
            )
        elif isinstance(action, Start):
            await self._base.send_tts_audio_start(request_id)
        elif isinstance(action, Words):
            await self._send_words(speech, action)
        elif isinstance(action, WishesRefused):
            await self.wishes_refused(request_id, action)
        elif isinstance(action, End):
            await self._send_end(speech, action)

    async def end_unheard(self, request_id: str) -> None:
        """Say that a request ended whose failure has been told already."""
        await self._base.send_tts_audio_end(
            request_id, 0, 0, reason=TTSAudioEndReason.ERROR
        )

    async def _send_words(self, speech: Speech, words: Words) -> None:
        request_id = speech.ledger.request_id
        heard = heard_of(speech, _now()) if _is_cut(speech, words) else {}
        await self._base.send_tts_text_result(
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
                text_result_end=words.turn_status is not TurnStatus.IN_PROGRESS,
                metadata={
                    **self._base.metadatas.get(request_id, {}),
                    "turn_seq_id": words.turn_seq_id,
                    "turn_status": int(words.turn_status),
                    **heard,
                },
            )
        )

    async def _send_end(self, speech: Speech, end: End) -> None:
        ledger, usage = speech.ledger, speech.usage
        is_complete = end.reason is EndReason.REQUEST_END
        left = len(ledger.undelivered_text())
        if end.reason is EndReason.ERROR:
            speech.playback.break_off(_now())
        figures = {"is_cached": speech.is_cached, **pace_of(speech)}
        self._log.key_point(
            f"request={ledger.request_id} {end.reason.name.lower()}"
            f" audio_s={ledger.delivered_s:.2f} words={ledger.words_announced}"
            f" characters_left={left} sessions={usage.sessions}"
            + "".join(f" {name}={value}" for name, value in figures.items())
        )
        self._base.metrics_add_output_characters(usage.characters_sent)
        self._base.metrics_add_input_characters(usage.characters_spoken)
        try:
            await self._base.send_usage_metrics(
                ledger.request_id, extra_metadata=figures
            )
        finally:
            # A graph that does not wait for the end need not be told of it.
            if is_complete or ledger.is_awaited:
                await self._base.send_tts_audio_end(
                    ledger.request_id,
                    end.interval_ms,
                    round(ledger.delivered_s * 1000),
                    reason=TTSAudioEndReason(int(end.reason)),
                )

    # ---------------------------------------------------------------- errors

    async def vendor_failed(self, speech: Speech, error: GradiumError) -> None:
        """Report that what is left of a request will not be spoken."""
        await self._send_failure(error)
        left = speech.ledger.undelivered_text()
        await self.error(
            speech.ledger.request_id,
            f"{error} ({len(left)} characters were not spoken)",
            quote=f': "{ends_of(left)}"' if left else "",
            is_fatal=error.is_fatal,
            code=error.code or error.kind.value,
            vendor_message=error.vendor_message or str(error),
        )

    async def wishes_refused(
        self, request_id: str, refused: WishesRefused
    ) -> None:
        """Report that a request is spoken with the settings after all."""
        await self.error(
            request_id,
            f"{refused.message}; the request is spoken with the settings",
            code=refused.code,
            vendor_message=refused.vendor_message,
        )

    async def error(
        self,
        request_id: str,
        message: str,
        *,
        is_fatal: bool = False,
        code: str,
        vendor_message: str = "",
        quote: str = "",
    ) -> None:
        """Send one `error`; `code` is the vendor's, as text.

        Args:
            quote: words of the user that the message ends in; they are kept
                out of the log.
        """
        module_code = (
            ModuleErrorCode.FATAL_ERROR
            if is_fatal
            else ModuleErrorCode.NON_FATAL_ERROR
        )
        await self._base.send_tts_error(
            request_id,
            QuotingError(
                message=self._shown(message),
                quote=self._shown(quote),
                module=ModuleType.TTS,
                code=int(module_code.value),
                vendor_info=ModuleErrorVendorInfo(
                    vendor=VENDOR,
                    code=code,
                    message=self._shown(vendor_message or message),
                ),
            ),
        )

    # --------------------------------------------------------------- sockets

    async def socket_opened(self, took_s: float) -> None:
        """Report how long a connect took."""
        await self._base.metrics_connect_delay(round(took_s * 1000))

    async def connecting(self) -> None:
        """Report that a request waits for the first socket."""
        if self._status.current is Status.DISCONNECTED:
            await self._send_status(Status.CONNECTING)

    async def connected(self) -> None:
        """Report that requests get through."""
        self._is_wait_told = False
        await self._send_status(Status.CONNECTED)

    async def disconnected(self, error: GradiumError) -> None:
        """Report that a session failed, and why; once, while it is retried.

        A wait for a free session of the account may be long, so that it is
        told even where none has got through yet.
        """
        is_full = error.kind is ErrorKind.CAPACITY
        is_wait = is_full and not self._is_wait_told
        if self._status.current is Status.CONNECTED or is_wait:
            self._is_wait_told = is_full
            await self._send_failure(error)

    async def refused(self, error: GradiumError) -> None:
        """Report what no request can succeed with."""
        await self._send_failure(error)
        await self.error(
            "",
            str(error),
            is_fatal=True,
            code=error.code or error.kind.value,
            vendor_message=error.vendor_message or str(error),
        )

    async def _send_failure(self, error: GradiumError) -> None:
        await self._send_status(
            Status.DISCONNECTED,
            code=int(error.code) if error.code.isdecimal() else 0,
            message=str(error),
            vendor_message=error.vendor_message,
            vendor_code=error.code or error.kind.value,
        )

    async def _send_status(
        self,
        wanted: Status,
        *,
        code: int = 0,
        message: str = "",
        vendor_code: str = "",
        vendor_message: str = "",
    ) -> None:
        info = ModuleErrorVendorInfo(
            vendor=VENDOR,
            code=vendor_code,
            message=self._shown(vendor_message),
        )
        for change in self._status.move_to(wanted):
            hook = getattr(self._base, f"on_{change.current.value}", None)
            if hook is None:
                await self._send_status_data(
                    change, code, self._shown(message), info
                )
            elif change.current is Status.DISCONNECTED:
                await hook(code, self._shown(message), info)
            else:
                await hook()

    def _shown(self, text: str) -> str:
        return self._log.masker.head(text, MOST_CHARACTERS)

    async def _send_status_data(
        self,
        change: StatusChange,
        code: int,
        message: str,
        info: ModuleErrorVendorInfo,
    ) -> None:
        """Build the event that newer base classes build themselves."""
        payload = {
            "id": uuid.uuid4().hex,
            "module": ModuleType.TTS.value,
            "vendor": VENDOR,
            "current": change.current.value,
            "last": change.last.value,
            "code": code,
            "message": message,
            "vendor_info": info.model_dump(),
            "metadata": {"vendor_metadata": self.vendor_metadata},
        }
        data = Data.create(DATA_CONNECTION_STATUS)
        data.set_property_from_json(None, json.dumps(payload))
        await self._base.ten_env.send_data(data)


def _is_cut(speech: Speech, words: Words) -> bool:
    """Whether a result closes a turn that was interrupted."""
    is_interrupted = speech.playback.is_stopped
    return is_interrupted and words.turn_status is TurnStatus.INTERRUPTED


def _now() -> float:
    return asyncio.get_running_loop().time()
