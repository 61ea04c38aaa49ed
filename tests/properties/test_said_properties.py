# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What is written is what is spoken, wherever it is cut and paused.

Texts go in fragments of any size, with silences of any length anywhere,
through the extension and the base class to a server in memory, whose samples
tell which words were spoken. All of it on a virtual clock.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ten_host.events import Frame, TextResult

from ..story import spoken, tell
from .memory_transport import (
    WORD_BYTES,
    Failure,
    Plan,
    sound_of,
    words_of,
)
from .test_life_properties import (
    Player,
    Record,
    Script,
    Step,
    Wait,
    Write,
    Wrote,
)
from .virtual_loop import run_virtually

FLUSH = "<flush>"

# No word that may be whole and yet go on: `example.` + `com`, `std:` + `:vector`.
# Of those with marks at the end the server in memory makes no sound.
WORDS = (
    "alpha bravo it's well-known $1,234.50 3.14 1,000,000 10:30 50 1/2 v1.2.3"
    " jane@example.com https://x.org/a,b?c=1 www.example.co.uk U.S.A U.S"
    ' <- -> < > é naïve x y2k (so) "said" 2024-03-15'
).split()
MARKED = ("so,", "well.", "yes!", "no?", "then;", "Dr.", "e.g.", "$5,", "3.")

# What cannot be heard is no text alone, so there is a word at each end.


def _texts(words: list[str]) -> st.SearchStrategy[str]:
    """What cannot be heard is no text alone: there is a word at each end."""
    return st.lists(st.sampled_from(words), max_size=10).map(
        lambda words: " ".join(["first", *words, "last"])
    )


texts = _texts([*WORDS, *MARKED])
# The server says each word, so that what was said is known to the word.
clear_texts = _texts(words_of(" ".join(WORDS)))
# How long it is silent where a text is cut; `idle_flush_ms` is 500.
SHORT = (0.0, 0.1, 0.49)
MIDDLE = (*SHORT, 0.6, 0.99)
ANY = (*MIDDLE, 1.5, 30.0)


def _cuts(silences_s: tuple[float, ...]) -> st.SearchStrategy[dict[int, float]]:
    return st.dictionaries(
        st.integers(1, 90), st.sampled_from(silences_s), max_size=8
    )


def steps_of(text: str, cuts: dict[int, float]) -> list[Step]:
    """Fragments and silences; the end comes with the last fragment."""
    places = sorted(place for place in cuts if place < len(text))
    steps: list[Step] = []
    begin = 0
    for place in places:
        steps += [Write("r1", text[begin:place]), Wait(cuts[place])]
        begin = place
    return [*steps, Write("r1", text[begin:], is_end=True)]


def play_text(
    text: str, cuts: dict[int, float], plans: tuple[Plan, ...] = ()
) -> Record:
    steps = (*steps_of(text, cuts), Wait(60.0))
    script = Script(steps, plans, is_stopped_early=True)
    return run_virtually(Player(script).play())


def sent(record: Record) -> list[str]:
    """The words on the wire, flushes left out, in the order sent."""
    return [
        word
        for entry in record.entries
        if isinstance(entry, Wrote) and entry.text != FLUSH
        for word in entry.text.split()
    ]


def heard(record: Record, words: list[str]) -> list[str]:
    """The words that the samples of all frames are, one after the other."""
    pcm = b"".join(e.pcm for e in record.entries if isinstance(e, Frame))
    names = {sound_of(word): word for word in words}
    sounds = [
        pcm[at : at + WORD_BYTES] for at in range(0, len(pcm), WORD_BYTES)
    ]
    return [names.get(sound, "?") for sound in sounds]


def announced(record: Record) -> list[str]:
    return [
        word.word
        for entry in record.entries
        if isinstance(entry, TextResult)
        for word in entry.words
        if word.word.strip()
    ]


def sounding(words: list[str]) -> list[str]:
    """Those of which the server in memory makes a sound."""
    return words_of(" ".join(words))


FEWER = settings(max_examples=max(30, settings().max_examples * 6 // 10))


def check_said(record: Record, text: str) -> None:
    """Every word of a text was sent once, in order, and heard."""
    words = text.split()
    assert sent(record) == words
    assert heard(record, words) == sounding(words)
    assert announced(record) == sounding(words)


@FEWER
@given(texts, _cuts(MIDDLE))
def test_what_is_written_is_spoken_wherever_it_pauses(
    text: str, cuts: dict[int, float]
) -> None:
    """A word without an ending waits for twice `idle_flush_ms`."""
    check_said(play_text(text, cuts), text)


@FEWER
@given(texts, _cuts(ANY))
def test_no_silence_loses_or_repeats_a_character(
    text: str, cuts: dict[int, float]
) -> None:
    """A word that stalls for long may become two, and no more than that."""
    record = play_text(text, cuts)

    words = sent(record)
    assert "".join(words) == text.replace(" ", "")
    assert heard(record, words) == sounding(words)
    assert announced(record) == sounding(words)


@FEWER
@given(
    clear_texts,
    _cuts(MIDDLE),
    st.lists(
        st.builds(
            Plan,
            failure=st.sampled_from(
                [Failure.REFUSED, Failure.RESET, Failure.CLOSED, Failure.ERROR]
            ),
            after_messages=st.integers(0, 12),
        ),
        max_size=2,
    ).map(tuple),
)
def test_what_is_written_is_announced_once_though_lines_break(
    text: str, cuts: dict[int, float], plans: tuple[Plan, ...]
) -> None:
    record = play_text(text, cuts, plans)

    assert announced(record) == text.split()
    assert tell(record.events()) == spoken("r1")
