"""Words that a server speaks, in pieces of any size, and what is truly over.

A sent word may be spoken as it is, rewritten together with its neighbours, or
left out of the word messages though it is heard. `speak` decides by chance and
knows the truth: how many sent words are over after each letter.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gradium_tts_python.core.letters import read

# ------------------------------------------------------------------- numbers

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve "
    "thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def spell(number: int) -> str:
    """Give an English number below a billion in words."""
    for size, name in (
        (1_000_000, "million"),
        (1000, "thousand"),
        (100, "hundred"),
    ):
        if number >= size:
            rest = f" {spell(number % size)}" if number % size else ""
            return f"{spell(number // size)} {name}{rest}"
    if number < 20:
        return _ONES[number]
    rest = f" {_ONES[number % 10]}" if number % 10 else ""
    return _TENS[number // 10 - 2] + rest


# --------------------------------------------------------------------- speech


@dataclass(frozen=True)
class Said:
    """A word as the server says it.

    Attributes:
        before: how many sent words are over once its first letter is heard.
        after: … once its last one is.
    """

    text: str
    before: int
    after: int


@dataclass(frozen=True)
class Piece:
    """The text of a word message, and how many sent words are truly over."""

    text: str
    over: int


Rewrite = Callable[[Sequence[str]], Sequence[str]]


def speak(
    sent: Sequence[str],
    *,
    rewritten: dict[int, tuple[int, Sequence[str]]] | None = None,
    left_out: Iterable[int] = (),
) -> list[Said]:
    """Say all words.

    Args:
        rewritten: by the index of a word, how many words from it on are
            said otherwise, and how.
        left_out: words that no message tells of. Such a word is heard after
            the word before it, so it is over when the next one is heard.
    """
    said: list[Said] = []
    index, skipped = 0, set(left_out)
    while index < len(sent):
        count, words = (rewritten or {}).get(index, (1, [sent[index]]))
        if index not in skipped or count > 1:
            said += [Said(text, index, index) for text in words[:-1]]
            said += [Said(text, index, index + count) for text in words[-1:]]
        index += count
    return said


def letters_of(text: str) -> int:
    """Count the letters and digits."""
    return sum(map(len, read(text)[0]))


# --------------------------------------------------------------------- pieces


def whole(said: Sequence[Said]) -> list[Piece]:
    """One message for each word."""
    return [Piece(word.text, word.after) for word in said]


def parted(said: Sequence[Said], size: Callable[[str], int]) -> list[Piece]:
    """Messages of so many characters of a word (by the word)."""
    pieces = []
    for word in said:
        step = max(1, size(word.text))
        parts = [
            word.text[at : at + step] for at in range(0, len(word.text), step)
        ]
        missing = letters_of(word.text)
        for number, part in enumerate(parts, start=1):
            missing -= letters_of(part)
            # What follows the last letter is a mark, which nobody hears.
            is_over = missing <= 0 and (
                letters_of(word.text) > 0 or number == len(parts)
            )
            over = word.after if is_over else word.before
            pieces.append(Piece(part, over))
    return pieces


def joined(said: Sequence[Said], count: Callable[[int], int]) -> list[Piece]:
    """Messages of so many words (by the index of the first)."""
    pieces, at = [], 0
    while at < len(said):
        words = said[at : at + max(1, count(at))]
        text = " ".join(word.text for word in words)
        pieces.append(Piece(text, words[-1].after))
        at += len(words)
    return pieces


def with_marks_apart(said: Sequence[Said]) -> list[Piece]:
    """The marks at the end of a word as a message of their own."""
    pieces = []
    for word in said:
        core = word.text.rstrip(".,;:!?…")
        if core and core != word.text:
            pieces.append(Piece(core, word.after))
            pieces.append(Piece(word.text[len(core) :], word.after))
        else:
            pieces.append(Piece(word.text, word.after))
    return pieces


def _sentences(said: Sequence[Said]) -> list[Piece]:
    ends = [n for n, word in enumerate(said) if word.text.endswith((".", "?"))]

    def count(at: int) -> int:
        return next((end for end in ends if end >= at), len(said)) - at + 1

    return joined(said, count)


GRANULARITIES: dict[str, Callable[[Sequence[Said]], list[Piece]]] = {
    "characters": lambda said: parted(said, lambda text: 1),
    "half words": lambda said: parted(said, lambda text: (len(text) + 1) // 2),
    "words": whole,
    "marks apart": with_marks_apart,
    "two words": lambda said: joined(said, lambda at: 2),
    "six words": lambda said: joined(said, lambda at: 6),
    "sentences": _sentences,
}


def mixed(said: Sequence[Said], rng: random.Random) -> list[Piece]:
    """Messages of all sizes in one session, by chance."""
    pieces: list[Piece] = []
    at = 0
    while at < len(said):
        here = said[at : at + rng.choice([1, 1, 2, 3, 6])]
        style = rng.choice(["words", "two words", "six words", "marks apart"])
        pieces += GRANULARITIES[style](here)
        at += len(here)
    return pieces
