# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What is to be said: messages for the vendor, and what a session gets.

`Script` holds the text of a request, `SessionText` what of it one session is
given, within that session's `SessionBudget`.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from enum import Enum
from typing import Final, Union

from .text import cut_before, word_spans

# ----------------------------------------------------------- what is to be said


class Flush(Enum):
    """Speak what has come so far, though more is to come; no text itself."""

    FLUSH = "flush"


FLUSH: Final = Flush.FLUSH

Message = Union[str, Flush]


class Script:
    """The text of one request: messages for the vendor, in order.

    Words are numbered over all messages, from 0. Flushes and the vendor's
    tags are no words.
    """

    def __init__(self) -> None:
        # What the agent wrote, fragment by fragment, before it is cleaned.
        self.written: list[str] = []
        self.messages: list[Message] = []
        self.is_input_ended = False
        # How many words come before each message, and before the end.
        self._words_before = [0]
        # Where the words of one message are, the one looked at last.
        self._spans: tuple[int, list[tuple[int, int]]] = (-1, [])

    def push(self, message: str) -> None:
        """Append a message of whole words."""
        self.messages.append(message)
        words = len(word_spans(message))
        self._words_before.append(self._words_before[-1] + words)

    def push_flush(self) -> None:
        """Append a flush, unless nothing was said since the last one."""
        if self.messages and self.messages[-1] is not FLUSH:
            self.messages.append(FLUSH)
            self._words_before.append(self._words_before[-1])

    def end_input(self) -> None:
        """Note that no more text comes."""
        self.is_input_ended = True

    @property
    def came_at_once(self) -> bool:
        """Whether all of it came in one fragment, with the end of input."""
        return self.is_input_ended and len(self.written) == 1

    @property
    def word_count(self) -> int:
        """How many words there are so far."""
        return self._words_before[-1]

    def place_of(self, word: int) -> tuple[int, int]:
        """Find where a word starts: index of its message, character in it.

        A tag in front of a word belongs to it; a number past the last word
        means the end of all messages.
        """
        if word >= self.word_count:
            return len(self.messages), 0
        index = bisect_right(self._words_before, word) - 1
        within = word - self._words_before[index]
        if within == 0:
            return index, 0
        _, end_of_previous = self._spans_of(index)[within - 1]
        return index, end_of_previous

    def word_at(self, index: int, offset: int) -> int:
        """Number the first word that starts at or after a place."""
        if index >= len(self.messages):
            return self.word_count
        before = bisect_left(self._spans_of(index), (offset, 0))
        return self._words_before[index] + before

    def words_from(self, first_word: int) -> list[str]:
        """Return all words from `first_word` on."""
        index, offset = self.place_of(first_word)
        words = []
        for at in range(index, len(self.messages)):
            text, spans = self._text_of(at), self._spans_of(at)
            first = bisect_left(spans, (offset, 0))
            words += [text[start:end] for start, end in spans[first:]]
            offset = 0
        return words

    def text_from(self, first_word: int) -> str:
        """Return the words from `first_word` on as one text."""
        return " ".join(self.words_from(first_word))

    def _spans_of(self, index: int) -> list[tuple[int, int]]:
        known, spans = self._spans
        if known != index:
            spans = word_spans(self._text_of(index))
            self._spans = index, spans
        return spans

    def _text_of(self, index: int) -> str:
        message = self.messages[index]
        return message if isinstance(message, str) else ""


# ---------------------------------------------------------- what a session gets


class SessionText:
    """What one session is given of a script: from a word on, while it fits."""

    def __init__(
        self, script: Script, first_word: int, budget: SessionBudget
    ) -> None:
        self._script = script
        self._index, self._offset = script.place_of(first_word)
        self._budget = budget
        # Where the next session goes on, once this one is full.
        self.goes_on_at: int | None = None
        self.is_untouched = True

    @property
    def is_over(self) -> bool:
        """Whether nothing follows what was taken, in this session."""
        return self.goes_on_at is not None or self._script.is_input_ended

    def take(self, age_s: float) -> Message | None:
        """Return the next message, `None` where none is due.

        That is when all that the script has so far was taken, or when the
        session is full: then `goes_on_at` is set.

        Args:
            age_s: seconds since the session began.
        """
        messages = self._script.messages
        while self.goes_on_at is None and self._index < len(messages):
            message = messages[self._index]
            if message is FLUSH:
                self._index += 1
                return FLUSH
            assert isinstance(message, str)
            part = self._take_text(message, age_s)
            if part:
                self.is_untouched = False
                self._budget.use(part)
                return part
        return None

    def _take_text(self, message: str, age_s: float) -> str:
        rest = message[self._offset :].lstrip()
        room = self._budget.room_for(rest, age_s)
        if room < len(rest):
            at = len(message) - len(rest) + room
            self.goes_on_at = self._script.word_at(self._index, at)
        else:
            self._index, self._offset = self._index + 1, 0
        return rest[:room].rstrip()


# Speech takes about 0.08 s a character (the vendor's 750 in a minute).
_S_PER_CHARACTER = 0.1
# From this share of a limit on, the next sentence end is a good place to cut.
_SOFT_SHARE = 0.8
_SENTENCE_END = re.compile(r"""[.!?…。！？]["'”’)\]]*(?=\s|$)""")


class SessionBudget:
    """How much text one session may get before the next one takes over.

    The vendor ends sessions that last too long (300 s), and on the free
    tier those that say too much (1,500 characters).
    """

    def __init__(self, max_s: float, max_characters: int) -> None:
        """Open a budget; 0 means no limit."""
        self._max_s = max_s or float("inf")
        self._most_characters = min(
            max_characters or float("inf"), self._max_s / _S_PER_CHARACTER
        )
        self._used = 0
        self._is_sentence_over = False

    def room_for(self, message: str, age_s: float) -> int:
        """Count the characters of a message that this session may still get.

        Fewer than all of them means: cut here. The cut is at a sentence end
        where one is near, else before a word, and never inside one or inside
        a tag, except that the first word of a session always fits.
        """
        if self._is_used_up(age_s):
            return 0
        room = self._most_characters - self._used
        if len(message) <= room:
            return len(message)
        soft = self._most_characters * _SOFT_SHARE - self._used
        end = _last_sentence_end(message, int(room))
        if end and end >= soft:
            return end
        # Half used, a new sentence had better begin in the next session.
        if self._used and self._is_sentence_over and self._used > soft:
            return 0
        at = cut_before(message, int(room))
        if at or self._used:
            return at
        (_, first_end), *_ = word_spans(message) or [(0, len(message))]
        return first_end

    def use(self, message: str) -> None:
        """Note what was sent."""
        # The server puts a space between two messages.
        self._used += len(message) + 1
        end = _last_sentence_end(message, len(message))
        self._is_sentence_over = end == len(message)

    def _is_used_up(self, age_s: float) -> bool:
        if not self._used:
            return False
        share = max(self._used / self._most_characters, age_s / self._max_s)
        return share >= (_SOFT_SHARE if self._is_sentence_over else 1.0)


def _last_sentence_end(message: str, room: int) -> int:
    """Find the end of the last sentence within `room` characters, else 0."""
    end = 0
    for match in _SENTENCE_END.finditer(message, 0, room + 1):
        if match.end() <= room:
            end = match.end()
    return end
