# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Text on its way to the vendor: whole words, clean, nothing held for long.

Pure: no I/O, no clock, no randomness.

The input comes in fragments, which may end anywhere. A message leaves as
soon as its last word is surely whole (`boundaries.py` has the rules), and
never has a tag that the vendor could obey without being allowed to
(`tags.py`).

What waits is bounded: 1400 characters of one word, 256 of a tag or link
that is not closed. A silence ends other waits (`flush_idle()`,
`flush_stalled()`), and the end of input ends them all (`flush()`).
"""

from __future__ import annotations

import re
from typing import Final

from .boundaries import (
    DECISIVE,
    DECISIVE_AFTER_MARKS,
    QUOTING,
    SENTENCE_ENDS,
    SPACE_BEFORE_WORD,
    hard_cut,
    is_new_sentence,
    is_over,
    last_boundary,
    last_word_at,
    whole_in_silence,
)
from .cleaning import open_link_at, without_keycaps, without_links
from .spoken_form import Passages, SpokenForm, TextOptions
from .tags import GLUE, VENDOR_TAG, open_tag_at, replace_tags
from .urls import without_long_rest

MAX_MESSAGE_CHARS: Final = 1400  # the vendor's smallest session cap is 1500
_MAX_MARKS: Final = 64  # that wait for a word to go with
_UNDECIDED_CHARS: Final = 16  # a row of marks that may still end a word

# Two spaces, where a tag or link was taken out.
_GAP = re.compile(r" {2,}")

# The tokens of a message: the vendor's tags, and words.
_TOKEN = re.compile(
    rf"{VENDOR_TAG.pattern}|(?P<word>(?:(?!{VENDOR_TAG.pattern})\S)+)"
)
_TAG_BEFORE_WORD = re.compile(rf"(?:{VENDOR_TAG.pattern}) *")
# What can be heard.
_HEARD = re.compile(r"[^\W_]")


AS_WRITTEN: Final = TextOptions()


class TextAssembler:
    """Turns the fragments of one request into messages for the vendor."""

    def __init__(self, options: TextOptions = AS_WRITTEN) -> None:
        self._options = options
        self._passages = Passages(options)
        self._spoken_form = SpokenForm(options)
        self._held = ""
        self._settled = 0  # no boundary is left before this index of _held
        self._is_quoted = False
        self._has_spoken = False

    @property
    def is_holding(self) -> bool:
        """Whether something that can be heard is held back.

        What may begin a thought or a block of code does not count.
        """
        return any(map(is_speakable, (self._spoken_form.held, self._held)))

    def push(self, fragment: str) -> list[str]:
        """Take the next fragment.

        Args:
            fragment: any string; it may be empty, or hold characters that
                cannot be encoded.

        Returns:
            The messages that are surely complete now, in order, stripped
            and never longer than MAX_MESSAGE_CHARS; [] when all is held.
        """
        fragment = self._passages.push(fragment)
        last = self._held[-1:]
        if not fragment.isalnum() or last in SENTENCE_ENDS:
            fragment = self._tidy(fragment, last)
        is_after_mark = last and not last.isalnum()
        may_complete = DECISIVE_AFTER_MARKS if is_after_mark else DECISIVE
        self._held += fragment
        if len(self._held) <= MAX_MESSAGE_CHARS and (
            may_complete.search(fragment) is None
        ):
            return []
        self._resolve(fragment)
        return self._take(self._complete())

    def flush(self) -> list[str]:
        """Let the held rest out, whatever it is: at the end of input.

        Returns:
            The messages; what cannot be heard is dropped. Fragments pushed
            later begin a new word.
        """
        rest = self._held + self._passages.flush()
        # The end of the text is the end of its last line.
        messages = self._messages(f"{rest}\n") + self._cut(
            self._spoken_form.flush()
        )
        self._spoken_form.restart()
        self._held, self._settled = "", 0
        return messages

    def flush_idle(self) -> list[str]:
        """Let out what is surely whole: after a silence of the LLM.

        A sentence splitter or a slow model may fall silent inside a word.
        So the last word leaves only if a space follows it, or marks end it
        (`Hello.`). These wait: a word without an ending (`exam`), a number
        (`$1,` `3.` `12`), an address, a path, an initial or abbreviation
        (`U.` `Dr.`), an open tag or link. `is_holding` tells whether any
        does. The stream goes on: what comes next completes what waits.

        One case is undecidable and goes against the word: `example.` that
        goes on with `com` looks like the end of a sentence.

        Returns:
            The messages, as from `push()`.
        """
        return self._take(self._whole(is_stalled=False))

    def flush_stalled(self) -> list[str]:
        """Let out what can stand as it is: after a silence of seconds.

        Not every agent tells the end of its text, and a listener should not
        wait for ever for a last word. So a word without an ending counts as
        whole now (`exam`, `12`, `jo@x.org`), and so does a number, an
        address, an initial or an abbreviation at what may be the end of a
        sentence (`$50.`). What visibly goes on still waits for its rest or
        the end of input: `$1,`, `10:`, `jo@`, `https://`, `well-`, an open
        tag or link. A word that goes on all the same becomes two, so this
        takes a silence much longer than a pause of the model or the time
        that a sentence splitter takes to find the next mark.

        Returns:
            The messages, as from `push()`.
        """
        messages = self._take(self._whole(is_stalled=True))
        return messages + self._cut(self._spoken_form.flush())

    def _tidy(self, fragment: str, last: str) -> str:
        """Restore a space that a splitter has lost; look out for quotes."""
        if last in SENTENCE_ENDS and is_new_sentence(self._held, fragment):
            fragment = " " + fragment
        if not self._is_quoted:
            self._is_quoted = bool(QUOTING.search(last + fragment, len(last)))
        return fragment

    def _resolve(self, fragment: str) -> None:
        """Rewrite the tags and links that this fragment has closed."""
        before = self._held
        if ">" in fragment:
            self._held = _GAP.sub(" ", self._rewrite_tags(self._held))
        if self._options.clean_markdown and ")" in fragment:
            self._held = without_links(self._held)
        if self._options.clean_urls and len(self._held) > MAX_MESSAGE_CHARS:
            at = last_word_at(self._held)
            word = without_long_rest(self._held[at:])
            self._held = self._held[:at] + word
        if self._held != before:
            self._settled = 0

    def _rewrite_tags(self, text: str) -> str:
        return replace_tags(text, allow_vendor=self._options.allow_tags)

    def _open_at(self) -> int:
        """The index of a tag or link not yet closed, or the length."""
        at = open_tag_at(self._held)
        if at == len(self._held) and self._options.clean_markdown:
            at = open_link_at(self._held)
        return at

    def _whole(self, *, is_stalled: bool) -> int:
        """The length of the part of `_held` that may leave in a silence."""
        end = self._open_at()
        return whole_in_silence(
            self._held[:end],
            is_open=end < len(self._held),
            is_stalled=is_stalled,
        )

    def _complete(self) -> int:
        """The length of the part of `_held` that may leave now."""
        end = self._open_at()
        held = self._held[:end]
        if end == len(self._held) and is_over(
            held, is_first=not self._has_spoken
        ):
            return end
        cut = last_boundary(held, self._is_quoted, self._settled)
        gap = max(held.rfind(" "), held.rfind("\n"), 0)
        self._settled = max(
            len(held[:gap].rstrip(" \n")), len(held) - _UNDECIDED_CHARS
        )
        too_long = (len(held) - cut) // MAX_MESSAGE_CHARS * MAX_MESSAGE_CHARS
        return hard_cut(held, cut + too_long) if too_long else cut

    def _take(self, cut: int) -> list[str]:
        """Let `_held[:cut]` leave, unless nothing of it can be heard."""
        part = self._held[:cut]
        if not cut or (cut <= _MAX_MARKS and not self._may_leave(part)):
            return []
        self._held = self._held[cut:]
        self._settled = max(self._settled - cut, 0)
        return self._messages(part)

    def _may_leave(self, text: str) -> bool:
        return is_speakable(text) or (
            self._has_spoken and VENDOR_TAG.search(text) is not None
        )

    def _messages(self, text: str) -> list[str]:
        """Say a complete part."""
        return self._cut(self._spoken_form.push(text))

    def _cut(self, rest: str) -> list[str]:
        """Cut what is to be said to the vendor's size."""
        messages = []
        while rest:
            cut = len(rest)
            if cut > MAX_MESSAGE_CHARS:
                window = rest[:MAX_MESSAGE_CHARS]
                cut = last_boundary(window, self._is_quoted)
                cut = cut or hard_cut(rest, MAX_MESSAGE_CHARS)
            message = rest[:cut].strip()
            rest = rest[cut:]
            if self._may_leave(message):
                self._has_spoken = True
                messages.append(message.replace(GLUE, " "))
        return messages


def is_speakable(text: str) -> bool:
    """Whether anything of the text would be heard.

    False for blank text, punctuation, symbols, emoji, and tags alone.
    """
    if "<" in text:
        text = replace_tags(text, allow_vendor=False)
    return _HEARD.search(without_keycaps(text)) is not None


def word_spans(message: str) -> list[tuple[int, int]]:
    """Return where the words of a message stand.

    Args:
        message: one that left the assembler, or a part of it from
            `cut_before()`.

    Returns:
        The (start, end) of each word in characters, in order. A word is a
        run of anything but space; the vendor's tags are none, everything
        else is one, `<-` and `?` too.
    """
    return [
        token.span()
        for token in _TOKEN.finditer(message)
        if token["word"] is not None
    ]


def without_tags(message: str) -> str:
    """Return the words of a message, joined by single spaces.

    What the vendor counts and says of it: without its tags.
    """
    return " ".join(message[start:end] for start, end in word_spans(message))


def cut_before(message: str, room: int) -> int:
    """Return where to cut a message that is too long.

    Args:
        message: one that left the assembler, or the rest of one.
        room: how many characters may stand before the cut.

    Returns:
        The last place, at most `room`, of a space before a word; 0 if there
        is none. The vendor's tags are never cut, and stay with the word
        after them; a lone `?` or `«` stays with its word as in `push()`.
    """
    # A tag and the spaces after it, as a part of the next word.
    glued = _TAG_BEFORE_WORD.sub(lambda tag: "x" * len(tag[0]), message)
    cut = 0
    for space in SPACE_BEFORE_WORD.finditer(glued):
        if space.start() > room:
            break
        cut = space.start()
    return cut
