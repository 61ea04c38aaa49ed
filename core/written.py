# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Where the words that are spoken stand in the text as it was written.

On its way to the vendor a text loses what is not spoken (tags, Markdown,
emoji, what cannot be seen) and gains spaces. Whoever wrote it wants to know
how far it was heard in their own words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from .cleaning import end_of_link
from .tags import end_of_tag
from .urls import end_of_url

# Behind what was left out, so many words in a row are sought, so far ahead;
# a word alone, which may be anywhere, only near; and no further are marks
# passed over in search of a letter.
_WORDS_AHEAD: Final = 4
_FAR, _NEAR, _MOST_MARKS = 4096, 128, 48
_MARKS_AROUND: Final = re.compile(r"^\W+|\W+$")


def end_of_words(written: str, words: Sequence[str], count: int) -> int:
    """Find where the first `count` words end in a text as it was written.

    Marks that close them (`**`, `</b>`, the target of a link) belong to
    them. A word that the text does not have takes no place.

    Args:
        words: all that are spoken of the text, in order.
    """
    at = end = 0
    for index in range(min(count, len(words))):
        before = at
        at = _end_of_word(written, words[index : index + _WORDS_AHEAD], at)
        if at > before:
            # What one word took for its marks may be the next one.
            end = max(end, _end_of_marks(written, at))
    return end


def _end_of_word(written: str, words: Sequence[str], after: int) -> int:
    """Find the end of the first of these words, after a place."""
    word, at = words[0], after
    while written[at : at + 1].isspace():
        at += 1
    if written.startswith(word, at):
        return at + len(word)
    end = _end_of_spelled(written, word, at)
    if end is not None:
        return end
    # More was left out here than marks.
    found = written.find(" ".join(words), at, at + _FAR)
    if found < 0:
        # Its marks may have been put in, as those between a table's cells.
        word = _MARKS_AROUND.sub("", word) or word.rstrip(",.") or word
        found = written.find(word, at, at + _NEAR)
        is_part = written[max(found - 1, 0) : found].isalnum()
        if found < 0 or is_part:
            return after
    return max(found + len(word), end_of_url(written, found))


def _end_of_spelled(written: str, word: str, at: int) -> int | None:
    """Find a word that has marks, tags and targets of links between it."""
    end = at + _MOST_MARKS + len(word)
    for char in word:
        while not written.startswith(char, at):
            if at >= min(end, len(written)) or written[at].isalnum():
                return None
            at = _after_mark(written, at)
        at += 1
    return at


def _end_of_marks(written: str, at: int) -> int:
    """Pass over what closes a word, up to a space or to what is spoken."""
    while at < len(written):
        if written[at].isspace() or written[at].isalnum():
            break
        at = _after_mark(written, at)
    return at


def _after_mark(written: str, at: int) -> int:
    """Pass over a tag, the target of a link, or one character."""
    after = end_of_link(written, end_of_tag(written, at))
    return after if after > at else at + 1
