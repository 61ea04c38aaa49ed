# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What is to be said: messages and places, and what one session is given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradium_tts_python.core.script import (
    FLUSH,
    Message,
    Script,
    SessionBudget,
    SessionText,
)


def script_of(*messages: str) -> Script:
    script = Script()
    for message in messages:
        script.push(message)
    return script


# ------------------------------------------------------------------- messages


def test_words_are_numbered_over_all_messages() -> None:
    script = script_of("The quick", "brown fox", "jumps.")

    assert script.word_count == 5
    assert [script.place_of(word) for word in range(7)] == [
        (0, 0),
        (0, 3),
        (1, 0),
        (1, 5),
        (2, 0),
        (3, 0),
        (3, 0),
    ]
    assert script.words_from(3) == ["fox", "jumps."]
    assert script.text_from(1) == "quick brown fox jumps."


def test_a_flush_is_no_text() -> None:
    script = script_of("The quick")
    script.push_flush()
    script.push("brown fox")

    assert script.messages == ["The quick", FLUSH, "brown fox"]
    assert script.word_count == 4
    assert script.text_from(0) == "The quick brown fox"
    assert script.place_of(2) == (2, 0)


def test_only_what_was_said_is_flushed_and_once() -> None:
    script = Script()
    script.push_flush()
    script.push("Hello")
    script.push_flush()
    script.push_flush()

    assert script.messages == ["Hello", FLUSH]


def test_the_vendors_tags_are_no_words() -> None:
    script = script_of('One <break time="1s" /> two <flush> three')

    assert script.words_from(0) == ["One", "two", "three"]
    # A tag in front of a word belongs to it.
    assert script.place_of(1) == (0, 3)


@pytest.mark.parametrize(
    "text",
    [
        "<- and -> are the arrow keys.",
        "< hello there >",
        "we need a < b and b > c",
        "Use std::vector< int> here",
    ],
)
def test_what_is_no_tag_is_words(text: str) -> None:
    assert script_of(text).words_from(0) == text.split()


@given(
    st.lists(st.text("ab .,<>", min_size=1, max_size=20), max_size=8),
    st.integers(0, 60),
)
def test_a_place_is_where_its_word_starts(
    messages: list[str], word: int
) -> None:
    script = script_of(*messages)

    index, offset = script.place_of(word)

    assert script.word_at(index, offset) == min(word, script.word_count)
    assert script.words_from(0)[word:] == script.words_from(word)


# ------------------------------------------------------------- one session's text


def take_all(text: SessionText, age_s: float = 0.0) -> list[Message]:
    messages: list[Message] = []
    while (message := text.take(age_s)) is not None:
        messages.append(message)
    return messages


def test_a_session_gets_what_comes_as_it_comes() -> None:
    script = script_of("One two", "three")
    text = SessionText(script, 0, SessionBudget(0, 0))

    first = take_all(text)
    script.push_flush()
    script.push("four")

    assert first == ["One two", "three"]
    assert take_all(text) == [FLUSH, "four"]
    assert text.goes_on_at is None


def test_a_session_begins_inside_a_message() -> None:
    script = script_of("One two three", "four")

    text = SessionText(script, 1, SessionBudget(0, 0))

    assert take_all(text) == ["two three", "four"]


def test_a_full_session_says_where_the_next_goes_on() -> None:
    script = script_of("One two. Three four", "five")
    text = SessionText(script, 0, SessionBudget(0, 10))

    assert take_all(text) == ["One two."]
    assert text.goes_on_at == 2
    assert take_all(text) == []


def test_a_cut_is_never_after_a_bracket_that_is_no_tag() -> None:
    script = script_of("we need a < b and b > c")
    text = SessionText(script, 0, SessionBudget(0, 12))

    assert take_all(text) == ["we need a <"]
    assert text.goes_on_at == 4
    assert script.text_from(4) == "b and b > c"


def test_an_old_session_is_full() -> None:
    script = script_of("One", "two")
    text = SessionText(script, 0, SessionBudget(240, 0))

    assert text.take(0.0) == "One"
    assert text.take(240.0) is None
    assert text.goes_on_at == 1


# ------------------------------------------------------------------- budgets


@pytest.mark.parametrize(
    ("max_s", "max_characters", "message", "age_s", "room"),
    [
        pytest.param(0, 0, "x" * 10_000, 1e9, 10_000, id="no limits"),
        pytest.param(0, 20, "All of this fits.", 0, 17, id="it fits"),
        pytest.param(0, 16, "All of this fits", 0, 16, id="it just fits"),
        pytest.param(
            0, 20, "One, two. And some more.", 0, 18, id="cut at a word"
        ),
        pytest.param(
            0, 20, "One two three fou. And more.", 0, 18, id="sentence end"
        ),
        pytest.param(0, 20, 'One two thr "fo." And.', 0, 17, id="quoted end"),
        pytest.param(
            0, 20, "One two three at 3.15 sharp.", 0, 16, id="no end in 3.15"
        ),
        pytest.param(0, 20, "x" * 30 + " y", 0, 30, id="a first long word"),
        pytest.param(0, 20, "x" * 30, 0, 30, id="a first and only word"),
        pytest.param(
            0,
            20,
            'One two <break time="1s" /> three',
            0,
            7,
            id="not inside a tag",
        ),
        pytest.param(2, 0, "One two three four five", 0, 18, id="by time"),
        pytest.param(2, 10, "One two three", 0, 7, id="the smaller limit"),
        pytest.param(2, 0, "One", 99, 3, id="age counts once it has text"),
    ],
)
def test_a_new_session_has_room_for(
    max_s: float, max_characters: int, message: str, age_s: float, room: int
) -> None:
    budget = SessionBudget(max_s, max_characters)

    assert budget.room_for(message, age_s) == room


@pytest.mark.parametrize(
    ("used", "message", "age_s", "room"),
    [
        pytest.param("Forty nine characters" + " x" * 14, "One", 0, 3, id="in"),
        pytest.param("x" * 99, "One", 0, 0, id="full"),
        pytest.param("x" * 96, "Long words", 0, 0, id="no room for a word"),
        pytest.param("x" * 80 + ".", "One", 0, 0, id="sentence over, near"),
        pytest.param("x" * 80 + ". On", "One", 0, 3, id="sentence not over"),
        pytest.param("x" * 60 + ".", "One", 0, 3, id="sentence over, far"),
        pytest.param(
            "x" * 60 + ".", "One more " + "y" * 50, 0, 0, id="a long one next"
        ),
        pytest.param(
            "x" * 60, "One more " + "y" * 50, 0, 8, id="in mid-sentence"
        ),
        pytest.param("One.", "Two", 7.9, 3, id="young"),
        pytest.param("One.", "Two", 8, 0, id="old, sentence over"),
        pytest.param("One", "Two", 8, 3, id="old, in mid-sentence"),
        pytest.param("One", "Two", 10, 0, id="too old"),
    ],
)
def test_a_session_in_use_has_room_for(
    used: str, message: str, age_s: float, room: int
) -> None:
    budget = SessionBudget(10, 100)
    budget.use(used)

    assert budget.room_for(message, age_s) == room


@given(
    st.lists(
        st.text('ab .!?"', min_size=1).map(str.strip).filter(bool), min_size=1
    ),
    st.integers(1, 40),
)
def test_sessions_get_all_the_text_in_whole_words(
    messages: list[str], limit: int
) -> None:
    sessions: list[list[str]] = [[]]
    budget = SessionBudget(0, limit)
    for message in messages:
        rest = message
        while rest:
            room = budget.room_for(rest, 0.0)
            if room:
                sessions[-1].append(rest[:room].rstrip())
                budget.use(rest[:room].rstrip())
                rest = rest[room:].lstrip()
            if rest:
                sessions.append([])
                budget = SessionBudget(0, limit)

    said = [" ".join(session) for session in sessions]
    assert " ".join(said).split() == " ".join(messages).split()
    # A single word may be longer.
    assert all(len(text) <= limit or " " not in text for text in said)
