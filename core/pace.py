# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Whether a server is asked, after it has refused or does not answer.

No clock and no chance here: times and jitter are passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .errors import ConnectError, ErrorKind, GradiumError
from .haste import Haste

# How long to wait before a socket is opened ahead again after one was no good.
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0
# A request asks a server that is down more often: people wait for it.
LONGEST_REFUSAL_S: Final = 5.0
# A server that restarts closes the sockets of all its clients at once, and
# those that were started together grow old together: they come back spread
# over this time, and grow old within this part of the age.
SPREAD_S, AGE_SPREAD = 0.5, 0.2
# After a refusal of the key or the credits, requests are refused at once for
# this long: the vendor need not be asked again, nor the user kept waiting.
LATCH_S = 30.0


class Pace:
    """When a server may be asked: ever less often while it does not answer.

    One for all sockets of a client. It is a breaker, too: once a request was
    given up on a server that did not answer, the server is down until
    anything shows that it answers. A request then asks it once; until the
    next may, those between are refused at once.
    """

    def __init__(self, jitter: Callable[[], float]) -> None:
        """Begin without any failure.

        Args:
            jitter: returns 0 to 1, to spread clients that failed together.
        """
        self.is_down = False
        # Whether it is known to, and not to refuse the key.
        self.has_answered = False
        # How many sockets are opened ahead, while all is well.
        self.haste = Haste()
        self._jitter = jitter
        self._failures = 0
        self._next_at = 0.0
        self._refusals = 0
        self._refused_until = 0.0
        self._latched: GradiumError | None = None

    def wait_s(self, now: float) -> float:
        """Return how long no socket should be opened; 0 or less is none."""
        return self._next_at - now

    def reserves(self, most: int, now: float) -> int:
        """Return how many sockets to hold ahead, at most `most`.

        A server that may yet refuse the key is not asked twice.
        """
        if not self.has_answered:
            most = min(most, 1)
        return self.haste.wanted(most, now)

    def check(self, host: str, now: float) -> None:
        """Raise where a request would be refused, or not be answered.

        Raises:
            ConnectError: the key or the credits were refused not long ago, or
                the server is down and was asked just now.
        """
        left_s, error = self._refused_until - now, self._latched
        if left_s <= 0:
            self._latched = None
        elif error:
            raise ConnectError(
                f"{error} (not asked again for {left_s:.0f} s)",
                error.kind,
                error.code,
                error.vendor_message,
            )
        else:
            raise ConnectError(
                f"{host} does not answer (not asked again for {left_s:.1f} s)",
                ErrorKind.TRANSIENT,
            )

    def refused(self, error: GradiumError, now: float) -> None:
        """Learn that the key or the credits are refused."""
        self.has_answered = False
        self.haste.refused(now)
        if self._latched is None or now >= self._refused_until:
            self._latched, self._refused_until = error, now + LATCH_S

    def failed(self, now: float) -> None:
        """Learn that a socket was no good: 1 s, doubling to 30 s.

        Jitter takes up to a half of it.
        """
        self.haste.refused(now)
        wait_s = self._backoff_s(self._failures, LONGEST_WAIT_S)
        self._failures += 1
        self._next_at = max(self._next_at, now + wait_s)

    def given_up(self, now: float) -> None:
        """Learn that a request was given up without any answer."""
        self.is_down, self.has_answered = True, False
        self.haste.refused(now)
        wait_s = self._backoff_s(self._refusals, LONGEST_REFUSAL_S)
        self._refusals += 1
        self._refused_until = max(self._refused_until, now + wait_s)

    def lost(self, now: float) -> None:
        """Learn that a socket is gone that had been good."""
        self.haste.refused(now)
        self._next_at = max(self._next_at, now + SPREAD_S * self._jitter())

    def settings_changed(self, *, is_other_server: bool) -> None:
        """Learn that what was refused may be accepted now."""
        if is_other_server:
            self.answered()
            self.has_answered = False
        elif self._latched:
            self._latched, self._refused_until = None, 0.0

    def answered(self) -> None:
        """Learn that the server answers."""
        self.has_answered = True
        self.is_down, self._latched = False, None
        self._failures = self._refusals = 0
        self._next_at = self._refused_until = 0.0

    def spread(self, age_s: float) -> float:
        """Return at what age the next socket is to be replaced."""
        return age_s * (1 - AGE_SPREAD * self._jitter())

    def _backoff_s(self, failures: int, longest_s: float) -> float:
        doubled_s = FIRST_WAIT_S * 2.0 ** min(failures, 16)
        return min(doubled_s, longest_s) * (1 - self._jitter() / 2)
