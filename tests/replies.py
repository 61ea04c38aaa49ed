# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Two hundred replies of an agent: how they arrive, and how long they wait.

Everything happens in a time of its own: `spoken()` gives each client the
fragments and the silences of a reply at the seconds at which they would
come, so the figures are the same on every machine.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Protocol

from gradium_tts_python.core.text import TextAssembler
from gradium_tts_python.wire.inbox import UNFINISHED_WORD_SILENCES

CORPUS = Path(__file__).parent / "data" / "text" / "replies.txt"
# The default of `idle_flush_ms`.
SILENCE_S = 0.5

# What a model's tokens look like: a word with the space before it, long words
# and numbers in parts, marks alone.
_TOKEN = re.compile(r" ?[^\W\d_]{1,6}| ?\d{1,3}| ?[^\w\s]|\s|_")
_TEN_ENDS = ",.?!，。？！"


def replies() -> list[str]:
    """The replies of the corpus; a `\\n` in the file is a line end."""
    lines = CORPUS.read_text("utf-8").splitlines()
    return [
        line.replace("\\n", "\n") for line in lines if not line.startswith("#")
    ]


@dataclass(frozen=True)
class Piece:
    """A fragment of a reply, or a message, at its second."""

    text: str
    at_s: float


def as_tokens(reply: str, a_second: int) -> list[Piece]:
    """A reply as a model writes it, so many tokens a second."""
    tokens = _TOKEN.findall(reply)
    assert "".join(tokens) == reply
    return [Piece(token, at / a_second) for at, token in enumerate(tokens)]


def as_ten_cuts(reply: str, a_second: int) -> list[Piece]:
    """The same as TEN's `main_python` hands it on, which cuts after marks.

    A piece comes with the token that completes it; the space after it is
    the start of the next one.
    """
    pieces, text, at_s = [], "", 0.0
    for token in as_tokens(reply, a_second):
        text, at_s = text + token.text, token.at_s
        if token.text[-1] in _TEN_ENDS:
            pieces.append(Piece(text, at_s))
            text = ""
    return [*pieces, Piece(text, at_s)] if text else pieces


class Client(Protocol):
    """What decides when a text leaves: the assembler, or a stand-in for it."""

    @property
    def is_holding(self) -> bool: ...
    def push(self, fragment: str) -> list[str]: ...
    def flush_idle(self) -> list[str]: ...
    def flush_stalled(self) -> list[str]: ...
    def flush(self) -> list[str]: ...


class Floor:
    """A client that forwards everything at once, whatever that breaks."""

    is_holding = False

    def push(self, fragment: str) -> list[str]:
        return [fragment.strip()] if fragment.strip() else []

    def flush_idle(self) -> list[str]:
        return []

    flush_stalled = flush = flush_idle


def spoken(client: Client, pieces: list[Piece]) -> list[Piece]:
    """What leaves, and when; the reply ends with its last piece."""
    left: list[Piece] = []

    def leave(messages: list[str], at_s: float) -> None:
        left.extend(Piece(message, at_s) for message in messages)

    for piece, following in pairwise([*pieces, None]):
        assert piece is not None
        leave(client.push(piece.text), piece.at_s)
        gap_s = following.at_s - piece.at_s if following else 0.0
        if gap_s > SILENCE_S:
            leave(client.flush_idle(), piece.at_s + SILENCE_S)
        stalled_s = SILENCE_S * UNFINISHED_WORD_SILENCES
        if gap_s > stalled_s and client.is_holding:
            leave(client.flush_stalled(), piece.at_s + stalled_s)
    leave(client.flush(), pieces[-1].at_s)
    return left


def letters(text: str) -> int:
    """How many characters of a text are heard."""
    return len(_heard(text))


def delays_s(pieces: list[Piece], left: list[Piece]) -> list[float]:
    """For each fragment, all of which are heard, how long its end waits."""
    sent = [*accumulate(letters(message.text) for message in left)]
    come = accumulate(letters(piece.text) for piece in pieces)
    return [
        left[bisect_left(sent, count)].at_s - piece.at_s
        for piece, count in zip(pieces, come, strict=True)
    ]


def broken_words(reply: str, left: list[Piece]) -> list[str]:
    """The words of a reply that arrive in parts, as `Node.|js`.

    Marks that arrive apart from their word (`Wait.|..`) break none.
    """
    wire = " ".join(message.text for message in left)
    rest = iter([word for word in wire.split() if letters(word)])
    broken = []
    for word in filter(letters, reply.split()):
        parts = [next(rest)]
        while sum(map(letters, parts)) < letters(word):
            parts.append(next(rest))
        assert _heard("".join(parts)) == _heard(word)
        if len(parts) > 1:
            broken.append("|".join(parts))
    return broken


def _heard(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def why_it_waits(fragment: str) -> str:
    """What the last word of a fragment as TEN cuts it may be a part of."""
    word = fragment.split()[-1]
    if re.search(r"//|@|www|[^\W\d_][./?=&][^\W\d_]|=", word):
        return "an address"
    if any(char.isdigit() for char in word):
        return "a number"
    if re.fullmatch(r"\W*[^\W\d_][.,]", word):
        return "an initial"
    return "a name with a dot" if word.endswith(".") else "something else"


@dataclass(frozen=True)
class Figures:
    """What a way of cutting and a client come to, over all replies.

    Attributes:
        first_s: of each reply, from the arrival of its first fragment that
            is heard until its first message leaves.
        all_s: of each fragment that is heard, from its arrival until the
            last of it leaves.
        broken: the words that arrive in parts.
        waiting: the fragments that do not leave as they come.
    """

    first_s: list[float]
    all_s: list[float]
    broken: list[str]
    waiting: list[str]


def measure(
    cut: Callable[[str, int], list[Piece]],
    a_second: int,
    client: Callable[[], Client] = TextAssembler,
    most: int | None = None,
) -> Figures:
    """Let a client speak all replies, or so many of them."""
    figures = Figures([], [], [], [])
    for reply in replies()[:most]:
        pieces = cut(reply, a_second)
        left = spoken(client(), pieces)
        heard = [piece for piece in pieces if letters(piece.text)]
        delays = delays_s(heard, left)
        figures.first_s.append(left[0].at_s - heard[0].at_s)
        figures.all_s.extend(delays)
        figures.waiting.extend(
            piece.text
            for piece, delay_s in zip(heard, delays, strict=True)
            if delay_s
        )
        figures.broken.extend(broken_words(reply, left))
    return figures
