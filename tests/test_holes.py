# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What is a hole in the audio of a session, and what is a server's way."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest

from gradium_tts_python.core.holes import Holes

RATE_HZ = 1000
LOUD, SILENT = b"\xe8\x03", b"\0\0"


@dataclass(frozen=True)
class Message:
    """An audio message: its times, and how much audio there is in it."""

    start_s: float
    stop_s: float
    duration_s: float = 0.08
    sample: bytes = LOUD

    @property
    def pcm(self) -> bytes:
        return self.sample * round(self.duration_s * RATE_HZ)


UNREADABLE_AUDIO, UNREADABLE = "unreadable audio", "unreadable"


def played(messages: Iterable[Message | str]) -> Holes:
    holes = Holes(RATE_HZ)
    for message in messages:
        if isinstance(message, Message):
            holes.add(message.start_s, message.stop_s, message.pcm)
        else:
            holes.unreadable(is_audio=message == UNREADABLE_AUDIO)
    return holes


def timed(count: int, first: int = 0, sample: bytes = LOUD) -> list[Message]:
    """Messages as Gradium sends them."""
    return [
        Message(n * 0.08, (n + 1) * 0.08, sample=sample)
        for n in range(first, first + count)
    ]


def untimed(count: int, sample: bytes = LOUD) -> list[Message]:
    return [Message(0.0, 0.0, sample=sample)] * count


# ------------------------------------------------------------ no hole at all

Times = Callable[[int], tuple[float, float]]
FRAME_S = 0.08

# How servers may count without anything being missing: by the number of a
# message, its start and its stop.
WAYS: dict[str, Times] = {
    "as Gradium does": lambda n: (n * 0.08, n * 0.08 + 0.08),
    "none": lambda n: (0.0, 0.0),
    "start only": lambda n: (n * 0.08, n * 0.08),
    "stop only": lambda n: (n * 0.08 + 0.08, n * 0.08 + 0.08),
    "from 100 s on": lambda n: (n * 0.08 + 100, n * 0.08 + 100.08),
    "before zero": lambda n: (n * 0.08 - 0.16, n * 0.08 - 0.08),
    "first stops at zero": lambda n: (
        (-0.08, 0.0) if not n else (n * 0.08 - 0.08, n * 0.08)
    ),
    "first without times": lambda n: (
        (0.0, 0.0) if not n else (n * 0.08, n * 0.08 + 0.08)
    ),
    "milliseconds": lambda n: (n * 80.0, n * 80.0 + 80),
    "samples": lambda n: (n * 80.0, n * 80.0 + 79),
    "backwards": lambda n: (99 - n * 0.08, 99.08 - n * 0.08),
    "anew every second": lambda n: (n % 12 * 0.08, n % 12 * 0.08 + 0.08),
    "rounded to 10 ms": lambda n: (
        round(n * 0.0833, 2),
        round((n + 1) * 0.0833, 2),
    ),
    "rounded to 100 ms": lambda n: (
        round(n * 0.08, 1),
        round(n * 0.08 + 0.08, 1),
    ),
    "slow by rounding": lambda n: (n * 0.07, n * 0.07 + 0.07),
    "fast by rounding": lambda n: (n * 0.09, n * 0.09 + 0.09),
    "steps of 100 ms": lambda n: (n * 0.1, n * 0.1 + 0.08),
    "twice as fast": lambda n: (n * 0.16, n * 0.16 + 0.16),
    "all the same": lambda n: (0.0, 0.08),
    "absurd": lambda n: (1e5, -1e5),
    "not a number": lambda n: (float("nan"), float("nan")),
}


@pytest.mark.parametrize("name", WAYS)
def test_no_way_of_counting_makes_a_hole(name: str) -> None:
    holes = played(Message(*WAYS[name](n)) for n in range(400))
    holes.end(32.0)

    assert (holes.at_s, holes.intact_s) == (None, 32.0)


def test_messages_of_any_size_make_no_hole() -> None:
    ends_ms = [0, 80, 85, 400, 401, 3000, 3020, 3020, 4000]
    messages = [
        Message(start / 1000, stop / 1000, (stop - start) / 1000)
        for start, stop in zip(ends_ms, ends_ms[1:], strict=False)
    ]

    assert played(messages).at_s is None


@pytest.mark.parametrize("at", range(0, 11))
@pytest.mark.parametrize(
    "extra",
    [
        UNREADABLE,
        UNREADABLE_AUDIO,
        Message(0.0, 0.0, 0.0),
        Message(-0.08, 0.0, 0.0),
        Message(7.0, 8.0, 0.0),
        Message(0.0, 0.0, 1.0),
    ],
    ids=["unreadable", "audio", "empty", "priming", "odd", "a second more"],
)
def test_what_comes_between_messages_is_no_hole(
    extra: Message | str, at: int
) -> None:
    """The messages around it follow each other: nothing is missing."""
    messages: list[Message | str] = [*timed(10)]
    messages.insert(at, extra)
    holes = played(messages)
    # The last word ends 0.2 s before the audio does.
    holes.end(0.6)

    assert holes.at_s is None


def test_what_cannot_be_read_of_a_server_without_times_is_no_hole() -> None:
    """Where it need not have been audio, and the words are all there."""
    holes = played([*untimed(5), UNREADABLE, *untimed(5)])
    holes.end(0.75)

    assert (holes.at_s, holes.intact_s) == (None, 0.8)


def test_a_first_message_may_start_anywhere() -> None:
    assert played(timed(9, first=7)).at_s is None


# ------------------------------------------------------------------- a hole


@pytest.mark.parametrize("missing", [1, 2, 10, 400])
@pytest.mark.parametrize("before", [2, 3, 9])
def test_a_jump_is_a_hole_at_once(before: int, missing: int) -> None:
    holes = played([*timed(before), *timed(1, first=before + missing)])

    assert holes.at_s == pytest.approx(before * 0.08)
    assert holes.intact_s == holes.at_s


def test_a_jump_counts_once_messages_have_followed_each_other() -> None:
    early = [*timed(1), *timed(1, first=4)]

    assert played(early).at_s is None
    assert played([*early, *timed(1, first=5)]).at_s == pytest.approx(0.08)


def test_the_first_of_two_holes_counts() -> None:
    frames = [*timed(3), *timed(1, first=5), *timed(1, first=9)]

    assert played(frames).at_s == pytest.approx(0.24)


@pytest.mark.parametrize("what", [UNREADABLE, UNREADABLE_AUDIO])
@pytest.mark.parametrize("before", [0, 1, 5])
def test_times_show_that_something_unreadable_was_audio(
    what: str, before: int
) -> None:
    holes = played([*timed(before), what, *timed(1, first=before + 1)])

    assert holes.at_s == pytest.approx(before * 0.08)


@pytest.mark.parametrize("before", [0, 1, 5])
def test_without_times_what_surely_was_audio_is_a_hole(before: int) -> None:
    messages = [*untimed(before), UNREADABLE_AUDIO]

    assert played(messages).at_s is None
    assert played([*messages, *untimed(1)]).at_s == pytest.approx(before * 0.08)


@pytest.mark.parametrize("way", ["none", "backwards", "milliseconds"])
def test_every_other_message_unreadable_is_a_hole(way: str) -> None:
    holes = Holes(RATE_HZ)
    for number in range(20):
        if number % 2:
            holes.unreadable(is_audio=True)
        else:
            holes.add(*WAYS[way](number), Message(0, 0).pcm)

    assert holes.at_s == pytest.approx(0.08)


# ------------------------------------------------- what only the end can tell


@pytest.mark.parametrize(
    ("last_stop_s", "is_hole"),
    [
        # The last word ends before the hole, with 100 ms to be sure.
        (0.2, False),
        (0.3, False),
        (0.35, True),
        # In it, or behind it.
        (0.44, True),
        (0.7, True),
        # Nobody knows.
        (None, True),
    ],
)
@pytest.mark.parametrize("rest", [0, 4])
@pytest.mark.parametrize(
    "frames",
    [
        [*timed(5), UNREADABLE_AUDIO],
        [*timed(5), *timed(1, first=7, sample=SILENT)],
        [*untimed(5), UNREADABLE_AUDIO, *untimed(1, SILENT)],
    ],
    ids=["unreadable", "jump", "untimed"],
)
def test_before_silence_a_hole_counts_if_a_word_was_in_it(
    frames: list[Message | str],
    rest: int,
    last_stop_s: float | None,
    is_hole: bool,
) -> None:
    if isinstance(frames[-1], Message):
        first = 8 if frames[-1].stop_s else 0
        frames = [
            *frames,
            *(timed(rest, first, SILENT) if first else untimed(rest, SILENT)),
        ]
    holes = played(frames)
    before = holes.at_s
    holes.end(last_stop_s)

    assert before is None
    assert (holes.at_s is not None) is is_hole
    assert holes.at_s in (None, pytest.approx(0.4))


def test_speech_behind_silence_behind_a_hole_is_a_hole() -> None:
    frames = [*timed(5), *timed(3, first=7, sample=SILENT)]

    assert played(frames).at_s is None
    assert played(frames).intact_s == pytest.approx(0.4)
    assert played([*frames, *timed(1, first=10)]).at_s == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("last_stop_s", "at_s"),
    [(0.8, None), (0.85, None), (1.0, 0.4), (None, None)],
)
def test_words_that_outlast_the_audio_show_what_was_unreadable(
    last_stop_s: float | None, at_s: float | None
) -> None:
    holes = played([*untimed(5), UNREADABLE, *untimed(5)])
    holes.end(last_stop_s)

    assert holes.at_s == (None if at_s is None else pytest.approx(at_s))


@pytest.mark.parametrize("last_stop_s", [0.1, 0.4, 5.0, None])
def test_without_any_reason_the_words_decide_nothing(
    last_stop_s: float | None,
) -> None:
    """Times of words may run late, drift, or be absurd."""
    holes = played(timed(5))
    holes.end(last_stop_s)

    assert holes.at_s is None


def test_half_samples_are_no_hole() -> None:
    holes = Holes(RATE_HZ)
    for number, size in enumerate([159, 161, 159, 161]):
        holes.add(number * 0.08, number * 0.08 + 0.08, bytes(size))

    assert holes.at_s is None
    assert holes.intact_s == pytest.approx(0.32)


@pytest.mark.parametrize(
    ("sample", "at_s"), [(LOUD, pytest.approx(0.4)), (SILENT, None)]
)
def test_behind_a_hole_half_a_sample_is_no_speech(
    sample: bytes, at_s: object
) -> None:
    holes = played([*timed(5), *timed(1, first=7, sample=SILENT)])
    holes.add(0.64, 0.72, sample * 80 + b"\x7f")

    assert holes.at_s == at_s
