# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The `tones` voice: words spelled in tones, for tests."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from functools import lru_cache

import numpy as np

from . import tones
from .audio import Chunk, Samples, Speech, Style, TimedWord


class TonesVoice:
    """Spells words in tones that `tones.decode` reads back.

    A word lasts 10 ms for each of its UTF-8 bytes plus 30 ms, with 5 ms of
    silence on both sides.
    """

    def __init__(self, min_word_s: float = 0.08) -> None:
        """
        Args:
            min_word_s: shorter words are followed by silence up to this.
        """
        self._min_word_s = min_word_s

    async def start(self) -> None:
        """Nothing to get ready."""

    async def stop(self) -> None:
        """Nothing to release."""

    def open(self, style: Style) -> Speech:
        """Return a speaker for one session."""
        return _TonesSpeech(style, self._min_word_s)


class _TonesSpeech:
    def __init__(self, style: Style, min_word_s: float) -> None:
        self._rate = style.sample_rate_hz
        self._min_word_s = min_word_s
        self._factor = style.duration_factor
        self._position = 0

    def unit_size(self, words: Sequence[str]) -> int | None:
        return 1 if words else None

    async def speak(self, words: Sequence[str]) -> AsyncGenerator[Chunk, None]:
        for word in words:
            samples, begin, end = _padded(
                word, self._rate, self._min_word_s, self._factor
            )
            timed = TimedWord(
                word,
                (self._position + begin) / self._rate,
                (self._position + end) / self._rate,
            )
            self._position += len(samples)
            yield Chunk(samples, (timed,))

    async def pause(self, duration_s: float) -> AsyncGenerator[Chunk, None]:
        samples = np.zeros(round(duration_s * self._rate), dtype=np.int16)
        self._position += len(samples)
        yield Chunk(samples)

    async def finish(self, silence_s: float) -> AsyncGenerator[Chunk, None]:
        async for chunk in self.pause(silence_s):
            yield chunk

    def cancel(self) -> None:
        """Nothing runs outside the iterators."""


@lru_cache(maxsize=4096)
def _padded(
    word: str, rate: int, min_word_s: float, factor: float
) -> tuple[Samples, int, int]:
    """Return a word with its gaps, and where in it the word lies."""
    symbols = tones.encode(word, rate)
    gap = round(tones.GAP_S * rate)
    natural_s = len(symbols) / rate + 2 * tones.GAP_S
    wanted_s = max(min_word_s, natural_s) * max(factor, 0.0)
    after = max(gap, round(wanted_s * rate) - gap - len(symbols))
    silence = np.zeros(max(gap, after), dtype=np.int16)
    samples = np.concatenate((silence[:gap], symbols, silence[:after]))
    return samples, gap, gap + len(symbols)
