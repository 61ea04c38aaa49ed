"""The life of one request as values: what was said, heard and announced.

`SpeechRequest` is the ledger of a request. It takes what the agent writes
(`push_text`, `end_input`) and what the vendor sends (`audio_received`,
`word_received`), and answers with the actions that the graph must see, in
their order: `Ttfb`, `Start`, then `Pcm` and `Words`, and `End` exactly once.
It spans as many sessions as the request takes, and knows at any moment from
which word a new session would have to go on.

`Admission` decides what a text without a running request is, and
`next_step` what to do after a failure. No clock here: times are passed in.
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Any, Union

from .audio import fade_in, fade_out, silence_at
from .protocol import ErrorKind, Word

# -------------------------------------------------------------------- actions


class EndReason(IntEnum):
    """Why a request ended; the numbers of TEN's `TTSAudioEndReason`."""

    REQUEST_END = 1
    INTERRUPTED = 2
    ERROR = 3


class TurnStatus(IntEnum):
    """The `turn_status` of a text result."""

    IN_PROGRESS = 0
    END = 1
    INTERRUPTED = 2


@dataclass(frozen=True)
class Ttfb:
    """First audio came `ttfb_ms` after the first speakable text."""

    ttfb_ms: int


@dataclass(frozen=True)
class Start:
    """The audio of the request starts."""


@dataclass(frozen=True)
class Pcm:
    """Whole samples, to be played at `timestamp_ms` (Unix time)."""

    pcm: bytes
    timestamp_ms: int


@dataclass(frozen=True)
class TimedWord:
    """A word, or the space before one (duration 0), in Unix ms."""

    word: str
    start_ms: int
    duration_ms: int


@dataclass(frozen=True)
class Words:
    """What is spoken from `start_ms` (Unix time) on for `duration_ms`."""

    text: str
    start_ms: int
    duration_ms: int
    words: tuple[TimedWord, ...]
    turn_seq_id: int
    turn_status: TurnStatus


@dataclass(frozen=True)
class End:
    """The request is over.

    `interval_ms` runs from the first to the last arrival of audio,
    `pcm_bytes` is all the audio that was delivered.
    """

    reason: EndReason
    interval_ms: int
    pcm_bytes: int


Action = Union[Ttfb, Start, Pcm, Words, End]

# ----------------------------------------------------------- what is to be said

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


# --------------------------------------------------------------------- ledger

# Word messages follow their audio; where none has come after this much of
# it, none will, and the position in the text cannot be known.
_WORDS_EXPECTED_AFTER_S = 2.0

# Times are sums of floats: a word counts as heard within this margin.
_TIME_MARGIN_S = 1e-4


class SpeechRequest:
    """The ledger of one request, over all its sessions."""

    def __init__(
        self,
        request_id: str,
        *,
        sample_rate_hz: int,
        sample_bytes: int = 2,
        unix_offset_s: float = 0.0,
        with_words: bool = False,
    ) -> None:
        """Open the ledger.

        Args:
            sample_bytes: bytes of one sample of all channels.
            unix_offset_s: what to add to the `now` of the other calls to
                get Unix time.
            with_words: whether `Words` are wanted; they are accounted for
                either way.
        """
        self.request_id = request_id
        self.text = SpokenText()
        self.sample_rate_hz = sample_rate_hz
        self._bytes_per_s = sample_rate_hz * sample_bytes
        self._sample_bytes = sample_bytes
        self._unix_offset_s = unix_offset_s
        self._with_words = with_words
        self._asked_at: float | None = None
        self._first_audio_at: float | None = None
        self._last_audio_at = 0.0
        self._pcm_bytes = 0
        self._carry = b""
        self._last_samples = b""
        self._is_ended = False
        # The current session.
        self._first_word = 0
        self._is_rotating = False
        self._is_seam_cut = False
        self._held_silence = b""
        self._session_start_bytes = 0
        self._timed: list[Word] = []
        # Words not yet announced, on the request's clock.
        self._unheard: deque[Word] = deque()
        self._words_announced = 0
        self._turn_seq_id = 0
        self._last_word_start_ms = -1
        self._last_word_stop_ms = 0

    # ------------------------------------------------------------ from TEN

    def asked(self, now: float) -> None:
        """Note when the first speakable text came; later calls do nothing."""
        if self._asked_at is None:
            self._asked_at = now

    def push_text(self, message: str) -> None:
        """Append a message for the vendor."""
        self.text.push(message)

    def end_input(self) -> None:
        """Note that no more text comes."""
        self.text.is_ended = True

    # --------------------------------------------------------------- state

    @property
    def has_started(self) -> bool:
        """Whether audio was delivered, and so announced."""
        return self._first_audio_at is not None

    @property
    def is_ended(self) -> bool:
        """Whether `End` was given out."""
        return self._is_ended

    @property
    def words_announced(self) -> int:
        """How many spoken words were delivered, by all sessions."""
        return self._words_announced

    @property
    def heard_s(self) -> float:
        """Seconds of audio delivered by all sessions."""
        return self._pcm_bytes / self._bytes_per_s

    @property
    def session_heard_s(self) -> float:
        """Seconds of audio delivered by the current session."""
        return (self._pcm_bytes - self._session_start_bytes) / self._bytes_per_s

    def words_heard(self) -> int | None:
        """Count the words of the text that were delivered completely.

        Returns:
            The index of the first word that a new session must say, or
            `None` where the server has sent audio without any word times.
        """
        heard_s = self.session_heard_s
        if not self._timed:
            too_late = heard_s > _WORDS_EXPECTED_AFTER_S
            return None if too_late else self._first_word
        over = sum(w.stop_s <= heard_s + _TIME_MARGIN_S for w in self._timed)
        if not over:
            return self._first_word
        finished = words_finished(
            self.text.words_from(self._first_word),
            [word.text for word in self._timed],
        )
        return self._first_word + finished[over - 1]

    def unspoken_text(self) -> str:
        """Give the text from the first word that was not surely heard."""
        heard = self.words_heard()
        words = self.text.words_from(
            self._first_word if heard is None else heard
        )
        return " ".join(words)

    # ----------------------------------------------------------- from the wire

    def begin_session(self) -> list[Action]:
        """Start over on a new session, which says the words not yet heard.

        Where audio was cut, a 5 ms fade keeps the seam from clicking.

        Raises:
            ValueError: the position in the text is unknown.
        """
        first_word = self.words_heard()
        if first_word is None:
            raise ValueError("no word times: the position is unknown")
        # What is announced from here on is what the new session says.
        self._unheard.clear()
        actions = self._deliver(self._fade_out())
        self._is_seam_cut = self.has_started
        self._next_session(first_word)
        return actions

    def rotate_input(self) -> None:
        """Note that this session gets no more text, though more is to come.

        From here on silence waits for what follows it, so that the pause
        which ends a session is not heard between two.
        """
        self._is_rotating = True

    def complete_session(self, next_word: int) -> list[Action]:
        """Go on with the next session after this one has said everything."""
        actions = self._announce_words(float("inf"))
        self._is_seam_cut = False
        self._next_session(next_word)
        return actions

    def _next_session(self, first_word: int) -> None:
        self._first_word = first_word
        self._session_start_bytes = self._pcm_bytes
        self._is_rotating = False
        self._unheard.clear()
        self._timed.clear()
        self._carry = self._held_silence = b""

    def audio_received(self, chunk: bytes, now: float) -> list[Action]:
        """Account for audio from the vendor.

        Args:
            chunk: 16-bit little-endian samples, any length; a trailing
                part of a sample waits for the next call and is dropped at
                the end of its session.
            now: seconds on the same monotonic clock as every other call.

        Returns:
            Actions in the order the graph must see them; empty once ended
            and while no whole sample is there.
        """
        data = self._carry + chunk
        whole = len(data) - len(data) % self._sample_bytes
        self._carry = data[whole:]
        if not whole or self._is_ended:
            return []
        pcm = self._held_silence + data[:whole]
        if self._is_rotating:
            at = silence_at(pcm)
            pcm, self._held_silence = pcm[:at], pcm[at:]
            if not pcm:
                return []
        actions: list[Action] = []
        if self._first_audio_at is None:
            self._first_audio_at = now
            asked_at = now if self._asked_at is None else self._asked_at
            actions += [Ttfb(round((now - asked_at) * 1000)), Start()]
        self._last_audio_at = now
        if self._is_seam_cut:
            heard_bytes = self._pcm_bytes - self._session_start_bytes
            heard = heard_bytes // self._sample_bytes
            pcm = fade_in(pcm, self.sample_rate_hz, heard)
        return actions + self._deliver(pcm)

    def word_received(self, word: Word) -> list[Action]:
        """Account for a word, on the clock of its session."""
        if self._is_ended:
            return []
        self._timed.append(word)
        offset_s = self._session_start_bytes / self._bytes_per_s
        self._unheard.append(
            Word(word.text, word.start_s + offset_s, word.stop_s + offset_s)
        )
        return self._announce_words(self.heard_s)

    def end(self, reason: EndReason) -> list[Action]:
        """End the request, once; a second call changes nothing."""
        if self._is_ended:
            return []
        actions: list[Action] = []
        if self.has_started:
            if reason is EndReason.REQUEST_END:
                actions += self._announce_words(float("inf"))
            actions += self._close_words(reason)
        self._is_ended = True
        interval_s = (
            0.0
            if self._first_audio_at is None
            else self._last_audio_at - self._first_audio_at
        )
        actions.append(End(reason, round(interval_s * 1000), self._pcm_bytes))
        return actions

    # ------------------------------------------------------------- internal

    def _deliver(self, pcm: bytes) -> list[Action]:
        if not pcm or self._is_ended:
            return []
        timestamp_ms = self._unix_ms(self.heard_s)
        self._pcm_bytes += len(pcm)
        self._last_samples = pcm[-self._sample_bytes :]
        return [Pcm(pcm, timestamp_ms), *self._announce_words(self.heard_s)]

    def _fade_out(self) -> bytes:
        """Lead the last sample of a session that was cut to silence."""
        if self._pcm_bytes == self._session_start_bytes:
            return b""
        return fade_out(self._last_samples, self.sample_rate_hz)

    def _unix_ms(self, at_s: float) -> int:
        """Turn seconds of the request's audio into Unix time."""
        start_s = self._first_audio_at or 0.0
        # In two steps, so that steps between frames keep their precision.
        return round((start_s + self._unix_offset_s) * 1000) + round(
            at_s * 1000
        )

    def _announce_words(self, heard_s: float) -> list[Action]:
        """Give out the words whose audio has been delivered."""
        actions: list[Action] = []
        while (
            self.has_started
            and not self._is_ended
            and self._unheard
            and self._unheard[0].stop_s <= heard_s + _TIME_MARGIN_S
        ):
            word = self._unheard.popleft()
            self._words_announced += 1
            if self._with_words:
                actions.append(self._word_action(word))
        return actions

    def _word_action(self, word: Word) -> Words:
        # Starts must ascend strictly, whatever the server sends.
        start_ms = max(
            self._unix_ms(word.start_s), self._last_word_start_ms + 1
        )
        duration_ms = max(0, self._unix_ms(word.stop_s) - start_ms)
        timed = [TimedWord(word.text, start_ms, duration_ms)]
        if self._turn_seq_id:
            timed.insert(0, TimedWord(" ", start_ms, 0))
        return self._next_words(timed, start_ms, duration_ms)

    def _close_words(self, reason: EndReason) -> list[Action]:
        """Give the empty result that ends the turn, where its audio ends."""
        if not self._with_words:
            return []
        is_cut = reason is not EndReason.REQUEST_END
        # Complete, it follows its last word; without any, its audio.
        is_at_end = is_cut or not self._turn_seq_id
        at_ms = self._unix_ms(self.heard_s) if is_at_end else 0
        start_ms = max(
            at_ms, self._last_word_stop_ms, self._last_word_start_ms + 1
        )
        status = TurnStatus.INTERRUPTED if is_cut else TurnStatus.END
        return [self._next_words([], start_ms, 0, status)]

    def _next_words(
        self,
        words: Sequence[TimedWord],
        start_ms: int,
        duration_ms: int,
        status: TurnStatus = TurnStatus.IN_PROGRESS,
    ) -> Words:
        self._last_word_start_ms = start_ms
        self._last_word_stop_ms = start_ms + duration_ms
        self._turn_seq_id += 1
        return Words(
            text="".join(word.word for word in words),
            start_ms=start_ms,
            duration_ms=duration_ms,
            words=tuple(words),
            turn_seq_id=self._turn_seq_id - 1,
            turn_status=status,
        )


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


# ------------------------------------------------------------------ admission


class Verdict(Enum):
    """What a text is that comes while its request is not running."""

    NEW = "new"
    LATE = "late"
    LATE_END = "late end"


@dataclass(frozen=True)
class _CutShort:
    """A request that ended before its last text had come."""

    request_id: str
    owes_end: bool
    metadata: Mapping[str, Any] | None

    def is_continued_by(
        self, request_id: str, metadata: Mapping[str, Any] | None
    ) -> bool:
        is_other_turn = bool(
            metadata and self.metadata and metadata != self.metadata
        )
        return request_id == self.request_id and not is_other_turn


class Admission:
    """Tells new requests from the late texts of ended ones.

    TEN hands over texts of an id that has ended, and ids may be used again
    (a greeting recurs), so:

    * nothing speakable after a complete request: late;
    * speakable after a complete request: new, the id is used again;
    * anything after a request that was cut short (failed or flushed), up
      to its own end of input or until another id comes: late. `LATE_END`
      is that end of input where the end of the request is still owed. A
      text that names another turn in its metadata is new all the same.
    """

    def __init__(self, most_remembered: int = 64) -> None:
        self._most_remembered = most_remembered
        self._complete: OrderedDict[str, None] = OrderedDict()
        self._cut_short: _CutShort | None = None

    def admit(
        self,
        request_id: str,
        *,
        is_speakable: bool,
        is_end: bool,
        metadata: Mapping[str, Any] | None = None,
    ) -> Verdict:
        """Decide about a text of an id that is not running."""
        cut, self._cut_short = self._cut_short, None
        if cut and cut.is_continued_by(request_id, metadata):
            if not is_end:
                self._cut_short = cut
                return Verdict.LATE
            self._remember(request_id)
            return Verdict.LATE_END if cut.owes_end else Verdict.LATE
        if request_id in self._complete and not is_speakable:
            return Verdict.LATE
        self._complete.pop(request_id, None)
        return Verdict.NEW

    def ended(
        self,
        request_id: str,
        *,
        is_input_ended: bool,
        owes_end: bool = False,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Remember how a request ended.

        Args:
            is_input_ended: whether its last text had come.
            owes_end: whether the graph has yet to be told that it ended.
            metadata: of its texts, as far as it had any.
        """
        if is_input_ended:
            self._remember(request_id)
        else:
            self._cut_short = _CutShort(request_id, owes_end, metadata)

    def _remember(self, request_id: str) -> None:
        self._complete[request_id] = None
        self._complete.move_to_end(request_id)
        if len(self._complete) > self._most_remembered:
            self._complete.popitem(last=False)


# ------------------------------------------------------------------- recovery


@dataclass(frozen=True)
class Retry:
    """Open a new session after `delay_s`."""

    delay_s: float


@dataclass(frozen=True)
class GiveUp:
    """End the request with the error."""

    why: str


FIRST_DELAY_S, LONGEST_DELAY_S = 0.1, 2.0


def next_step(
    kind: ErrorKind,
    *,
    attempt: int,
    failing_for_s: float,
    deadline_s: float,
    is_position_known: bool,
    jitter: float,
) -> Retry | GiveUp:
    """Decide what follows a failure of a request's session.

    Args:
        attempt: how many sessions have failed since the last progress;
            0 after one on a socket that had died in reserve.
        failing_for_s: seconds since the first of these failures.
        deadline_s: after how many such seconds to give up.
        is_position_known: whether a new session would know where to go on.
        jitter: from 0 to 1, spreads callers that failed together.

    Returns:
        `Retry` with 0.1 s doubling to 2 s, of which jitter takes up to a
        half, at once for attempt 0, or `GiveUp`.
    """
    if not kind.is_retryable:
        return GiveUp("it cannot succeed as it is")
    if not is_position_known:
        return GiveUp("the server sent no word times to resume from")
    doubled_s = FIRST_DELAY_S * 2 ** min(attempt - 1, 16) if attempt else 0.0
    delay_s = min(doubled_s, LONGEST_DELAY_S) * (1 - jitter / 2)
    if failing_for_s + delay_s >= deadline_s:
        return GiveUp(f"still failing after {failing_for_s:.1f} s")
    return Retry(delay_s)
