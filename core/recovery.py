"""Every rule of retry, resume, patience and giving up."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import ErrorKind


@dataclass(frozen=True)
class Retry:
    """Open a new session after `delay_s`."""

    delay_s: float


@dataclass(frozen=True)
class GiveUp:
    """End the request with the error."""

    why: str


FIRST_DELAY_S, LONGEST_DELAY_S = 0.1, 2.0


def next_step(
    kind: ErrorKind,
    *,
    attempt: int,
    failing_for_s: float,
    deadline_s: float,
    is_position_known: bool,
    jitter: float,
) -> Retry | GiveUp:
    """Decide what follows a failure of a request's session.

    Args:
        attempt: how many sessions have failed since the last progress;
            0 after one on a socket that had died in reserve.
        failing_for_s: seconds since the first of these failures.
        deadline_s: after how many such seconds to give up.
        is_position_known: whether a new session would know where to go on.
        jitter: from 0 to 1, spreads callers that failed together.

    Returns:
        `Retry` with 0.1 s doubling to 2 s, of which jitter takes up to a
        half, at once for attempt 0, or `GiveUp`.
    """
    if not kind.is_retryable:
        return GiveUp("it cannot succeed as it is")
    if not is_position_known:
        return GiveUp("the server sent no word times to resume from")
    doubled_s = FIRST_DELAY_S * 2 ** min(attempt - 1, 16) if attempt else 0.0
    delay_s = min(doubled_s, LONGEST_DELAY_S) * (1 - jitter / 2)
    if failing_for_s + delay_s >= deadline_s:
        return GiveUp(f"still failing after {failing_for_s:.1f} s")
    return Retry(delay_s)
