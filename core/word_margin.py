# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""When a word whose times the server told has surely been delivered.

Times may run early, and then the tail of a word is lost at a cut: a word
counts only once more audio than its time says is there. How much more cannot
be read from when its message came. It follows its audio by the server's own
clock, which is the one in doubt: a server with right times and one whose times
run early send the same. Pauses tell: after a word that a pause follows, the
sound stops when the word really ends.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections import deque
from collections.abc import Sequence
from typing import Final

# Without evidence: a little more than one frame of 80 ms.
DEFAULT_S: Final = 0.1
# What is measured is right within this: two blocks of samples.
_PRECISION_S = 0.02
_MOST_S = 0.3
# So many pauses must agree before less than the default is enough.
_PAUSES_NEEDED = 3
# Longer gaps than the silence in a "p" or "t".
_PAUSE_S = 0.15

# No word starts so long before the audio, lasts so long, or is announced so
# long before its own audio.
_EARLIEST_S, _LONGEST_S, _AHEAD_S = -1.0, 60.0, 30.0
# A time is wrong when the next two words end that much before it.
_OUT_OF_ORDER_S = 1.0
# … or when the word itself ends that much before the one before it.
_DISORDER_S = 0.2


def plausible_stop_s(
    start_s: object, stop_s: object, delivered_s: float
) -> float | None:
    """Give the end of a word, or `None` where its times are absurd.

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


def words_delivered(
    stops_s: Sequence[float | None], delivered_s: float, margin_s: float
) -> int:
    """Count the word messages, from the first on, that were surely delivered.

    Args:
        stops_s: the end of each word, in the order of the messages; `None`
            for a word without times, which is over when a later one is.
        delivered_s: how much audio of the session is there.
        margin_s: how much more than a word's time says that must be.
    """
    timed = [(at, stop) for at, stop in enumerate(stops_s) if stop is not None]
    count, latest = 0, -math.inf
    for number, (at, stop) in enumerate(timed):
        following = [later for _, later in timed[number + 1 : number + 3]]
        is_wrong = len(following) == 2 and max(following) < (
            stop - _OUT_OF_ORDER_S
        )
        # Words end in the order in which they are said.
        if not is_wrong and stop > latest - _DISORDER_S:
            latest = max(latest, stop)
            if latest + margin_s <= delivered_s + 1e-4:
                count = at + 1
    return count


class TimeMargin:
    """Estimates how much longer than its time says a word may last.

    All times are seconds on the clock of one session.
    """

    def __init__(self) -> None:
        """Start with nothing known: the margin is the default."""
        self._stops_s: deque[float] = deque(maxlen=64)
        self._pauses_s: deque[float] = deque(maxlen=16)
        self._early_s: list[float] = []

    @property
    def margin_s(self) -> float:
        """How much later than its time says a word may end, at most.

        100 ms, until pauses have shown how early words end; then the most
        that they have shown. More is believed at once, less only when a few
        pauses agree.
        """
        if not self._early_s:
            return DEFAULT_S
        least = DEFAULT_S if len(self._early_s) < _PAUSES_NEEDED else 0.0
        shown = max(0.0, *self._early_s) + _PRECISION_S
        return min(max(shown, least), _MOST_S)

    def word_received(self, stop_s: float, delivered_s: float) -> None:
        """Note the time of a word, when its message comes.

        Args:
            stop_s: where the word ends, as the server says.
            delivered_s: how much audio of the session is there.
        """
        if plausible_stop_s(stop_s, stop_s, delivered_s) is None:
            return
        self._stops_s.append(stop_s)
        self._compare()

    def pause_heard(self, at_s: float) -> None:
        """Note where the sound stopped for longer than inside a word."""
        self._pauses_s.append(at_s)
        self._compare()

    def _compare(self) -> None:
        """Hold each pause against the word that ends nearest to it.

        Not before a later word is known: the nearest may be still to come.
        """
        latest = max(self._stops_s, default=-math.inf)
        while self._pauses_s and self._pauses_s[0] + _MOST_S < latest:
            at_s = self._pauses_s.popleft()
            early = min((at_s - stop for stop in self._stops_s), key=abs)
            if abs(early) <= _MOST_S:
                self._early_s = [*self._early_s[-15:], early]


class PauseFinder:
    """Finds where the sound of a session stops for a while.

    Silence is what is 46 dB below the loudest so far. Where a voice's pauses
    are noisier than that, none is found, and nothing is learned.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        """Start at the session's first sample."""
        self._rate_hz = sample_rate_hz
        self._block = max(1, sample_rate_hz // 100)
        self._rest = array("h")
        self._blocks = self._silent = 0
        self._peak = 0

    def audio_received(self, pcm: bytes) -> list[float]:
        """Take in whole samples (16 bits, little-endian, mono).

        Returns:
            Where pauses began, in seconds of the session's audio; each once,
            when it is long enough.
        """
        samples = array("h", pcm)
        if sys.byteorder == "big":  # pragma: no cover - no such machine
            samples.byteswap()
        self._rest.extend(samples)
        size, found = self._block, []
        whole = len(self._rest) // size * size
        for at in range(0, whole, size):
            block = self._rest[at : at + size]
            loudness = max(max(block), -min(block))
            self._peak = max(self._peak, loudness)
            self._blocks += 1
            is_silent = self._peak > 0 and loudness * 200 <= self._peak
            self._silent = self._silent + 1 if is_silent else 0
            if self._silent * size == _whole_blocks(self._rate_hz, size):
                start = (self._blocks - self._silent) * size
                found.append(start / self._rate_hz)
        del self._rest[:whole]
        return found


def _whole_blocks(rate_hz: int, size: int) -> int:
    """Give the samples of a pause, rounded up to whole blocks."""
    return math.ceil(_PAUSE_S * rate_hz / size) * size


def _as_float(value: object) -> float:
    """Give a number as a float; one that is too large is infinite."""
    try:
        return float(value)  # type: ignore[arg-type]
    except OverflowError:
        return math.inf
