# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What is taken out of a text: the invisible, Markdown and emoji.

Pure. These functions see a text in parts, cut between words.
"""

from __future__ import annotations

import re
from typing import Final

_MAX_OPEN_CHARS: Final = 256  # a longer link is not waited for

# Spaces and control characters, which become a space; not the line end, and
# not the spaces that keep a word together (U+00A0, U+2007, U+202F).
_SPACE = (
    r"\x00-\x09\x0b-\x1f\x7f-\x9f\u1680\u2000-\u2006\u2008-\u200a\u2028"
    r"\u2029\u205f\u3000"
)
# Characters without width or sound, and halves of surrogate pairs, which
# cannot be encoded.
_GONE = (
    r"\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    r"\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f"
)
# Whether a fragment needs any of the three below; most do not.
_UNTIDY = re.compile(rf"[{_SPACE}{_GONE}\u200c\u200d]|[ \n][ \n]")
_SPACES = re.compile(rf"[ {_SPACE}]+")
_LINE_ENDS = re.compile(r" ?\n[ \n]*")
# Joiners shape Persian, Indic and emoji text; after ASCII they only hide.
_INVISIBLE = re.compile(rf"[{_GONE}]|(?<![^\x00-\x7f])[\u200c\u200d]")

# The target of a link may hold one pair of parentheses, as Wikipedia's do.
_TARGET = r"\([^()\s]{0,256}(?:\([^()\s]{0,64}\)[^()\s]{0,256})?"
# A link or image, whose text stays.
_LINK_END = rf"\]{_TARGET}(?: \"[^\"\n]{{0,128}}\")?\)"
_LINK = re.compile(rf"!?\[([^\[\]]{{0,256}}){_LINK_END}")
_TARGETS = re.compile(_LINK_END)
# What the next fragment may complete to a link.
_OPEN_LINK = re.compile(
    rf"\[[^\[\]]{{0,{_MAX_OPEN_CHARS}}}"
    r"(?:\](?:\([^()]{0,256}(?:\([^()]{0,64}(?:\)[^()]{0,256})?)?)?)?\Z"
)
# Marks at the start of a line; the line end before them is part of the match.
_LINE_MARKS = re.compile(
    r"\n *(?:```|~~~)[\w+-]* *(?=\n)"  # code fence with its language
    r"|\n *([-*_])(?: *\1){2,} *(?=\n|\Z)"  # rule
    r"|\n *(?:#{1,6} +|> ?|[-*+•] +)+"  # heading, quotation, bullet
)
# Emphasis and code. URLs are matched to be left alone; `2 * 3`, `2**3` and
# `snake_case` do not match.
_EMPHASIS = re.compile(
    r"(?P<url>(?<!\w)\w{1,16}://[^\s*`]*)|`+|~~"
    r"|(?<![\w*])\*+(?=[^\s*])|(?<=[^\s*])\*+(?![\w*])"
    r"|(?<=[^\W\d])\*\*(?=[^\W\d])"
    r"|(?<!\w)_+(?=[^\s_])|(?<=[^\s_])_+(?!\w)"
)

# A digit in a box.
_KEYCAP = r"[0-9#*]\ufe0f?\u20e3"
# Pictures, but no arrows, stars or signs such as © unless they are asked to
# be pictures (U+FE0F).
_EMOJI = (
    rf"(?:(?:{_KEYCAP}|[\U0001f000-\U0001faff\u2600-\u2775\u2794-\u27bf"
    r"\u231a\u231b\u2328\u23cf\u23e9-\u23f3\u23f8-\u23fa\u2b05-\u2b07"
    r"\u2b1b\u2b1c\u2b50\u2b55]|[\xa9\xae\u203c\u2049\u2122\u2139"
    r"\u2194-\u21aa\u25aa-\u25fe\u2934\u2935\u3030\u303d\u3297\u3299]\ufe0f)"
    r"[\ufe0e\ufe0f\u200d]*)+"
)
# With the space before it, so that `Hi 😀, you` becomes `Hi, you`.
_EMOJI_AND_NEXT = re.compile(rf" *{_EMOJI}(?P<next>\w?)")
_KEYCAPS = re.compile(_KEYCAP)


def without_invisible(fragment: str, last: str) -> str:
    """Remove what is neither seen nor heard; make every space ` ` or a line.

    Args:
        fragment: any string, even one that cannot be encoded.
        last: the character before it, or "".
    """
    if not _UNTIDY.search(fragment):
        return fragment
    context = "é" if last > "\x7f" else "e"
    fragment = _INVISIBLE.sub("", context + fragment)[1:]
    return _LINE_ENDS.sub("\n", _SPACES.sub(" ", fragment))


def without_links(text: str) -> str:
    """Put the text of a Markdown link in its place."""
    return _LINK.sub(r"\1", text)


def end_of_link(text: str, at: int) -> int:
    """Return where a link ends whose text ends at a place; else the place."""
    if not text.startswith("]", at):
        return at
    target = _TARGETS.match(text, at)
    return target.end() if target else at


def open_link_at(text: str) -> int:
    """Return the index of a link that is not closed yet, or the length."""
    at = text.rfind("[")
    if at < 0 or not _OPEN_LINK.match(text, at):
        return len(text)
    return at - (text[at - 1 : at] == "!")


def without_markdown(text: str, *, is_line_start: bool, goes_on: bool) -> str:
    """Remove marks of headings, bullets, quotations, rules, emphasis, code.

    Args:
        text: whole words.
        is_line_start: whether it stands at the start of a line.
        goes_on: whether what was before it ended in a mark, not a space;
            a mark that closes emphasis may then be the first character.
    """
    if is_line_start or "\n" in text:
        text = _LINE_MARKS.sub("\n", "\n" * is_line_start + text)
    before = "." * goes_on
    text = _EMPHASIS.sub(lambda mark: mark["url"] or "", before + text)
    return text[len(before) :]


def without_emoji(text: str) -> str:
    """Remove emoji, flags and keycaps, but part the words around them."""
    if text.isascii():
        return text
    return _EMOJI_AND_NEXT.sub(
        lambda emoji: f" {emoji['next']}" if emoji["next"] else "", text
    )


def without_keycaps(text: str) -> str:
    """Remove digits in boxes, which are pictures and no digits."""
    return _KEYCAPS.sub(" ", text) if "\u20e3" in text else text
