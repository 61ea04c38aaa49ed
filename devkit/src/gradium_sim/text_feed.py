# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""From text messages to units that may be spoken (protocol section 5)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_TAG = re.compile(
    r"(?:^|(?<=\s))(<break\s+time=\"(\d+(?:\.\d+)?)s\"\s*/>)(?=\s|$)|(<flush>)"
)
_MIN_BREAK_S, _MAX_BREAK_S = 0.1, 2.0
# More than any unit and its lag; keeps long texts from being read again and
# again.
_ENOUGH_WORDS = 100


@dataclass(frozen=True)
class Words:
    """Words to be spoken in one go."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class Break:
    """Silence that the text asks for."""

    duration_s: float


@dataclass(frozen=True)
class _Flush:
    """Everything before it is due."""


Unit = Words | Break
_Token = str | Break | _Flush


def tokens(text: str) -> list[_Token]:
    """Cut one message into words and tags; other tags are words."""
    found: list[_Token] = []
    rest = 0
    for tag in _TAG.finditer(text):
        found.extend(text[rest : tag.start()].split())
        rest = tag.end()
        if tag.group(3):
            found.append(_Flush())
        else:
            asked_s = float(tag.group(2))
            found.append(Break(min(max(asked_s, _MIN_BREAK_S), _MAX_BREAK_S)))
    found.extend(text[rest:].split())
    return found


class TextFeed:
    """Holds text until it may be spoken.

    The vendor joins messages with one space, so words never span messages.
    A unit is due when `lag_words` further words stand behind it, or a
    flush, a break or the end of the text.
    """

    def __init__(
        self,
        unit_size: Callable[[Sequence[str]], int | None],
        lag_words: int = 2,
    ) -> None:
        """
        Args:
            unit_size: see `audio.Speech.unit_size`.
            lag_words: words that are held back.
        """
        self._unit_size = unit_size
        self._lag_words = lag_words
        self._tokens: list[_Token] = []
        self._is_ended = False
        self._grown = asyncio.Event()

    def push(self, text: str) -> None:
        """Add one message's text."""
        self._tokens.extend(tokens(text))
        self._grown.set()

    def end(self) -> None:
        """No more text will come."""
        self._is_ended = True
        self._grown.set()

    def next_due(self) -> Unit | None:
        """Take the next unit that may be spoken, or `None`."""
        while self._tokens and isinstance(self._tokens[0], _Flush):
            del self._tokens[0]
        if not self._tokens:
            return None
        first = self._tokens[0]
        if isinstance(first, Break):
            del self._tokens[0]
            return first
        words, is_bounded = self._run_of_words()
        size = self._unit_size(words)
        if is_bounded:
            size = size or len(words)
        elif size is None or size + self._lag_words > len(words):
            return None
        del self._tokens[:size]
        return Words(tuple(words[:size]))

    async def next(self) -> Unit | None:
        """Wait for the next unit; `None` after the last."""
        while True:
            self._grown.clear()
            unit = self.next_due()
            if unit is not None or (self._is_ended and not self._tokens):
                return unit
            await self._grown.wait()

    def _run_of_words(self) -> tuple[list[str], bool]:
        """Return the words before the next tag, and whether none can join."""
        words: list[str] = []
        for token in self._tokens:
            if not isinstance(token, str):
                return words, True
            words.append(token)
            if len(words) == _ENOUGH_WORDS:
                return words, False
        return words, self._is_ended
