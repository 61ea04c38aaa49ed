# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Words that a server speaks, in pieces of any size, and what is truly over.

A sent word may be spoken as it is, rewritten together with its neighbours, or
left out of the word messages though it is heard. `speak` decides by chance and
knows the truth: how many sent words are over after each letter.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gradium_tts_python.core.alignment import Alignment
from gradium_tts_python.core.letters import read

# What nobody would rewrite, with words, and runs of them, that come again.
PROSE = (
    "The morning train leaves the old station at seven, and nobody on the "
    "platform knows where it is going. A woman with a red umbrella asks the "
    "guard whether it stops at the coast. He says that it does, that it "
    "always has, and that the sea is very, very calm today. She thanks him, "
    "finds a seat by the window and opens the letter that she has carried for "
    "a week. It is from her brother. He writes that the house is still there, "
    "that the garden has grown wild, and that the dog remembers her name. No, "
    "no, no, he adds, do not bring anything; we have all that we need. The "
    "train begins to move. Fields go by, then hills, then more fields, and "
    "the rain stops as it often does in this part of the country. She reads "
    "the letter again and again until she knows it by heart. At the next stop "
    "a boy gets on with a basket of apples and sits down opposite. Would you "
    "like one, he asks, and she says that she would. They eat without a word "
    "while the light changes from grey to gold. What is the sea like, he asks "
    "at last. It is like a field that never stands still, she says, and it is "
    "like nothing else at all. He thinks about this for a long time. When the "
    "train stops at the coast, the two of them are the last to get off."
).split()

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


# ------------------------------------------------------------------- by chance

_ABBREVIATIONS = {
    "Dr.": "Doctor",
    "St.": "Street",
    "km": "kilometers",
    "etc.": "et cetera",
    "e.g.": "for example",
    "Jan.": "January",
    "approx.": "approximately",
    "vs": "versus",
    "No.": "number",
}


def number_by_chance(rng: random.Random) -> tuple[str, list[str]]:
    """Give a number as it is written, and as it is spoken."""
    top = rng.choice([20, 1000, 100_000, 10**8])
    number = rng.randrange(top)
    digits = [spell(int(digit)) for digit in str(number)]
    return rng.choice(
        [
            (f"{number:,}", spell(number).split()),
            (f"${number:,}", [*spell(number).split(), "dollars"]),
            (f"{number}%", [*spell(number).split(), "percent"]),
            ("-".join(str(number)), digits),
        ]
    )


def _words_by_chance(rng: random.Random) -> tuple[list[str], bool]:
    """Give words, and whether they are natural enough for abbreviations."""
    count = rng.randint(1, 60)
    at = rng.randrange(len(PROSE))
    prose = [*PROSE, *PROSE][at : at + count]
    refrain = prose[: rng.randint(2, 10)]
    few = rng.sample(PROSE, rng.randint(1, 8))
    return rng.choice(
        [
            (prose, True),
            (rng.choices(few, k=count), True),
            ((refrain * count)[:count], True),
            ([f"w{number}" for number in range(count)], False),
            (rng.choices("abcdefg", k=count), False),
        ]
    )


def _spoil(
    rng: random.Random,
    count: int,
    rewritten: dict[int, tuple[int, Sequence[str]]],
    rewrites: float,
    omissions: float,
) -> set[int]:
    """Have some of so many words rewritten; give those that are left out."""
    left_out: set[int] = set()
    index = 0
    while index < count:
        if index in rewritten:
            index += 1
        elif rng.random() < omissions:
            left_out.add(index)
            index += 1
        elif rng.random() < rewrites:
            run = min(rng.choice([1, 1, 2, 3, 8, 20]), count - index)
            for inside in range(index, index + run):
                rewritten.pop(inside, None)
            speech = [f"zq{rng.randrange(99)}x" for _ in range(run)]
            rewritten[index] = (run, speech[: rng.randint(1, run)] + speech)
            index += run
        else:
            index += 1
    return left_out


@dataclass(frozen=True)
class Session:
    """What was sent, and what came back of it up to a cut."""

    sent: list[str]
    pieces: list[Piece]


def session_by_chance(rng: random.Random) -> Session:
    """Let all go wrong at once: rewritten, left out, merged, split, repeated.

    Numbers are spoken in words, and at times the same words follow the
    number in the text ("$5 (five dollars)"). Any other words may be spoken
    as something else, alone or in runs, but never as what the text goes on
    with, nor is one left out where a number sounded just like it: then
    nobody could tell.
    """
    words, is_natural = _words_by_chance(rng)
    numbers, rewrites = rng.choice([0, 0.05, 0.2]), rng.choice([0, 0.03, 0.3])
    omissions, in_words = rng.choice([0, 0.03, 0.3]), rng.choice([0, 0.3])
    sent: list[str] = []
    echo: set[int] = set()
    rewritten: dict[int, tuple[int, Sequence[str]]] = {}
    for word in words:
        if rng.random() < numbers:
            text, speech = number_by_chance(rng)
            rewritten[len(sent)] = (1, speech)
            sent.append(text)
            if is_natural and rng.random() < in_words:
                sent += rng.sample(PROSE, rng.choice([0, 0, 1, 5]))
                echo.update(range(len(sent), len(sent) + len(speech)))
                sent += speech
        if is_natural and rng.random() < numbers / 4:
            text = rng.choice(list(_ABBREVIATIONS))
            rewritten[len(sent)] = (1, _ABBREVIATIONS[text].split())
            sent.append(text)
        sent.append(word)
    left_out = _spoil(rng, len(sent), rewritten, rewrites, omissions)
    said = speak(sent, rewritten=rewritten, left_out=left_out - echo)
    style = rng.choice(["mixed", *GRANULARITIES])
    pieces = (
        mixed(said, rng) if style == "mixed" else GRANULARITIES[style](said)
    )
    return Session(sent, pieces[: rng.randint(0, len(pieces))])


def words_finished(sent: Sequence[str], spoken: Sequence[str]) -> list[int]:
    """For each spoken piece, count the sent words that are over with it.

    Args:
        sent: the words a session was given.
        spoken: the texts of the server's word messages so far, in order.

    Returns:
        As many counts as pieces, never falling, each a lower bound: what
        was rewritten or left out counts once what follows it matches.
    """
    alignment = Alignment(sent)
    for piece in spoken:
        alignment.push(piece)
    return [alignment.finished(n) for n in range(1, len(spoken) + 1)]
