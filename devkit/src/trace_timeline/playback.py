# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""When what was delivered is heard: at once, and in real time after that."""

from __future__ import annotations

# A listener that is so little beside what was reckoned is where it should be.
TOLERANCE_S = 0.03


class Playback:
    """The sound of one request, delivered and played.

    By itself it reckons with a listener that plays from the first frame on
    and waits where nothing is left. One who reports is believed instead.
    """

    def __init__(self) -> None:
        self.delivered_s = 0.0
        self._is_reported = False
        # From each position on: when it was heard.
        self._anchors: list[tuple[float, float]] = []
        self._stopped_at_s: float | None = None
        # How much was heard in all, where the listener told.
        self._heard_s: float | None = None

    @property
    def has_begun(self) -> bool:
        """Whether there is anything to hear."""
        return bool(self._anchors)

    @property
    def is_stopped(self) -> bool:
        """Whether it was cut off."""
        return self._stopped_at_s is not None

    def delivered(self, duration_s: float, at_s: float) -> None:
        """So much more sound has come."""
        has_run_dry = self.played_s(at_s) >= self.delivered_s
        if not self._anchors or (has_run_dry and not self._is_reported):
            self._anchors.append((self.delivered_s, at_s))
        self.delivered_s += duration_s

    def reported(self, played_s: float, at_s: float) -> bool:
        """The listener tells where it is; whether that is news."""
        if not self._is_reported:
            self._is_reported = True
            self._anchors = [(0.0, at_s - played_s)]
            return True
        if abs(self.played_s(at_s) - played_s) < TOLERANCE_S:
            return False
        self._anchors.append((played_s, at_s))
        return True

    def stop(self, at_s: float) -> None:
        """It was cut off; nothing more is heard."""
        if self._stopped_at_s is None:
            self._stopped_at_s = at_s

    def stopped(self, heard_s: float) -> None:
        """The listener tells how much had been heard when it was cut off."""
        self._heard_s = heard_s

    def heard_at_s(self, position_s: float) -> float:
        """When a position of the sound is heard; only once it has begun."""
        found = self._anchors[0]
        for anchor in self._anchors:
            if anchor[0] <= position_s:
                found = anchor
        return found[1] + position_s - found[0]

    def played_s(self, at_s: float) -> float:
        """How much of the sound has been heard at a time."""
        if self._stopped_at_s is not None:
            at_s = min(at_s, self._stopped_at_s)
        played_s = 0.0
        for position_s, since_s in self._anchors:
            if since_s <= at_s:
                played_s = position_s + at_s - since_s
        return min(max(played_s, 0.0), self.delivered_s)

    def is_cut_before(self, position_s: float) -> bool:
        """Whether it was cut off before this position was heard."""
        if self._stopped_at_s is None:
            return False
        heard_s = self._heard_s
        if heard_s is None:
            heard_s = self.played_s(self._stopped_at_s)
        return position_s > heard_s + 0.001

    def buffered_s(self, at_s: float) -> float:
        """How much has been delivered and not been heard."""
        return self.delivered_s - self.played_s(at_s)
