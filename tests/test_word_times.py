# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Which word times are believed, and which words are over by them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradium_tts_python.core.word_times import StopTimes, plausible_stop_s


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
    assert StopTimes(stops_s).over(delivered_s, 0.1) == count


def by_all_words(stops_s: list[float | None]) -> list[tuple[int, float]]:
    """Which words fit, looked at all at once, as the rule is written."""
    timed = [(at, stop) for at, stop in enumerate(stops_s) if stop is not None]
    fitting, latest = [], -math.inf
    for number, (at, stop) in enumerate(timed):
        following = [later for _, later in timed[number + 1 : number + 3]]
        is_wrong = len(following) == 2 and max(following) < stop - 1.0
        if not is_wrong and stop > latest - 0.2:
            latest = max(latest, stop)
            fitting.append((at, latest))
    return fitting


@given(st.lists(st.none() | st.floats(0.0, 9.0)), st.floats(0.0, 10.0))
def test_words_are_judged_as_they_come_as_all_at_once(
    stops_s: list[float | None], delivered_s: float
) -> None:
    times = StopTimes()

    for count, stop_s in enumerate(stops_s, 1):
        times.add(stop_s)

        fitting = by_all_words(stops_s[:count])
        assert list(times.in_order()) == fitting
        over = [at + 1 for at, by_s in fitting if by_s <= delivered_s + 1e-4]
        assert times.over(delivered_s) == max(over, default=0)
    told = [stop_s for stop_s in stops_s if stop_s is not None]
    assert times.last_s == max(told, default=None)
