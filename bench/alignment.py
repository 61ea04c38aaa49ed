# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What following the server through its words costs, and how exact it is.

    ./dev python bench/alignment.py

The first table: microseconds for a spoken piece, on average and at worst, and
looks at a letter or a place for each letter heard (0 while all matches). The
budget is 1 ms a piece, of the CPU. The second: words that would be said again
if a session were cut after each of its messages, on average, in running text
and with a number in every tenth word. Not counted are the words of a message
that was not complete, of which nobody could know; none may be lost.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from spoken_words import (
    GRANULARITIES,
    PROSE,
    Piece,
    number_by_chance,
    speak,
    spell,
)

from gradium_tts_python.core.alignment import Alignment

BUDGET_US = 1000.0


def sessions() -> dict[str, tuple[list[str], list[str]]]:
    """Give sent words and spoken pieces, by what is special about them."""
    chance = random.Random(1)
    prose = (PROSE * 20)[:5000]
    numbers = [str(chance.randrange(10**6)) for _ in range(200)]
    mixed = [w for n in numbers for w in [*chance.sample(PROSE, 6), n]]
    said = [
        w for n in mixed for w in (spell(int(n)) if n.isdigit() else n).split()
    ]
    one = ["a"] * 2000
    return {
        "5,000 exact words": (prose, prose),
        "5,000 exact letters": (["a"] * 5000, ["a"] * 5000),
        "200 numbers": (mixed, said),
        "one in five left out": (
            prose,
            [word for word in prose if chance.random() < 0.8],
        ),
        "nothing in common": (PROSE * 3, ["xyz"] * 700),
        "all the same letter, a word less": (["b", *one], one),
        "all the same letter, no spaces": (["b", "a" * 4000], one),
        "no spaces, one letter wrong": (["ab" * 2000], ["abb"] * 1300),
        "two letters": (
            chance.choices("ab", k=2000),
            chance.choices("ab", k=2000),
        ),
        "a refrain, cut up": (PROSE[:9] * 80, PROSE[3:9] * 120),
    }


def cost(sent: list[str], spoken: list[str]) -> tuple[float, float, float]:
    """Returns µs for a piece, at worst, and steps for each letter heard."""
    alignment = Alignment(sent)
    times = []
    for piece in spoken:
        started = process_time()
        alignment.push(piece)
        times.append(process_time() - started)
    steps = alignment.steps / sum(map(len, spoken))
    return sum(times) / len(times) * 1e6, max(times) * 1e6, steps


def with_numbers() -> tuple[list[str], dict[int, tuple[int, list[str]]]]:
    """Give the text with numbers in it, and how they are spoken."""
    chance = random.Random(5)
    sent: list[str] = []
    rewritten = {}
    for index, word in enumerate(PROSE):
        if index % 10 == 5:
            number, speech = number_by_chance(chance)
            rewritten[len(sent)] = (1, speech)
            sent.append(number)
        sent.append(word)
    return sent, rewritten


def again(sent: list[str], pieces: list[Piece]) -> list[int]:
    """For a cut after each piece, count the words that are said again."""
    alignment = Alignment(sent)
    return [piece.over - alignment.push(piece.text) for piece in pieces]


def main() -> int:
    """Print the tables; 1 if a piece is above the budget on average."""
    dearest = 0.0
    print(f"{'session':34} {'µs/piece':>9} {'max µs':>8} {'steps':>6}")
    for name, (sent, spoken) in sessions().items():
        mean, worst, steps = cost(sent, spoken)
        dearest = max(dearest, mean)
        print(f"{name:34} {mean:9.1f} {worst:8.0f} {steps:6.1f}")
    print(f"\n{'pieces':12} {'text':>6} {'numbers':>8} {'lost':>5}")
    for name, cut in GRANULARITIES.items():
        plain = again(PROSE, cut(speak(PROSE)))
        sent, rewritten = with_numbers()
        mixed = again(sent, cut(speak(sent, rewritten=rewritten)))
        means = [sum(counts) / len(counts) for counts in (plain, mixed)]
        lost = sum(count < 0 for count in plain + mixed)
        print(f"{name:12} {means[0]:6.2f} {means[1]:8.2f} {lost:5}")
    return int(dearest > BUDGET_US)


if __name__ == "__main__":
    sys.exit(main())
