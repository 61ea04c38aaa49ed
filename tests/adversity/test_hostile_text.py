# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A text that was made to be slow is not: what masking costs grows evenly.

No clock of the machine is asserted: the CPU time of two sizes is compared.
Work that grows with the square would take 64 times as long for the larger one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import cycle, islice
from time import process_time

import pytest

from gradium_tts_python.core.redact import Masker, secrets_in

KEY = "gsk_0123456789abcdef"
MASKER = Masker([KEY, "me:pass@word"])

SIZE, TIMES = 4_000, 8
# Between 8 for what is linear and 64 for what is not.
TOO_MUCH = 32

PATTERNS = (
    *("a", "é", "。", "?", "&", ";", "=", "@", "/", "\n", "\x1b", " "),
    *("a.", "a+", "://", "a://", "a://b@", "a://a.a@", "key", "?key", "&key"),
    *(
        "?key=",
        "&key=a",
        "key?",
        "?a",
        "?a=",
        "&a=",
        "?a?b=",
        "?token?",
        "'key",
    ),
    *("request=r1 text=?key", "?keykey", "a://b:c@d/?token=e ", "key=value; "),
    *(KEY, KEY[:-1], "gsk_", "me:pass@", "你好，"),
)


def cpu_s(function: Callable[[str], object], text: str) -> float:
    """CPU seconds of this process, the best of seven measurements."""
    best = float("inf")
    for _ in range(7):
        started = process_time()
        for _ in range(5):
            function(text)
        best = min(best, process_time() - started)
    return best


def repeated(pattern: str, size: int) -> str:
    return "".join(islice(cycle(pattern), size))


@pytest.mark.thorough
@pytest.mark.parametrize(
    "function",
    [MASKER.mask, lambda text: list(secrets_in({"url": text}))],
    ids=["mask", "secrets_in"],
)
@pytest.mark.parametrize("pattern", PATTERNS, ids=ascii)
def test_masking_is_linear(
    pattern: str, function: Callable[[str], object]
) -> None:
    once = cpu_s(function, repeated(pattern, SIZE))
    grown = cpu_s(function, repeated(pattern, SIZE * TIMES))

    assert grown < once * TOO_MUCH


@pytest.mark.thorough
@pytest.mark.parametrize("pattern", PATTERNS, ids=ascii)
def test_a_log_line_costs_no_more_than_what_is_written(pattern: str) -> None:
    once = cpu_s(MASKER.log_line, repeated(pattern, SIZE))
    grown = cpu_s(MASKER.log_line, repeated(pattern, SIZE * 64))

    # The same, but for noise; 64 times if the whole text were looked at.
    assert grown < once * 8


@pytest.mark.parametrize("pattern", PATTERNS, ids=ascii)
def test_a_key_in_a_hostile_text_is_masked(pattern: str) -> None:
    around = repeated(pattern, SIZE)

    shown = MASKER.mask(around + KEY + around)

    assert KEY not in shown


def test_work_that_is_not_linear_is_noticed() -> None:
    """The measurement is no ornament: it tells a square from a line."""

    def square(text: str) -> None:
        re.findall("a[^b]*b", text)

    once = cpu_s(square, repeated("a", SIZE // TIMES))
    grown = cpu_s(square, repeated("a", SIZE))

    assert grown > once * TOO_MUCH
