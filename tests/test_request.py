# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The ledger of a request."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from speaking import cut

from gradium_tts_python.core.actions import (
    Action,
    End,
    EndReason,
    Pcm,
    Start,
    TimedWord,
    Ttfb,
    TurnStatus,
    Words,
)
from gradium_tts_python.core.protocol import Word
from gradium_tts_python.core.request import Ledger

TraceFunction = Callable[[FrameType, str, Any], Any]

# At 1000 Hz a sample is a millisecond.
RATE_HZ = 1000
# Audio that first comes at 10 s on our clock is heard at 1,000,010 s.
UNIX_OFFSET_S = 1_000_000.0
T0_MS = 1_000_010_000

LOUD = b"\xe8\x03"  # 1000


def ms(duration_ms: int) -> bytes:
    """Give so much audio."""
    return LOUD * duration_ms


def silence(duration_ms: int) -> bytes:
    return b"\0\0" * duration_ms


def make(*messages: str, with_words: bool = True) -> Ledger:
    request = Ledger(
        "r1",
        sample_rate_hz=RATE_HZ,
        unix_offset_s=UNIX_OFFSET_S,
        with_words=with_words,
    )
    for message in messages:
        request.script.push(message)
    return request


def words(
    seq: int,
    text: str,
    start_ms: int,
    duration_ms: int,
    status: TurnStatus = TurnStatus.IN_PROGRESS,
) -> Words:
    """Give the result of one word, relative to the first audio."""
    start_ms += T0_MS
    timed = [TimedWord(text, start_ms, duration_ms)] if text else []
    if seq and text:
        timed.insert(0, TimedWord(" ", start_ms, 0))
        text = f" {text}"
    return Words(text, start_ms, duration_ms, tuple(timed), seq, status)


# --------------------------------------------------------------------- ledger


def test_a_whole_request() -> None:
    request = make("Hello,", "world.")
    request.asked(9.0)
    request.script.end_input()

    actions: list[Action] = [
        *cut(request),
        *request.audio_received(ms(80), 10.0),
        *request.word_received(Word("Hello,", 0.01, 0.06)),
        *request.audio_received(ms(80), 10.02),
        *request.word_received(Word("world.", 0.07, 0.15)),
        *request.audio_received(silence(80), 10.25),
        *request.end(EndReason.REQUEST_END),
    ]

    assert actions == [
        Start(),
        Pcm(ms(80), T0_MS),
        Ttfb(1000),
        words(0, "Hello,", 10, 50),
        Pcm(ms(80), T0_MS + 80),
        words(1, "world.", 70, 80),
        Pcm(silence(80), T0_MS + 160),
        words(2, "", 150, 0, TurnStatus.END),
        End(EndReason.REQUEST_END, 250),
    ]


def test_without_words_wanted_the_rest_is_the_same() -> None:
    request = make("Hi.", with_words=False)
    request.asked(9.0)

    actions = [
        *request.audio_received(ms(80), 10.0),
        *request.word_received(Word("Hi.", 0.0, 0.05)),
        *request.end(EndReason.REQUEST_END),
    ]

    assert actions == [
        Start(),
        Pcm(ms(80), T0_MS),
        Ttfb(1000),
        End(EndReason.REQUEST_END, 0),
    ]
    assert request.words_announced == 1


def test_the_numbers_are_those_of_ten() -> None:
    assert [(r.name, int(r)) for r in EndReason] == [
        ("REQUEST_END", 1),
        ("INTERRUPTED", 2),
        ("ERROR", 3),
    ]
    assert [(s.name, int(s)) for s in TurnStatus] == [
        ("IN_PROGRESS", 0),
        ("END", 1),
        ("INTERRUPTED", 2),
    ]


def test_state_follows_the_audio() -> None:
    request = make("Hi there.")

    def state() -> tuple[object, ...]:
        return (request.has_started, request.delivered_s, request.is_awaited)

    states = [state()]
    request.audio_received(ms(500), 10.0)
    states.append(state())
    request.script.end_input()
    states.append(state())

    assert states == [(False, 0, False), (True, 0.5, True), (True, 0.5, True)]
    assert request.session_delivered_s == 0.5
    assert request.script.messages == ["Hi there."]


def test_the_time_to_first_audio_counts_from_the_first_text() -> None:
    request = make()
    request.asked(9.5)
    request.asked(9.9)

    assert request.audio_received(ms(1), 10.0)[2] == Ttfb(500)


def test_audio_that_nobody_asked_for_came_at_once() -> None:
    assert make().audio_received(ms(1), 10.0)[2] == Ttfb(0)


# --------------------------------------------------------------------- audio


def test_half_samples_wait_for_their_other_half() -> None:
    request = make()

    steps = [
        request.audio_received(chunk, 10.0)
        for chunk in (b"", b"\1", b"\0\2", b"\0\3\0")
    ]

    assert steps == [
        [],
        [],
        [Start(), Pcm(b"\1\0", T0_MS), Ttfb(0)],
        [Pcm(b"\2\0\3\0", T0_MS + 1)],
    ]


def test_half_a_sample_is_dropped_at_the_end_of_a_session() -> None:
    request = make("a")
    cut(request)
    request.audio_received(b"\1", 10.0)

    cut(request)

    assert request.audio_received(b"\2\0", 10.0) == [
        Start(),
        Pcm(b"\2\0", T0_MS),
        Ttfb(0),
    ]


@given(
    st.lists(st.integers(1, 500), min_size=1),
    st.sampled_from([8000, 22050, 44100]),
)
def test_timestamps_follow_the_samples(sizes: list[int], rate_hz: int) -> None:
    request = Ledger("r", sample_rate_hz=rate_hz)
    stamps = [
        action.timestamp_ms
        for size in sizes
        for action in request.audio_received(b"\0\0" * size, 10.0)
        if isinstance(action, Pcm)
    ]

    exact = [1000 * sum(sizes[:i]) / rate_hz for i in range(len(sizes))]
    assert all(
        abs(stamp - 10_000 - at_ms) <= 0.5
        for stamp, at_ms in zip(stamps, exact, strict=True)
    )


# --------------------------------------------------------------------- words


def test_a_word_waits_for_its_audio() -> None:
    request = make("a b")
    cut(request)

    early = request.word_received(Word("a", 0.0, 0.1))
    first = request.audio_received(ms(99), 10.0)
    enough = request.audio_received(ms(1), 10.1)

    assert early == []
    assert first == [Start(), Pcm(ms(99), T0_MS), Ttfb(0)]
    assert enough == [Pcm(ms(1), T0_MS + 99), words(0, "a", 0, 100)]


def test_a_rounded_time_is_no_reason_to_wait() -> None:
    request = make("a")
    request.audio_received(ms(100), 10.0)

    assert request.word_received(Word("a", 0.0, 0.10005)) == [
        words(0, "a", 0, 100)
    ]


def test_starts_ascend_whatever_the_server_sends() -> None:
    request = make()
    request.audio_received(ms(500), 10.0)

    actions = [
        *request.word_received(Word("a", 0.2, 0.3)),
        *request.word_received(Word("b", 0.2, 0.3)),
        *request.word_received(Word("c", 0.1, 0.15)),
        *request.word_received(Word("d", 0.4, 0.45)),
        *request.end(EndReason.REQUEST_END),
    ]

    assert actions == [
        words(0, "a", 200, 100),
        words(1, "b", 201, 99),
        words(2, "c", 202, 0),
        words(3, "d", 400, 50),
        words(4, "", 450, 0, TurnStatus.END),
        End(EndReason.REQUEST_END, 0),
    ]


def test_at_the_end_every_word_is_announced() -> None:
    request = make()
    request.audio_received(ms(100), 10.0)
    request.word_received(Word("a", 0.0, 0.2))

    assert request.end(EndReason.REQUEST_END) == [
        words(0, "a", 0, 200),
        words(1, "", 200, 0, TurnStatus.END),
        End(EndReason.REQUEST_END, 0),
    ]


@pytest.mark.parametrize("reason", [EndReason.INTERRUPTED, EndReason.ERROR])
def test_a_cut_request_closes_where_its_audio_was_cut(
    reason: EndReason,
) -> None:
    request = make()
    request.audio_received(ms(100), 10.0)
    request.word_received(Word("a", 0.0, 0.05))
    request.word_received(Word("b", 0.06, 0.2))

    assert request.end(reason) == [
        words(1, "", 100, 0, TurnStatus.INTERRUPTED),
        End(reason, 0),
    ]
    assert request.words_announced == 1


def test_a_turn_without_words_closes_at_the_end_of_its_audio() -> None:
    request = make()
    request.audio_received(ms(100), 10.0)

    assert request.end(EndReason.REQUEST_END) == [
        words(0, "", 100, 0, TurnStatus.END),
        End(EndReason.REQUEST_END, 0),
    ]


# ----------------------------------------------------------------------- end


@pytest.mark.parametrize("reason", EndReason)
def test_without_audio_there_is_only_an_end(reason: EndReason) -> None:
    request = make("Hi.")
    request.word_received(Word("Hi.", 0.0, 0.1))

    assert request.end(reason) == [End(reason, 0)]


@pytest.mark.parametrize("first", EndReason)
@pytest.mark.parametrize("second", EndReason)
def test_a_second_end_changes_nothing(
    first: EndReason, second: EndReason
) -> None:
    request = make("Hi.")
    request.audio_received(ms(100), 10.0)
    request.end(first)

    assert request.end(second) == []


def test_nothing_follows_the_end() -> None:
    request = make("Hi you.")
    cut(request)
    request.audio_received(ms(100), 10.0)
    request.word_received(Word("Hi", 0.0, 0.2))
    request.end(EndReason.INTERRUPTED)

    assert [
        request.audio_received(ms(100), 11.0),
        request.word_received(Word("you.", 0.0, 0.1)),
        cut(request),
        request.complete_session(2),
        request.audio_received(ms(100), 11.0),
        request.end(EndReason.REQUEST_END),
    ] == [[]] * 6
    assert request.delivered_s == 0.1


# ---------------------------------------------------------- how much work it is


def steps(call: Callable[[], object]) -> int:
    """Count the instructions of Python that a call runs."""
    count = 0

    def step(frame: FrameType, event: str, arg: object) -> TraceFunction:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return step

    before = sys.gettrace()
    sys.settrace(step)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def spoken_words(count: int, *, is_split: bool) -> Ledger:
    """A request of so many words, of which all but the last are spoken."""
    request = make(with_words=True)
    texts = [f"word{number}" for number in range(count)]
    for message in texts if is_split else [" ".join(texts)]:
        request.script.push(message)
    for number, text in enumerate(texts[:-1]):
        request.audio_received(ms(10), 0.0)
        request.word_received(Word(text, number / 100, (number + 1) / 100))
    return request


@pytest.mark.parametrize("is_split", [True, False], ids=["split", "whole"])
@pytest.mark.parametrize(
    "call",
    [
        lambda request: request.next_word(),
        lambda request: request.undelivered_text(),
        lambda request: request.audio_received(ms(10), 0.0),
        lambda request: request.word_received(Word("word", 0.0, 0.1)),
    ],
    ids=["next_word", "undelivered_text", "audio_received", "word_received"],
)
def test_a_call_is_no_more_work_as_the_request_grows(
    call: Callable[[Ledger], object], is_split: bool
) -> None:
    short, long = (spoken_words(n, is_split=is_split) for n in (100, 500))

    before, after = steps(lambda: call(short)), steps(lambda: call(long))

    # Looking a place up takes a step more for each doubling.
    assert after <= before * 1.2
