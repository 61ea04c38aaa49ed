# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""At the door: which life of its id a text belongs to.

TEN hands over texts of an id that has ended, and ids may be used again (a
greeting recurs). What a text is gets decided here, once; everything further
in is told.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any


@dataclass(frozen=True)
class Segment:
    """A text of a request as it came, judged as far as it alone tells.

    Attributes:
        is_speakable: whether anything of it would be heard.
        is_last: whether no more text of its request comes.
        metadata: of its message; `tts` in it is what the request asks for
            itself, and only its first text needs to.
    """

    request_id: str
    text: str
    is_speakable: bool
    is_last: bool
    metadata: Mapping[str, Any]

    @property
    def turn(self) -> dict[str, Any]:
        """What tells the turns of a conversation apart in the metadata."""
        return {k: v for k, v in self.metadata.items() if k != "tts"}


class Verdict(Enum):
    """What a text is."""

    # Begins a request.
    NEW = "new"
    # Goes on with the request that is running.
    NEXT = "next"
    # Came after the last text of the running request: its id's next life.
    NEXT_LIFE = "next life"
    # Its request has ended: it is left out.
    LATE = "late"
    # The same, and the graph still waits for the end of that request.
    LATE_LAST = "late last"


@dataclass(frozen=True)
class _Running:
    """The request that is running."""

    request_id: str
    turn: Mapping[str, Any]
    is_input_ended: bool
    has_next_life: bool = False


@dataclass(frozen=True)
class _CutShort:
    """A request that ended before its last text had come."""

    request_id: str
    turn: Mapping[str, Any]
    owes_end: bool

    def is_continued_by(self, segment: Segment) -> bool:
        """Whether a text is of that request, not of another turn."""
        turn = segment.turn
        is_other_turn = turn and self.turn and turn != self.turn
        return segment.request_id == self.request_id and not is_other_turn


class Admission:
    """Knows which request is running, and how those before it ended.

    * Nothing speakable after a complete request: late.
    * Speakable after a complete request: new, the id is used again.
    * Anything after a request that was cut short (failed or flushed), up to
      its own last text or until another id comes: late. A text that names
      another turn in its metadata is new all the same.
    """

    def __init__(self, most_remembered: int = 64) -> None:
        self._most_remembered = most_remembered
        self._complete: OrderedDict[str, None] = OrderedDict()
        self._cut_short: _CutShort | None = None
        self._running: _Running | None = None

    def admit(self, segment: Segment) -> Verdict:
        """Decide what a text is; a new one's request is the running one."""
        running = self._running
        if running and running.request_id == segment.request_id:
            return self._continue(running, segment)
        verdict = self._admit_to_ended(segment)
        if verdict is Verdict.NEW:
            self._running = _Running(
                segment.request_id, segment.turn, segment.is_last
            )
        return verdict

    def ended(self, *, owes_end: bool = False) -> None:
        """Note that the running request has ended.

        Args:
            owes_end: whether the graph has yet to be told that it ended.
        """
        running, self._running = self._running, None
        if running is None:
            return
        if running.is_input_ended:
            self._remember(running.request_id)
        else:
            self._cut_short = _CutShort(
                running.request_id, running.turn, owes_end
            )

    def flushed(self) -> None:
        """Note that the graph was flushed: no end is waited for any more."""
        if self._cut_short:
            self._cut_short = replace(self._cut_short, owes_end=False)

    def _continue(self, running: _Running, segment: Segment) -> Verdict:
        if not running.is_input_ended:
            self._running = _Running(
                running.request_id, running.turn, segment.is_last
            )
            return Verdict.NEXT
        if not running.has_next_life and not segment.is_speakable:
            return Verdict.LATE
        self._running = _Running(
            running.request_id, running.turn, True, has_next_life=True
        )
        return Verdict.NEXT_LIFE

    def _admit_to_ended(self, segment: Segment) -> Verdict:
        cut, self._cut_short = self._cut_short, None
        if cut and cut.is_continued_by(segment):
            if not segment.is_last:
                self._cut_short = cut
                return Verdict.LATE
            self._remember(segment.request_id)
            return Verdict.LATE_LAST if cut.owes_end else Verdict.LATE
        if segment.request_id in self._complete and not segment.is_speakable:
            return Verdict.LATE
        self._complete.pop(segment.request_id, None)
        return Verdict.NEW

    def _remember(self, request_id: str) -> None:
        self._complete[request_id] = None
        self._complete.move_to_end(request_id)
        if len(self._complete) > self._most_remembered:
            self._complete.popitem(last=False)
