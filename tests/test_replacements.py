# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Words that are spoken otherwise: which are found, and wrong settings."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest

from gradium_tts_python.core.replacements import (
    Replacement,
    Replacer,
    replacements_of,
)


def replaced(setting: Any, *parts: str) -> list[str]:
    """What each part lets out, and then the end."""
    replacer = Replacer(replacements_of(setting))
    return [*map(replacer.push, parts), replacer.flush()]


def test_an_object_and_a_list_say_the_same() -> None:
    rows = [{"from": "TEN", "to": "ten"}, {"from": "A  B", "to": " c\n d "}]

    assert (
        replacements_of(rows)
        == replacements_of({"TEN": "ten", "A B": "c d"})
        == (Replacement("TEN", "ten"), Replacement("A B", "c d"))
    )
    assert replacements_of({}) == replacements_of([]) == ()


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        (5, "must be an object or a list, not a number"),
        ("SQL", "must be an object or a list, not a text"),
        (
            ["SQL"],
            'must be a list of objects such as {"from": "SQL", "to":'
            ' "sequel"}, not of a text',
        ),
        (
            [{"from": "SQL", "by": "sequel"}],
            'must have "from", "to" and perhaps "ignore_case" in each object,'
            ' not "from", "by"',
        ),
        (
            [{}],
            'must have "from", "to" and perhaps "ignore_case" in each object,'
            " not nothing",
        ),
        ({"SQL": 5}, 'must have texts as "to", not 5'),
        ({"SQL": None}, 'must have texts as "to", not null'),
        ([{"from": True, "to": ""}], 'must have texts as "from", not true'),
        (
            [{"from": "SQL", "to": "x", "ignore_case": "yes"}],
            'must say true or false as ignore_case of "SQL", not "yes"',
        ),
        ({" \u200b": "x"}, "must not replace an empty text"),
        (
            {"x" * 101: "y"},
            "must not have more than 100 characters in one text, as"
            f' "{"x" * 36}... has',
        ),
        (
            {"x": "y " * 300},
            "must not have more than 500 characters in one text, as"
            f' "{"y " * 18}... has',
        ),
        ({"a b": "x", "a  b": "y"}, 'must not have "a b" twice'),
        (
            [
                {"from": "sql", "to": "x", "ignore_case": True},
                {"from": "SQL", "to": "y", "ignore_case": True},
            ],
            'must not have "SQL" twice',
        ),
    ],
)
def test_a_wrong_setting_is_told(setting: Any, fault: str) -> None:
    with pytest.raises(ValueError) as error:
        replacements_of(setting)

    assert str(error.value) == fault


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("TEN TENS _TEN_ ten", "X TENS _TEN_ ten"),
        ("(TEN), TEN's TEN-based l'TEN", "(X), X's X-based l'X"),
        ("don't Don's don", "don't Don's X"),
        ("C C++ C++, C++11 C+++ +C++", "C X X, C++11 C+++ +X"),
        ("& R&B && (&)", "X R&B && (X)"),
        ("5 5.5 5, 5:30 a5 5%", "X 5.5 X, 5:30 a5 X%"),
        (".NET ASP.NET", "X ASP.NET"),
        ("用TEN语 哈 哈哈", "用X语 X XX"),
        ("กิ ก", "กิ X"),
        ("e\u0301 e", "e\u0301 X"),
        ("می می\u200cخواهم", "X می\u200cخواهم"),
        ("New\u00a0York NEW YORK New Yorks", "X NEW YORK New Yorks"),
        ("<flush> flush", "<flush> X"),
    ],
)
def test_only_whole_words_are_replaced(text: str, said: str) -> None:
    words = ["TEN", "don", "C++", "&", "5", ".NET", "哈", "ก", "e", "می"]
    setting = dict.fromkeys([*words, "New York", "flush"], "X")

    assert replaced(setting, text) == [said, ""]


def test_case_counts_unless_it_is_ignored() -> None:
    setting = [
        {"from": "straße", "to": "road", "ignore_case": True},
        {"from": "STRASSE", "to": "ROAD"},
        {"from": "gui", "to": "gooey", "ignore_case": True},
    ]

    assert replaced(setting, "Straße STRASSE GUI Gui") == [
        "road ROAD gooey gooey",
        "",
    ]


def test_the_longest_wins_and_is_not_looked_at_again() -> None:
    setting = {"a": "b", "b": "c", "a b": "ab", "a b c d": "abcd"}

    assert replaced(setting, "a b c d a b c a b a") == ["abcd ab c ab", "b"]


def test_words_wait_only_for_what_may_go_on() -> None:
    setting = {"New York": "NYC", "New York City Hall": "it", "SQL": "sequel"}

    assert replaced(setting, "so New") == ["so", "New"]
    assert replaced(setting, "New", "Jersey") == ["", "New Jersey", ""]
    assert replaced(setting, "New", "York", "is") == ["", "", "NYC is", ""]
    assert replaced(setting, "New York", "City", "of") == [
        *("", "", "NYC City of", ""),
    ]
    assert replaced(setting, "New York, SQL", "now") == [
        *("NYC, sequel", "now", ""),
    ]
    assert replaced(setting, "so (New", "Jersey)") == ["so", "(New Jersey)", ""]
    assert replaced(setting, "SQL-New", "York") == ["", "", "sequel-NYC"]
    assert replaced(setting, "New York City", "Hall") == ["", "it", ""]


def test_what_waits_is_held() -> None:
    replacer = Replacer(replacements_of({"a b": "c"}))
    replacer.push("x a")

    assert replacer.held.split() == ["a"]
    assert replacer.flush() == "a"
    assert replacer.held == ""


def test_looking_for_words_costs_no_more_than_the_text_is_long() -> None:
    # As many steps for each word as the longest has words, and no more.
    setting = {f"{'a ' * 49}b": "x", "a b": "y"}
    text = " ".join(islice(iter(lambda: "a", ""), 4_000))

    first, rest = replaced(setting, text)

    assert f"{first} {rest}" == text
    assert len(rest.split()) <= 50
