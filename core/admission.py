"""Which life of an id a text belongs to."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Verdict(Enum):
    """What a text is that comes while its request is not running."""

    NEW = "new"
    LATE = "late"
    LATE_END = "late end"


@dataclass(frozen=True)
class _CutShort:
    """A request that ended before its last text had come."""

    request_id: str
    owes_end: bool
    metadata: Mapping[str, Any] | None

    def is_continued_by(
        self, request_id: str, metadata: Mapping[str, Any] | None
    ) -> bool:
        is_other_turn = bool(
            metadata and self.metadata and metadata != self.metadata
        )
        return request_id == self.request_id and not is_other_turn


class Admission:
    """Tells new requests from the late texts of ended ones.

    TEN hands over texts of an id that has ended, and ids may be used again
    (a greeting recurs), so:

    * nothing speakable after a complete request: late;
    * speakable after a complete request: new, the id is used again;
    * anything after a request that was cut short (failed or flushed), up
      to its own end of input or until another id comes: late. `LATE_END`
      is that end of input where the end of the request is still owed. A
      text that names another turn in its metadata is new all the same.
    """

    def __init__(self, most_remembered: int = 64) -> None:
        self._most_remembered = most_remembered
        self._complete: OrderedDict[str, None] = OrderedDict()
        self._cut_short: _CutShort | None = None

    def admit(
        self,
        request_id: str,
        *,
        is_speakable: bool,
        is_end: bool,
        metadata: Mapping[str, Any] | None = None,
    ) -> Verdict:
        """Decide about a text of an id that is not running."""
        cut, self._cut_short = self._cut_short, None
        if cut and cut.is_continued_by(request_id, metadata):
            if not is_end:
                self._cut_short = cut
                return Verdict.LATE
            self._remember(request_id)
            return Verdict.LATE_END if cut.owes_end else Verdict.LATE
        if request_id in self._complete and not is_speakable:
            return Verdict.LATE
        self._complete.pop(request_id, None)
        return Verdict.NEW

    def ended(
        self,
        request_id: str,
        *,
        is_input_ended: bool,
        owes_end: bool = False,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Remember how a request ended.

        Args:
            is_input_ended: whether its last text had come.
            owes_end: whether the graph has yet to be told that it ended.
            metadata: of its texts, as far as it had any.
        """
        if is_input_ended:
            self._remember(request_id)
        else:
            self._cut_short = _CutShort(request_id, owes_end, metadata)

    def _remember(self, request_id: str) -> None:
        self._complete[request_id] = None
        self._complete.move_to_end(request_id)
        if len(self._complete) > self._most_remembered:
            self._complete.popitem(last=False)
