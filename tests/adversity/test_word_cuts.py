# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Servers that tell their words in any way, cut wherever audio ends.

Each row of the table is a way to tell words. The speech is cut after each
frame, and the next session says the rest: how many words were lost, how many
were heard twice beyond what nobody could know, how many announced twice?
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import pytest
from spoken_words import (
    GRANULARITIES,
    PROSE,
    Piece,
    Said,
    letters_of,
    mixed,
    speak,
    spell,
)

from gradium_tts_python.core.actions import Action, EndReason, Words
from gradium_tts_python.core.protocol import Word
from gradium_tts_python.core.request import Ledger

Record = Callable[[str, object], None]
Rewritten = dict[int, tuple[int, Sequence[str]]]

RATE_HZ, FRAME_S = 1000, 0.08
# Speech of 0.34 s a word on average.
LETTER_S, PAUSE_S = 0.08, 0.03
NAN = float("nan")

TEXT = PROSE[:80]


def with_numbers() -> tuple[list[str], Rewritten]:
    """Numbers in running text, each spoken in many words."""
    sent, rewritten = list(PROSE[:50]), {}
    for at in range(5, 55, 7):
        sent.insert(at, f"${1000 + at}")
        rewritten[at] = (1, [*spell(1000 + at).split(), "dollars"])
    return sent, rewritten


def with_phone_number() -> tuple[list[str], Rewritten]:
    """Ten digits, each a word that is spoken as another."""
    digits = "0 6 1 2 3 4 5 6 7 8".split()
    sent = [*PROSE[:12], *digits, *PROSE[12:30]]
    return sent, {12 + n: (1, [spell(int(d))]) for n, d in enumerate(digits)}


# How a server tells the time of a word: by its number and its true times.
Told = Callable[[int, float, float], tuple[float, float]]


def truly(number: int, start_s: float, stop_s: float) -> tuple[float, float]:
    return start_s, stop_s


def shifted(by_s: float) -> Told:
    return lambda number, start_s, stop_s: (start_s + by_s, stop_s + by_s)


def every(count: int, told: Told) -> Told:
    """Every so many words have such times, the others true ones."""
    return lambda number, start_s, stop_s: (truly if number % count else told)(
        number, start_s, stop_s
    )


def in_a_run(told: Told) -> Told:
    """Ten words in the middle have such times."""
    return lambda number, start_s, stop_s: (
        told if 15 <= number < 25 else truly
    )(number, start_s, stop_s)


def untimed(number: int, start_s: float, stop_s: float) -> tuple[float, float]:
    return NAN, NAN


def absurd(number: int, start_s: float, stop_s: float) -> tuple[float, float]:
    return 998.0, 999.0


def far_ahead(
    number: int, start_s: float, stop_s: float
) -> tuple[float, float]:
    return start_s + 20.0, stop_s + 20.0


@dataclass(frozen=True)
class Row:
    """A way to tell words, and what it may cost.

    Attributes:
        pieces: cuts what is said into word messages.
        told: the times that each message has.
        most_again: how many words a cut repeats on average.
        longest_again: how many one cut repeats at most.
    """

    name: str
    pieces: Callable[[Sequence[Said]], list[Piece]]
    told: Told = truly
    text: tuple[list[str], Rewritten] = field(default=(TEXT, {}))
    most_again: float = 0.3
    longest_again: int = 2


WORDS_EACH = GRANULARITIES["words"]
LONGEST = {"two words": 2, "six words": 6}
ROWS = [
    *(
        # A message that has just ended is said again whole.
        Row(name, cut, longest_again=LONGEST.get(name, 1))
        for name, cut in GRANULARITIES.items()
        if name != "sentences"
    ),
    # Of the cuts in the first one, of 7 s, few can be resumed at all.
    Row("sentences", GRANULARITIES["sentences"], most_again=0.4, longest_again=20),
    Row("mixed", lambda said: mixed(said, random.Random(5)), longest_again=6),
    Row("80 ms early", WORDS_EACH, shifted(-0.08), most_again=0.1, longest_again=1),
    Row("80 ms late", WORDS_EACH, shifted(0.08), most_again=0.55),
    Row("every fifth without times", WORDS_EACH, every(5, untimed), most_again=0.5),
    Row("every fifth at 999 s", WORDS_EACH, every(5, absurd), most_again=0.5),
    Row("every fifth 20 s ahead", WORDS_EACH, every(5, far_ahead), most_again=0.7, longest_again=3),
    Row("ten without times", WORDS_EACH, in_a_run(untimed), most_again=1.0, longest_again=11),
    Row("rewritten numbers", WORDS_EACH, text=with_numbers(), most_again=0.4),
    Row("rewritten, two words", GRANULARITIES["two words"], text=with_numbers(), most_again=0.9, longest_again=5),
    Row("a phone number", WORDS_EACH, text=with_phone_number(), most_again=2.0, longest_again=11),
]  # fmt: skip


# ------------------------------------------------------------------ the truth


class Performance:
    """A session's speech: what is heard when, and what is told of it when."""

    def __init__(self, row: Row, first: int) -> None:
        """Say a text from a word on."""
        sent, rewritten = row.text
        self.first = first
        self.said = speak(
            sent[first:],
            rewritten={
                at - first: how for at, how in rewritten.items() if at >= first
            },
        )
        lengths = [letters_of(word.text) for word in self.said]
        self._letters = list(accumulate(lengths))
        self._ends_s = list(
            accumulate(LETTER_S * length + PAUSE_S for length in lengths)
        )
        self.pieces = row.pieces(self.said)
        letters = list(accumulate(letters_of(p.text) for p in self.pieces))
        stops_s = [self._end_of(count) for count in letters]
        self._stops_s = stops_s
        self._next = 0
        self._told = [
            Word(piece.text, *row.told(number, start_s, stop_s))
            for number, (piece, start_s, stop_s) in enumerate(
                zip(self.pieces, [0.0, *stops_s], stops_s, strict=False)
            )
        ]
        # With half a second of silence.
        self.frames = int((self._ends_s[-1] + 0.5) / FRAME_S) + 1
        self.first_word_s = stops_s[0]

    def _end_of(self, letters: int) -> float:
        """When so many letters have been heard."""
        if not letters:
            return 0.0
        word = bisect_right(self._letters, letters - 1)
        return self._ends_s[word] - LETTER_S * (self._letters[word] - letters)

    def over(self, heard_s: float) -> int:
        """How many of the sent words are over."""
        heard = bisect_right(self._ends_s, heard_s + 1e-4)
        return self.first + (self.said[heard - 1].after if heard else 0)

    def knowable(self, heard_s: float) -> int:
        """… as far as complete messages tell."""
        heard = bisect_right(self._stops_s, heard_s + 1e-4)
        return self.first + (self.pieces[heard - 1].over if heard else 0)

    def say(self, ledger: Ledger, from_s: float, until_s: float) -> list[str]:
        """Give a ledger a part of it; what is announced."""
        samples = round(until_s * RATE_HZ) - round(from_s * RATE_HZ)
        actions = ledger.audio_received(b"\xe8\x03" * samples, 10.0)
        while (word := self._next_until(until_s)) is not None:
            actions += ledger.word_received(word)
        return words_of(actions)

    def _next_until(self, until_s: float) -> Word | None:
        """Give the next word that is told, by its own time or the true one."""
        if self._next == len(self._told):
            return None
        word, true_s = self._told[self._next], self._stops_s[self._next]
        is_early = true_s - 1.0 < word.stop_s < true_s
        if (word.stop_s if is_early else true_s) > until_s:
            return None
        self._next += 1
        return word


def words_of(actions: Sequence[Action]) -> list[str]:
    return [a.text.strip() for a in actions if isinstance(a, Words)]


def asked_for(row: Row) -> Ledger:
    ledger = Ledger("r1", sample_rate_hz=RATE_HZ, with_words=True)
    ledger.script.push(" ".join(row.text[0]))
    return ledger


@dataclass(frozen=True)
class Cut:
    """What a cut after some audio costs, in words."""

    lost: int
    again: int


def cuts_after_each_frame(row: Row) -> Iterator[Cut | None]:
    """Ask where to go on after each frame; `None`: nobody knows."""
    ledger, speech = asked_for(row), Performance(row, 0)
    for frame in range(1, speech.frames):
        heard_s = frame * FRAME_S
        speech.say(ledger, heard_s - FRAME_S, heard_s)
        word = ledger.next_word()
        yield (
            None
            if word is None
            else Cut(
                max(0, word - speech.over(heard_s)),
                max(0, speech.knowable(heard_s) - word),
            )
        )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_no_cut_loses_a_word_and_few_are_heard_twice(
    row: Row, record_property: Record
) -> None:
    found = list(cuts_after_each_frame(row))

    cuts = [cut for cut in found if cut]
    again = [cut.again for cut in cuts]
    mean = sum(again) / len(cuts)
    record_property(
        "measured",
        f"{len(cuts)} cuts, {sum(cut.lost for cut in cuts)} words lost,"
        f" {mean:.2f} heard twice on average, {max(again)} at most",
    )
    assert len(cuts) > 150
    assert sum(cut.lost for cut in cuts) == 0
    assert mean <= row.most_again
    assert max(again) <= row.longest_again
    # Without any word for 2 s nobody knows whether one will come.
    first_s = Performance(row, 0).first_word_s
    assert found.count(None) == sum(
        2.0 < frame * FRAME_S < first_s for frame in range(1, len(found))
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_over_a_cut_each_word_is_announced_once(
    row: Row, is_thorough: bool
) -> None:
    if row.name == "mixed":
        pytest.skip("the same words never come in the same pieces again")
    whole = Performance(row, 0)
    said = "".join("".join(word.text for word in whole.said).split())
    found: dict[str, int] = {}
    for frame in range(1, whole.frames, 1 if is_thorough else 23):
        announced = announced_over_a_cut(row, frame * FRAME_S)
        found.setdefault(announced or said, frame)

    assert list(found) == [said]


def announced_over_a_cut(row: Row, heard_s: float) -> str | None:
    """Cut the speech, and let the next session say the rest."""
    ledger = asked_for(row)
    announced = Performance(row, 0).say(ledger, 0.0, heard_s)
    word = ledger.next_word()
    if word is None:
        return None
    ledger.cut_session(word)
    if word < len(row.text[0]):
        rest = Performance(row, word)
        announced += rest.say(ledger, 0.0, rest.frames * FRAME_S)
        assert ledger.session_ended(len(row.text[0]))
    announced += words_of(ledger.end(EndReason.REQUEST_END))
    return "".join("".join(announced).split())


def test_without_any_times_nothing_can_be_resumed() -> None:
    row = Row("without times", WORDS_EACH, untimed)

    found = list(cuts_after_each_frame(row))

    # Within the first 2 s all is said again.
    assert [cut is None for cut in found] == [
        frame * FRAME_S > 2.0 for frame in range(1, len(found) + 1)
    ]
