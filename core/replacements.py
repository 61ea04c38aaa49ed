# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Words that are to be spoken otherwise than they are written.

Pure. The settings have them as an object, `{"SQL": "sequel"}`, or as a list
that says more: `[{"from": "SQL", "to": "sequel", "ignore_case": true}]`. They
are no patterns: every character stands for itself. Where several fit, the
longest does, and what was put in is not looked at again.

They hold for whole words: no letter or digit stands next to them (but that of
a script without spaces), nor the rest of a number or of a `don't`; `SQL's`,
`SQL-based` and `(SQL)` have the word `SQL`.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import Final

from .cleaning import without_invisible
from .sentences import kind_of
from .tags import VENDOR_TAG

MOST_WRITTEN: Final = 100  # characters
MOST_SPOKEN: Final = 500

# Thai to Burmese, Khmer, Chinese, Japanese: a word is any row of letters.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u31ff\u3400-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U0001b000-\U0001b16f\U00020000-\U0003ffff]"
)
_TAGS = re.compile(f"({VENDOR_TAG.pattern})")
_ASCII_TOKEN = re.compile(r"\w+|\W")
_JOINERS = "\u200c\u200d"
_APOSTROPHES = ("'", "’")
_IN_NUMBERS = (".", ",", ":")


@dataclass(frozen=True)
class Replacement:
    """What to say in the place of what is written."""

    written: str
    spoken: str
    ignores_case: bool = False


def replacements_of(given: object) -> tuple[Replacement, ...]:
    """Read the setting.

    Raises:
        ValueError: what is wrong with it, to be read after its name.
    """
    if isinstance(given, Mapping):
        given = [{"from": key, "to": value} for key, value in given.items()]
    if not isinstance(given, (list, tuple)):
        raise ValueError(f"must be an object or a list, not {kind_of(given)}")
    found: dict[tuple[str, bool], Replacement] = {}
    for row in given:
        one = _replacement_of(row)
        written = one.written.casefold() if one.ignores_case else one.written
        if found.setdefault((written, one.ignores_case), one) is not one:
            raise ValueError(f"must not have {_shown(one.written)} twice")
    return tuple(found.values())


def _replacement_of(row: object) -> Replacement:
    """Read one row of the list."""
    if not isinstance(row, Mapping):
        raise ValueError(
            'must be a list of objects such as {"from": "SQL", "to":'
            f' "sequel"}}, not of {kind_of(row)}'
        )
    unknown = [key for key in row if key not in ("from", "to", "ignore_case")]
    if unknown or not {"from", "to"} <= set(row):
        raise ValueError(
            'must have "from", "to" and perhaps "ignore_case" in each object,'
            f" not {', '.join(_shown(key) for key in row) or 'nothing'}"
        )
    written, spoken = _text_of(row["from"], "from"), _text_of(row["to"], "to")
    ignores_case = row.get("ignore_case", False)
    if not isinstance(ignores_case, bool):
        raise ValueError(
            f"must say true or false as ignore_case of {_shown(written)}, not"
            f" {_shown(ignores_case)}"
        )
    for text, most in ((written, MOST_WRITTEN), (spoken, MOST_SPOKEN)):
        if len(text) > most:
            raise ValueError(
                f"must not have more than {most} characters in one text, as"
                f" {_shown(text)} has"
            )
    if not written:
        raise ValueError("must not replace an empty text")
    return Replacement(written, spoken, ignores_case)


def _text_of(value: object, name: str) -> str:
    """A text as it is after cleaning, or it would never be found."""
    if not isinstance(value, str):
        raise ValueError(f'must have texts as "{name}", not {_shown(value)}')
    return " ".join(without_invisible(value, "").split())


def _shown(value: object) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return kind_of(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


@dataclass
class _Node:
    """What the words have in common up to a token, and what may follow."""

    children: dict[str, _Node] = field(default_factory=dict)
    spoken: str | None = None


class Replacer:
    """Replaces the words of one text, which comes in parts of whole words."""

    def __init__(self, replacements: Iterable[Replacement]) -> None:
        self._exact, self._folded = _Node(), _Node()
        for one in replacements:
            node = self._folded if one.ignores_case else self._exact
            for token in _tokens(one.written):
                key = token.casefold() if one.ignores_case else token
                node = node.children.setdefault(key, _Node())
            node.spoken = one.spoken
        self._waiting: list[str] = []
        self._before: list[str] = []  # the two tokens before these

    @property
    def held(self) -> str:
        """What is held back, as the next words may belong to it."""
        return "".join(self._waiting)

    def push(self, part: str) -> str:
        """Take the next whole words; return what of them is decided."""
        if not part:
            return ""
        # The vendor puts a space between what comes in parts.
        tokens = [*_tokens(part), " "]
        if not self._waiting and self._is_nothing_of(tokens):
            self._before = tokens[-2:]
            return part
        self._waiting += tokens
        return self._take(is_last=False)

    def flush(self) -> str:
        """Return what was held back: no more words come, or not soon."""
        return self._take(is_last=True)

    def _is_nothing_of(self, tokens: Sequence[str]) -> bool:
        """Whether nothing that is replaced begins with any of these."""
        exact, folded = self._exact.children, self._folded.children
        return set(tokens).isdisjoint(exact) and (
            not folded or set(map(str.casefold, tokens)).isdisjoint(folded)
        )

    def _take(self, *, is_last: bool) -> str:
        tokens = self._before + self._waiting
        spoken: list[str] = []
        at = word_at = len(self._before)
        kept = 0  # how many of `spoken` stand before `word_at`
        while at < len(tokens):
            end, text, is_open = self._longest(tokens, at)
            if is_open and not is_last:
                # What stands before it without a space waits as well.
                at, spoken = word_at, spoken[:kept]
                break
            spoken.append(text)
            # `um, yes` without `um` has no comma either.
            is_gone = text == "" and tokens[end : end + 1] == [","]
            at = end + is_gone
            if tokens[at - 1] == " ":
                word_at, kept = at, len(spoken)
        self._before, self._waiting = tokens[:at][-2:], tokens[at:]
        return "".join(spoken).strip()

    def _longest(
        self, tokens: Sequence[str], start: int
    ) -> tuple[int, str, bool]:
        """Find the longest of the words that begins at a token.

        Returns:
            Where it ends, and what to say for it (one token as it is, if
            there is none); whether what follows may decide otherwise.
        """
        end, spoken = start + 1, tokens[start]
        exact: _Node | None = self._exact
        folded: _Node | None = self._folded
        if _goes_on_before(tokens, start):
            return end, spoken, False
        for at in range(start, len(tokens)):
            exact = exact and exact.children.get(tokens[at])
            folded = folded and folded.children.get(tokens[at].casefold())
            if exact is None and folded is None:
                return end, spoken, False
            for node in (folded, exact):
                if node and node.spoken is not None:
                    if not _goes_on_after(tokens, at):
                        end, spoken = at + 1, node.spoken
        is_open = any(node and node.children for node in (exact, folded))
        return end, spoken, is_open


# --------------------------------------------------------------------- tokens


@lru_cache(maxsize=4096)
def _kind(char: str) -> str:
    """Tell spaces (" ") from what words are made of ("w") and the rest."""
    if char.isspace():
        return " "
    if _UNSPACED.match(char):
        return char
    is_mark = unicodedata.category(char)[0] == "M" or char in _JOINERS
    return "w" if is_mark or char.isalnum() or char == "_" else char


def _tokens(text: str) -> list[str]:
    """Split a text into words, single marks, single spaces, and tags."""
    tokens = []
    for index, part in enumerate(_TAGS.split(text)):
        if index % 2:
            tokens.append(part)
            continue
        if part.isascii():
            tokens += _ASCII_TOKEN.findall(part)
            continue
        for kind, chars in groupby(part, _kind):
            if kind == "w":
                tokens.append("".join(chars))
            elif kind == " ":
                tokens.append(" ")
            else:
                tokens += chars
    return tokens


def _is_word(token: str) -> bool:
    return token != "" and _kind(token[0]) == "w"


def _is_mark(token: str) -> bool:
    return not token.isspace() and not token[-1:].isalnum() and token != "_"


def _goes_on_before(tokens: Sequence[str], at: int) -> bool:
    """Whether the word of which a token is a part begins before it."""
    token, before = tokens[at], tokens[at - 1] if at else ""
    if before in _IN_NUMBERS and token[0].isdigit():
        return at > 1 and tokens[at - 2][-1].isdigit()
    return _is_mark(token) and (_is_word(before) or before == token)


def _goes_on_after(tokens: Sequence[str], at: int) -> bool:
    """Whether the word of which a token is a part goes on after it."""
    token = tokens[at]
    after, second = [*tokens[at + 1 : at + 3], "", ""][:2]
    if after in _APOSTROPHES:
        return _is_word(token) and _is_word(second) and second.lower() != "s"
    if after in _IN_NUMBERS:
        return token[-1].isdigit() and second[:1].isdigit()
    if not _is_word(token) and after:
        is_accent = unicodedata.category(after[0])[0] == "M"
        is_more = _is_word(after) or after == token
        return is_accent or (_is_mark(token) and is_more)
    return False
