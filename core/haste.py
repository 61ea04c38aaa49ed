# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""How many sockets are held ahead: one, and more while turns come fast.

No clock here: times are passed in.
"""

from __future__ import annotations

from typing import Final

# No more than this are held ahead, whatever the settings say.
MOST_RESERVES: Final = 4
# Requests come fast where the next is asked before so many sockets could be
# opened one after the other: some take longer than the last one took.
FAST_SOCKETS: Final = 2.0
# So long after the last fast turn further sockets are held, and so long after
# a refusal none are.
HASTE_S = 60.0


class Haste:
    """How fast turns follow each other, and how many sockets that takes.

    A quiet agent needs one. Nobody knows how many bare sockets a key may hold
    at the vendor's, so more are held only for turns that came so fast that
    none was left, and none once the server has refused anything.
    """

    def __init__(self) -> None:
        self._count = 1
        self._until = 0.0
        self._refused_until = 0.0
        self._asked_at = float("-inf")
        self._opens_s = 0.0

    def opened(self, took_s: float) -> None:
        """Learn how long it took to open a socket."""
        self._opens_s = took_s

    def wanted(self, most: int, now: float) -> int:
        """Return how many sockets to hold ahead, at most `most`."""
        return min(self._count if now < self._until else 1, most)

    def asked(self, left: int, now: float) -> None:
        """Learn that a request asks for a socket.

        Args:
            left: how many are open once it has its own.
        """
        before, self._asked_at = self._asked_at, now
        if now - before >= FAST_SOCKETS * self._opens_s:
            return
        is_one_more = left == 0
        self._hold(self.wanted(MOST_RESERVES, now) + is_one_more, now)

    def interrupted(self, now: float) -> None:
        """Learn that a request was cut off: the next is close behind."""
        self._hold(max(2, self.wanted(MOST_RESERVES, now)), now)

    def refused(self, now: float) -> None:
        """Learn that a socket or a session was refused, or lost."""
        self._until = now
        self._refused_until = now + HASTE_S

    def _hold(self, count: int, now: float) -> None:
        if now >= self._refused_until:
            self._count = min(count, MOST_RESERVES)
            self._until = now + HASTE_S
