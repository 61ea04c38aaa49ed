# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What of a request's text was heard, once so much of its audio was played.

A word counts as heard when its middle was. `Timeline` knows when that is,
for each word of the script, on the clock of the request's audio; `Transcript`
tells it in the words of whoever wrote the text.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from .letters import is_read_otherwise, read
from .word_times import TIME_MARGIN_S
from .written import end_of_words

# The vendor speaks some 750 characters in a minute.
_S_PER_CHARACTER: Final = 0.08
# Among so many next words a piece is sought.
_AHEAD: Final = 4


@dataclass(frozen=True)
class Piece:
    """A word message of the server.

    Attributes:
        letters: what it says, without case, accents and marks.
        start_s, stop_s: on its session's clock; `None` where they cannot be
            believed, or where it is marks alone.
        words_over: how many words of the session are surely over with it.
    """

    letters: str
    start_s: float | None
    stop_s: float | None
    words_over: int


@dataclass(frozen=True)
class SaidInSession:
    """What one session says of a script.

    Attributes:
        pieces: what the server told of it.
        words: all that it has to say, as far as the script goes.
        first_word: the number of the first of them in the script.
        from_s, until_s: where its audio starts and ends in the audio of the
            request, as far as it was delivered.
        words_over: how many of the words are behind it, whether it told of
            them or not; `None` where no other session follows it.
    """

    pieces: Sequence[Piece]
    words: Sequence[str]
    first_word: int
    from_s: float
    until_s: float
    words_over: int | None

    def middles_s(self) -> tuple[list[float], float]:
        """Say when the middle of each word is heard, from the first on.

        Returns:
            The middles, as far as they are known, and from where on they
            are only estimated.
        """
        lengths = [len(word) + 1 for word in self.words]
        pieces = self.pieces if self.words_over is not None else self._guessed()
        middles_s, open_from_s, told_s = _place(pieces, lengths)
        length_s = self.until_s - self.from_s
        rest = lengths[len(middles_s) : self.words_over]
        estimated_from_s = math.inf
        if self.words_over is None:
            rest = [] if self.pieces else rest
            length_s = max(length_s, sum(rest) * _S_PER_CHARACTER)
        if rest and open_from_s is None:
            open_from_s, estimated_from_s = told_s, self.from_s + told_s
            told_s = length_s
        if rest and open_from_s is not None:
            middles_s += _shared_s(open_from_s, told_s, rest)
        return [self.from_s + at_s for at_s in middles_s], estimated_from_s

    def _guessed(self) -> list[Piece]:
        """Say what is likely over with the last pieces.

        What a number is spoken as is known for sure only by the words behind
        it, which are still to come. Nobody goes on from here, so it takes
        less: a piece that is one of the next words is that word, and one
        that is none of them a word that is not spoken as it is written.
        """
        pieces = list(self.pieces)
        over = pieces[-1].words_over if pieces else 0
        sure = (
            [piece.words_over for piece in pieces].index(over) if over else -1
        )
        is_number = False
        for index in range(sure + 1, len(pieces)):
            letters = pieces[index].letters
            ahead = self.words[over : over + _AHEAD]
            spelled = ["".join(read(word)[0]) for word in ahead]
            if letters and letters in spelled:
                over += spelled.index(letters) + 1
                is_number = False
            elif letters and is_number:
                # A further piece of it: it is over with this one.
                before = pieces[index - 1]
                pieces[index - 1] = replace(before, words_over=over - 1)
            elif letters and ahead:
                is_number = is_read_otherwise(ahead[0])
                over += is_number
            pieces[index] = replace(pieces[index], words_over=over)
        return pieces


@dataclass
class Timeline:
    """When the words of a request are heard, on the clock of its audio.

    Attributes:
        middles_s: when the middle of each word is played; never descends.
        estimated_from_s: from where on words have no times and are placed by
            their share of the audio.
    """

    middles_s: list[float] = field(default_factory=list)
    estimated_from_s: float = math.inf

    def copy(self) -> Timeline:
        """Return one that changes by itself."""
        return Timeline(self.middles_s[:], self.estimated_from_s)

    def add(self, session: SaidInSession) -> None:
        """Add what the next session says."""
        middles_s, estimated_from_s = session.middles_s()
        self.estimated_from_s = min(self.estimated_from_s, estimated_from_s)
        # A word that was cut behind its middle was heard in the session
        # before, though it is said again.
        said_again = len(self.middles_s) - session.first_word
        last_s = self.middles_s[-1] if self.middles_s else session.from_s
        for number, middle_s in enumerate(middles_s):
            is_over = number < (session.words_over or 0)
            if not is_over and middle_s > session.until_s + TIME_MARGIN_S:
                break
            if number >= said_again:
                last_s = max(last_s, min(middle_s, session.until_s))
                self.middles_s.append(last_s)

    def words_heard(self, played_s: float) -> int:
        """Count the words whose middle is played by then."""
        return bisect_right(self.middles_s, played_s + TIME_MARGIN_S)


@dataclass(frozen=True)
class Heard:
    """What was heard of a request, and what was not.

    Attributes:
        heard_text, unheard_text: one after the other, the text as it was
            written, with all its spaces and marks.
        played_s, delivered_s: how much of its audio a listener has had, and
            the graph.
        is_exact: whether the server's word times say so; else the share of
            the audio does.
    """

    heard_text: str
    unheard_text: str
    played_s: float
    delivered_s: float
    is_exact: bool


@dataclass(frozen=True)
class Transcript:
    """A request's text, and when its words are heard.

    Attributes:
        written: the text as whoever wrote it gave it.
        words: those of the script, which are spoken.
        is_complete: whether all that was to be said has been delivered.
        left_out: what was written when nothing was spoken any more.
    """

    written: str
    words: Sequence[str]
    timeline: Timeline
    is_complete: bool
    left_out: str = ""

    def heard(self, played_s: float, delivered_s: float) -> Heard:
        """Tell what was heard when so much of the audio has been played."""
        is_over = played_s >= delivered_s - TIME_MARGIN_S
        count = self.timeline.words_heard(played_s)
        is_all = count >= len(self.words) > 0 or (self.is_complete and is_over)
        end = (
            len(self.written)
            if is_all
            else end_of_words(self.written, self.words, count)
        )
        return Heard(
            self.written[:end],
            self.written[end:] + self.left_out,
            played_s,
            delivered_s,
            is_exact=played_s <= self.timeline.estimated_from_s
            or (self.is_complete and is_over),
        )


def _place(
    pieces: Iterable[Piece], lengths: Sequence[int]
) -> tuple[list[float], float | None, float]:
    """Say when the middle of each word is heard.

    Pieces that say a part of what comes next count together with the one
    that it is over with; words that are over with the same piece share its
    time.

    Returns:
        The middles; where the first piece starts with which no word is over
        yet, if there is one; where the last one stops.
    """
    middles_s: list[float] = []
    open_from_s, stop_s = None, 0.0
    for piece in pieces:
        if piece.start_s is not None and piece.stop_s is not None:
            stop_s = max(stop_s, piece.stop_s)
            if open_from_s is None:
                open_from_s = min(piece.start_s, stop_s)
        over = lengths[len(middles_s) : piece.words_over]
        if over:
            from_s = stop_s if open_from_s is None else open_from_s
            middles_s += _shared_s(from_s, stop_s, over)
            open_from_s = None
    return middles_s, open_from_s, stop_s


def _shared_s(
    from_s: float, until_s: float, lengths: Sequence[int]
) -> list[float]:
    """Give the middles of words that share a time by their length."""
    total, before, middles_s = sum(lengths), 0, []
    for length in lengths:
        share = (before + length / 2) / total
        middles_s.append(from_s + max(0.0, until_s - from_s) * share)
        before += length
    return middles_s
