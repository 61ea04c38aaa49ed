# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Every text of the corpus, cut everywhere: the wire carries the same words.

The oracle below knows the text and the vendor's rule (one space between two
messages), not how the assembler works.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from functools import cache
from itertools import accumulate, pairwise
from pathlib import Path

import pytest
from squeezed import CLOSERS, ENDS, STOPS, squeeze

from gradium_tts_python.core.text import (
    MAX_MESSAGE_CHARS,
    TextAssembler,
    is_speakable,
)

CORPUS = Path(__file__).parent / "data" / "text" / "corpus.txt"


def read_corpus() -> dict[str, list[str]]:
    """The texts by section; a `\\n` in the file is a line end."""
    sections: dict[str, list[str]] = {}
    for line in CORPUS.read_text("utf-8").splitlines():
        if line.startswith("## "):
            texts = sections.setdefault(line[3:], [])
        else:
            texts.append(line.replace("\\n", "\n"))
    return sections


SECTIONS = read_corpus()
TEXTS = [text for texts in SECTIONS.values() for text in texts]
in_each_section = pytest.mark.parametrize(
    "texts", SECTIONS.values(), ids=SECTIONS
)

TEN_CUTS = re.compile(
    r"[^,.?!:，。？！：]*[,.?!:，。？！：]|[^,.?!:，。？！：]+\Z"
)
PLAIN = r"(?:[^\W\d_]+['’-])*[^\W\d_]{2,}(?:['’][^\W\d_])?"
WORDS_THEN_COMMAS = re.compile(rf"(?<!\S)(?:{PLAIN}[,،])+")
WORD_THEN_MARK = re.compile(rf"(?<![^\W_]){PLAIN}[ \u00a0\u202f]?[!?؟]")
MARK_THEN_STOP = re.compile(rf"[{CLOSERS}%‰°€£¥₹][.,،]")
WORD_THEN_STOP = re.compile(rf"(?<!\w){PLAIN}\.")
UNSPACED_SENTENCE = re.compile(rf"(?<!\S){PLAIN}[.!?](?=[^\W\d_]+[\s,!?'’])")


@cache
def legal_ends(text: str) -> set[int]:
    """Where a message may end, counted in characters other than spaces."""
    spaces = {m.start() for m in re.finditer(r"\s", text)}
    stops = {
        m.end() for m in re.finditer(f"[{STOPS}][{STOPS}”’」』）】》〉]*", text)
    }
    stops |= {m.end() for m in re.finditer(f"[{STOPS}]", text)}
    commas = {
        at + 1
        for m in WORDS_THEN_COMMAS.finditer(text)
        for at in range(*m.span())
        if text[at] in ",،"
    }
    sentences = {m.end() for m in UNSPACED_SENTENCE.finditer(text)}
    ends = spaces | stops | commas | sentences | {0, len(text)}
    for pattern in (WORD_THEN_MARK, MARK_THEN_STOP):
        ends |= {m.end() for m in pattern.finditer(text)}
    return {len(squeeze(text[:end])) for end in ends}


@cache
def legal_first_ends(text: str) -> set[int]:
    """Where the first message may end, too: `Sure.`, and so `Node.` + `js`."""
    return {
        len(squeeze(text[: m.end()])) for m in WORD_THEN_STOP.finditer(text)
    }


def letters(text: str) -> list[str]:
    """A text in parts that end in a letter each, with the spaces before it."""
    return re.findall(r"[^\w]*[\w]", text)


def speak(fragments: list[str]) -> list[str]:
    assembler = TextAssembler()
    messages = [m for part in fragments for m in assembler.push(part)]
    return messages + assembler.flush()


def speak_with_pauses(fragments: list[str]) -> list[str]:
    """A silence after every fragment."""
    assembler = TextAssembler()
    messages = []
    for part in fragments:
        messages += assembler.push(part) + assembler.flush_idle()
    return messages + assembler.flush()


def looks_over(text: str) -> bool:
    """Whether a listener would take the last word of a text for whole."""
    word = re.split(r"[ \n]", text)[-1]
    if not (marks := re.search(rf"[{ENDS}][{CLOSERS}]*\Z", word)):
        return False
    body = word[: marks.start()]
    if re.search(r"//|@|www|::|(?<![A-Za-z])https?\Z", word):
        return False
    if re.search(r"[^\W\d_][./\\:=#]\w|\w[./\\:=#_][^\W\d_]", body):
        return False  # an address, a path, an abbreviation
    if marks[0][-1:] in ".,:" + STOPS and re.search(r"\d\Z", body):
        return False  # a number
    return not (marks[0] in ".,:" and re.search(r"(?<!\w)[^\W\d_]\Z", body))


def check(text: str, messages: list[str], pauses: Sequence[int] = ()) -> None:
    """Assert that the wire carries the text and breaks no word of it.

    Args:
        text: the whole.
        messages: what left.
        pauses: where in the text a silence was.
    """
    wire = squeeze("".join(messages))
    tail = squeeze(text)[len(wire) :]
    assert wire + tail == squeeze(text)
    # Marks that stand alone after a finished sentence are not heard.
    assert not is_speakable(tail)
    assert not tail or not wire or wire[-1] in ENDS or pauses
    legal = legal_ends(text) | {len(wire)}
    start = 0  # of what the listener has not heard
    for at in pauses:
        if looks_over(text[start:at]):
            legal, start = legal | {len(squeeze(text[:at]))}, at
    ends = [len(squeeze(head)) for head in accumulate(messages)]
    assert set(ends[1:]) <= legal
    assert set(ends[:1]) <= legal | legal_first_ends(text)
    for message in messages:
        assert is_speakable(message)
        assert message == message.strip()
        assert len(message) <= MAX_MESSAGE_CHARS
    for before, after in pairwise(messages if not pauses else ()):
        assert is_speakable(re.split(r"\s", after)[0]) or (
            after[0] not in "?!;:,.%»)" or before[-1] in ENDS
        )


def test_the_corpus_has_three_hundred_texts() -> None:
    assert len(set(TEXTS)) == len(TEXTS) >= 300


@in_each_section
def test_a_text_cut_anywhere_arrives_whole(texts: list[str]) -> None:
    for text in texts:
        for at in range(len(text) + 1):
            check(text, speak([text[:at], text[at:]]))


@in_each_section
def test_a_text_cut_by_a_sentence_splitter_arrives_whole(
    texts: list[str],
) -> None:
    for text in texts:
        parts = TEN_CUTS.findall(text)
        assert "".join(parts) == text

        check(text, speak(parts))


@in_each_section
def test_a_text_cut_often_arrives_whole(texts: list[str]) -> None:
    chance = random.Random(1)
    for text in texts:
        check(text, speak(list(text)))
        check(text, speak(re.findall(r"\s*\S+|\s+\Z", text)))
        check(text, speak(re.findall(r"\S+\s*|\A\s+", text)))
        for _ in range(20):
            count = chance.randint(0, min(8, len(text)))
            at = [0, *sorted(chance.sample(range(len(text)), count))]
            parts = [text[a:b] for a, b in pairwise([*at, len(text)])]
            check(text, speak(parts))


@in_each_section
def test_a_silence_anywhere_breaks_no_word(texts: list[str]) -> None:
    for text in texts:
        for at in range(len(text) + 1):
            parts = [text[:at], text[at:]]
            check(text, speak_with_pauses(parts), [at, len(text)])


@in_each_section
def test_many_silences_break_no_word(texts: list[str]) -> None:
    for text in texts:
        for parts in (list(text), TEN_CUTS.findall(text)):
            check(
                text, speak_with_pauses(parts), [*accumulate(map(len, parts))]
            )


@in_each_section
def test_never_more_than_one_word_waits(texts: list[str]) -> None:
    for text in texts:
        assembler, sent = TextAssembler(), 0
        for end in range(1, len(text) + 1):
            messages = assembler.push(text[end - 1])
            sent += len(letters("".join(messages)))
            held = "".join(letters(text[:end])[sent:])
            words = [w for w in re.split(r"[ \n]+", held) if is_speakable(w)]
            assert len(words) <= 1, held


def test_words_survive_a_splitter_that_strips_spaces() -> None:
    for text in filter(is_speakable, TEXTS):
        if re.fullmatch(r"[A-Za-z ,.!?]+", text):
            parts = [part.strip() for part in TEN_CUTS.findall(text)]

            assert squeeze(text).startswith(squeeze("".join(speak(parts))))
