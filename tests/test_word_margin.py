# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""When words were surely delivered, by times that may be wrong."""

from __future__ import annotations

import math
import struct

import pytest

from gradium_tts_python.core.word_margin import (
    DEFAULT_S,
    PauseFinder,
    TimeMargin,
    plausible_stop_s,
    words_delivered,
)

FRAME_S = 0.08
# 36 words of 300 ms, a pause of 400 ms after every fourth.
STOPS_S = [0.3 * (n + 1) + 0.4 * (n // 4) for n in range(36)]
PAUSES_S = STOPS_S[3::4]


def margin_after(early_s: float, pauses: int) -> TimeMargin:
    """Let all words come, and so many pauses be heard."""
    margin = TimeMargin()
    for at_s in PAUSES_S[:pauses]:
        margin.pause_heard(at_s)
    for stop_s in STOPS_S:
        margin.word_received(stop_s - early_s, stop_s)
    return margin


# ---------------------------------------------------------------- the estimate


@pytest.mark.parametrize(
    ("early_s", "pauses", "margin_s"),
    [
        (0.0, 0, 0.1),
        (0.08, 0, 0.1),
        (0.0, 2, 0.1),
        (0.0, 3, 0.02),
        (-0.05, 3, 0.02),
        (0.08, 3, 0.1),
        (0.03, 8, 0.05),
        # More than the default is believed at once.
        (0.14, 1, 0.16),
        (0.29, 1, 0.3),
    ],
)
def test_pauses_show_how_early_words_end(
    early_s: float, pauses: int, margin_s: float
) -> None:
    assert margin_after(early_s, pauses).margin_s == pytest.approx(margin_s)


def test_a_pause_that_no_word_ends_at_shows_nothing() -> None:
    margin = TimeMargin()
    for at_s in (1.0, 2.0, 3.0):
        margin.pause_heard(at_s)
    for stop_s in (0.4, 1.5, 2.5, 3.6, 999.0, math.nan):
        margin.word_received(stop_s, stop_s if stop_s < 9 else 4.0)

    assert margin.margin_s == DEFAULT_S


def test_a_pause_waits_for_the_word_before_it() -> None:
    margin = TimeMargin()
    for stop_s in (0.3, 0.6):
        margin.word_received(stop_s, 0.7)
    margin.pause_heard(0.9)
    before = margin.margin_s
    margin.word_received(0.75, 1.0)
    margin.word_received(1.6, 1.6)

    assert (before, margin.margin_s) == (DEFAULT_S, pytest.approx(0.17))


@pytest.mark.parametrize("early_s", [0.0, 0.02, 0.05, 0.08, 0.1])
@pytest.mark.parametrize("lag_s", [0.0, 0.04, 0.2, -0.3])
@pytest.mark.parametrize("with_pauses", [False, True])
def test_no_cut_loses_the_tail_of_a_word(
    early_s: float, lag_s: float, with_pauses: bool
) -> None:
    """Words come by the server's clock, frames of 80 ms in between."""
    told_s = [stop_s - early_s for stop_s in STOPS_S]
    margin, heard, lost, cuts = TimeMargin(), 0, 0, 0
    pauses = list(PAUSES_S) if with_pauses else []
    for frame in range(1, int(STOPS_S[-1] / FRAME_S) + 3):
        delivered_s = frame * FRAME_S
        while pauses and pauses[0] + 0.15 <= delivered_s:
            margin.pause_heard(pauses.pop(0))
        while heard < 36 and told_s[heard] + lag_s <= delivered_s:
            margin.word_received(told_s[heard], delivered_s)
            heard += 1
        counted = words_delivered(
            [*told_s[:heard]], delivered_s, margin.margin_s
        )
        whole = sum(stop_s <= delivered_s + 1e-4 for stop_s in STOPS_S)
        cuts += 1
        lost += counted > whole

    assert (lost, cuts >= 72) == (0, True)


def test_without_a_margin_the_same_cuts_lose_tails() -> None:
    """A test of the test."""
    told_s = [stop_s - 0.08 for stop_s in STOPS_S]

    lost = sum(
        words_delivered(told_s, frame * FRAME_S, 0.0)
        > sum(stop_s <= frame * FRAME_S + 1e-4 for stop_s in STOPS_S)
        for frame in range(200)
    )

    assert lost > 10


# ------------------------------------------------------------------ absurd times


@pytest.mark.parametrize(
    ("start_s", "stop_s", "stop"),
    [
        (0.5, 0.9, 0.9),
        (0, 1, 1.0),
        (-0.08, 0.0, 0.0),
        (12.0, 39.9, 39.9),
        (0.5, 999.0, None),
        (998.0, 999.0, None),
        (0.9, 0.5, None),
        (-5.0, 0.5, None),
        (math.nan, 0.5, None),
        (0.5, math.inf, None),
        (0.5, 10**400, None),
        ("0.5", 0.9, None),
        (0.5, None, None),
        (False, True, None),
        ([], {}, None),
    ],
)
def test_absurd_times_are_no_times(
    start_s: object, stop_s: object, stop: float | None
) -> None:
    assert plausible_stop_s(start_s, stop_s, 10.0) == stop


@pytest.mark.parametrize(
    ("stops_s", "delivered_s", "count"),
    [
        ([], 9.0, 0),
        ([0.5, 1.0, 1.5], 1.09, 1),
        ([0.5, 1.0, 1.5], 1.1, 2),
        ([0.5, 1.0, 1.5], 9.0, 3),
        # A word without times is over when a later one is.
        ([0.5, None, 1.5], 1.1, 1),
        ([0.5, None, 1.5], 1.6, 3),
        ([0.5, None], 9.0, 1),
        ([None, None], 9.0, 0),
        # One wrong time holds none back once two words show it.
        ([0.5, 25.0, 1.5], 1.7, 1),
        ([0.5, 25.0, 1.5, 2.0], 2.2, 4),
        # A time that is too early is none, either.
        ([0.5, 1.0, 0.0], 0.8, 1),
        ([0.5, 1.0, 0.0], 9.0, 2),
        ([0.5, 1.0, 0.0, 1.5], 1.7, 4),
        ([1.0, 0.9, 1.2], 1.05, 0),
    ],
)
def test_words_count_in_their_order(
    stops_s: list[float | None], delivered_s: float, count: int
) -> None:
    assert words_delivered(stops_s, delivered_s, 0.1) == count


# ---------------------------------------------------------------------- pauses


def sound(rate_hz: int, seconds: float, level: int) -> bytes:
    count = round(rate_hz * seconds)
    return struct.pack(f"<{count}h", *(level * (-1) ** n for n in range(count)))


@pytest.mark.parametrize("rate_hz", [8000, 22050, 24000, 44100, 48000])
@pytest.mark.parametrize("chunk", [2, 1000, 10**6])
def test_a_pause_is_found_where_the_sound_stops(
    rate_hz: int, chunk: int
) -> None:
    if chunk == 2 and rate_hz != 8000:
        chunk = 7680
    # Silence at the start and in a "t" is no pause.
    levels = [(0.3, 0), (0.5, 9000), (0.08, 20), (0.42, 9000), (0.4, 30)]
    levels += [(0.3, 5000), (0.6, 0)]
    pcm = b"".join(sound(rate_hz, *level) for level in levels)
    finder = PauseFinder(rate_hz)

    found = [
        at_s
        for start in range(0, len(pcm), chunk)
        for at_s in finder.audio_received(pcm[start : start + chunk])
    ]

    assert found == pytest.approx([1.3, 2.0], abs=0.011)


def test_a_noisy_voice_has_no_pauses() -> None:
    finder = PauseFinder(8000)
    pcm = sound(8000, 0.5, 9000) + sound(8000, 0.5, 60)

    assert finder.audio_received(pcm) == []
