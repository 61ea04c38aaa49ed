# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What the graph must see of a request, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, Union


class EndReason(IntEnum):
    """Why a request ended; the numbers of TEN's `TTSAudioEndReason`."""

    REQUEST_END = 1
    INTERRUPTED = 2
    ERROR = 3


class TurnStatus(IntEnum):
    """The `turn_status` of a text result."""

    IN_PROGRESS = 0
    END = 1
    INTERRUPTED = 2


@dataclass(frozen=True)
class Ttfb:
    """First audio came `ttfb_ms` after the first speakable text."""

    ttfb_ms: int


@dataclass(frozen=True)
class Start:
    """The audio of the request starts."""


class Pcm(NamedTuple):
    """Whole samples, to be played at `timestamp_ms` (Unix time).

    Not a dataclass, as the others are: see `Audio`.
    """

    pcm: bytes
    timestamp_ms: int


@dataclass(frozen=True)
class TimedWord:
    """A word, or the space before one (duration 0), in Unix ms."""

    word: str
    start_ms: int
    duration_ms: int


@dataclass(frozen=True)
class Words:
    """What is spoken from `start_ms` (Unix time) on for `duration_ms`."""

    text: str
    start_ms: int
    duration_ms: int
    words: tuple[TimedWord, ...]
    turn_seq_id: int
    turn_status: TurnStatus


@dataclass(frozen=True)
class End:
    """The request is over; `interval_ms` runs from first to last audio."""

    reason: EndReason
    interval_ms: int


@dataclass(frozen=True)
class WishesRefused:
    """What a request asked for itself is not had; it is spoken without.

    Attributes:
        message: for the user.
        code: the vendor's, as text.
        vendor_message: in the vendor's words.
    """

    message: str
    code: str
    vendor_message: str = ""


Action = Union[Ttfb, Start, Pcm, Words, WishesRefused, End]
