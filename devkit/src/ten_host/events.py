# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What an extension sends, as values that can be compared in a test.

An event is always one of these; a `Message` is what came, not yet read.

Every event carries `time_s`, the monotonic clock at its arrival, which takes
no part in comparisons. `metadata` is a plain dictionary and empty when the
message had none. Names and meanings are those of TEN's TTS interface.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Union

from .messages import Json, Message


class EndReason(IntEnum):
    """Why a request's audio ended."""

    REQUEST_END = 1
    INTERRUPTED = 2
    ERROR = 3


@dataclass(frozen=True)
class _Timed:
    time_s: float = field(default=0.0, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True)
class AudioStart(_Timed):
    """`tts_audio_start`: frames of the request follow."""

    request_id: str = ""
    metadata: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Frame(_Timed):
    """`pcm_frame`: 16-bit mono samples; `timestamp_ms` as the frame has it."""

    pcm: bytes = b""
    sample_rate_hz: int = 0
    timestamp_ms: int = 0
    metadata: Json = field(default_factory=dict)

    def __repr__(self) -> str:
        """The samples as their size: a failing test prints many frames."""
        return (
            f"Frame({len(self.pcm)} bytes, {self.sample_rate_hz} Hz, "
            f"{self.timestamp_ms} ms, {self.metadata})"
        )

    @property
    def duration_s(self) -> float:
        """Seconds of sound in this frame."""
        return len(self.pcm) / 2 / self.sample_rate_hz


@dataclass(frozen=True)
class AudioEnd(_Timed):
    """`tts_audio_end`: no frame of the request follows.

    `interval_ms` is the time from its first to its last audio, `duration_ms`
    the length of the sound.
    """

    request_id: str = ""
    interval_ms: int = 0
    duration_ms: int = 0
    reason: EndReason = EndReason.REQUEST_END
    metadata: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Word:
    """One word of a text result; times in epoch milliseconds."""

    word: str
    start_ms: int
    duration_ms: int


@dataclass(frozen=True)
class TextResult(_Timed):
    """`tts_text_result`: text that the audio says, with the words' times."""

    request_id: str = ""
    text: str = ""
    start_ms: int = 0
    duration_ms: int = 0
    words: tuple[Word, ...] = ()
    is_end: bool = False
    metadata: Json = field(default_factory=dict)


@dataclass(frozen=True)
class FlushEnd(_Timed):
    """`tts_flush_end`: the interruption is done."""

    flush_id: str = ""
    metadata: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Error(_Timed):
    """`error`; `id` is the request's, or empty for the whole extension."""

    id: str = ""
    code: int = 0
    message: str = ""
    vendor_info: Json = field(default_factory=dict)
    metadata: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Metrics(_Timed):
    """`metrics`, of which TEN gives no request id."""

    metrics: Json = field(default_factory=dict)
    metadata: Json = field(default_factory=dict)


@dataclass(frozen=True)
class ConnectionStatus(_Timed):
    """`connection_status_changed` between the extension and its vendor."""

    current: str = ""
    last: str = ""
    code: int = 0
    message: str = ""
    vendor_info: Json = field(default_factory=dict)
    metadata: Json = field(default_factory=dict)


@dataclass(frozen=True)
class OtherData(_Timed):
    """Any other data message, with all its properties."""

    name: str = ""
    properties: Json = field(default_factory=dict)


Event = Union[
    AudioStart,
    Frame,
    AudioEnd,
    TextResult,
    FlushEnd,
    Error,
    Metrics,
    ConnectionStatus,
    OtherData,
]


def event_of(message: Message) -> Event:
    """Return what a message means.

    Raises:
        ValueError: an interface message lacks a field or has a wrong type.
    """
    if message.is_frame:
        return _frame(message)
    read = _READERS.get(message.name)
    if read is None:
        return OtherData(message.name, message.fields, time_s=message.time_s)
    try:
        return read(message.fields, message.metadata, message.time_s)
    except (KeyError, TypeError) as broken:
        text = f"{message.name} lacks {broken}: {message.fields}"
        raise ValueError(text) from broken


def describe(events: list[Event]) -> str:
    """Return the events' names in a line, equal neighbours counted."""
    names: list[tuple[str, int]] = []
    for event in events:
        name = type(event).__name__
        if names and names[-1][0] == name:
            names[-1] = (name, names[-1][1] + 1)
        else:
            names.append((name, 1))
    return ", ".join(n if k == 1 else f"{k} {n}" for n, k in names) or "nothing"


def _frame(message: Message) -> Frame:
    return Frame(
        message.pcm,
        message.sample_rate_hz,
        message.timestamp_ms,
        message.metadata,
        time_s=message.time_s,
    )


def _audio_start(fields: Json, metadata: Json, time_s: float) -> Event:
    return AudioStart(fields["request_id"], metadata, time_s=time_s)


def _audio_end(fields: Json, metadata: Json, time_s: float) -> Event:
    return AudioEnd(
        fields["request_id"],
        fields["request_event_interval_ms"],
        fields["request_total_audio_duration_ms"],
        EndReason(fields["reason"]),
        metadata,
        time_s=time_s,
    )


def _text_result(fields: Json, metadata: Json, time_s: float) -> Event:
    words = tuple(
        Word(word["word"], word["start_ms"], word["duration_ms"])
        for word in fields["words"]
    )
    return TextResult(
        fields["request_id"],
        fields["text"],
        fields["start_ms"],
        fields["duration_ms"],
        words,
        fields.get("text_result_end", False),
        metadata,
        time_s=time_s,
    )


def _flush_end(fields: Json, metadata: Json, time_s: float) -> Event:
    return FlushEnd(fields["flush_id"], metadata, time_s=time_s)


def _error(fields: Json, metadata: Json, time_s: float) -> Event:
    return Error(
        fields["id"],
        fields["code"],
        fields["message"],
        fields.get("vendor_info") or {},
        metadata,
        time_s=time_s,
    )


def _metrics(fields: Json, metadata: Json, time_s: float) -> Event:
    return Metrics(fields["metrics"], metadata, time_s=time_s)


def _connection_status(fields: Json, metadata: Json, time_s: float) -> Event:
    return ConnectionStatus(
        fields["current"],
        fields["last"],
        fields.get("code", 0),
        fields.get("message", ""),
        fields.get("vendor_info") or {},
        metadata,
        time_s=time_s,
    )


_READERS = {
    "tts_audio_start": _audio_start,
    "tts_audio_end": _audio_end,
    "tts_text_result": _text_result,
    "tts_flush_end": _flush_end,
    "error": _error,
    "metrics": _metrics,
    "connection_status_changed": _connection_status,
}
