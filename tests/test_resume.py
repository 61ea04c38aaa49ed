# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Where a new session goes on after one was cut, or ended for its size."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from speaking import cut
from spoken_words import words_finished

from gradium_tts_python.core.actions import (
    Action,
    End,
    EndReason,
    Pcm,
    Start,
    Ttfb,
    TurnStatus,
    Words,
)
from gradium_tts_python.core.protocol import Word
from gradium_tts_python.core.request import Ledger
from gradium_tts_python.core.script import Script

# At 1000 Hz a sample is a millisecond, and a fade has 5 of them.
RATE_HZ = 1000
LOUD = b"\xe8\x03"  # 1000


def ms(duration_ms: int) -> bytes:
    return LOUD * duration_ms


def pcm(*samples: int) -> bytes:
    return struct.pack(f"<{len(samples)}h", *samples)


FADE_OUT = pcm(800, 600, 400, 200)
FADE_IN = (0, 200, 400, 600, 800)


def make(*messages: str) -> Ledger:
    request = Ledger("r1", sample_rate_hz=RATE_HZ, with_words=True)
    for message in messages:
        request.script.push(message)
    cut(request)
    return request


def hear(request: Ledger, *spoken: str, cut_ms: int = 0) -> None:
    """Let the server say words of 100 ms, the last cut short by so much."""
    request.audio_received(ms(100 * len(spoken) - cut_ms), 10.0)
    for index, text in enumerate(spoken):
        request.word_received(Word(text, index / 10, (index + 1) / 10))


def said(actions: list[Action]) -> list[tuple[str, int]]:
    """Give the words announced, with their starts."""
    return [
        (action.text.strip(), action.start_ms - 10_000)
        for action in actions
        if isinstance(action, Words)
    ]


# ------------------------------------------------------------ text and places


MESSAGES = ["One two", '<break time="1s" /> three <flush> four', "<flush>", "5"]


@pytest.mark.parametrize(
    ("word", "place", "words"),
    [
        (0, (0, 0), ["One", "two", "three", "four", "5"]),
        (1, (0, 3), ["two", "three", "four", "5"]),
        (2, (1, 0), ["three", "four", "5"]),
        (3, (1, 25), ["four", "5"]),
        (4, (3, 0), ["5"]),
        (5, (4, 0), []),
        (99, (4, 0), []),
    ],
)
def test_a_word_has_a_place_and_tags_are_no_words(
    word: int, place: tuple[int, int], words: list[str]
) -> None:
    text = Script()
    for message in MESSAGES:
        text.push(message)

    assert text.place_of(word) == place
    assert text.words_from(word) == words
    assert text.word_at(*place) == min(word, 5)


def test_an_empty_text_has_no_words() -> None:
    text = Script()

    assert (text.word_count, text.place_of(0), text.words_from(0)) == (
        0,
        (0, 0),
        [],
    )


@given(
    st.lists(
        st.lists(st.sampled_from(["a", "<flush>", "b.", '<break time="1s" />']))
    )
)
def test_every_word_is_found_from_its_place(
    messages: list[list[str]],
) -> None:
    text = Script()
    for tokens in messages:
        text.push(" ".join(tokens))
    words = [t for tokens in messages for t in tokens if t[0] != "<"]

    assert text.word_count == len(words)
    for number in range(len(words) + 1):
        index, offset = text.place_of(number)
        assert text.words_from(number) == words[number:]
        assert text.word_at(index, offset) == number


# ------------------------------------------------------------------ alignment


@pytest.mark.parametrize(
    ("sent", "spoken", "finished"),
    [
        ("", "", []),
        ("one two", "", []),
        ("", "one", [0]),
        ("one two three", "one two three", [1, 2, 3]),
        ("one two three", "one", [1]),
        ("One, TWO. «three»", "one two three", [1, 2, 3]),
        ("Straße", "strasse", [1]),
        ("no no no yes", "no no no yes", [1, 2, 3, 4]),
        # A number is over once two words after it have matched.
        ("pay $5 in cash", "pay five dollars in cash", [1, 1, 2, 3, 4]),
        ("pay $5 in cash", "pay five dollars in", [1, 1, 1, 1]),
        ("pay $5 in cash", "pay five dollars", [1, 1, 1]),
        ("pay $5", "pay five dollars", [1, 1, 1]),
        ("$5 in cash", "five dollars in cash", [0, 1, 2, 3]),
        ("on 3 May 2024 we met", "on the third of May twenty twenty four we met",
         [1] * 8 + [5, 6]),
        # Two sent words that are spoken as one, and one that is not spoken.
        ("go to e mail now then", "go to email now then", [1, 2, 4, 5, 6]),
        ("well – so be it", "well so be it", [1, 3, 4, 5]),
        ("... !", "... !", [1, 2]),
    ],
)  # fmt: skip
def test_spoken_words_finish_sent_ones(
    sent: str, spoken: str, finished: list[int]
) -> None:
    assert words_finished(sent.split(), spoken.split()) == finished


@st.composite
def rewritten(draw: st.DrawFn) -> tuple[list[str], list[str], list[int]]:
    """Draw words, how they are spoken, and how many are truly over."""
    lengths = draw(st.lists(st.sampled_from([1, 1, 1, 0, 2, 5]), max_size=30))
    sent = [f"w{number}" for number in range(len(lengths))]
    spoken: list[str] = []
    truth: list[int] = []
    for number, length in enumerate(lengths):
        # What is rewritten never reads like another word of the text.
        is_same = length == 1 and draw(st.booleans())
        spoken += (
            [f"W{number}."]
            if is_same
            else [f"x{number}y{part}" for part in range(length)]
        )
        truth += [number] * (length - 1)
        if length:
            truth.append(number + 1)
        elif truth:
            # A word that is not spoken is over with the one before it.
            truth[-1] = number + 1
    return sent, spoken, truth


@given(rewritten(), st.integers(0, 200))
def test_a_word_is_never_counted_before_it_is_over(
    case: tuple[list[str], list[str], list[int]], heard: int
) -> None:
    sent, spoken, truth = case
    spoken, truth = spoken[:heard], truth[:heard]

    finished = words_finished(sent, spoken)

    assert len(finished) == len(spoken)
    assert finished == sorted(finished)
    assert all(
        found <= true for found, true in zip(finished, truth, strict=True)
    )


@given(st.lists(st.sampled_from("abc")), st.integers(0, 30))
def test_words_that_are_not_rewritten_are_counted_exactly(
    words: list[str], heard: int
) -> None:
    spoken = words[:heard]

    assert words_finished(words, spoken) == list(range(1, len(spoken) + 1))


# -------------------------------------------------------------- a session cut


def test_before_any_audio_all_is_said_again() -> None:
    request = make("One two", "three.")

    assert (request.next_word(), request.undelivered_text()) == (
        0,
        "One two three.",
    )
    assert cut(request) == []


@pytest.mark.parametrize(
    ("spoken", "cut_ms", "next_word", "unspoken"),
    [
        (["One"], 100, 0, "One two three."),
        (["One"], 1, 0, "One two three."),
        (["One"], 0, 0, "two three."),
        (["One", "two"], 1, 0, "two three."),
        (["One", "two"], 0, 1, "three."),
        (["One", "two", "three."], 1, 1, "three."),
        (["One", "two", "three."], 0, 2, ""),
        # With 100 ms of audio behind them.
        (["One"], -99, 0, "two three."),
        (["One"], -100, 1, "two three."),
        (["One", "two", "three."], -99, 2, ""),
        (["One", "two", "three."], -100, 3, ""),
    ],
)
def test_a_word_is_delivered_with_its_audio_and_sure_with_some_more(
    spoken: list[str], cut_ms: int, next_word: int, unspoken: str
) -> None:
    request = make("One two", "three.")
    hear(request, *spoken, cut_ms=cut_ms)

    assert (request.next_word(), request.undelivered_text()) == (
        next_word,
        unspoken,
    )


def test_a_word_that_is_said_again_to_be_sure_is_announced_once() -> None:
    request = make("One two three.")
    actions = request.audio_received(ms(240), 10.0)
    actions += request.word_received(Word("One", 0.0, 0.1))
    actions += request.word_received(Word("two", 0.1, 0.2))

    actions += cut(request)
    actions += request.audio_received(ms(200), 11.0)
    actions += request.word_received(Word("two", 0.0, 0.1))
    actions += request.word_received(Word("three.", 0.1, 0.2))
    actions += request.end(EndReason.REQUEST_END)

    # The second time starts at 244 ms: 240, and the fade of the seam.
    assert said(actions) == [
        ("One", 0),
        ("two", 100),
        ("three.", 344),
        ("", 444),
    ]
    assert request.words_announced == 3


@pytest.mark.parametrize(
    ("text", "before", "after", "announced"),
    [
        # The number is said again: nobody knows how much of it was heard.
        ("pay $5 now", "pay|five", "five|dollars|now", "pay five dollars now"),
        ("pay $5 now", "pay|five|dollars", "five|dollars|now",
         "pay five dollars now"),
        ("half a word", "ha|lf|a|wo", "wo|rd", "ha lf a wo rd"),
        ("Well, yes. No", "Well|,|yes", "yes|.|No", "Well , yes . No"),
        ("well – so", "well|–", "–|so", "well – so"),
        ("no no no", "no|no", "no|no", "no no no"),
        # Said otherwise the second time: then it is announced as it is.
        ("pay $5 now", "pay|five", "cinco|now", "pay five cinco now"),
    ],
)  # fmt: skip
def test_what_a_new_session_says_again_is_not_announced_again(
    text: str, before: str, after: str, announced: str
) -> None:
    request = make(text)
    actions = []
    for spoken in (before.split("|"), after.split("|")):
        actions += request.audio_received(ms(100 * len(spoken)), 10.0)
        for at, piece in enumerate(spoken):
            word = Word(piece, at / 10, (at + 1) / 10)
            actions += request.word_received(word)
        actions += cut(request)

    words = [word for word, _ in said(actions)]
    assert " ".join(words) == announced


def test_a_word_cut_twice_is_announced_once() -> None:
    request = make("One two three.")
    actions = request.audio_received(ms(200), 10.0)
    actions += request.word_received(Word("One", 0.0, 0.1))
    actions += request.word_received(Word("two", 0.1, 0.2))
    for duration_ms in (0, 50, 110, 0):
        actions += cut(request)
        actions += request.audio_received(ms(duration_ms), 11.0)
        if duration_ms > 100:
            actions += request.word_received(Word("two", 0.0, 0.1))
    actions += cut(request)
    actions += request.audio_received(ms(200), 11.0)
    actions += request.word_received(Word("two", 0.0, 0.1))
    actions += request.word_received(Word("three.", 0.1, 0.2))

    assert [word for word, _ in said(actions)] == ["One", "two", "three."]


def test_without_word_times_the_position_is_soon_unknown() -> None:
    request = make("One two three.")
    request.audio_received(ms(2000), 10.0)
    known = request.next_word()
    request.audio_received(ms(1), 10.0)

    assert (known, request.next_word()) == (0, None)
    assert request.undelivered_text() == "One two three."


def test_a_seam_fades_and_the_clock_runs_on() -> None:
    request = make("One two three.")
    hear(request, "One", "two", cut_ms=50)

    seam = cut(request)
    rest = [
        *request.audio_received(ms(3), 11.0),
        *request.audio_received(ms(197), 11.0),
        *request.word_received(Word("two", 0.0, 0.1)),
        *request.word_received(Word("three.", 0.1, 0.2)),
        *request.end(EndReason.REQUEST_END),
    ]

    assert seam == [Pcm(FADE_OUT, 10_150)]
    assert rest[:2] == [
        Pcm(pcm(*FADE_IN[:3]), 10_154),
        Pcm(pcm(*FADE_IN[3:]) + ms(195), 10_157),
    ]
    assert said(rest) == [("two", 154), ("three.", 254), ("", 354)]
    assert rest[-1] == End(EndReason.REQUEST_END, 1000)
    assert request.delivered_s == 0.354


def test_a_word_under_the_seam_is_announced_once() -> None:
    request = make("One two.")
    hear(request, "One", "two.", cut_ms=2)

    actions = cut(request)
    actions += request.audio_received(ms(100), 11.0)
    actions += request.word_received(Word("two.", 0.0, 0.1))

    assert said(actions) == [("two.", 202)]


def test_a_session_that_fails_without_audio_leaves_no_second_seam() -> None:
    request = make("One two.")
    hear(request, "One")

    seams = [cut(request) for _ in range(3)]

    assert seams == [[Pcm(FADE_OUT, 10_100)], [], []]
    assert request.audio_received(ms(5), 11.0) == [Pcm(pcm(*FADE_IN), 10_104)]


def test_each_session_counts_from_the_word_it_starts_with() -> None:
    request = make("One two three four.")
    hear(request, "One", "two", cut_ms=-50)
    cut(request)
    hear(request, "two", "three", cut_ms=-50)
    cut(request)
    hear(request, "three", "four.", cut_ms=-100)

    assert (request.next_word(), request.undelivered_text()) == (4, "")


def test_words_of_the_old_session_are_forgotten_at_the_seam() -> None:
    request = make("One two.")
    hear(request, "One", "two.", cut_ms=90)
    actions = cut(request)

    actions += request.audio_received(ms(500), 11.0)

    assert said(actions) == []


def test_text_that_comes_after_a_cut_is_said_too() -> None:
    request = make("One two")
    hear(request, "One", cut_ms=-100)
    cut(request)
    request.script.push("three.")

    assert request.undelivered_text() == "two three."
    assert request.script.place_of(request.next_word() or 0) == (0, 3)


# ---------------------------------------------------- a session that was full


def test_a_full_session_goes_over_into_the_next() -> None:
    request = make("One two", "three four.")
    first = [
        *request.audio_received(ms(100), 10.0),
        *request.word_received(Word("One", 0.0, 0.1)),
    ]
    request.hold_last_silence()
    first += request.audio_received(ms(90) + b"\0\0" * 20, 10.1)
    first += request.audio_received(b"\0\0" * 400, 10.1)
    first += request.word_received(Word("two", 0.1, 0.2))

    between = request.complete_session(2)
    second = [
        *request.audio_received(ms(100), 10.2),
        *request.word_received(Word("three", 0.0, 0.1)),
    ]

    assert [action for action in first if not isinstance(action, Words)] == [
        Start(),
        Pcm(ms(100), 10_000),
        Ttfb(0),
        Pcm(ms(90), 10_100),
    ]
    assert said(first) == [("One", 0)]
    assert said(between) == [("two", 100)]
    assert second[0] == Pcm(ms(100), 10_190)
    assert said(second) == [("three", 190)]
    assert request.undelivered_text() == "four."


def test_a_pause_within_a_full_session_is_kept() -> None:
    request = make("One two three.")
    request.hold_last_silence()

    actions = [
        *request.audio_received(ms(10) + b"\0\0" * 50, 10.0),
        *request.audio_received(b"\0\0" * 50, 10.0),
        *request.audio_received(ms(10), 10.0),
    ]

    assert actions == [
        Start(),
        Pcm(ms(10), 10_000),
        Ttfb(0),
        Pcm(b"\0\0" * 100 + ms(10), 10_010),
    ]


def test_silence_that_was_held_back_is_not_heard_after_a_cut() -> None:
    request = make("One two.")
    request.hold_last_silence()
    request.audio_received(ms(100) + b"\0\0" * 50, 10.0)
    request.word_received(Word("One", 0.0, 0.1))

    actions = [
        *cut(request),
        *request.audio_received(ms(5), 10.0),
    ]

    assert actions == [
        Pcm(FADE_OUT, 10_100),
        Pcm(pcm(*FADE_IN), 10_104),
    ]


def test_after_a_rotation_the_next_session_starts_without_a_fade() -> None:
    request = make("One two.")
    hear(request, "One")

    assert request.complete_session(1) == []
    assert request.audio_received(ms(10), 11.0) == [Pcm(ms(10), 10_100)]


# --------------------------------------------------------- cut at every place


@pytest.mark.parametrize("cut_ms", range(0, 2000, 70))
def test_a_text_cut_anywhere_is_heard_whole(cut_ms: int) -> None:
    """Each word is heard once; the one under the cut may be begun twice."""
    text = "Twenty words of a text that is cut off at some place, and goes on."
    words = text.split()
    request = make(text)
    actions = request.audio_received(ms(cut_ms), 10.0)
    for index, word in enumerate(words):
        if index * 100 < cut_ms:
            spoken = Word(word, index / 10, (index + 1) / 10)
            actions += request.word_received(spoken)

    actions += cut(request)
    rest = words[request.next_word() :]
    actions += request.audio_received(ms(100 * len(rest)), 11.0)
    for index, word in enumerate(rest):
        spoken = Word(word, index / 10, (index + 1) / 10)
        actions += request.word_received(spoken)
    actions += request.end(EndReason.REQUEST_END)

    assert [word for word, _ in said(actions)] == [*words, ""]
    assert request.undelivered_text() == ""
    statuses = [a.turn_status for a in actions if isinstance(a, Words)]
    assert statuses == [TurnStatus.IN_PROGRESS] * len(words) + [TurnStatus.END]


def test_a_text_with_numbers_cut_anywhere_misses_nothing() -> None:
    """Rewritten words may be repeated, none may be missing."""
    chance = random.Random(4)
    sent = "We paid $5 on May 3 for two of the 7 seats in row 12 or so.".split()
    as_spoken = {
        "$5": ["five", "dollars"],
        "3": ["third"],
        "7": ["seven"],
        "12": ["twelve"],
    }
    for _ in range(200):
        request = make(" ".join(sent))
        heard: set[int] = set()
        while request.undelivered_text():
            first = request.next_word() or 0
            forms = [
                (index, form)
                for index in range(first, len(sent))
                for form in as_spoken.get(sent[index], [sent[index]])
            ]
            complete = chance.randint(0, 2 * len(forms))
            whole = forms[:complete]
            request.audio_received(ms(100 * len(whole)), 10.0)
            for place, (_, form) in enumerate(whole):
                request.word_received(Word(form, place / 10, (place + 1) / 10))
            heard |= {index for index, _ in whole}
            if complete >= len(forms):
                break
            cut(request)
            assert request.next_word() in range(len(sent) + 1)
            assert heard >= set(range(request.next_word() or 0))

        assert heard == set(range(len(sent)))
