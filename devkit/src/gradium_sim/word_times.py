# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""From the synthesiser's word events to a time for every word.

Events and words are not one to one: "3.50" has several events, two short
words may share one, a dash has none. Events are matched by text position,
and words without one share the time between their neighbours by length.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence


class WordTimes:
    """Times of the words of one utterance, all in samples."""

    def __init__(self, words: Sequence[str]) -> None:
        """
        Args:
            words: as spoken, with one space between them.
        """
        self._words = words
        self._first_chars: list[int] = []
        position = 0
        for word in words:
            self._first_chars.append(position)
            position += len(word) + 1
        self._next = 0
        self._open: int | None = None
        self._start = 0
        self._clause_end: int | None = None

    def starts(self, char: int, sample: int) -> list[tuple[str, int, int]]:
        """Note that something starts here; return the words that are over.

        Args:
            char: position in the text, from 0.
            sample: when it starts.

        Returns:
            (word, first sample, last sample + 1), in order.
        """
        index = bisect_right(self._first_chars, max(char, 0)) - 1
        if index < self._next:
            return []
        over = self._until(index, sample)
        self._open, self._start = index, sample
        self._next = index + 1
        self._clause_end = None
        return over

    def clause_ends(self, sample: int) -> None:
        """A pause starts here; it belongs to no word."""
        self._clause_end = sample

    def ends(self, sample: int) -> list[tuple[str, int, int]]:
        """End the utterance; return the words that are left."""
        over = self._until(len(self._words), sample)
        self._next, self._open = len(self._words), None
        return over

    def _until(self, index: int, sample: int) -> list[tuple[str, int, int]]:
        """Return the words from the open one to `index`, spread in time."""
        first = self._next if self._open is None else self._open
        if first == index:
            return []
        start = 0 if self._open is None else self._start
        stop = sample
        if self._clause_end is not None:
            stop = min(max(self._clause_end, start), sample)
        words = self._words[first:index]
        total = sum(len(word) for word in words)
        over = []
        said = 0
        for word in words:
            begin = start + (stop - start) * said // total
            said += len(word)
            end = start + (stop - start) * said // total
            over.append((word, begin, end))
        return over
