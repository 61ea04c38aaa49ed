"""What is to be said: messages, places in them, alignment, a session's size."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

# A control tag, or a run of anything but space.
_TOKEN = re.compile(r"(?P<tag><[^<>]*>)|\S+")


class SpokenText:
    """The text of a request: messages for the vendor, in order.

    Words are counted over all messages; control tags are not words.
    """

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.is_ended = False
        self._word_counts: list[int] = []

    @property
    def characters(self) -> int:
        """How many characters the messages have."""
        return sum(map(len, self.messages))

    def push(self, message: str) -> None:
        """Append a message."""
        self.messages.append(message)
        self._word_counts.append(sum(1 for _ in _words_of(message)))

    @property
    def words(self) -> int:
        """How many words the messages have."""
        return sum(self._word_counts)

    def words_before(self, index: int, offset: int) -> int:
        """Count the words before a place: message index and offset."""
        before = sum(self._word_counts[:index])
        if index < len(self.messages):
            head = self.messages[index][:offset]
            before += sum(1 for _ in _words_of(head))
        return before

    def words_from(self, first_word: int) -> list[str]:
        """Give all words from `first_word` on."""
        index, offset = self.locate(first_word)
        rest = self.messages[index:]
        if rest:
            rest[0] = rest[0][offset:]
        return [word.group() for text in rest for word in _words_of(text)]

    def locate(self, word: int) -> tuple[int, int]:
        """Give message index and character offset where a word starts.

        A position past the last word is the end of all messages. A tag in
        front of a word belongs to it.
        """
        for index, count in enumerate(self._word_counts):
            if word < count:
                if word == 0:
                    return index, 0
                previous = list(_words_of(self.messages[index]))[word - 1]
                return index, previous.end()
            word -= count
        return len(self.messages), 0


def _words_of(message: str) -> Iterator[re.Match[str]]:
    return (token for token in _TOKEN.finditer(message) if not token["tag"])


# How far a rewritten stretch is followed: sent words, and words spoken for
# them ("1,234,567.89" is spoken as a dozen).
_GAP_SENT, _GAP_SPOKEN = 4, 16


def words_finished(sent: Sequence[str], spoken: Sequence[str]) -> list[int]:
    """For each spoken word, count the sent words that are over with it.

    The server may rewrite ("$5" is spoken as "five dollars"), so the two
    sequences are aligned. A stretch that was rewritten counts once two
    words after it match, and never before: too few is a word repeated, too
    many would be a word lost.
    """
    sent_keys = [_key(word) for word in sent]
    spoken_keys = [_key(word) for word in spoken]
    finished: list[int] = []
    at = 0
    while len(finished) < len(spoken):
        here = len(finished)
        if at < len(sent) and sent_keys[at] == spoken_keys[here]:
            at += 1
            finished.append(at)
            continue
        gap = _find_gap(sent_keys[at:], spoken_keys[here:])
        if gap is None:
            finished += [at] * (len(spoken) - here)
            break
        skipped_sent, skipped_spoken = gap
        finished += [at] * (skipped_spoken - 1)
        at += skipped_sent
        finished += [at] * min(1, skipped_spoken)
    return finished


def _find_gap(
    sent: Sequence[str], spoken: Sequence[str]
) -> tuple[int, int] | None:
    """Give how many words on each side precede the next two that match."""
    for skipped_sent in range(1, _GAP_SENT + 1):
        pair = sent[skipped_sent : skipped_sent + 2]
        if len(pair) < 2:
            return None
        for skipped_spoken in range(_GAP_SPOKEN + 1):
            if spoken[skipped_spoken : skipped_spoken + 2] == pair:
                return skipped_sent, skipped_spoken
    return None


def _key(word: str) -> str:
    """Give a word without case and punctuation (or as it is, if only that)."""
    return "".join(filter(str.isalnum, word)).casefold() or word


# --------------------------------------------------------------------- limits

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
        limits = [max_characters or float("inf")]
        limits.append(max_s / _S_PER_CHARACTER if max_s else float("inf"))
        self._max_s = max_s or float("inf")
        self._most = min(limits)
        self._used = 0
        self._is_sentence_over = False

    def room_for(self, message: str, age_s: float) -> int:
        """Give how many characters of a message this session may still get.

        Fewer than all of them means: cut here. The cut is at a sentence end
        where one is near, else before a word, and never inside one, except
        that the first word of a session always fits.
        """
        if self._is_over(age_s):
            return 0
        room = self._most - self._used
        if len(message) <= room:
            return len(message)
        window = message[: int(room) + 1]
        ends = [match.end() for match in _SENTENCE_END.finditer(window)]
        soft = self._most * _SOFT_SHARE - self._used
        if ends and ends[-1] <= room and ends[-1] >= soft:
            return ends[-1]
        if self._used and self._is_sentence_over and self._used > soft:
            return 0
        at = window.rfind(" ")
        if window.rfind("<", 0, at) > window.rfind(">", 0, at):
            at = window.rfind("<", 0, at)  # a tag is one word
        if at > 0 or self._used:
            return max(at, 0)
        space = message.find(" ")
        return space if space > 0 else len(message)

    def use(self, message: str) -> None:
        """Note what was sent."""
        # The server puts a space between two messages.
        self._used += len(message) + 1
        ends = [match.end() for match in _SENTENCE_END.finditer(message)]
        self._is_sentence_over = ends[-1:] == [len(message)]

    def _is_over(self, age_s: float) -> bool:
        if not self._used:
            return False
        share = max(self._used / self._most, age_s / self._max_s)
        return share >= (_SOFT_SHARE if self._is_sentence_over else 1.0)
