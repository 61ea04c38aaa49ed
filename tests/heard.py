# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a listener heard: the samples read back, compared with the text."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from gradium_sim import tones
from gradium_tts_python.core.protocol import SAMPLE_RATES_HZ
from ten_host.conformance.kit import WORDS

__all__ = ["RATES_HZ", "WORDS", "Hearing", "hear", "whole_words"]

# Of the rates, the ends and the one that divides into no whole milliseconds.
_FEW_RATES_HZ = (8000, 22050, 48000)
RATES_HZ = [
    pytest.param(
        rate_hz, marks=[] if rate_hz in _FEW_RATES_HZ else pytest.mark.thorough
    )
    for rate_hz in SAMPLE_RATES_HZ
]


@dataclass(frozen=True)
class Hearing:
    """The words of a text, in the order in which they were heard.

    Attributes:
        order: indices of the words that were heard whole.
        fragments: how many parts of words were heard besides.
    """

    order: tuple[int, ...]
    fragments: int

    @property
    def times(self) -> dict[int, int]:
        """How often each word was heard whole."""
        return {word: self.order.count(word) for word in set(self.order)}

    @property
    def seams(self) -> list[tuple[int, int]]:
        """Where the order breaks: the words before and after each break."""
        pairs = zip(self.order, self.order[1:], strict=False)
        return [(one, two) for one, two in pairs if two != one + 1]

    def is_all_of(self, count: int) -> bool:
        """Whether every one of `count` words was heard, none left out.

        At each break the listener is taken back, never forward, and by no
        more than the word whose time was still on its way.
        """
        return (
            set(self.order) == set(range(count))
            and self.order[0] == 0
            and self.order[-1] == count - 1
            and all(one - 1 <= two <= one for one, two in self.seams)
        )


def hear(pcm: bytes, sample_rate_hz: int, words: Sequence[str]) -> Hearing:
    """Read samples back.

    Raises:
        ValueError: a word was heard that is not in the text.
    """
    order = []
    fragments = 0
    for heard in tones.listen(pcm, sample_rate_hz):
        if heard.is_complete:
            order.append(list(words).index(heard.text))
        else:
            fragments += 1
    return Hearing(tuple(order), fragments)


def whole_words(pcm: bytes, rate_hz: int) -> list[str]:
    """Return what was heard, without what a cut left half or twice."""
    whole = [
        word.text for word in tones.listen(pcm, rate_hz) if word.is_complete
    ]
    return [word for word, _ in itertools.groupby(whole)]
