# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What follows a failed session: every rule of retry, resume and giving up.

No clock and no chance here: times and jitter are passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Union

from .errors import ErrorKind

FIRST_DELAY_S, LONGEST_DELAY_S = 0.1, 2.0
# So often a session may cut the same words short before it is no use to
# start them once more.
MOST_CUTS = 4


@dataclass(frozen=True)
class Patience:
    """How long failures are borne; from the settings.

    Attributes:
        deadline_s: how long a request may fail without a word of progress.
        attempt_s: the longest that one attempt may take to fail by itself.
        is_resumed: whether speech that was cut goes on where it was.
    """

    deadline_s: float
    attempt_s: float
    is_resumed: bool = True


@dataclass(frozen=True)
class Failure:
    """A session that failed, as far as the rules care.

    Attributes:
        kind: what the error means.
        at: when, in seconds of the loop's clock.
        next_word: the first word that was not delivered, by number; `None`
            where it cannot be known.
        has_started: whether any audio of the request was delivered.
        was_cut: whether this session had delivered audio.
        was_stale: whether it was begun on a reserve socket and never
            answered: the socket may have died in reserve.
    """

    kind: ErrorKind
    at: float
    next_word: int | None
    has_started: bool = False
    was_cut: bool = False
    was_stale: bool = False


@dataclass(frozen=True)
class Retry:
    """Open a new session after `delay_s`, which goes on at `from_word`."""

    delay_s: float
    from_word: int


@dataclass(frozen=True)
class GiveUp:
    """End the request with the error."""

    why: str


Step = Union[Retry, GiveUp]


class Recovery:
    """Decides what follows the failures of one request's sessions.

    Failures count as one series until a word is delivered, or until a
    session has held so long that it must have been waiting for the agent.
    """

    def __init__(self, patience: Patience, jitter: Callable[[], float]) -> None:
        """Begin without any failure.

        Args:
            jitter: returns 0 to 1, to spread callers that failed together.
        """
        self._patience = patience
        self._jitter = jitter
        self._next_word: int | None = -1
        self._failing_since = 0.0
        self._last_at = 0.0
        self._attempts = 0
        self._cuts = 0
        self._has_met_stale = False

    def step_after(self, failure: Failure) -> Step:
        """Decide, and remember this failure.

        Returns:
            `Retry` after 0.1 s, doubling to 2 s, of which jitter takes up to
            a half, and at once after the first dead reserve socket; or
            `GiveUp`.
        """
        self._count(failure)
        if not failure.kind.is_retryable:
            return GiveUp("it cannot succeed as it is")
        if failure.has_started and not self._patience.is_resumed:
            return GiveUp("it is not to be resumed")
        if failure.next_word is None:
            return GiveUp("the server sent no word times to resume from")
        if self._cuts == MOST_CUTS:
            return GiveUp("the same words were cut again and again")
        delay_s = self._delay_s()
        failing_s = self._last_at - self._failing_since
        if failing_s + delay_s >= self._patience.deadline_s:
            return GiveUp(f"still failing after {failing_s:.1f} s")
        return Retry(delay_s, failure.next_word)

    def _count(self, failure: Failure) -> None:
        has_advanced = failure.next_word != self._next_word
        borne_s = self._patience.deadline_s + self._patience.attempt_s
        if has_advanced or failure.at > self._last_at + borne_s:
            self._next_word, self._failing_since = failure.next_word, failure.at
            self._attempts = self._cuts = 0
        self._last_at = failure.at
        # A socket that died in reserve is nothing to wait for, once.
        if not failure.was_stale or self._has_met_stale:
            self._attempts += 1
        self._has_met_stale |= failure.was_stale
        self._cuts += failure.was_cut

    def _delay_s(self) -> float:
        # Words that are heard again and again are worse than a pause.
        attempts = self._attempts + 2 * max(0, self._cuts - 1)
        if not attempts:
            return 0.0
        doubled_s: float = FIRST_DELAY_S * 2 ** min(attempts - 1, 16)
        return min(doubled_s, LONGEST_DELAY_S) * (1 - self._jitter() / 2)
