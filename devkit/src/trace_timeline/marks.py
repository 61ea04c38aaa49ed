# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a timeline is drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Lane:
    """One band of the picture."""

    name: str
    title: str


LANES = (
    Lane("text", "text in"),
    Lane("sockets", "sockets"),
    Lane("ttfb", "first audio"),
    Lane("frames", "audio out"),
    Lane("words", "words heard"),
    Lane("buffer", "buffer"),
    Lane("events", "events"),
)

# Of a lane that stays empty, that is what it says; but who did not see any
# socket knows nothing of them.
_ALWAYS = {lane.name for lane in LANES} - {"sockets"}


@dataclass(frozen=True)
class Mark:
    """One thing to draw. Told again with the same id, it replaces the first.

    Attributes:
        id: of this mark, in its timeline.
        lane: the name of its lane.
        kind: what it is, which decides its colour.
        start_s: on the clock of the trace.
        stop_s: the same as `start_s` for a moment; `None` while it lasts.
        text: what is written on it.
        detail: what is told of it besides.
        row: in a lane where marks overlap.
        value: in the lanes of audio and buffer, seconds of sound.
    """

    id: str
    lane: str
    kind: str
    start_s: float
    stop_s: float | None
    text: str = ""
    detail: str = ""
    row: int = 0
    value: float = 0.0

    def tree(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def lanes_of(marks: Sequence[Mark]) -> list[Lane]:
    """Return the lanes of a picture; without sockets where none are known."""
    known = {mark.lane for mark in marks}
    return [lane for lane in LANES if lane.name in known | _ALWAYS]
