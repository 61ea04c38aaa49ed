# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Faults are data: what goes wrong, where, and how often.

A plan is a table of `Fault` rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from .actions import (
    Action,
    Delay,
    HalfOpen,
    Http,
    Over,
    Pause,
    Reset,
    Stall,
)
from .points import Point

__all__ = [
    "Action",
    "ArmedFaults",
    "Fault",
    "FaultPlan",
    "Over",
    "Progress",
]

_AT_UPGRADE = (Pause, Delay, Http, Reset, HalfOpen, Stall)


@dataclass(frozen=True)
class Fault:
    """One row of a plan.

    Attributes:
        at: where it happens.
        do: what happens.
        after_frames: with `Point.AUDIO`: after this many audio messages.
        after_words: with `Point.AUDIO`: instead, after the first frame with
            which this many words have been sent completely.
        times: how often it happens in all; `None` for ever.
        skip: how many times it could have happened and does not.
        client_req_id: only on sessions with this id; `None` for all.
    """

    at: Point
    do: Action
    after_frames: int = 1
    after_words: int | None = None
    times: int | None = 1
    skip: int = 0
    client_req_id: str | None = None

    def __post_init__(self) -> None:
        is_upgrade = self.at is Point.UPGRADE
        if is_upgrade and not isinstance(self.do, _AT_UPGRADE):
            raise ValueError(f"{self.do} cannot happen at the upgrade")
        if isinstance(self.do, Http) and not is_upgrade:
            raise ValueError("Http can only happen at the upgrade")


class FaultPlan:
    """Rows in the order in which they happen at the same place."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = faults

    def __repr__(self) -> str:
        return f"FaultPlan{self.faults!r}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FaultPlan) and other.faults == self.faults

    def __hash__(self) -> int:
        return hash(self.faults)


@dataclass(frozen=True)
class Progress:
    """How far a session is when it meets a point.

    Attributes:
        frames: audio messages sent.
        words_before: words that were complete before the last of them.
        words: words that are complete now.
    """

    frames: int = 0
    words_before: int = 0
    words: int = 0

    def has_just_reached(self, frames: int, words: int | None) -> bool:
        """Return whether the last frame brought us to this frame or word."""
        if words is not None:
            return self.words_before < words <= self.words
        return self.frames == frames


class ArmedFaults:
    """A plan in force: remembers what has already happened."""

    def __init__(self, plan: FaultPlan) -> None:
        self.plan = plan
        self._met = [0] * len(plan.faults)

    def due(
        self, point: Point, client_req_id: str | None, progress: Progress
    ) -> list[Action]:
        """Return what happens now, and count it as done."""
        actions: list[Action] = []
        for row, fault in enumerate(self.plan.faults):
            if not _applies(fault, point, client_req_id, progress):
                continue
            self._met[row] += 1
            done = self._met[row] - fault.skip
            if done > 0 and (fault.times is None or done <= fault.times):
                actions.append(fault.do)
        return actions


def _applies(
    fault: Fault, point: Point, client_req_id: str | None, progress: Progress
) -> bool:
    if fault.at is not point:
        return False
    if fault.client_req_id not in (None, client_req_id):
        return False
    if point is not Point.AUDIO:
        return True
    return progress.has_just_reached(fault.after_frames, fault.after_words)
