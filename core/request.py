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

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Union

from .audio import fade_in, fade_out, silence_at
from .protocol import Word
from .script import SpokenText, words_finished

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
