# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What follows a failed session: every rule of retry, resume and giving up.

No clock and no chance here: times and jitter are passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Union

from .errors import ErrorKind, GradiumError

FIRST_DELAY_S, LONGEST_DELAY_S = 0.1, 2.0
# A try that is cut sooner than this tells less than the failure before it.
LEAST_TRY_S = 0.5
# So often a session may cut the same words short before it is no use to
# start them once more.
MOST_CUTS = 4


@dataclass(frozen=True)
class Patience:
    """How long failures are borne; from the settings.

    Attributes:
        deadline_s: how long the listener may wait in vain before a request
            is given up; 0 is no second try.
        capacity_s: how long to wait for a free session of the account.
        is_resumed: whether speech that was cut goes on where it was.
    """

    deadline_s: float
    capacity_s: float
    is_resumed: bool = True


@dataclass(frozen=True)
class Failure:
    """A session that failed, as far as the rules care.

    Attributes:
        error: what it failed with.
        at: when, in seconds of the loop's clock.
        silent_since: since when something had been owed, on the same clock.
        next_word: the first word that was not delivered, by number; `None`
            where it cannot be known.
        is_all_said: whether nothing is left to say from there on.
        has_started: whether any audio of the request was delivered.
        was_accepted: whether the server had accepted this session.
        was_cut: whether this session had delivered audio.
        was_stale: whether it was begun on a reserve socket and never
            answered: the socket may have died in reserve.
    """

    error: GradiumError
    at: float
    silent_since: float
    next_word: int | None
    is_all_said: bool = False
    has_started: bool = False
    was_accepted: bool = False
    was_cut: bool = False
    was_stale: bool = False

    @property
    def kind(self) -> ErrorKind:
        """What it means for the next try."""
        return self.error.kind


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
    All the waits of a series share one deadline.
    """

    def __init__(self, patience: Patience, jitter: Callable[[], float]) -> None:
        """Begin without any failure.

        Args:
            jitter: returns 0 to 1, to spread callers that failed together.
        """
        self._patience = patience
        self._jitter = jitter
        self._next_word: int | None = -1
        # Since when the listener has waited in this series, for anything and
        # for an answer; a refusal for want of a session is an answer.
        self._waiting_since: float | None = None
        self._silent_since = 0.0
        self._next_try_at = 0.0
        self._attempts = 0
        self._cuts = 0
        self._has_met_stale = False
        # What failed last in this series, and was more than silence.
        self._answer: GradiumError | None = None

    @property
    def silent_since(self) -> float | None:
        """Since when an answer is waited for; `None` outside of a series."""
        return None if self._waiting_since is None else self._silent_since

    def slot_wait_ends_at(self, now: float) -> float:
        """Return until when a session that begins now may wait for its slot."""
        since = now if self._waiting_since is None else self._waiting_since
        return since + self._patience.capacity_s

    def session_completed(self) -> None:
        """Note that all was said: what fails now is a new series."""
        self._waiting_since = None

    def step_after(self, failure: Failure) -> Step:
        """Decide, and remember this failure.

        An error that is mere silence then tells of the last that was more:
        a try that time has cut short must not hide what is the matter.

        Returns:
            `Retry` after 0.1 s, doubling to 2 s, of which jitter takes up to
            a half, and at once after the first dead reserve socket, or where
            all was said and the next session has nothing to do; or `GiveUp`.
        """
        self._count(failure)
        if not failure.kind.is_retryable:
            return GiveUp("it cannot succeed as it is")
        if failure.has_started and not self._patience.is_resumed:
            return GiveUp("it is not to be resumed")
        if failure.next_word is None:
            return GiveUp("the server sent no word times to resume from")
        if failure.is_all_said:
            return Retry(0.0, failure.next_word)
        if self._cuts == MOST_CUTS:
            return GiveUp("the same words were cut again and again")
        delay_s = self._delay_s()
        waited_s, most_s = self._wait_of(failure)
        least_s = min(LEAST_TRY_S, most_s / 4)
        if waited_s + delay_s + least_s >= most_s:
            return GiveUp(f"still failing after {waited_s:.1f} s")
        self._next_try_at = failure.at + delay_s
        return Retry(delay_s, failure.next_word)

    def _count(self, failure: Failure) -> None:
        has_advanced = failure.next_word != self._next_word
        had_until = self._next_try_at + self._patience.deadline_s
        has_held = failure.was_accepted and failure.silent_since > had_until
        if self._waiting_since is None or has_advanced or has_held:
            self._next_word = failure.next_word
            self._waiting_since = self._silent_since = failure.silent_since
            self._attempts = self._cuts = 0
            self._answer = None
        if not failure.error.is_silence:
            self._answer = failure.error
        elif self._answer:
            failure.error.tell_of(self._answer)
        if failure.kind is ErrorKind.CAPACITY:
            self._silent_since = failure.at
        # A socket that died in reserve is nothing to wait for, once.
        if not failure.was_stale or self._has_met_stale:
            self._attempts += 1
        self._has_met_stale |= failure.was_stale
        self._cuts += failure.was_cut

    def _wait_of(self, failure: Failure) -> tuple[float, float]:
        """Return how long has been waited, and how long may be, in s."""
        patience = self._patience
        if failure.kind is not ErrorKind.CAPACITY:
            return failure.at - self._silent_since, patience.deadline_s
        since = failure.at
        if self._waiting_since is not None:
            since = self._waiting_since
        # Without retries there is nothing to wait for either.
        most_s = patience.capacity_s if patience.deadline_s else 0.0
        return failure.at - since, most_s

    def _delay_s(self) -> float:
        # Words that are heard again and again are worse than a pause.
        attempts = self._attempts + 2 * max(0, self._cuts - 1)
        if not attempts:
            return 0.0
        doubled_s: float = FIRST_DELAY_S * 2 ** min(attempts - 1, 16)
        return min(doubled_s, LONGEST_DELAY_S) * (1 - self._jitter() / 2)
