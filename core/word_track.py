# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The words of a request on their way to the graph."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from itertools import islice

from .actions import EndReason, TimedWord, TurnStatus, Words
from .protocol import Word
from .word_times import TIME_MARGIN_S, is_contradicted

_FIRST_MARKS = re.compile(r"^\W+")


class WordTrack:
    """The words of a request on their way to the graph, in strict order.

    Each is announced once: what a new session says again was announced when
    it was delivered first.

    Times in seconds count from the start of the request's audio; `start_ms`
    says when that was, in Unix ms.
    """

    def __init__(self, *, is_wanted: bool) -> None:
        self.announced = 0
        # Where the first word starts whose times can be believed.
        self.first_start_s: float | None = None
        self._is_wanted = is_wanted
        self._waiting: deque[Word] = deque()
        # What the current session has said of what is announced, and what of
        # the sessions before it is to be heard again.
        self._announced: list[str] = []
        self._again = ""
        self._last_stop_s = 0.0
        self._last_due_s = 0.0
        self._next_turn_seq_id = 0
        self._last_start_ms = -1
        self._last_stop_ms = 0

    @property
    def is_waiting(self) -> bool:
        """Whether any word waits for its audio."""
        return bool(self._waiting)

    def add(self, word: Word, stop_s: float | None, offset_s: float) -> None:
        """Take a word that waits for its audio.

        Args:
            stop_s: its end on its session's clock; `None` where its times
                are absurd: it is over with the word before it.
            offset_s: where its session starts in the request's audio.
        """
        if stop_s is None:
            word = Word(word.text, self._last_stop_s, self._last_stop_s)
        else:
            word = Word(word.text, word.start_s + offset_s, stop_s + offset_s)
            if self.first_start_s is None:
                self.first_start_s = word.start_s
        self._last_stop_s = word.stop_s
        if self._is_again(word.text):
            self._announced.append(word.text)
        else:
            self._waiting.append(word)

    def cut(self, over: int) -> None:
        """Drop the words whose audio was cut off; some are heard again.

        Args:
            over: how many of the session's words are not said again.
        """
        again = "".join(map(_plain, self._announced[over:]))
        self._again = again + self._again
        self._waiting.clear()
        self._announced.clear()

    def complete(self) -> None:
        """Begin a session that says nothing again."""
        self._waiting.clear()
        self._announced.clear()
        self._again = ""

    def _is_again(self, text: str) -> bool:
        plain = _plain(text)
        # Marks that stand first may belong to the word before them.
        for again in (self._again, _FIRST_MARKS.sub("", self._again)):
            if again and again.startswith(plain):
                self._again = again[len(plain) :]
                return True
        # What was said otherwise this time is as new as all that follows.
        self._again = ""
        return False

    def due(self, until_s: float, start_ms: int) -> list[Words]:
        """Announce the words whose audio was delivered by `until_s`."""
        results = []
        while self._waiting:
            word = self._with_right_times(self._waiting[0])
            if word.stop_s > until_s + TIME_MARGIN_S:
                break
            self._waiting.popleft()
            self._announced.append(word.text)
            self._last_due_s = word.stop_s
            self.announced += 1
            if self._is_wanted:
                results.append(self._word(word, start_ms))
        return results

    def close(
        self, reason: EndReason, at_ms: int, start_ms: int
    ) -> list[Words]:
        """Return the empty result that ends the turn.

        Args:
            at_ms: where the audio ended, from its start.
        """
        if not self._is_wanted:
            return []
        is_cut = reason is not EndReason.REQUEST_END
        # Complete, it follows its last word; without any, its audio.
        is_at_end = is_cut or not self._next_turn_seq_id
        first_ms = max(
            start_ms + at_ms if is_at_end else 0,
            self._last_stop_ms,
            self._last_start_ms + 1,
        )
        status = TurnStatus.INTERRUPTED if is_cut else TurnStatus.END
        return [self._next([], first_ms, 0, status)]

    def _with_right_times(self, word: Word) -> Word:
        """Return the first that waits; a wrong time holds no other back."""
        following = [later.stop_s for later in islice(self._waiting, 1, 3)]
        if not is_contradicted(word.stop_s, following):
            return word
        return Word(word.text, self._last_due_s, self._last_due_s)

    def _word(self, word: Word, start_ms: int) -> Words:
        # Starts must ascend strictly, whatever the server sends.
        first_ms = max(
            start_ms + round(word.start_s * 1000), self._last_start_ms + 1
        )
        stop_ms = start_ms + round(word.stop_s * 1000)
        duration_ms = max(0, stop_ms - first_ms)
        timed = [TimedWord(word.text, first_ms, duration_ms)]
        if self._next_turn_seq_id:
            timed.insert(0, TimedWord(" ", first_ms, 0))
        return self._next(timed, first_ms, duration_ms)

    def _next(
        self,
        words: Sequence[TimedWord],
        first_ms: int,
        duration_ms: int,
        status: TurnStatus = TurnStatus.IN_PROGRESS,
    ) -> Words:
        self._last_start_ms = first_ms
        self._last_stop_ms = first_ms + duration_ms
        self._next_turn_seq_id += 1
        return Words(
            text="".join(word.word for word in words),
            start_ms=first_ms,
            duration_ms=duration_ms,
            words=tuple(words),
            turn_seq_id=self._next_turn_seq_id - 1,
            turn_status=status,
        )


def _plain(text: str) -> str:
    return "".join(text.split()).casefold()
