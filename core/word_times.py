# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Which of a server's word times can be believed, and what they say."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
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


def in_order(stops_s: Sequence[float | None]) -> Iterator[tuple[int, float]]:
    """Give the words whose times fit to those around them.

    Args:
        stops_s: the end of each word, in the order of the messages; `None`
            for a word without times.

    Yields:
        The index of such a word, and by when it is surely over.
    """
    timed = [(at, stop) for at, stop in enumerate(stops_s) if stop is not None]
    latest = -math.inf
    for number, (at, stop) in enumerate(timed):
        following = [later for _, later in timed[number + 1 : number + 3]]
        # Words end in the order in which they are said.
        if not is_contradicted(stop, following) and (
            stop > latest - _DISORDER_S
        ):
            latest = max(latest, stop)
            yield at, latest


def words_over(
    stops_s: Sequence[float | None],
    delivered_s: float,
    margin_s: float = 0.0,
) -> int:
    """Count the word messages, from the first on, that were surely delivered.

    Args:
        stops_s: the end of each word, in the order of the messages; `None`
            for a word without times, which is over when a later one is.
        delivered_s: how much audio of the session is there.
        margin_s: how much more than a word's time says that must be.
    """
    count = 0
    for at, stop in in_order(stops_s):
        if stop + margin_s <= delivered_s + TIME_MARGIN_S:
            count = at + 1
    return count


def is_contradicted(stop_s: float, following_s: Sequence[float]) -> bool:
    """Whether the ends of the next two words show that a word's is wrong."""
    has_two = len(following_s) == 2
    return has_two and max(following_s) < stop_s - _OUT_OF_ORDER_S


def _as_float(value: object) -> float:
    """Return a number as a float; one that is too large is infinite."""
    try:
        return float(value)  # type: ignore[arg-type]
    except OverflowError:
        return math.inf
