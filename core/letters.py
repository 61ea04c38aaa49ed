# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Words as rows of letters, and places in such a row as bits.

What `alignment` compares: letters and digits without case, accents and marks.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from typing import Final

# How far ahead places are sought (a session has about 4,000 letters).
REACH: Final = 8192
# How many letters a digit or a sign may be spoken with.
_SPOKEN_PER_DIGIT = 12
# Among so many words a reason is looked for why they were spoken otherwise.
_MOST_REASONS = 64
# … and in so many letters of speech, with so many tries.
_MOST_SPEECH, _MOST_TRIES = 1024, 8


_ASCII_RUNS = re.compile(r"[a-z0-9]+")


@lru_cache(maxsize=4096)
def _kind(char: str) -> str:
    """Tell letters ("L", digits too) from marks ("m") and what goes ("")."""
    if char.isalnum():
        return "L"
    category = unicodedata.category(char)
    if category in ("Mn", "Mc"):
        # The signs that letters of India and Thailand are written with
        # count; accents and points do not, nor do variants of emoji.
        rank = unicodedata.combining(char)
        is_variant = char == "\u034f" or "\ufe00" <= char <= "\ufe0f"
        is_sign = rank < 10 or 36 < rank < 200
        return "L" if is_sign and not is_variant and char < "\U000e0000" else ""
    return "" if category in ("Cf", "Me") else " " if char.isspace() else "m"


def read(text: str) -> tuple[list[str], str]:
    """Split text into runs of letters, and the marks that follow the last."""
    if text.isascii():
        runs = _ASCII_RUNS.findall(text.lower())
        last = runs[-1] if runs else ""
        rest = text[text.lower().rindex(last) + len(last) :] if runs else text
        return runs, "".join(rest.split())
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    folded = unicodedata.normalize("NFKD", decomposed)
    folded = "".join(filter(_kind, folded))
    runs, marks = [], ""
    for kind, chars in groupby(folded, _kind):
        if kind == "L":
            runs.append("".join(chars))
            marks = ""
        elif kind == "m":
            marks += "".join(chars)
    return runs, marks


def is_read_otherwise(word: str) -> bool:
    """Whether a word is one that is spoken otherwise than it is written.

    Numbers, signs, abbreviations: "$5", "km/h", "Dr.", "kg", "NASA".
    """
    core = word.strip("\"'“”‘’«»()[]¿¡-–—….,;:!?。，、！？")
    plain = core.replace("'", "").replace("’", "").replace("-", "")
    is_bare = plain.isascii() and not set(plain.lower()) & set("aeiouy")
    is_capital = len(plain) > 1 and plain.isupper()
    marks = (_kind(c) == "m" or c.isnumeric() for c in plain)
    return is_bare or is_capital or any(marks)


def _least_speech(word: str) -> int:
    """Return how many letters a word is spoken with, at the very least.

    No digit but zero has fewer than three ("one", "six", "ten", half of
    "eleven"), nor has a sign that is spoken.
    """
    letters = sum(c.isalpha() for c in word)
    digits = sum(c.isnumeric() and c != "0" for c in word)
    return letters + 3 * (digits + sum(c in "$€£¥%" for c in word)) or 1


class Letters:
    """The words that were sent, as one row of letters.

    Attributes:
        text: the letters of all words.
        starts, ends: where in it the words with letters start and end.
        doubts: how many letters the words before a word may be spoken with,
            over those that they have.
        tails: by a place in `text`, marks that stand there as words of their
            own, with all marks before them, and the count of words then.
    """

    def __init__(self) -> None:
        self.text = ""
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.doubts = [0]
        self.tails: dict[int, list[tuple[str, int]]] = {}
        self.words = 0
        self._sources: list[tuple[str, int]] = []
        self._marks = ""

    def extend(self, words: Iterable[str]) -> None:
        texts = [self.text]
        end = len(self.text)
        for word in words:
            self.words += 1
            runs, marks = read(word)
            if not runs:
                self._marks += marks
                tail = (self._marks, self.words)
                self.tails.setdefault(end, []).append(tail)
                continue
            self._marks = marks
            self.starts.append(end)
            texts += runs
            end += sum(map(len, runs))
            self.ends.append(end)
            self._sources.append((word, self.words))
            odd = sum(c.isnumeric() or c in "$€£¥%&@#+=°" for c in word)
            self.doubts.append(self.doubts[-1] + odd * _SPOKEN_PER_DIGIT)
        self.text = "".join(texts)

    def over_at(self, place: int) -> int:
        """Count the words that are over before a place."""
        index = bisect_right(self.ends, place)
        return self._sources[index - 1][1] if index else 0

    def is_between_words(self, place: int) -> bool:
        """Whether no word is before and after a place."""
        index = bisect_left(self.starts, place)
        return index == 0 or self.ends[index - 1] <= place

    def start_before(self, place: int) -> int:
        """Return where the word of the letter before a place starts."""
        index = bisect_left(self.starts, place)
        return self.starts[index - 1] if index else 0

    def start_from(self, place: int) -> int:
        """Return where the first word from a place on starts, or the end."""
        index = bisect_left(self.starts, place)
        is_there = index < len(self.starts)
        return self.starts[index] if is_there else len(self.text)

    def words_within(self, start: int, end: int) -> int:
        """Count the words between two places that are whole."""
        first = bisect_left(self.starts, start)
        return max(0, bisect_right(self.ends, end) - first)

    def has_dot_before(self, place: int) -> bool:
        """Whether the word that ends at a place may be an abbreviation."""
        index = bisect_left(self.ends, place)
        is_end = index < len(self.ends) and self.ends[index] == place
        return is_end and self._sources[index][0].endswith(".")

    def doubt(self, start: int, end: int) -> int:
        """Count the letters that numbers between two words' starts may take."""
        first, last = (bisect_left(self.starts, at) for at in (start, end))
        return self.doubts[last] - self.doubts[first]

    def explains(
        self,
        start: int,
        end: int,
        speech: str,
        is_word: Callable[[int, int], bool],
    ) -> bool:
        """Whether speech may be what the words between two starts read as.

        The last of them is one that is not spoken as it is written. The
        plain ones are found in the speech, in order, and between them as
        many letters, or more, as the others have.

        Args:
            is_word: whether a part of the speech is a word of its own.
        """
        first, last = (bisect_left(self.starts, at) for at in (start, end))
        if first == last:
            return True
        is_odd = is_read_otherwise(self._sources[last - 1][0])
        if not is_odd or last - first > _MOST_REASONS:
            return False
        room, owed = len(speech), 0
        for index in range(last - 1, first - 1, -1):
            word = self.text[self.starts[index] : self.ends[index]]
            # From the back, and so with the least room behind it.
            found = _last_word(speech, word, room, is_word)
            if found >= 0:
                if room - found - len(word) < owed:
                    return False
                room, owed = found, 0
            elif is_read_otherwise(self._sources[index][0]):
                owed += _least_speech(self._sources[index][0])
            else:
                return False
        return room >= owed


def _last_word(
    speech: str, word: str, room: int, is_word: Callable[[int, int], bool]
) -> int:
    """Return where a word stands last in speech, or -1."""
    least = max(0, room - _MOST_SPEECH)
    found = speech.rfind(word, least, room)
    for _ in range(_MOST_TRIES):
        if found < 0 or is_word(found, found + len(word)):
            return found
        found = speech.rfind(word, least, found + len(word) - 1)
    return -1


# --------------------------------------------------------------------- places


def _bits(places: Iterable[int], length: int) -> int:
    row = bytearray(length // 8 + 1)
    for place in places:
        row[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(row, "little")


class Places:
    """Sets of places in a part of what was sent, as the bits of integers.

    Attributes:
        base: where the part starts; bit n stands for letter n from there.
        starts: where words start.
        ends: the last letters of words.
    """

    def __init__(self, sent: Letters, base: int) -> None:
        """Take the letters from a place on, as far as the reach goes."""
        text = sent.text[base : base + REACH]
        self.base = base
        self._text = text
        self._letters: dict[str, int] = {}
        end, size = base + len(text), len(text)
        first, last = (bisect_left(sent.starts, at) for at in (base, end))
        ends = sent.ends[first : bisect_right(sent.ends, end)]
        self.starts = _bits((at - base for at in sent.starts[first:last]), size)
        self.ends = _bits((at - base - 1 for at in ends), size)

    def is_outgrown(self, sent: Letters) -> bool:
        """Whether more was sent since, within the reach."""
        return len(self._text) < min(REACH, len(sent.text) - self.base)

    def reach(self, place: int) -> bool:
        """Whether a search may start at a place."""
        return self.base <= place <= self.base + REACH // 4

    def starts_from(self, bit: int) -> int:
        """Return where words start, from a bit on."""
        return self.starts >> bit << bit

    def of(self, letter: str) -> int:
        """Return all places of a letter."""
        bits = self._letters.get(letter)
        if bits is None:
            bits = _bits(self._find(letter), len(self._text))
            self._letters[letter] = bits
        return bits

    def _find(self, letter: str) -> Iterator[int]:
        at = self._text.find(letter)
        while at >= 0:
            yield at
            at = self._text.find(letter, at + 1)


def lowest_first(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
