# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""From what is written to what is said: the order of all cleaning.

Pure. `Passages` takes fragments as they come and leaves out whole passages:
thoughts and blocks of code. `SpokenForm` takes the whole words that have come
of it and says them as a listener wants to hear them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .boundaries import without_repeated_marks
from .cleaning import without_emoji, without_invisible, without_markdown
from .code_blocks import CodeBlockFilter
from .replacements import Replacement, Replacer
from .tables import without_pipes
from .tags import replace_tags, separate_brackets
from .thinking import ThoughtFilter
from .urls import with_hosts

# Two spaces, where something was taken out; line ends in a message.
_GAPS = re.compile(r"[ \n]{2,}|\n")


@dataclass(frozen=True)
class TextOptions:
    """What is done with a text.

    Attributes:
        allow_tags: let the vendor's `<flush>` and `<break time="1.5s" />`
            through, in their legal form, times clamped to 0.1 to 2 s. All
            other tags are always removed, and theirs too when this is off.
        clean_thoughts: leave out `<think>…</think>` and its like.
        clean_code: leave out blocks of code.
        clean_markdown: remove emphasis, code, heading, quotation and bullet
            marks; `[text](target)` becomes its text. Numbered items stay.
        clean_tables: say the cells of a table, not its pipes.
        clean_urls: say the host's name of an address of the web.
        clean_emoji: remove emoji, flags and keycaps.
        replacements: what to say in the place of some words.
    """

    allow_tags: bool = False
    clean_thoughts: bool = False
    clean_code: bool = False
    clean_markdown: bool = False
    clean_tables: bool = False
    clean_urls: bool = False
    clean_emoji: bool = False
    replacements: Sequence[Replacement] = ()


class Passages:
    """Leaves out what a listener should know nothing of.

    Also what is neither seen nor heard, so that it can hide nothing.
    """

    def __init__(self, options: TextOptions) -> None:
        self._last = ""  # the last character that has come
        self._filters: list[ThoughtFilter | CodeBlockFilter] = []
        if options.clean_thoughts:
            self._filters.append(ThoughtFilter())
        if options.clean_code:
            self._filters.append(CodeBlockFilter())

    def push(self, fragment: str) -> str:
        """Take the next fragment; return what of the text stays."""
        last = self._last
        if not fragment.isalnum():
            fragment = without_invisible(fragment, last)
            if last in ("", " ", "\n"):
                fragment = fragment.lstrip(" \n" if last == "\n" else " ")
        self._last = fragment[-1:] or last
        for one in self._filters:
            fragment = one.push(fragment)
        return fragment

    def flush(self) -> str:
        """Return what was held back, at the end of the text."""
        self._last, held = "", ""
        for one in self._filters:
            held = one.push(held) + one.flush()
        return held


class SpokenForm:
    """Says the parts of one text, which are whole words, in their order."""

    def __init__(self, options: TextOptions) -> None:
        self._options = options
        self._last = "\n"  # the last character that has come
        self._is_row = False  # it stands in a row of a table
        self._replacer = (
            Replacer(options.replacements) if options.replacements else None
        )

    @property
    def held(self) -> str:
        """What is held back, as it may be a part of what is replaced."""
        return self._replacer.held if self._replacer else ""

    def push(self, part: str) -> str:
        """Take the next part; return what is to be said now."""
        text = self._cleaned(part)
        if self._replacer:
            text = self._replacer.push(text)
        return self._fit(text)

    def flush(self) -> str:
        """Return what was held back: no more comes, or not soon."""
        return self._fit(self._replacer.flush()) if self._replacer else ""

    def restart(self) -> None:
        """Take what comes next for a new word."""
        self._last = " "

    def _cleaned(self, text: str) -> str:
        options = self._options
        last, self._last = self._last, text[-1:] or " "
        if not (last.isspace() or last.isalnum()):
            text = without_repeated_marks(text)
        if options.clean_emoji:
            text = without_emoji(text)
        if options.clean_urls:
            text = with_hosts(text)
        if options.clean_markdown:
            text = without_markdown(
                text, is_line_start=last == "\n", goes_on=not last.isspace()
            )
        if options.clean_tables:
            text, self._is_row = without_pipes(
                text, is_row=self._is_row and last != "\n"
            )
        return _GAPS.sub(" ", text).strip() if self._replacer else text

    def _fit(self, text: str) -> str:
        """Make tags legal, last of all: the others may uncover one."""
        if "<" in text:
            text = replace_tags(text, allow_vendor=self._options.allow_tags)
            text = separate_brackets(text)
        return _GAPS.sub(" ", text).strip()
