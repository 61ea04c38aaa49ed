# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Pieces of every size, cut wherever audio ends: words lost and said again.

Speech of 0.34 s a word on average, in frames of 80 ms, is cut after each
frame. A server tells its words when the audio that it believes to be theirs
has gone out. Said again is counted beyond what nobody could know: the words of
a message that is not complete.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

import pytest
from spoken_words import GRANULARITIES, PROSE, Piece, letters_of, speak

from gradium_tts_python.core.alignment import Alignment
from gradium_tts_python.core.word_times import DELIVERED_MARGIN_S, StopTimes

FRAME_S = 0.08
TEXT = PROSE[:100]
# Just under a tenth of a second a letter, a little between words.
ENDS_S = list(accumulate(0.08 * len(word) + 0.03 for word in TEXT))
LETTERS = list(accumulate(letters_of(word) for word in TEXT))


def stops_of(pieces: Sequence[Piece]) -> list[float]:
    """Give where each piece truly ends."""
    stops, letters = [], 0
    for piece in pieces:
        letters += letters_of(piece.text)
        word = bisect_right(LETTERS, letters - 1)
        missing = (LETTERS[word] - letters) / letters_of(TEXT[word])
        start_s = ENDS_S[word - 1] if word else 0.0
        stops.append(ENDS_S[word] - missing * (ENDS_S[word] - start_s))
    return stops


def cut_after_each_frame(
    pieces: Sequence[Piece], early_s: float, margin_s: float
) -> list[tuple[int, int]]:
    """Give for each cut: words that go on too late, and words said again."""
    stops_s = stops_of(pieces)
    alignment, times = Alignment(TEXT), StopTimes()
    cuts, told = [], 0
    for frame in range(1, int(ENDS_S[-1] / FRAME_S)):
        heard_s = frame * FRAME_S
        while told < len(pieces) and stops_s[told] - early_s <= heard_s:
            alignment.push(pieces[told].text)
            times.add(stops_s[told] - early_s)
            told += 1
        counted = alignment.finished(times.over(heard_s, margin_s))
        whole = bisect_right(ENDS_S, heard_s + 1e-4)
        known = bisect_right(stops_s, heard_s + 1e-4)
        knowable = pieces[known - 1].over if known else 0
        cuts.append((max(0, counted - whole), max(0, knowable - counted)))
    return cuts


@pytest.mark.parametrize("early_s", [-0.08, 0.0, 0.04, 0.08])
@pytest.mark.parametrize("name", GRANULARITIES)
def test_no_cut_loses_a_word_and_few_are_said_again(
    name: str, early_s: float
) -> None:
    pieces = GRANULARITIES[name](speak(TEXT))

    cuts = cut_after_each_frame(pieces, early_s, DELIVERED_MARGIN_S)

    assert len(cuts) > 300
    assert sum(lost for lost, _ in cuts) == 0
    # Times that run late cost as much as they run late.
    most = 0.3 if early_s >= 0 else 0.6
    assert sum(again for _, again in cuts) / len(cuts) <= most


def test_without_a_margin_words_that_are_told_early_lose_their_tails() -> None:
    """A test of the test."""
    pieces = GRANULARITIES["words"](speak(TEXT))

    cuts = cut_after_each_frame(pieces, 0.08, 0.0)

    assert sum(lost for lost, _ in cuts) > 50
