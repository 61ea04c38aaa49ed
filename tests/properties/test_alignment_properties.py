# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""No count is ever above the truth, whatever a server makes of its words."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spoken_words import (
    GRANULARITIES,
    Session,
    mixed,
    session_by_chance,
    speak,
    words_finished,
)

from gradium_tts_python.core.alignment import Alignment

Record = Callable[[str, object], None]


def over_counted(session: Session) -> bool:
    """Whether any count is too high, at once or with what came later."""
    alignment = Alignment(session.sent)
    at_once = [alignment.push(piece.text) for piece in session.pieces]
    later = [alignment.finished(n + 1) for n in range(len(at_once))]
    most = alignment.at_most()
    counts = zip(at_once, later, session.pieces, strict=True)
    return (
        later != sorted(later)
        or most < max([0, *later])
        or any(
            now > piece.over or then > piece.over or then < now
            for now, then, piece in counts
        )
    )


def test_no_word_is_counted_before_it_is_over(
    is_thorough: bool, record_property: Record
) -> None:
    sessions = 200_000 if is_thorough else 1_000

    wrong = [
        seed
        for seed in range(sessions)
        if over_counted(session_by_chance(random.Random(seed)))
    ]

    record_property("measured", f"{sessions} sessions, {len(wrong)} wrong")
    assert wrong == []


def test_the_sessions_by_chance_are_no_easy_ones() -> None:
    """A test of the test: an aligner that believes too early is found out."""

    def greedy(session: Session) -> int:
        heard = " ".join(piece.text for piece in session.pieces).split()
        truth = session.pieces[-1].over if session.pieces else 0
        at = 0
        for word in heard:
            if word in session.sent[at:]:
                at += session.sent[at:].index(word) + 1
        return at > truth

    sessions = [session_by_chance(random.Random(seed)) for seed in range(500)]

    assert sum(map(greedy, sessions)) > 20


@pytest.mark.parametrize("seed", range(40))
def test_one_piece_after_the_other_gives_what_all_at_once_gives(
    seed: int,
) -> None:
    session = session_by_chance(random.Random(seed))
    texts = [piece.text for piece in session.pieces]
    alignment = Alignment(session.sent)

    for number, text in enumerate(texts, start=1):
        at_once = words_finished(session.sent, texts[:number])

        assert alignment.push(text) == at_once[-1]
        assert [alignment.finished(n + 1) for n in range(number)] == at_once


@given(
    st.lists(st.sampled_from(["a", "b", "no,", "No.", "Jan.", "–", "straße"])),
    st.integers(0, 99),
)
def test_exact_words_count_at_once_in_pieces_of_any_size(
    sent: list[str], seed: int
) -> None:
    said = speak(sent)

    for pieces in [
        mixed(said, random.Random(seed)),
        *(cut(said) for cut in GRANULARITIES.values()),
    ]:
        alignment = Alignment(sent)
        found = [alignment.push(piece.text) for piece in pieces]
        # "Jan." in parts may be the beginning of "January".
        slack = 1 if "Jan." in sent or "No." in sent else 0
        truth = [piece.over for piece in pieces]
        assert alignment.steps == 0
        assert all(
            true - slack <= count <= true
            for count, true in zip(found, truth, strict=True)
        )
        assert found[-1:] == truth[-1:]


@pytest.mark.parametrize("seed", range(20))
def test_words_that_are_sent_later_change_nothing(seed: int) -> None:
    chance = random.Random(seed)
    session = session_by_chance(chance)
    texts = [piece.text for piece in session.pieces]
    late, given = Alignment(), 0

    found = []
    for piece in session.pieces:
        # Nothing is spoken that was not sent: some more is, at times.
        needed = min(len(session.sent), piece.over + chance.choice([9, 99]))
        late.extend(session.sent[given:needed])
        given = max(given, needed)
        found.append(late.push(piece.text))

    truth = [piece.over for piece in session.pieces]
    assert len(found) == len(texts)
    assert all(a <= b for a, b in zip(found, truth, strict=True))


@given(st.lists(st.text(max_size=12)), st.lists(st.text(max_size=12)))
def test_any_texts_give_counts_that_never_fall(
    sent: list[str], spoken: list[str]
) -> None:
    found = words_finished(sent, spoken)

    assert len(found) == len(spoken)
    assert found == sorted(found)
    assert all(0 <= count <= len(sent) for count in found)


@given(st.lists(st.text(max_size=12)))
def test_any_words_that_come_back_as_they_are_are_all_over(
    sent: list[str],
) -> None:
    alignment = Alignment(sent)
    found = [alignment.push(word) for word in sent]

    assert found[-1:] == [len(sent)][: len(sent)]
    assert (alignment.at_most(), alignment.steps) == (len(sent), 0)
