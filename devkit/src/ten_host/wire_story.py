# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What the user wants to know of the wire, told from a trace line by line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trace_timeline import Mark, Timeline

Step = tuple[float, str, str]
"""When, what it is called, and what is to be said of it."""

_TOLD = ("retry", "resume")


class WireStory:
    """Tells of sockets that open, are used and lost, and of new attempts."""

    def __init__(self) -> None:
        self._timeline = Timeline()
        # When each socket's present state began.
        self._since_s: dict[str, float] = {}
        self._asked_s = 0.0

    def take(self, line: Mapping[str, Any]) -> list[Step]:
        """Return what is to be told of a line."""
        steps = []
        for mark in self._timeline.take(line):
            if mark.lane == "text" and not self._asked_s:
                self._asked_s = mark.start_s
            elif mark.lane == "ttfb":
                self._asked_s = 0.0
            elif mark.lane == "sockets":
                steps += self._socket(mark)
            elif mark.kind in _TOLD:
                reason = f" ({mark.detail})" if mark.detail else ""
                steps.append((mark.start_s, mark.kind, mark.text + reason))
        return steps

    def _socket(self, mark: Mark) -> list[Step]:
        at_s, socket = mark.start_s, mark.text
        if mark.kind in ("lost", "refused"):
            return [(at_s, mark.kind, f"{socket}: {mark.detail}")]
        if mark.kind == "connecting":
            self._since_s[socket] = at_s
        elif mark.kind == "reserve" and mark.stop_s is None:
            took_ms = (at_s - self._since_s.get(socket, at_s)) * 1000
            self._since_s[socket] = at_s
            return [(at_s, "connect", f"{socket} open after {took_ms:.0f} ms")]
        elif mark.kind == "setup" and mark.stop_s is None:
            is_own = self._since_s.get(socket, at_s) > self._asked_s > 0
            from_where = "opened for it" if is_own else "from the reserve"
            return [(at_s, "setup", f"{socket}, {from_where}")]
        return []
