# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""How far the server has come in the words it was sent, from its own words.

The server tells what it speaks in pieces: a part of a word, a word, two, a
whole segment, punctuation alone. Some of it is rewritten ("$5" comes back as
"five dollars"), some never comes back. A new session starts at the first word
that is not over: one too few is a word said twice, one too many a word lost,
which must not happen. So each count is a lower bound:

* Both sides are rows of letters. While they are the same, they are *in step*,
  and a word is over with its last letter.
* Out of step, all places further on are followed at once. One is taken up
  when enough letters there match: two words' worth where what was skipped
  looks like the reason (a number, and speech for it), more where it does not,
  so that "six thousand" is not sought far ahead where it is how "$6,000" is
  spoken. From then on what was skipped counts.
* Of two places that fit, the nearer one is taken for true until it stops
  fitting.

Followed at once means: one bit for each letter that was sent, in one integer,
so that a letter that is heard costs a few machine words. The reach is
limited; what lies beyond stays unspoken.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from itertools import islice
from typing import Final

from .letters import Letters, Places, lowest_first, read

# How far back a run of letters that match is measured.
_MEASURED: Final = 256
# No session says more in one piece; the rest of it would only cost time.
MOST_OF_A_PIECE: Final = 20_000
# Of the places that fit, so many are looked at, from the nearest on.
_MOST_PLACES = 16
# How much longer than at any nearer place the match at a place must be.
_CLEARLY = 8
# Shorter matches are not looked at.
_SHORTEST = 3
# Words with fewer letters are found inside others.
_SHORT = 4

# Evidence is counted in letters, and 2 for each whole word: 9 are two short
# words ("we met"), or one of seven letters. Without a reason for the gap it
# takes more; by the letters that skipped numbers may be spoken with it takes
# more still, or speech for them would count as what follows them.
_ENOUGH, _ENOUGH_ODDLY, _MOST_DOUBT = 9, 13, 128
# Letters that were skipped and not heard cast doubt as one in so many.
_LEFT_OUT_PER_DOUBT = 4
_LETTERS_PER_DIGIT = 6


@dataclass(frozen=True)
class _Match:
    """The last letters heard match letters that were sent.

    Attributes:
        start, end: the place in what was sent; a word starts at `start`.
        needed: the evidence that it takes to believe this.
        is_explained: whether what was heard before may be what was skipped.
        is_due: … and that is one word, which is over where the match starts.
    """

    start: int
    end: int
    needed: int
    is_explained: bool
    is_due: bool

    @property
    def size(self) -> int:
        return self.end - self.start


class _Search:
    """All places further on where what is heard may stand."""

    def __init__(
        self,
        sent: Letters,
        places: Places,
        run_starts: Set[int],
        at: int,
        heard_from: int,
    ) -> None:
        """Start where the step was lost, in what was sent and heard.

        Args:
            run_starts: where in what is heard a mark, a space or the end of
                a message stands before a letter.
        """
        self._run_starts = run_starts
        self.at = at
        self.heard_from = heard_from
        self.steps = 0
        self._sent = sent
        self.places = places
        self._starts = places.starts_from(at - places.base)
        # Where the last 1, 2, 3 letters heard, or more of them, are the
        # last ones of a run that started with a word.
        self._runs = (0, 0, 0)

    def hear(self, letters: str) -> None:
        """Move all runs on by these letters, and start new ones."""
        if self.places.is_outgrown(self._sent):
            base = self.places.base
            self.places = Places(self._sent, base)
            self._starts = self.places.starts_from(self.at - base)
        one, two, three = self._runs
        for letter in letters:
            here = self.places.of(letter)
            three = two << 1 & here
            two = one << 1 & here
            one = (one << 1 | self._starts) & here
        self._runs = one, two, three
        self.steps += len(letters)

    def best_match(self, heard: str) -> _Match | None:
        """Find the place to take up, if one is sure enough.

        It is the nearest of those that match longest, and clearly longer
        than at any nearer one; nor can words left out bring it nearer.
        """
        bits = islice(lowest_first(self._runs[2]), _MOST_PLACES)
        base = self.places.base
        matches = [self._measure(heard, base + bit + 1) for bit in bits]
        self.steps += len(matches)
        longest = max((match.size for match in matches), default=0)
        nearer = -_CLEARLY
        for match in matches:
            is_odd = len(heard) - match.size not in self._run_starts
            if (
                self._evidence(match) >= match.needed + is_odd * _CLEARLY
                and match.size > longest - _CLEARLY
                and match.size >= nearer + _CLEARLY
                and self.nearest_ends(heard[-match.size :])[-1] == match.end
            ):
                return match
            nearer = max(nearer, match.size)
        return None

    def _aligned_start(self, first: int, end: int, heard: int) -> int:
        """Return where a word starts on both sides, else in what was sent."""
        first = start = self._sent.start_from(first)
        while heard - (end - start) not in self._run_starts:
            start = self._sent.start_from(start + 1)
            if end - start < _SHORTEST:
                return first
        return start

    def _evidence(self, match: _Match) -> int:
        words = self._sent.words_within(match.start, match.end)
        return match.size + 2 * min(words, match.size // 2)

    def _measure(self, heard: str, end: int) -> _Match:
        """Tell how long the match is that ends at a place."""
        text, at = self._sent.text, self.at
        low, high = (
            _SHORTEST,
            min(_MEASURED, end - at, len(heard) - self.heard_from),
        )
        while low < high:
            size = (low + high + 1) // 2
            if text[end - size : end] == heard[-size:]:
                low = size
            else:
                high = size - 1
        start = self._aligned_start(end - low, end, len(heard))
        speech = heard[self.heard_from : len(heard) - (end - start)]
        if self._sent.explains(at, start, speech, self._is_word):
            is_one = self._sent.words_within(at, start) == 1
            return _Match(start, end, _ENOUGH, True, is_one)
        left_out = max(0, start - at - len(speech))
        doubt = self._sent.doubt(at, start) + left_out // _LEFT_OUT_PER_DOUBT
        needed = _ENOUGH_ODDLY + min(doubt, _MOST_DOUBT)
        return _Match(start, end, needed, False, False)

    def _is_word(self, start: int, end: int) -> bool:
        """Whether letters heard since the step was lost are a whole word.

        A short one is also the half of many ("on" and "e"): it counts only
        where the letters around it are no parts of words themselves.
        """
        starts = self._run_starts
        start, end = start + self.heard_from, end + self.heard_from
        is_whole = start in starts and end in starts
        is_short = end - start < _SHORT
        return is_whole and not (
            is_short and (start - 1 in starts or end + 1 in starts)
        )

    def nearest_ends(self, letters: str) -> list[int]:
        """For each letter, give the nearest place that it may end at.

        That is, where words may have been left out between the letters.
        """
        places, ends = self.places, 0
        starts, nearest = self._starts, []
        for letter in letters:
            ends = (ends << 1 | starts) & places.of(letter)
            nearest.append(places.base + (ends & -ends).bit_length())
            over = ends & places.ends
            # Further words start beyond the first that is over.
            first = (over & -over).bit_length()
            starts = places.starts_from(first) if over else 0
        self.steps += len(letters)
        return nearest


class Alignment:
    """Follows the server through the words that it was sent.

    Attributes:
        steps: how much work was done out of step, in looks at a letter or
            a place. In step there is none.
    """

    def __init__(self, sent: Iterable[str] = ()) -> None:
        """Start before the first of the words sent so far."""
        self.steps = 0
        self._sent = Letters()
        self._sent.extend(sent)
        self._heard = ""
        self._run_starts: set[int] = set()
        self._marks = ""
        self._ends: list[int] = []
        self._counts: list[int] = []
        # Where in the sent letters we are, or were when the step was lost.
        self._at = 0
        self._search: _Search | None = None
        self._places: Places | None = None
        self._is_finer_than_words = False
        self._dot_at = -1

    def extend(self, sent: Iterable[str]) -> None:
        """Append words that the session was given since."""
        self._sent.extend(sent)

    def push(self, piece: str) -> int:
        """Take in what the server says it speaks next.

        Returns:
            How many of the sent words are surely over with it.
        """
        runs, marks = read(piece[:MOST_OF_A_PIECE])
        if runs:
            self._marks = ""
        for run in runs:
            self._hear(run)
        self._marks = (self._marks + marks)[:_MEASURED]
        self._ends.append(len(self._heard))
        over = self._over() if self._search is None else 0
        self._counts.append(max(self.finished(len(self._counts)), over))
        return self._counts[-1]

    def finished(self, pieces: int) -> int:
        """Count the sent words that are over with the first so many pieces.

        What came after them is evidence, too: the count may rise later.
        """
        return self._counts[pieces - 1] if pieces > 0 else 0

    def at_most(self) -> int:
        """Count the words that may be over, in favour of the server.

        Where this is less than was sent, the rest was not spoken, whatever
        was rewritten. It is no place to go on from.
        """
        sent, reach = self._sent, self._at
        if self._search:
            # Numbers take more letters when spoken; where the server tells
            # digits for words, each stands for some.
            heard = self._heard[self._search.heard_from :]
            digits = sum(char.isnumeric() for char in heard)
            reach += len(heard) + _LETTERS_PER_DIGIT * digits
            last = sent.text[sent.start_before(len(sent.text)) :]
            if last and self._heard.endswith(last):
                reach = len(sent.text)
        is_all = reach >= len(sent.text)
        most = sent.words if is_all else sent.over_at(reach)
        return max(most, self.finished(len(self._counts)))

    # ------------------------------------------------------------- in step

    def _hear(self, run: str) -> None:
        """Take in letters that have no mark or space between them."""
        self._run_starts.add(len(self._heard))
        self._heard += run
        if self._search is None:
            if self._sent.text.startswith(run, self._at):
                self._at += len(run)
                return
            self._search = self._lose_step(run)
        else:
            self._search.hear(run)
        search = self._search
        match = search.best_match(self._heard)
        if match:
            self._take_up(search, match)
        self._places = search.places
        self.steps, search.steps = self.steps + search.steps, 0

    def _over(self) -> int:
        """Count the words that are over where we are in step."""
        at = self._at
        self._is_finer_than_words |= not self._sent.is_between_words(at)
        if "." in self._marks:
            self._dot_at = at
        over = self._over_at(at)
        for marks, words in self._sent.tails.get(at, ()):
            if self._marks.startswith(marks):
                over = words
        return over

    def _over_at(self, place: int) -> int:
        """Count the words that are surely over at a place."""
        is_between = self._sent.is_between_words(place)
        end = place if is_between else self._sent.start_before(place)
        is_sure = not self._may_be_cut_short(end)
        return self._sent.over_at(place if is_sure else end - 1)

    def _may_be_cut_short(self, end: int) -> bool:
        """Whether the word that ends here may be one half of what is spoken.

        "Jan" may be all of "Jan.", or, in pieces of words, the beginning of
        "January".
        """
        is_sure = not self._is_finer_than_words or self._dot_at == end
        return not is_sure and self._sent.has_dot_before(end)

    def _lose_step(self, run: str) -> _Search:
        """Go back to the end of the last word that surely matched."""
        sent, matched = self._sent, 0
        ahead = sent.text[self._at : self._at + len(run)]
        for mine, theirs in zip(ahead, run, strict=False):
            if mine != theirs:
                break
            matched += 1
        end = self._at + matched
        # "St" in front of "reet" is not the word "St.".
        is_open = matched or not sent.is_between_words(end)
        if is_open or self._may_be_cut_short(end):
            self._at = sent.start_before(end)
        differs_at = len(self._heard) - len(run) + matched
        heard_from = differs_at - (end - self._at)
        if not self._places or not self._places.reach(self._at):
            self._places = Places(sent, self._at)
        search = _Search(
            sent, self._places, self._run_starts, self._at, heard_from
        )
        first = max(heard_from, differs_at - _MEASURED)
        search.hear(self._heard[first:])
        return search

    def _take_up(self, search: _Search, match: _Match) -> None:
        """Be in step again, and count what this shows to be over."""
        self._at, self._search = match.end, None
        ends = search.nearest_ends(self._heard[-match.size :])
        heard_from = len(self._heard) - match.size
        within = [end - heard_from for end in self._ends[-_CLEARLY:]]
        self._is_finer_than_words |= not all(
            self._sent.is_between_words(match.start + end)
            for end in within
            if end > 0
        )
        # What a gap is no reason for must be sure of itself; so must pieces
        # of words: the match may start with the end of the word before.
        is_fine = self._is_finer_than_words or (
            heard_from - 1 in self._run_starts
        )
        is_known = match.is_explained and not is_fine
        least = 1 - match.is_due if is_known else match.needed
        # From the last piece back: none is further than the one after it.
        most = self._sent.words
        for index in range(len(self._ends) - 1, -1, -1):
            behind = self._ends[index] - heard_from
            if behind < least:
                break
            end = ends[behind - 1] if behind else match.start
            over = min(self._over_at(end), most)
            self._counts[index] = max(self._counts[index], over)
            most = self._counts[index]
