# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""From a session's samples to its audio messages."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from .audio import Chunk, Samples, TimedWord
from .formats import OutputFormat


@dataclass(frozen=True)
class Frame:
    """One audio message's worth of sound, times from the session's start."""

    payload: bytes
    start_s: float
    stop_s: float


class Framer:
    """Cuts samples into frames of 80 ms and knows which words are out.

    A word is due once the sound up to its end is out and the next word is
    known; the last word of a session therefore waits for `rest_of_words`.
    """

    def __init__(self, output_format: OutputFormat) -> None:
        self._format = output_format
        self._samples: Samples = np.zeros(0, dtype=np.int16)
        self._sent = 0
        self._words: deque[TimedWord] = deque()
        self._stops: deque[float] = deque()
        self._odd = b""
        self.complete_words = 0

    def add(self, chunk: Chunk) -> None:
        """Take in samples and words."""
        if len(chunk.samples):
            self._samples = np.concatenate((self._samples, chunk.samples))
        self._words.extend(chunk.words)
        self._stops.extend(word.stop_s for word in chunk.words)

    def has_frame(self) -> bool:
        """Return whether a whole frame is there."""
        return len(self._samples) >= self._format.frame_samples

    def next_frame(self, is_odd: bool = False) -> Frame | None:
        """Return the next frame, short at the end; `None` when nothing is left.

        Args:
            is_odd: let it end in the middle of a sample.
        """
        count = min(self._format.frame_samples, len(self._samples))
        if not count and not self._odd:
            return None
        first = self._sent
        payload = self._odd + self._format.encode(self._samples[:count])
        if first == 0:
            payload = self._format.header + payload
        keep = 1 if is_odd and len(payload) % 2 == 0 and count else 0
        whole = len(payload) - keep
        payload, self._odd = payload[:whole], payload[whole:]
        self._samples = self._samples[count:]
        self._sent += count
        stop_s = self.stop_s
        self._count_complete(stop_s)
        rate = self._format.sample_rate_hz
        return Frame(payload, first / rate, stop_s)

    @property
    def stop_s(self) -> float:
        """Up to where the sound is out."""
        return self._sent / self._format.sample_rate_hz

    def due_words(self) -> list[TimedWord]:
        """Return the words that may go out now."""
        due = []
        while len(self._words) > 1 and self._words[0].stop_s <= self.stop_s:
            due.append(self._words.popleft())
        return due

    def rest_of_words(self) -> list[TimedWord]:
        """Return the words that are left at the end."""
        rest = list(self._words)
        self._words.clear()
        return rest

    def _count_complete(self, stop_s: float) -> None:
        while self._stops and self._stops[0] <= stop_s:
            self._stops.popleft()
            self.complete_words += 1
