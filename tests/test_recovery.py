# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What follows a failed session."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradium_tts_python.core.errors import (
    ConnectTimeout,
    ErrorKind,
    GradiumError,
    StallError,
)
from gradium_tts_python.core.recovery import (
    FIRST_DELAY_S,
    LONGEST_DELAY_S,
    MOST_CUTS,
    Failure,
    GiveUp,
    Patience,
    Recovery,
    Retry,
    Step,
)

UNKNOWN = GiveUp("the server sent no word times to resume from")


def recovery(
    *,
    deadline_s: float = 8.0,
    capacity_s: float = 30.0,
    is_resumed: bool = True,
    jitter: float = 0.0,
) -> Recovery:
    patience = Patience(deadline_s, capacity_s, is_resumed=is_resumed)
    return Recovery(patience, lambda: jitter)


def failure(
    at: float = 100.0,
    next_word: int | None = 0,
    kind: ErrorKind = ErrorKind.TRANSIENT,
    *,
    silent_since: float | None = None,
    is_all_said: bool = False,
    has_started: bool = False,
    was_accepted: bool = False,
    was_cut: bool = False,
    was_stale: bool = False,
    error: GradiumError | None = None,
) -> Failure:
    return Failure(
        error or GradiumError("it failed", kind),
        at,
        at if silent_since is None else silent_since,
        next_word,
        is_all_said=is_all_said,
        has_started=has_started,
        was_accepted=was_accepted,
        was_cut=was_cut,
        was_stale=was_stale,
    )


def delays_after(rules: Recovery, *failures: Failure) -> list[float | str]:
    """Return the delay after each failure, or why it was given up."""
    steps: list[Step] = [rules.step_after(each) for each in failures]
    return [
        step.why if isinstance(step, GiveUp) else step.delay_s for step in steps
    ]


@pytest.mark.parametrize("kind", ErrorKind)
def test_only_what_may_pass_is_retried(kind: ErrorKind) -> None:
    step = recovery().step_after(failure(kind=kind))

    assert step == (
        Retry(0.1, from_word=0)
        if kind.is_retryable
        else GiveUp("it cannot succeed as it is")
    )


def test_the_next_session_goes_on_at_the_first_word_not_delivered() -> None:
    assert recovery().step_after(failure(next_word=7)) == Retry(0.1, 7)


def test_the_delay_doubles_up_to_2_s() -> None:
    rules = recovery(deadline_s=100)

    assert delays_after(rules, *[failure()] * 8) == [
        0.1,
        0.2,
        0.4,
        0.8,
        1.6,
        2.0,
        2.0,
        2.0,
    ]


def test_the_delay_stays_finite_over_thousands_of_failures() -> None:
    rules = recovery(deadline_s=100)

    assert delays_after(rules, *[failure()] * 5000)[-1] == 2.0


@pytest.mark.parametrize(
    ("jitter", "delay_s"), [(0.0, 0.4), (0.5, 0.3), (1.0, 0.2)]
)
def test_jitter_takes_up_to_a_half(jitter: float, delay_s: float) -> None:
    delays = delays_after(recovery(jitter=jitter), *[failure()] * 3)

    assert delays[2] == pytest.approx(delay_s)


@pytest.mark.parametrize(
    ("failing_for_s", "found"),
    [
        (0.0, 0.2),
        # Half a second is left for the try.
        (7.2, 0.2),
        (7.4, "still failing after 7.4 s"),
        (20.0, "still failing after 20.0 s"),
    ],
)
def test_retries_end_at_the_deadline(
    failing_for_s: float, found: float | str
) -> None:
    rules = recovery()

    last = delays_after(rules, failure(0.0), failure(failing_for_s))[-1]

    assert last == (pytest.approx(found) if isinstance(found, float) else found)


def test_a_deadline_of_0_means_no_retry() -> None:
    assert recovery(deadline_s=0).step_after(failure()) == GiveUp(
        "still failing after 0.0 s"
    )


def test_a_word_of_progress_starts_the_patience_again() -> None:
    delays = delays_after(
        recovery(),
        failure(0.0, 0),
        failure(7.0, 0),
        failure(7.5, 3),
        failure(14.5, 3),
    )

    assert delays == [0.1, 0.2, 0.1, 0.2]


@pytest.mark.parametrize(
    ("silent_since", "was_accepted", "found"),
    [
        (8.0, True, "still failing after 9.0 s"),
        # The next try was at 0.1 s, and the patience is 8 s.
        (8.2, True, 0.1),
        (8.2, False, "still failing after 9.0 s"),
    ],
)
def test_a_session_that_held_long_was_waiting_for_the_agent(
    silent_since: float, was_accepted: bool, found: float | str
) -> None:
    last = failure(9.0, silent_since=silent_since, was_accepted=was_accepted)

    assert delays_after(recovery(), failure(0.0), last)[-1] == found


def test_the_wait_before_a_failure_counts() -> None:
    delays = delays_after(
        recovery(),
        failure(5.0, silent_since=0.0),
        failure(7.9, silent_since=5.1),
    )

    assert delays == [0.1, "still failing after 7.9 s"]


def test_a_series_tells_since_when_it_is_silent() -> None:
    rules = recovery()
    assert rules.silent_since is None

    rules.step_after(failure(5.0, silent_since=2.0))
    assert rules.silent_since == 2.0
    rules.step_after(failure(7.0, silent_since=5.1))
    assert rules.silent_since == 2.0
    rules.session_completed()

    assert rules.silent_since is None


def test_a_free_session_is_waited_for_longer() -> None:
    busy = ErrorKind.CAPACITY

    delays = delays_after(
        recovery(),
        *(failure(at, kind=busy) for at in (0.0, 12.0, 29.0, 29.2)),
    )

    assert delays == [0.1, 0.2, 0.4, "still failing after 29.2 s"]


def test_a_refusal_for_want_of_a_session_is_an_answer() -> None:
    """The deadline of silence runs from it, that of the wait runs on."""
    rules = recovery()

    delays = delays_after(
        rules,
        failure(0.0, kind=ErrorKind.CAPACITY),
        failure(7.0, kind=ErrorKind.CAPACITY),
        failure(14.0),
    )

    assert delays == [0.1, 0.2, 0.4]
    assert rules.silent_since == 7.0
    assert rules.slot_wait_ends_at(14.0) == 30.0


def test_without_retries_no_free_session_is_waited_for() -> None:
    rules = recovery(deadline_s=0)

    assert rules.step_after(failure(kind=ErrorKind.CAPACITY)) == GiveUp(
        "still failing after 0.0 s"
    )


def test_an_unknown_position_ends_the_retries() -> None:
    assert recovery().step_after(failure(next_word=None)) == UNKNOWN


def test_what_has_started_is_not_resumed_where_the_settings_say_so() -> None:
    rules = recovery(is_resumed=False)

    assert delays_after(rules, failure(), failure(has_started=True)) == [
        0.1,
        "it is not to be resumed",
    ]


def test_one_dead_reserve_socket_costs_no_wait() -> None:
    stale = failure(was_stale=True)

    assert delays_after(recovery(), stale, stale, failure()) == [0, 0.1, 0.2]


def test_the_same_words_are_not_cut_for_ever() -> None:
    cut = failure(was_cut=True, has_started=True)

    delays = delays_after(recovery(deadline_s=100), *[cut] * MOST_CUTS)

    # Words heard again and again are worse than a pause.
    assert delays == [
        0.1,
        0.8,
        2.0,
        "the same words were cut again and again",
    ]


@given(
    st.integers(1, 40),
    st.floats(0, 100),
    st.floats(0, 100),
    st.floats(0, 1),
)
def test_a_retry_is_never_late_nor_at_once(
    count: int, failing_for_s: float, deadline_s: float, jitter: float
) -> None:
    rules = recovery(deadline_s=deadline_s, jitter=jitter)
    for _ in range(count):
        rules.step_after(failure(0.0))

    found = rules.step_after(failure(failing_for_s))

    if isinstance(found, Retry):
        assert FIRST_DELAY_S / 2 <= found.delay_s <= LONGEST_DELAY_S
        assert failing_for_s + found.delay_s < deadline_s * 0.75 or (
            failing_for_s + found.delay_s < deadline_s - 0.5
        )


def test_a_failure_after_the_last_word_is_none_however_late() -> None:
    late = failure(100.0, 12, silent_since=0.0, is_all_said=True)

    assert recovery().step_after(late) == Retry(0.0, 12)


REFUSED = "localhost refused the connection with HTTP status 503"


def refused() -> GradiumError:
    return GradiumError(REFUSED, ErrorKind.TRANSIENT, "503", "overloaded")


def silent() -> GradiumError:
    return ConnectTimeout("no answer within 0.1 s", ErrorKind.TRANSIENT)


def test_silence_tells_what_the_server_had_answered() -> None:
    rules, first, last = recovery(), silent(), silent()
    for error in (first, refused(), silent(), last):
        rules.step_after(failure(error=error))

    assert (str(first), first.code) == ("no answer within 0.1 s", "")
    assert str(last) == f"no answer within 0.1 s; before that, {REFUSED}"
    assert (last.code, last.vendor_message) == ("503", "overloaded")


def test_an_answer_of_before_the_last_word_is_old() -> None:
    rules, last = recovery(), silent()
    rules.step_after(failure(next_word=3, error=refused()))
    rules.step_after(failure(next_word=4, error=last))

    assert (str(last), last.code) == ("no answer within 0.1 s", "")


def test_what_is_more_than_silence_speaks_for_itself() -> None:
    rules = recovery()
    broke = GradiumError("the connection broke", ErrorKind.TRANSIENT)
    stalled = StallError("no audio came", ErrorKind.TRANSIENT)
    for error in (refused(), broke, stalled):
        rules.step_after(failure(error=error))

    assert (str(broke), broke.code) == ("the connection broke", "")
    told = "no audio came; before that, the connection broke"
    assert (str(stalled), stalled.code) == (told, "")
