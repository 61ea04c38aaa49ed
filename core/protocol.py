# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Gradium's text-to-speech websocket protocol as values, without any I/O.

One session is `setup → ready → text* → end_of_stream`, and back come `audio`
and `text` (timed words) until the server's own `end_of_stream`. Everything is
JSON in websocket text frames, audio is base64 inside it.

* `Setup` is what a session asks for, `decode` reads what the server says.
* `Session` is the client's side of one session: it makes the frames to send,
  reads the frames received, and refuses what the protocol forbids.

Illegal calls raise `LocalProtocolError` (a bug on this side), illegal frames
`RemoteProtocolError` (a fault of the other).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, Union

from .codec import STANDARD, Codec, encodable, encode

SAMPLE_RATES_HZ = (8000, 16000, 22050, 24000, 44100, 48000)

# What the vendor accepts in `json_config` (voice settings guide).
VOICE_RANGES = {
    "temp": (0.0, 1.5),
    "cfg_coef": (1.0, 10.0),
    "padding_bonus": (-5.0, 5.0),
}

# Keys of `setup` and of the other messages that belong to the protocol; a
# user's extra parameters never reach them.
RESERVED_KEYS = frozenset(
    {
        "type",
        "text",
        "audio",
        "client_req_id",
        "close_ws_on_eos",
        "output_format",
    }
)


class LocalProtocolError(Exception):
    """This side tried something the protocol forbids."""


class RemoteProtocolError(Exception):
    """What the protocol forbids; whether it `has_audio` may be unknown."""

    def __init__(self, message: str, has_audio: bool | None = None) -> None:
        super().__init__(message)
        self.has_audio = has_audio


# --------------------------------------------------------------- what we send


@dataclass(frozen=True)
class Setup:
    """What a session asks for; `None` leaves the choice to the server.

    `json_config` goes out as JSON text, the form that the vendor's own
    clients send; `extra` holds further setup keys, reserved ones excepted.
    """

    output_format: str
    model_name: str = "default"
    voice_id: str | None = None
    voice: str | None = None
    json_config: Mapping[str, Any] | None = field(default=None, repr=False)
    pronunciation_id: str | None = None
    retry_for_s: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def frame(self) -> str:
        """Return the websocket text frame that opens a session."""
        message: dict[str, Any] = {
            key: value
            for key, value in self.extra.items()
            if key not in RESERVED_KEYS
        }
        message.update(type="setup", output_format=self.output_format)
        message["model_name"] = self.model_name
        if self.json_config:
            message["json_config"] = encode(dict(self.json_config))
        for name in ("voice_id", "voice", "pronunciation_id", "retry_for_s"):
            value = getattr(self, name)
            if value is not None:
                message[name] = value
        return encode(message)


# ------------------------------------------------------------ what comes back


@dataclass(frozen=True)
class Ready:
    """The session is accepted; every field but the type may be missing."""

    sample_rate_hz: int | None = None
    request_id: str | None = None


class Audio(NamedTuple):
    """A chunk of audio in the session's output format.

    Not a dataclass, as the others are: there is one for every message, and a
    frozen one takes three times as long to make.

    Times are seconds from the start of the session's audio; the server may
    leave them out or send non-positive ones with the first chunk. Those that
    are no times count as left out: the audio is none the worse for them.
    """

    chunk: bytes
    start_s: float = 0.0
    stop_s: float = 0.0


@dataclass(frozen=True)
class Word:
    """One spoken word, punctuation attached, on the clock of `Audio`.

    A word without times, or with times that are none (a text, say), has NaN
    for both: it compares with nothing, so that no word seems delivered by
    mistake. Where only one is there, it stands for both.
    """

    text: str
    start_s: float
    stop_s: float


@dataclass(frozen=True)
class EndOfStream:
    """All audio of the session has been sent."""


@dataclass(frozen=True)
class ServerError:
    """The server gives the session up; `code` may be missing."""

    message: str
    code: int | None = None


@dataclass(frozen=True)
class Unreadable:
    """Stands for a frame that may have had audio, or surely had."""

    is_audio: bool


ServerMessage = Union[Ready, Audio, Word, EndOfStream, ServerError, Unreadable]


@dataclass(frozen=True)
class Ignored:
    """A frame without news: of a type that is not known here, or too late.

    `type` is the server's name of it, or ours where it is known.
    """

    type: str


# What a frame has that was audio, in front of whatever broke it.
_AUDIO = re.compile(r'"audio"\s*:\s*"[A-Za-z0-9+/]')
# No session lasts that long; larger times cannot be turned into integers.
_MOST_S = 1e6
# What JSON has of them; a boolean is none.
_NUMBERS = (float, int)


def decode(
    raw: str | bytes, codec: Codec = STANDARD
) -> ServerMessage | Ignored:
    """Read one frame.

    Returns:
        The message, or `Ignored` for a message type this client does not
        know (the vendor adds types without notice).

    Raises:
        RemoteProtocolError: a binary frame, bad JSON, or a field that
            matters and is of the wrong type; nothing else is ever raised.
    """
    if not isinstance(raw, str):
        raise RemoteProtocolError(f"binary frame of {len(raw)} bytes")
    try:
        message = codec.parse_json(raw)
    except (ValueError, RecursionError) as error:
        has_audio = bool(_AUDIO.search(raw)) or None
        raise RemoteProtocolError(f"not JSON: {error}", has_audio) from None
    if not isinstance(message, dict) or not isinstance(
        message.get("type"), str
    ):
        raise RemoteProtocolError("a message without a type")
    if message["type"] == "audio":
        return _read_audio(message, codec.decode_base64)
    reader = _READERS.get(message["type"])
    return reader(message) if reader else Ignored(message["type"])


def _read_ready(message: dict[str, Any]) -> Ready:
    return Ready(
        sample_rate_hz=_optional(message, "sample_rate", int),
        request_id=_if_of(str, message.get("request_id")),
    )


def _read_audio(
    message: dict[str, Any], decode_base64: Callable[[str], bytes]
) -> Audio:
    encoded = message.get("audio")
    if not isinstance(encoded, str):
        raise RemoteProtocolError("audio without audio")
    try:
        chunk = decode_base64(encoded)
    except ValueError as error:
        why = f"audio is not base64: {error}"
        raise RemoteProtocolError(why, has_audio=True) from None
    start_s, stop_s = _read_span(message)
    is_timed = not math.isnan(start_s)
    return Audio(chunk, start_s, stop_s) if is_timed else Audio(chunk)


def _read_word(message: dict[str, Any]) -> Word:
    text = message.get("text")
    if not isinstance(text, str):
        raise RemoteProtocolError("text without text", has_audio=False)
    return Word(encodable(text), *_read_span(message))


def _read_span(message: dict[str, Any]) -> tuple[float, float]:
    """Read start and stop in seconds; both NaN where they tell no times."""
    start, stop = message.get("start_s"), message.get("stop_s")
    start_s = _seconds(stop if start is None else start)
    stop_s = _seconds(start if stop is None else stop)
    if math.isnan(start_s + stop_s):
        return math.nan, math.nan
    return start_s, stop_s


def _seconds(value: Any) -> float:
    """Return a number of seconds; NaN for what no session can last."""
    is_time = type(value) in _NUMBERS and abs(value) <= _MOST_S
    return float(value) if is_time else math.nan


def _read_error(message: dict[str, Any]) -> ServerError:
    # Whatever is odd about an error, it must not be lost.
    text = _if_of(str, message.get("message"))
    return ServerError(
        message=encodable(text) if text else "error without a message",
        code=_if_of(int, message.get("code")),
    )


def _if_of(kind: type, value: Any) -> Any:
    """Return a value of this type; any other counts as missing."""
    return value if _is_of(kind, value) else None


def _is_of(kind: type, value: Any) -> bool:
    """Whether it is of a type; numbers beyond 64 bits are of none."""
    is_of = isinstance(value, kind) and not isinstance(value, bool)
    return is_of and not (kind is int and abs(value) >= 2**63)


def _optional(message: dict[str, Any], key: str, kind: type) -> Any:
    value = message.get(key)
    if value is None or _is_of(kind, value):
        return value
    shown = repr(value)
    if len(shown) > 40:
        # Not cut: a secret in it would be cut, too, and then not be known.
        shown = f"of type {type(value).__name__}"
    why = f"{message['type']}.{key} is {shown}"
    raise RemoteProtocolError(why, has_audio=False)


_READERS: dict[str, Callable[[dict[str, Any]], ServerMessage]] = {
    "ready": _read_ready,
    "text": _read_word,
    "end_of_stream": lambda _: EndOfStream(),
    "error": _read_error,
}


# ---------------------------------------------------------------- one session


class Input(Enum):
    """How far our side of a session has come."""

    UNOPENED = "unopened"
    OPEN = "open"
    ENDED = "ended"


class Answer(Enum):
    """How far the server's side of a session has come."""

    NONE = "none"
    READY = "ready"
    COMPLETE = "complete"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether the server says no more."""
        return self in (Answer.COMPLETE, Answer.FAILED)


class Session:
    """The client's side of one session on a socket of its own.

    Its state is two small ones, `input` (ours) and `answer` (theirs), that
    move independently: text may follow `setup` at once, since the server
    queues what comes before `ready` (websocket lifecycle, "pipelining").
    Each call returns the frame to send; nothing here sends it.
    """

    def __init__(self, setup: Setup, codec: Codec = STANDARD) -> None:
        self.input = Input.UNOPENED
        self.answer = Answer.NONE
        self._setup = setup
        self._codec = codec

    def start(self) -> str:
        """Open the session."""
        if self.input is not Input.UNOPENED:
            raise LocalProtocolError(f"setup with input {self.input.value}")
        self.input = Input.OPEN
        return self._setup.frame()

    def push_text(self, text: str) -> str:
        """Say this next; the server joins texts with one space."""
        self._check_input("text")
        return encode({"type": "text", "text": text})

    def flush(self) -> str:
        """Have everything so far spoken, though more is to come.

        The vendor's tag for it; it never ends a session: only
        `end_of_stream` is known to lose nothing.
        """
        return self.push_text("<flush>")

    def end_input(self) -> str:
        """Say that no more text comes."""
        self._check_input("end_of_stream")
        self.input = Input.ENDED
        return encode({"type": "end_of_stream"})

    def receive(self, raw: str | bytes) -> ServerMessage | Ignored:
        """Read one frame of the server.

        Returns:
            The message; `Ignored` for what carries no news: unknown types, a
            second `ready`, anything after the end.

        Raises:
            RemoteProtocolError: see `decode`.
            LocalProtocolError: nothing was asked for yet.
        """
        if self.input is Input.UNOPENED:
            raise LocalProtocolError("receive with input unopened")
        message = decode(raw, self._codec)
        is_repeated = isinstance(message, Ready) and self.answer is Answer.READY
        if isinstance(message, Ignored):
            return message
        if self.answer.is_final or is_repeated:
            return Ignored(type(message).__name__)
        if isinstance(message, EndOfStream):
            self.answer = Answer.COMPLETE
        elif isinstance(message, ServerError):
            self.answer = Answer.FAILED
        else:
            # Audio before `ready` has not been seen, but would imply it.
            self.answer = Answer.READY
        return message

    def _check_input(self, what: str) -> None:
        if self.input is not Input.OPEN:
            raise LocalProtocolError(f"{what} with input {self.input.value}")
        if self.answer.is_final:
            raise LocalProtocolError(f"{what} with answer {self.answer.value}")
