# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Which of a server's word times can be believed, and what they say."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

# Times are sums of floats.
TIME_MARGIN_S: Final = 1e-4
# No word starts so long before the audio, lasts so long, or is announced so
# long before its own audio.
_EARLIEST_S, _LONGEST_S, _AHEAD_S = -1.0, 60.0, 30.0
# Times may run early by a frame of 80 ms and more: with less audio behind it, a
# word may have lost its tail. Nothing in a session tells how early they run.
DELIVERED_MARGIN_S: Final = 0.1
# A time is wrong when the next two words end that much before it.
_OUT_OF_ORDER_S = 1.0
# … or when the word itself ends that much before the one before it.
_DISORDER_S = 0.2
# So many words behind one show that its time is wrong.
_FOLLOWING: Final = 2


def plausible_stop_s(
    start_s: object, stop_s: object, delivered_s: float
) -> float | None:
    """Return the end of a word, or `None` where its times are absurd.

    A word with absurd times is a word without times: it is over when a later
    one is, and holds none back.

    Args:
        start_s, stop_s: as the server told them, whatever they are.
        delivered_s: how much audio of the session is there.
    """
    for value in (start_s, stop_s):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
    start, stop = _as_float(start_s), _as_float(stop_s)
    is_sane = (
        _EARLIEST_S <= start <= stop <= start + _LONGEST_S
        and stop <= delivered_s + _AHEAD_S
    )
    return stop if is_sane else None


class StopTimes:
    """The ends of a session's words, as they come; which of them fit.

    What later words cannot change any more is judged once, so that neither
    a word nor a question takes longer as the session grows.
    """

    def __init__(self, stops_s: Iterable[float | None] = ()) -> None:
        """Begin with these; see `add`."""
        # How many words came, and the last end of any, fitting or not.
        self.count = 0
        self.last_s: float | None = None
        # Those that fit: which word, and by when it is surely over.
        self._words: list[int] = []
        self._over_s: list[float] = []
        # The last two with times: what follows may show that they are wrong.
        self._open: list[tuple[int, float]] = []
        for stop_s in stops_s:
            self.add(stop_s)

    def add(self, stop_s: float | None) -> None:
        """Take the end of the next word; `None` for one without times."""
        self.count += 1
        if stop_s is None:
            return
        self.last_s = (
            stop_s if self.last_s is None else max(self.last_s, stop_s)
        )
        self._open.append((self.count - 1, stop_s))
        if len(self._open) > _FOLLOWING:
            for word, over_s in self._judged(self._open, 1):
                self._words.append(word)
                self._over_s.append(over_s)
            del self._open[0]

    def in_order(self) -> Iterator[tuple[int, float]]:
        """Give each word that fits to those around it, by its index.

        Beside it stands by when it is surely over, which never descends.
        """
        yield from zip(self._words, self._over_s, strict=True)
        yield from self._judged(self._open, len(self._open))

    def over(self, delivered_s: float, margin_s: float = 0.0) -> int:
        """Count the words, from the first on, that were surely delivered.

        A word without times is over when a later one is.

        Args:
            delivered_s: how much audio of the session is there.
            margin_s: how much more than a word's time says that must be.
        """
        until_s = delivered_s + TIME_MARGIN_S
        settled = bisect_right(
            self._over_s, until_s, key=lambda over_s: over_s + margin_s
        )
        count = self._words[settled - 1] + 1 if settled else 0
        for word, over_s in self._judged(self._open, len(self._open)):
            if over_s + margin_s <= until_s:
                count = word + 1
        return count

    def _judged(
        self, timed: Sequence[tuple[int, float]], first: int
    ) -> Iterator[tuple[int, float]]:
        """Give those that fit among the first so many that are not settled."""
        latest = self._over_s[-1] if self._over_s else -math.inf
        for number, (word, stop_s) in enumerate(timed[:first], 1):
            following = [
                later for _, later in timed[number : number + _FOLLOWING]
            ]
            # Words end in the order in which they are said.
            if not is_contradicted(stop_s, following) and (
                stop_s > latest - _DISORDER_S
            ):
                latest = max(latest, stop_s)
                yield word, latest


def is_contradicted(stop_s: float, following_s: Sequence[float]) -> bool:
    """Whether the ends of the next two words show that a word's is wrong."""
    has_all = len(following_s) == _FOLLOWING
    return has_all and max(following_s) < stop_s - _OUT_OF_ORDER_S


def _as_float(value: object) -> float:
    """Return a number as a float; one that is too large is infinite."""
    try:
        return float(value)  # type: ignore[arg-type]
    except OverflowError:
        return math.inf
