# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""When words are heard, from what the server told of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from speaking import cut

from gradium_tts_python.core.actions import EndReason
from gradium_tts_python.core.hearing import Heard
from gradium_tts_python.core.protocol import Word
from gradium_tts_python.core.request import Ledger

RATE_HZ = 1000
LOUD = b"\xe8\x03"


def make(text: str) -> Ledger:
    ledger = Ledger("r1", sample_rate_hz=RATE_HZ)
    ledger.script.written.append(text)
    ledger.script.push(" ".join(text.split()))
    return ledger


def say(
    ledger: Ledger, audio_s: float, *words: tuple[str, float, float]
) -> None:
    ledger.audio_received(LOUD * round(audio_s * RATE_HZ), 0.0)
    for word in words:
        ledger.word_received(Word(*word))


def heard(ledger: Ledger, *at_s: float) -> list[int]:
    """How many words are heard after so much audio."""
    transcript = ledger.transcript()
    told = [transcript.heard(at, ledger.delivered_s) for at in at_s]
    for one in told:
        assert one.heard_text + one.unheard_text == transcript.written
    return [len(one.heard_text.split()) for one in told]


def test_a_word_counts_when_its_middle_was_heard() -> None:
    ledger = make("one two")
    say(ledger, 2.0, ("one", 0.2, 0.6), ("two", 1.0, 2.0))

    assert heard(ledger, 0.0, 0.39, 0.4, 1.49, 1.5, 2.0) == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(
    "pieces",
    [
        [("one", 0, 0.4), ("two,", 0.4, 0.8), ("three", 0.8, 1.2)],
        [
            ("one", 0, 0.4),
            ("two", 0.4, 0.8),
            (",", 0.8, 0.8),
            ("three", 0.8, 1.2),
        ],
        [
            ("o", 0, 0.1),
            ("ne", 0.1, 0.4),
            ("tw", 0.4, 0.6),
            ("o", 0.6, 0.8),
            ("three", 0.8, 1.2),
        ],
    ],
    ids=["words", "marks apart", "parts"],
)
def test_words_are_heard_in_pieces_of_any_size(
    pieces: list[tuple[str, float, float]],
) -> None:
    ledger = make("one two, three")
    say(ledger, 1.2, *pieces)

    assert heard(ledger, 0.19, 0.21, 0.59, 0.61, 0.99, 1.01) == [
        0,
        1,
        1,
        2,
        2,
        3,
    ]


def test_words_of_a_segment_share_its_time_by_their_length() -> None:
    ledger = make("a bcd efghi j.")
    # 2, 4, 6 and 3 characters with the space.
    say(ledger, 1.5, ("a bcd efghi j.", 0.0, 1.5))

    assert heard(ledger, 0.09, 0.11, 0.39, 0.41, 0.89, 0.91, 1.34, 1.36) == [
        0,
        1,
        1,
        2,
        2,
        3,
        3,
        4,
    ]


def test_a_number_is_heard_with_all_the_words_that_it_is_spoken_as() -> None:
    ledger = make("for $5 only today")
    say(
        ledger,
        2.0,
        ("for", 0.0, 0.2),
        ("five", 0.2, 0.6),
        ("dollars", 0.6, 1.2),
        ("only", 1.2, 1.6),
        ("today", 1.6, 2.0),
    )

    assert heard(ledger, 0.2, 0.69, 0.71, 1.2, 1.41) == [1, 1, 2, 2, 3]


def test_a_number_at_the_end_of_what_came_is_likely_that_number() -> None:
    ledger = make("for $5 only 10% today")
    say(ledger, 0.6, ("for", 0.0, 0.2), ("five", 0.2, 0.6))
    assert heard(ledger, 0.3, 0.6) == [1, 2]

    say(ledger, 0.6, ("dollars", 0.6, 1.2))
    assert heard(ledger, 0.69, 0.71, 1.2) == [1, 2, 2]

    say(ledger, 0.8, ("only", 1.2, 1.6), ("ten", 1.6, 2.0))
    assert heard(ledger, 1.2, 1.5, 2.0) == [2, 3, 4]


def test_an_absurd_time_moves_no_other_word() -> None:
    ledger = make("one two three four")
    say(
        ledger,
        4.0,
        ("one", 0.0, 1.0),
        ("two", 20.0, 21.0),
        ("three", 2.0, 3.0),
        ("four", 3.0, 4.0),
    )

    assert heard(ledger, 0.5, 2.4, 2.6, 3.6) == [1, 2, 3, 4]


def test_where_it_is_unknown_what_follows_nothing_counts() -> None:
    ledger = make("one two three")
    say(ledger, 3.0, ("one", 0.0, 1.0))

    assert heard(ledger, 3.0) == [1]
    assert ledger.transcript().heard(3.0, 3.0).is_exact


def test_all_of_a_complete_request_is_heard_in_the_end() -> None:
    ledger = make("one two *** three!\n")
    say(ledger, 3.0, ("one", 0.0, 1.0))
    ledger.end(EndReason.REQUEST_END)

    assert ledger.transcript().heard(3.0, 3.0) == Heard(
        "one two *** three!\n", "", 3.0, 3.0, is_exact=True
    )
    half = ledger.transcript().heard(2.0, 3.0)
    assert half.heard_text.startswith("one two")
    assert not half.is_exact


def test_what_was_left_out_is_unheard_whatever_was_heard() -> None:
    ledger = make("one two")
    say(ledger, 2.0, ("one", 0.0, 1.0), ("two", 1.0, 2.0))
    ledger.end(EndReason.ERROR)

    transcript = replace(ledger.transcript(), left_out=" three")

    told = transcript.heard(2.0, 2.0)
    assert (told.heard_text, told.unheard_text) == ("one two", " three")


def test_without_word_times_the_share_of_the_audio_counts() -> None:
    ledger = make("aaaa bbbb cccc dddd")
    say(ledger, 4.0)
    ledger.end(EndReason.REQUEST_END)

    assert heard(ledger, 0.4, 0.6, 1.4, 1.6, 2.6, 3.6) == [0, 1, 1, 2, 3, 4]
    assert not ledger.transcript().heard(2.0, 4.0).is_exact


def test_without_word_times_an_open_session_is_measured_by_its_text() -> None:
    ledger = make("a" * 99 + " " + "b" * 99)  # 16 s
    say(ledger, 1.0)

    assert heard(ledger, 1.0) == [0]
    say(ledger, 8.0)
    assert heard(ledger, 3.9, 4.1, 9.0) == [0, 1, 1]
    assert not ledger.transcript().heard(9.0, 9.0).is_exact
    assert ledger.transcript().heard(0.0, 9.0).is_exact


def test_what_a_cut_session_said_counts_once() -> None:
    ledger = make("one two three")
    # Cut in the second half of "two", which is said again.
    say(ledger, 1.8, ("one", 0.0, 1.0), ("two", 1.0, 2.0))
    cut(ledger)
    seam_s = ledger.delivered_s
    say(ledger, 2.0, ("two", 0.0, 1.0), ("three", 1.0, 2.0))

    assert heard(ledger, 1.4, 1.6, seam_s + 0.2, seam_s + 1.4) == [1, 2, 2, 2]
    assert heard(ledger, seam_s + 1.6) == [3]


def test_a_session_that_is_full_says_all_its_words() -> None:
    ledger = make("one $5 three four")
    say(ledger, 2.0, ("one", 0.0, 1.0), ("five", 1.0, 2.0))
    ledger.complete_session(2)
    say(ledger, 2.0, ("three", 0.0, 1.0), ("four", 1.0, 2.0))

    assert heard(ledger, 1.4, 1.6, 2.4, 2.6, 3.6) == [1, 2, 2, 3, 4]


def test_the_first_word_starts_where_the_first_session_says() -> None:
    ledger = make("one two")
    assert ledger.first_word_s is None
    say(ledger, 1.0, ("one", 0.25, 0.75))
    cut(ledger)
    say(ledger, 1.0, ("two", 0.5, 0.75))

    assert ledger.first_word_s == 0.25
