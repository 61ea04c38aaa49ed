# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A line of the log is one line, and not a long one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradium_tts_python.core.log_text import (
    MAX_LINE_BYTES,
    ends_of,
    escaped,
    shortened,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("request=r7 connected in 38 ms", "request=r7 connected in 38 ms"),
        ("r7\n2026-01-01 ERROR lost", r"r7\n2026-01-01 ERROR lost"),
        ("a\r\nb", r"a\r\nb"),
        ("a\tb", r"a\tb"),
        ("\x1b[2J\x1b]0;owned\x07", r"\x1b[2J\x1b]0;owned\x07"),
        ("nul \x00, delete \x7f", r"nul \x00, delete \x7f"),
        ("\x9b31m, next line \x85", r"\x9b31m, next line \x85"),
        ("a\u2028b\u2029c", r"a\u2028b\u2029c"),
        ("abc\u202edef", r"abc\u202edef"),
        ("\u2066a\u2069\u200f\u061c\ufeff", r"\u2066a\u2069\u200f\u061c\ufeff"),
        ("half \ud83d a pair", r"half \ud83d a pair"),
        (r"a path C:\new", r"a path C:\new"),
        ("d'accord, 你好 😀", "d'accord, 你好 😀"),
        # Joined emoji and soft hyphens are no harm.
        ("👩\u200d🚀 a\u00adb", "👩\u200d🚀 a\u00adb"),
    ],
)
def test_what_is_no_text_is_written_out(text: str, shown: str) -> None:
    assert escaped(text) == shown


@given(st.text(st.characters()))
def test_a_text_is_one_line_that_can_be_written(text: str) -> None:
    shown = escaped(text)

    assert len(f"|{shown}|".splitlines()) == 1
    assert escaped(shown) == shown
    shown.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "max_bytes", "shown"),
    [
        ("", 8, ""),
        ("12345678", 8, "12345678"),
        ("123456789", 8, "12345…"),
        ("ééééé", 8, "éé…"),
        ("你好你", 9, "你好你"),
        ("你好你好", 9, "你好…"),
        ("😀😀😀", 8, "😀…"),
    ],
)
def test_a_long_text_is_cut_between_two_characters(
    text: str, max_bytes: int, shown: str
) -> None:
    assert shortened(text, max_bytes) == shown
    assert len(shown.encode()) <= max_bytes


def test_a_line_of_two_kilobytes_is_whole() -> None:
    line = "é" * (MAX_LINE_BYTES // 2)

    assert shortened(line) == line
    assert shortened(line + "x") == line[:-2] + "…"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", ""),
        ("one two three four five six", "one two three four five six"),
        ("1 2 3 4 5 6 7", "1 2 3 … 5 6 7"),
        ("a" * 80, "a" * 80),
        ("a" * 81, "a" * 40 + " … " + "a" * 40),
        ("a" * 50 + " b c " + "d" * 50, "a" * 40 + " … " + "d" * 40),
    ],
)
def test_a_text_is_named_by_its_ends(text: str, named: str) -> None:
    assert ends_of(text) == named
