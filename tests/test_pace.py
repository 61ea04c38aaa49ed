# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""When a server may be asked again: the breaker, with the time passed in."""

from __future__ import annotations

import re

import pytest

from gradium_tts_python.core.errors import (
    ConnectError,
    ErrorKind,
    SynthesisError,
)
from gradium_tts_python.core.pace import Pace

WRONG_KEY = SynthesisError(
    "localhost refused the key", ErrorKind.AUTH, "401", "Invalid API key"
)
NO_CREDITS = SynthesisError("no credits are left", ErrorKind.QUOTA, "402")


def steady() -> Pace:
    """Return one that adds no jitter."""
    return Pace(lambda: 0.0)


def refusal(pace: Pace, now: float) -> str:
    """Return with what words a request is refused at that time, if at all."""
    try:
        pace.check("localhost", now)
    except ConnectError as error:
        return str(error)
    return ""


def test_a_server_of_which_nothing_is_known_may_be_asked() -> None:
    pace = steady()

    assert pace.wait_s(100.0) <= 0
    assert refusal(pace, 100.0) == ""
    assert not pace.has_answered
    assert not pace.is_down


def test_sockets_ahead_are_opened_ever_less_often_up_to_every_30_s() -> None:
    pace, now, waits_s = steady(), 100.0, []
    for _ in range(8):
        pace.failed(now)
        waits_s.append(pace.wait_s(now))
        now += waits_s[-1]

    assert waits_s == [1, 2, 4, 8, 16, 30, 30, 30]
    # Requests are another matter: people wait for them.
    assert refusal(pace, 100.0) == ""


def test_a_failure_a_thousand_times_over_still_waits_30_s() -> None:
    pace = steady()
    for _ in range(1000):
        pace.failed(100.0)

    assert pace.wait_s(100.0) == 30


def test_jitter_takes_up_to_a_half_of_the_wait() -> None:
    pace = Pace(lambda: 1.0)
    pace.failed(100.0)

    assert pace.wait_s(100.0) == 0.5


def test_a_shorter_wait_never_takes_from_a_longer_one() -> None:
    jitters = iter([0.0, 0.0, 0.0, 1.0])
    pace = Pace(lambda: next(jitters))
    for _ in range(3):
        pace.failed(100.0)  # 1, 2 and 4 s
    pace.lost(100.0)

    assert pace.wait_s(100.0) == 4


@pytest.mark.parametrize(("jitter", "wait_s"), [(0.0, 0.0), (1.0, 0.5)])
def test_a_good_socket_that_is_lost_is_replaced_soon_and_spread(
    jitter: float, wait_s: float
) -> None:
    pace = Pace(lambda: jitter)
    pace.lost(100.0)

    assert pace.wait_s(100.0) == wait_s


@pytest.mark.parametrize(("jitter", "age_s"), [(0.0, 25.0), (1.0, 20.0)])
def test_sockets_opened_together_grow_old_apart(
    jitter: float, age_s: float
) -> None:
    assert Pace(lambda: jitter).spread(25.0) == age_s


def test_a_server_that_gave_no_answer_is_asked_every_1_2_4_5_s() -> None:
    pace, now, waits_s = steady(), 100.0, []
    for _ in range(5):
        pace.given_up(now)
        words = refusal(pace, now)
        waits_s.append(float(re.findall(r"again for (\S+) s", words)[0]))
        assert words.startswith("localhost does not answer")
        now += waits_s[-1]
        assert refusal(pace, now) == ""
        assert pace.is_down, "until it answers"

    assert waits_s == [1, 2, 4, 5, 5]


def test_any_answer_lets_everyone_ask_again() -> None:
    pace = steady()
    for _ in range(3):
        pace.failed(100.0)
        pace.given_up(100.0)
    pace.refused(WRONG_KEY, 100.0)
    pace.answered()

    assert pace.has_answered
    assert not pace.is_down
    assert refusal(pace, 100.0) == ""
    assert pace.wait_s(100.0) <= 0
    # And what was counted begins anew.
    pace.failed(100.0)
    pace.given_up(100.0)
    assert pace.wait_s(100.0) == 1
    assert "again for 1.0 s" in refusal(pace, 100.0)


@pytest.mark.parametrize("error", [WRONG_KEY, NO_CREDITS])
def test_a_refused_key_is_not_tried_again_for_30_s(
    error: SynthesisError,
) -> None:
    pace = steady()
    pace.answered()
    pace.refused(error, 100.0)

    with pytest.raises(ConnectError) as raised:
        pace.check("localhost", 110.0)
    assert str(raised.value) == f"{error} (not asked again for 20 s)"
    assert raised.value.kind is error.kind
    assert raised.value.code == error.code
    assert raised.value.vendor_message == error.vendor_message
    assert not pace.has_answered
    assert refusal(pace, 129.9)
    assert refusal(pace, 130.0) == ""


def test_refusals_that_follow_do_not_make_it_longer() -> None:
    pace = steady()
    pace.refused(WRONG_KEY, 100.0)
    pace.refused(NO_CREDITS, 120.0)

    assert "refused the key" in refusal(pace, 129.0)
    assert refusal(pace, 130.0) == ""
    pace.refused(NO_CREDITS, 130.0)
    assert (
        refusal(pace, 159.0) == "no credits are left (not asked again for 1 s)"
    )


def test_another_key_may_be_tried_at_once() -> None:
    pace = steady()
    pace.refused(WRONG_KEY, 100.0)
    pace.settings_changed(is_other_server=False)

    assert refusal(pace, 100.0) == ""


def test_another_key_does_not_wake_a_server_that_is_down() -> None:
    pace = steady()
    pace.given_up(100.0)
    pace.settings_changed(is_other_server=False)

    assert refusal(pace, 100.5)
    assert pace.is_down


def test_another_server_is_one_of_which_nothing_is_known() -> None:
    pace = steady()
    pace.answered()
    pace.failed(100.0)
    pace.given_up(100.0)
    pace.settings_changed(is_other_server=True)

    assert refusal(pace, 100.0) == ""
    assert pace.wait_s(100.0) <= 0
    assert not pace.is_down
    assert not pace.has_answered
