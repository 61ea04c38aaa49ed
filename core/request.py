# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The ledger of one request: what was asked, delivered and announced.

`Ledger` takes what the agent writes (`push_text`, `end_input`) and what the
vendor sends (`audio_received`, `word_received`), and answers with the actions
that the graph must see, in their order: `Ttfb`, `Start`, then `Pcm` and
`Words`, and `End` exactly once. It spans as many sessions as the request
takes, and knows from which word a new one would have to go on.

No clock here: times are passed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Union

from .audio import SAMPLE_BYTES, fade_in, fade_out, silence_at
from .protocol import Word
from .script import Script, words_finished

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
    """The request is over; `interval_ms` runs from first to last audio."""

    reason: EndReason
    interval_ms: int


Action = Union[Ttfb, Start, Pcm, Words, End]

# --------------------------------------------------------------------- ledger


class Ledger:
    """The ledger of one request, over all its sessions."""

    def __init__(
        self,
        request_id: str,
        *,
        sample_rate_hz: int,
        unix_offset_s: float = 0.0,
        with_words: bool = False,
    ) -> None:
        """Open the ledger.

        Args:
            unix_offset_s: what to add to the `now` of the other calls to
                get Unix time.
            with_words: whether `Words` are wanted; they are accounted for
                either way.
        """
        self.request_id = request_id
        self.script = Script()
        self.sample_rate_hz = sample_rate_hz
        self._unix_offset_s = unix_offset_s
        self._asked_at: float | None = None
        self._first_audio_at: float | None = None
        self._last_audio_at = 0.0
        # Delivered by the sessions before the current one.
        self._earlier_bytes = 0
        self._audio = _SessionAudio(sample_rate_hz, is_seam_cut=False)
        self._position = _SessionPosition(self.script, 0)
        self._words = _WordTrack(is_wanted=with_words)
        self._is_ended = False

    # ------------------------------------------------------------ from TEN

    def asked(self, now: float) -> None:
        """Note when the first speakable text came; later calls do nothing."""
        if self._asked_at is None:
            self._asked_at = now

    # --------------------------------------------------------------- state

    @property
    def has_started(self) -> bool:
        """Whether audio was delivered, and so announced."""
        return self._first_audio_at is not None

    @property
    def is_awaited(self) -> bool:
        """Whether the graph waits for the end of this request.

        It does once audio was announced, or once the last text has come.
        """
        return self.has_started or self.script.is_input_ended

    @property
    def words_announced(self) -> int:
        """How many spoken words were delivered, by all sessions."""
        return self._words.announced

    @property
    def delivered_s(self) -> float:
        """Seconds of audio delivered by all sessions."""
        delivered_bytes = self._earlier_bytes + self._audio.delivered_bytes
        return delivered_bytes / (self.sample_rate_hz * SAMPLE_BYTES)

    @property
    def session_delivered_s(self) -> float:
        """Seconds of audio delivered by the current session."""
        return self._audio.delivered_s

    def next_word(self) -> int | None:
        """Number the first word that was not surely delivered.

        Returns:
            Where a new session has to go on; `None` where the server has
            sent audio without any word times.
        """
        return self._position.next_word(self.session_delivered_s)

    def undelivered_text(self) -> str:
        """Return the text from the first word not surely delivered on."""
        word = self.next_word()
        return self.script.text_from(
            self._position.first_word if word is None else word
        )

    # ----------------------------------------------------------- from the wire

    def cut_session(self, from_word: int) -> list[Action]:
        """Go on with the next session after this one has failed.

        Where audio was cut, 5 ms of fade keep the seam from clicking.

        Args:
            from_word: the first word that the next session says.
        """
        # What is announced from here on is what the new session says.
        self._words.forget_waiting()
        actions = self._deliver(self._audio.fade_out())
        self._next_session(from_word, is_seam_cut=self.has_started)
        return actions

    def complete_session(self, from_word: int) -> list[Action]:
        """Go on with the next session after this one has said everything."""
        actions = self._announce(float("inf"))
        self._next_session(from_word, is_seam_cut=False)
        return actions

    def hold_last_silence(self) -> None:
        """Note that this session gets no more text, though more is to come.

        From here on silence waits for what follows it, so that the pause
        which ends a session is not heard between two.
        """
        self._audio.is_silence_held = True

    def audio_received(self, chunk: bytes, now: float) -> list[Action]:
        """Account for audio from the vendor.

        Args:
            chunk: 16-bit little-endian samples, any length; a trailing
                half sample waits for the next call and is dropped at the
                end of its session.
            now: seconds on the same monotonic clock as every other call.

        Returns:
            Actions in the order the graph must see them; empty once ended
            and while no whole sample is there.
        """
        if self._is_ended:
            return []
        pcm = self._audio.take(chunk)
        if not pcm:
            return []
        actions: list[Action] = []
        if self._first_audio_at is None:
            self._first_audio_at = now
            asked_at = now if self._asked_at is None else self._asked_at
            actions += [Ttfb(round((now - asked_at) * 1000)), Start()]
        self._last_audio_at = now
        return actions + self._deliver(pcm)

    def word_received(self, word: Word) -> list[Action]:
        """Account for a word, on the clock of its session."""
        if self._is_ended:
            return []
        self._position.add(word)
        offset_s = self._earlier_bytes / (self.sample_rate_hz * SAMPLE_BYTES)
        self._words.add(
            Word(word.text, word.start_s + offset_s, word.stop_s + offset_s)
        )
        return self._announce(self.delivered_s)

    def end(self, reason: EndReason) -> list[Action]:
        """End the request, once; a second call changes nothing."""
        if self._is_ended:
            return []
        actions: list[Action] = []
        interval_s = 0.0
        if self._first_audio_at is not None:
            if reason is EndReason.REQUEST_END:
                actions += self._announce(float("inf"))
            at_ms = round(self.delivered_s * 1000)
            actions += self._words.close(reason, at_ms, self._start_ms())
            interval_s = self._last_audio_at - self._first_audio_at
        self._is_ended = True
        actions.append(End(reason, round(interval_s * 1000)))
        return actions

    # ------------------------------------------------------------- internal

    def _next_session(self, from_word: int, *, is_seam_cut: bool) -> None:
        self._words.forget_waiting()
        self._earlier_bytes += self._audio.delivered_bytes
        self._audio = _SessionAudio(
            self.sample_rate_hz, is_seam_cut=is_seam_cut
        )
        self._position = _SessionPosition(self.script, from_word)

    def _deliver(self, pcm: bytes) -> list[Action]:
        if not pcm or self._is_ended:
            return []
        timestamp_ms = self._start_ms() + round(self.delivered_s * 1000)
        self._audio.delivered(pcm)
        return [Pcm(pcm, timestamp_ms), *self._announce(self.delivered_s)]

    def _start_ms(self) -> int:
        """Return when the audio of the request started, in Unix ms.

        Times within it are added in whole ms, so that the steps between
        frames keep their precision.
        """
        return round(((self._first_audio_at or 0) + self._unix_offset_s) * 1000)

    def _announce(self, until_s: float) -> list[Action]:
        if self._is_ended or not self.has_started:
            return []
        return [*self._words.due(until_s, self._start_ms())]


# ----------------------------------------------------------------- one session


class _SessionAudio:
    """The audio of one session, from its chunks to what is delivered."""

    def __init__(self, sample_rate_hz: int, *, is_seam_cut: bool) -> None:
        self.delivered_bytes = 0
        self.is_silence_held = False
        self._sample_rate_hz = sample_rate_hz
        self._is_seam_cut = is_seam_cut
        self._half_sample = b""
        self._held_silence = b""
        self._last_sample = b""

    @property
    def delivered_s(self) -> float:
        return self.delivered_bytes / (self._sample_rate_hz * SAMPLE_BYTES)

    def take(self, chunk: bytes) -> bytes:
        """Return what of the audio so far is to be delivered now."""
        data = self._half_sample + chunk
        whole = len(data) - len(data) % SAMPLE_BYTES
        self._half_sample = data[whole:]
        pcm = self._held_silence + data[:whole]
        if self.is_silence_held:
            at = silence_at(pcm)
            pcm, self._held_silence = pcm[:at], pcm[at:]
        if self._is_seam_cut:
            skipped = self.delivered_bytes // SAMPLE_BYTES
            pcm = fade_in(pcm, self._sample_rate_hz, skipped)
        return pcm

    def delivered(self, pcm: bytes) -> None:
        """Note what was delivered."""
        self.delivered_bytes += len(pcm)
        self._last_sample = pcm[-SAMPLE_BYTES:]

    def fade_out(self) -> bytes:
        """Return what leads the last sample of a cut session to silence."""
        if not self._last_sample:
            return b""
        return fade_out(self._last_sample, self._sample_rate_hz)


# Word messages follow their audio; where none has come after this much of
# it, none will, and the position in the text cannot be known.
_WORDS_EXPECTED_AFTER_S = 2.0

# Times are sums of floats: a word counts as delivered within this margin.
_TIME_MARGIN_S = 1e-4


class _SessionPosition:
    """How far a session has come in the script, by the words it timed."""

    def __init__(self, script: Script, first_word: int) -> None:
        self.first_word = first_word
        self._script = script
        self._timed: list[Word] = []

    def add(self, word: Word) -> None:
        """Take a word, on the session's clock."""
        self._timed.append(word)

    def next_word(self, delivered_s: float) -> int | None:
        """Number the first word not surely within so much audio."""
        if not self._timed:
            is_too_late = delivered_s > _WORDS_EXPECTED_AFTER_S
            return None if is_too_late else self.first_word
        until_s = delivered_s + _TIME_MARGIN_S
        over = sum(word.stop_s <= until_s for word in self._timed)
        if not over:
            return self.first_word
        finished = words_finished(
            self._script.words_from(self.first_word),
            [word.text for word in self._timed],
        )
        return self.first_word + finished[over - 1]


# ------------------------------------------------------------------ word track


class _WordTrack:
    """The words of a request on their way to the graph, in strict order.

    Times in seconds count from the start of the request's audio; `start_ms`
    says when that was, in Unix ms.
    """

    def __init__(self, *, is_wanted: bool) -> None:
        self.announced = 0
        self._is_wanted = is_wanted
        self._waiting: deque[Word] = deque()
        self._next_turn_seq_id = 0
        self._last_start_ms = -1
        self._last_stop_ms = 0

    def add(self, word: Word) -> None:
        """Take a word that waits for its audio."""
        self._waiting.append(word)

    def forget_waiting(self) -> None:
        """Drop the words whose audio was cut off."""
        self._waiting.clear()

    def due(self, until_s: float, start_ms: int) -> list[Words]:
        """Announce the words whose audio was delivered by `until_s`."""
        results = []
        while (
            self._waiting
            and self._waiting[0].stop_s <= until_s + _TIME_MARGIN_S
        ):
            word = self._waiting.popleft()
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
