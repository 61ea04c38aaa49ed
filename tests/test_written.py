# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Where spoken words stand in the text as it was written."""

from __future__ import annotations

import string
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gradium_tts_python.config import GradiumTTSParams
from gradium_tts_python.core.script import Script
from gradium_tts_python.core.text import TextAssembler
from gradium_tts_python.core.written import end_of_words


def spoken(*fragments: str) -> list[str]:
    """The words that leave for the vendor, everything cleaned."""
    options = GradiumTTSParams(allow_tags=True).text_options()
    assembler = TextAssembler(options)
    script = Script()
    for fragment in fragments:
        for message in assembler.push(fragment):
            script.push(message)
    for message in assembler.flush():
        script.push(message)
    return script.words_from(0)


def cuts(written: str) -> list[str]:
    """The text up to the end of each of its words."""
    words = spoken(written)
    return [
        written[: end_of_words(written, words, count)]
        for count in range(len(words) + 1)
    ]


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("", []),
        ("?! ", []),
        ("One two. ", ["One", " two."]),
        ("  One \n\n two", ["  One", " \n\n two"]),
        ("one,\xa0two three", ["one,", "\xa0two", " three"]),
        ("**One** and *two*.", ["**One**", " and", " *two*."]),
        ("# One\n- two\n- three", ["# One", "\n- two", "\n- three"]),
        (
            "See [the page](http://x.org/page/one), page one.",
            [
                "See",
                " [the",
                " page](http://x.org/page/one),",
                " page",
                " one.",
            ],
        ),
        ("Go <b>on</b> now", ["Go", " <b>on</b>", " now"]),
        (
            'Wait <break time="1s"/> time is short',
            ["Wait", ' <break time="1s"/> time', " is", " short"],
        ),
        (
            '<say-as interpret-as="date">as</say-as> date',
            ['<say-as interpret-as="date">as</say-as>', " date"],
        ),
        ("Yes 😀, you", ["Yes 😀,", " you"]),
        ("write to <jo@x.org> now", ["write", " to", " <jo@x.org>", " now"]),
        ("a std::vector<int> here", ["a", " std::vector<", "int>", " here"]),
        ("so\u200bft hy\u00adphen", ["so\u200bft", " hy\u00adphen"]),
        ("```python\nprint it\n```\nand go", None),
        (
            "<think>say one</think>One two",
            ["<think>say one</think>One", " two"],
        ),
        (
            "| Tea | 2 € |\n|---|---|\n| Soup | 3 |",
            ["| Tea", " | 2", " €", " |\n|---|---|\n| Soup", " | 3"],
        ),
        (
            "(see https://x.org/a.b)! So",
            ["(see", " https://x.org/a.b)!", " So"],
        ),
    ],
)
def test_words_end_where_they_are_written(
    written: str, parts: list[str] | None
) -> None:
    found = cuts(written)

    lengths = [len(part) for part in found]
    assert lengths == sorted(lengths)
    if parts is not None:
        expected = ["".join(parts[:n]) for n in range(len(parts) + 1)]
        assert found == expected


def test_what_is_left_out_is_passed_over_as_a_whole() -> None:
    written = "One [thinking: a dog, the dog is] two the dog is here."
    words = ["One", "two", "the", "dog", "is", "here."]

    ends = [end_of_words(written, words, count) for count in range(7)]

    assert [written[:end] for end in ends[1:3]] == [
        "One",
        "One [thinking: a dog, the dog is] two",
    ]
    assert ends[-1] == len(written)


def test_a_word_that_was_rewritten_takes_no_place() -> None:
    written = "It costs $5 today or so"
    words = ["It", "costs", "five", "dollars", "today", "or", "so"]

    ends = [end_of_words(written, words, count) for count in range(8)]

    assert [written[:end] for end in ends] == [
        "",
        "It",
        "It costs",
        "It costs",
        "It costs",
        "It costs $5 today",
        "It costs $5 today or",
        "It costs $5 today or so",
    ]


PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            "one two, three. **bold** *it* <b>x</b> [a](b.org) 😀 - # ` <flush>"
            " $5 a<b".split(" ")
        ),
        st.sampled_from([" ", " ", "\n", "\n\n", "\u200b", "\xa0"]),
        st.text(string.printable, max_size=4),
    ),
    max_size=30,
).map("".join)


@example("<b>x</b><")
@given(PIECES)
def test_all_words_are_found_in_their_order(written: str) -> None:
    words = spoken(written)

    ends = [
        end_of_words(written, words, count) for count in range(len(words) + 1)
    ]

    assert ends == sorted(ends)
    assert all(0 <= end <= len(written) for end in ends)


@given(st.lists(st.sampled_from("one two, three. four? (five) 6".split())))
def test_plain_words_are_found_exactly(words: list[str]) -> None:
    written = " ".join(words)

    ends = [
        end_of_words(written, words, count) for count in range(len(words) + 1)
    ]

    assert ends == [len(" ".join(words[:n])) for n in range(len(words) + 1)]


@pytest.mark.thorough
@pytest.mark.parametrize("other", ["xy z ", "*", "<](", "</x"])
def test_words_that_are_nowhere_cost_little(other: str) -> None:
    written = other * (100_000 // len(other))
    words = ["a", "b", "ab"] * 100

    best_s = float("inf")
    for _ in range(3):
        began_s = time.process_time()
        assert end_of_words(written, words, len(words)) == 0
        best_s = min(best_s, time.process_time() - began_s)

    # Some 0.1 ms a word; a search of the whole text takes 30 ms.
    assert best_s < 0.3
