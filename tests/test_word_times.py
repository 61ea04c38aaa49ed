# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Which word times are believed, and which words are over by them."""

from __future__ import annotations

import math

import pytest

from gradium_tts_python.core.word_times import plausible_stop_s, words_over


@pytest.mark.parametrize(
    ("start_s", "stop_s", "stop"),
    [
        (0.5, 0.9, 0.9),
        (0, 1, 1.0),
        (-0.08, 0.0, 0.0),
        (12.0, 39.9, 39.9),
        (0.5, 999.0, None),
        (998.0, 999.0, None),
        (0.9, 0.5, None),
        (-5.0, 0.5, None),
        (math.nan, 0.5, None),
        (0.5, math.inf, None),
        (0.5, 10**400, None),
        ("0.5", 0.9, None),
        (0.5, None, None),
        (False, True, None),
        ([], {}, None),
    ],
)
def test_absurd_times_are_no_times(
    start_s: object, stop_s: object, stop: float | None
) -> None:
    assert plausible_stop_s(start_s, stop_s, 10.0) == stop


@pytest.mark.parametrize(
    ("stops_s", "delivered_s", "count"),
    [
        ([], 9.0, 0),
        ([0.5, 1.0, 1.5], 1.09, 1),
        ([0.5, 1.0, 1.5], 1.1, 2),
        ([0.5, 1.0, 1.5], 9.0, 3),
        # A word without times is over when a later one is.
        ([0.5, None, 1.5], 1.1, 1),
        ([0.5, None, 1.5], 1.6, 3),
        ([0.5, None], 9.0, 1),
        ([None, None], 9.0, 0),
        # One wrong time holds none back once two words show it.
        ([0.5, 25.0, 1.5], 1.7, 1),
        ([0.5, 25.0, 1.5, 2.0], 2.2, 4),
        # A time that is too early is none, either.
        ([0.5, 1.0, 0.0], 0.8, 1),
        ([0.5, 1.0, 0.0], 9.0, 2),
        ([0.5, 1.0, 0.0, 1.5], 1.7, 4),
        ([1.0, 0.9, 1.2], 1.05, 0),
    ],
)
def test_words_count_in_their_order(
    stops_s: list[float | None], delivered_s: float, count: int
) -> None:
    assert words_over(stops_s, delivered_s, 0.1) == count
