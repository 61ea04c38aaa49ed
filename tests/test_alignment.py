# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""How far the server has come in what it was sent: examples and measures."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest
from spoken_words import (
    GRANULARITIES,
    PROSE,
    Piece,
    Said,
    mixed,
    number_by_chance,
    speak,
    whole,
    words_finished,
)

from gradium_tts_python.core.alignment import MOST_OF_A_PIECE, Alignment
from gradium_tts_python.core.letters import read

Record = Callable[[str, object], None]
Cut = Callable[[Sequence[Said]], list[Piece]]

CUTS: dict[str, Cut] = {
    **GRANULARITIES,
    "mixed": lambda said: mixed(said, random.Random(3)),
}


def counts(sent: Sequence[str], pieces: Sequence[Piece]) -> list[int]:
    """Give the count after each piece, as a cut right there would find it."""
    alignment = Alignment(sent)
    return [alignment.push(piece.text) for piece in pieces]


def again(sent: Sequence[str], pieces: Sequence[Piece]) -> list[int]:
    """For a cut after each piece, count the words that are said again.

    Words that were heard but that no complete message tells of are not
    counted: of a segment that was cut in the middle nobody could know them.
    """
    found = counts(sent, pieces)
    return [
        piece.over - count for piece, count in zip(pieces, found, strict=True)
    ]


# -------------------------------------------------------------------- examples


@pytest.mark.parametrize(
    ("sent", "spoken", "finished"),
    [
        ("", "", []),
        ("one two", "", []),
        ("", "one", [0]),
        ("one two three", "one|two|three", [1, 2, 3]),
        ("one two three", "one", [1]),
        # Pieces of any size.
        ("one two three", "o|ne t|wo|three", [0, 1, 2, 3]),
        ("one two three", "one two|three", [2, 3]),
        ("one two three.", "one two three|.", [3, 3]),
        ("Well, yes. No!", "Well|,|yes|.|No|!", [1, 1, 2, 2, 3, 3]),
        ("go to e mail now", "go|to|email|now", [1, 2, 4, 5]),
        ("go to email now", "go|to|e|mail|now", [1, 2, 2, 3, 4]),
        # Neither case nor accents, and the letters of any script.
        ("One, TWO. «three»", "one|two|three", [1, 2, 3]),
        ("Straße GROẞ", "strasse|gross", [1, 2]),
        ("café nai\u0308ve", "CAFE|naïve", [1, 2]),
        ("ｆｕｌｌ ① ½", "full|1|1/2", [1, 2, 3]),
        ("今天 天气，很好。 谢谢", "今|天|天气，|很好。|谢谢", [0, 1, 1, 2, 3]),
        ("مَرحَبا بالعالم", "مرحبا|بالعالم", [1, 2]),
        ("हिन्दी में", "हिन्द|ी|में", [0, 1, 2]),
        ("ภาษา ไทย", "ภา|ษา|ไทย", [0, 1, 2]),
        # Marks that stand alone: with the next word, or told as they are.
        ("well – so be it", "well|so|be|it", [1, 3, 4, 5]),
        ("well – so be it", "well|–|so|be|it", [1, 2, 3, 4, 5]),
        ("well! ! so", "well|!|!|so", [1, 1, 2, 3]),
        ("great 👍🏽 now", "great|👍🏽|now", [1, 2, 3]),
        ("great 👍🏽 now then", "great|thumbs|up|now|then", [1, 1, 1, 3, 4]),
        ("... !", "...|!", [1, 2]),
        # A number is over once two words after it have matched.
        ("pay $5 in cash", "pay|five|dollars|in|cash", [1, 1, 2, 3, 4]),
        ("pay $5 in cash", "pay|five|dollars|in", [1, 1, 1, 1]),
        ("pay $5 in cash", "pay five dollars in cash", [4]),
        ("$5 in cash", "five|dollars|in|cash", [0, 1, 2, 3]),
        ("R & D is fun", "R|and|D|is|fun", [1, 1, 3, 4, 5]),
        # Of several words nobody knows which was over when.
        ("on 3 May 2024 we met", "on|the third of May|twenty|four|we|met",
         [1, 1, 1, 1, 5, 6]),
        ("a b c d e f", "a|um|b|c|d|e|f", [1, 1, 2, 3, 4, 5, 6]),
        # What was left out is over with the words after it, not before.
        ("the train to the coast leaves soon", "the|train|coast|leaves",
         [1, 2, 2, 6]),
        # Which of them was said cannot be known: the first that can be.
        ("no no no no", "no|no", [1, 2]),
        ("it was very very very good to us all", "it|was|very|good|to|us|all",
         [1, 2, 3, 3, 3, 3, 9]),
        # Half of what a word is spoken as is not the word.
        ("Main St. is near here", "Main|Street|is|near|here",
         [1, 2, 3, 4, 5]),
        ("on Jan. first we met", "o|n|Jan|uary|fir|st|we|met",
         [0, 1, 1, 1, 1, 1, 1, 5]),
        ("on Jan. first", "o|n|Jan|.|first", [0, 1, 1, 2, 3]),
        # How a number is spoken may stand in the text, too.
        ("$5 (five dollars) is all we have", "five|dollars", [0, 0]),
        ("$5 (five dollars) is all we have",
         "five|dollars|five|dollars|is|all", [0, 1, 2, 3, 4, 5]),
        ("he paid $6,000 and we paid six thousand too",
         "he|paid|six|thousand|and|we", [1, 2, 2, 3, 4, 5]),
    ],
)  # fmt: skip
def test_spoken_pieces_finish_sent_words(
    sent: str, spoken: str, finished: list[int]
) -> None:
    pieces = spoken.split("|") if spoken else []

    assert words_finished(sent.split(), pieces) == finished


@pytest.mark.parametrize(
    ("sent", "spoken", "most"),
    [
        ("one two three", "", 0),
        ("one two three", "one", 1),
        ("one two three", "one two three", 3),
        ("that is $5", "that is five dollars", 3),
        ("$5 it is", "five dollars it is", 3),
        ("$5 it is", "$5 it", 2),
        ("pay $5 or leave the house now", "pay five dollars", 5),
        ("he is twenty three", "he is 23", 4),
        ("so 👍", "so", 2),
    ],
)
def test_what_cannot_have_been_spoken_is_known(
    sent: str, spoken: str, most: int
) -> None:
    alignment = Alignment(sent.split())
    for piece in spoken.split():
        alignment.push(piece)

    assert alignment.at_most() == most


def test_words_may_be_sent_while_others_are_spoken() -> None:
    alignment = Alignment(["pay"])
    found = [alignment.push("pay"), alignment.push("five")]
    alignment.extend(["$5", "in"])
    found += map(alignment.push, ["dollars", "in"])
    alignment.extend(["cash", "now"])
    found += map(alignment.push, ["cash", "now"])

    assert found == [1, 1, 1, 1, 4, 5]
    assert [alignment.finished(n) for n in range(7)] == [0, 1, 1, 2, 3, 4, 5]


# -------------------------------------------------------------------- measures


@pytest.mark.parametrize("name", CUTS)
def test_running_text_is_known_to_the_word(name: str) -> None:
    pieces = CUTS[name](speak(PROSE))

    repeated = again(PROSE, pieces)

    # In parts of words, the last word of a sentence waits for its dot.
    is_fine = name in ("characters", "half words")
    assert min(repeated) == 0
    assert max(repeated) <= is_fine
    assert sum(repeated) / len(repeated) <= 0.03 * is_fine


@pytest.mark.parametrize("name", CUTS)
def test_text_with_a_number_in_every_tenth_word_repeats_little(
    name: str, record_property: Record
) -> None:
    chance, sent, rewritten = random.Random(5), [], {}
    for index, word in enumerate(PROSE):
        if index % 10 == 5:
            text, speech = number_by_chance(chance)
            rewritten[len(sent)] = (1, speech)
            sent.append(text)
        sent.append(word)
    pieces = CUTS[name](speak(sent, rewritten=rewritten))

    repeated = again(sent, pieces)

    mean = sum(repeated) / len(repeated)
    record_property("measured", f"{mean:.2f} words again a cut")
    # The number, and the two or three words that do not yet prove that it
    # is over; in segments, about every other one ends with such.
    is_coarse = name in ("six words", "sentences", "mixed")
    assert min(repeated) == 0
    assert mean <= (1.5 if is_coarse else 0.4)
    assert max(repeated) <= (6 if is_coarse else 4)


@pytest.mark.parametrize("length", [1, 2, 5, 20, 100])
@pytest.mark.parametrize("name", ["characters", "words", "two words"])
def test_at_most_a_rewritten_run_is_said_again(name: str, length: int) -> None:
    sent = PROSE[:200]
    speech = [f"zq{number}" for number in range(2 * length)]
    said = speak(sent, rewritten={40: (length, speech)})
    pieces = CUTS[name](said)

    repeated = again(sent, pieces)

    # The run, until the few words that follow it have matched.
    # In single letters, a word with a dot waits for that, too.
    least = 2 if name == "characters" else 1
    at = zip(pieces, repeated, strict=True)
    where = {piece.over for piece, count in at if count >= least}
    assert (min(repeated), repeated[-1]) == (0, 0)
    assert max(repeated) <= length + 3
    assert min(where) >= 40 + length
    assert max(where) <= 40 + length + 3


@pytest.mark.parametrize("left_out", [1, 3, 10, 50])
def test_words_that_were_left_out_are_found_past(left_out: int) -> None:
    skipped = range(30, 30 + left_out)
    pieces = whole(speak(PROSE, left_out=skipped))

    repeated = again(PROSE, pieces)

    assert min(repeated) == 0
    assert repeated[:30] == [0] * 30
    assert set(repeated[30 + 12 :]) == {0}


def test_a_phone_number_read_digit_by_digit_is_found_past() -> None:
    sent = (
        "so please call us at 555 0123 4567 or write to us at any time".split()
    )
    digits = "five five five oh one two three four five six seven".split()
    pieces = whole(speak(sent, rewritten={5: (3, digits)}))

    found = words_finished(sent, [piece.text for piece in pieces])

    assert found == [1, 2, 3, 4, 5, *[5] * 11, *range(9, 16)]


# ------------------------------------------------------------------------ cost


HOSTILE: dict[str, Callable[[int], tuple[list[str], list[str]]]] = {
    "one letter in words": lambda n: (["b", *"a" * n], ["a"] * n),
    "one letter": lambda n: (["b", "a" * n], ["a" * 7] * (n // 7)),
    "one word, one letter wrong": lambda n: (
        ["ab" * (n // 2)],
        ["abb"] * (n // 3),
    ),
    "nothing in common": lambda n: (PROSE * (n // 900), ["xyz"] * (n // 3)),
    "two letters": lambda n: (
        random.Random(1).choices("ab", k=n),
        random.Random(2).choices("ab", k=n),
    ),
    "a refrain without its start": lambda n: (
        PROSE[:9] * (n // 40),
        PROSE[3:9] * (n // 30),
    ),
    "numbers only": lambda n: (["$1"] * (n // 2), ["one dollar"] * (n // 9)),
    "found and lost": lambda n: (
        [*PROSE[:6], "x" * 300] * (n // 300),
        [*PROSE[:6], "x" * 299 + "y"] * (n // 300),
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_words_cost_no_more_a_letter_when_there_are_more(
    name: str, is_thorough: bool
) -> None:
    costs = []
    for size in (1000, 2000, 4000) if is_thorough else (1000, 2000):
        sent, spoken = HOSTILE[name](size)
        alignment = Alignment(sent)
        for piece in spoken:
            alignment.push(piece)
        costs.append(alignment.steps / sum(map(len, spoken)))

    # Letters are followed once or twice; places are looked at, 16 at most,
    # and a match that would do is measured, 256 letters at most.
    assert max(costs) <= 2 + 16 + 256
    assert costs[-1] <= 1.5 * costs[0] + 1


@pytest.mark.parametrize("unit", ["a", "echo ", "1 ", "echo foxtrot "])
def test_a_piece_of_a_million_letters_costs_no_more_than_a_long_one(
    unit: str,
) -> None:
    sent = PROSE * 20
    costs = []
    for size in (MOST_OF_A_PIECE, 1_000_000):
        alignment = Alignment(sent)
        alignment.push((unit * size)[:size])
        costs.append(alignment.steps)

    assert costs[0] == costs[1]


def test_exact_words_cost_no_look_at_all() -> None:
    sent = PROSE * 20
    alignment = Alignment(sent)

    found = [alignment.push(word) for word in sent]

    assert found == list(range(1, len(sent) + 1))
    assert alignment.steps == 0


# --------------------------------------------------------------------- letters


@pytest.mark.parametrize(
    ("text", "runs", "marks"),
    [
        ("", [], ""),
        ("Hello, World!", ["hello", "world"], "!"),
        ("l'été...", ["l", "ete"], "..."),
        ("– ", [], "–"),
        ("don’t (", ["don", "t"], "("),
        ("1️⃣ 👍🏽", ["1"], "👍🏽"),
        ("のが", ["のか\u3099"], ""),
        ("a\u200db\u00ad", ["ab"], ""),
        ("_x_", ["x"], "_"),
    ],
)
def test_words_are_read_as_letters_and_marks(
    text: str, runs: list[str], marks: str
) -> None:
    assert read(text) == (runs, marks)
