# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The ledger of one request: what was asked, delivered and announced.

`Ledger` has the script of what the agent writes, takes what the vendor sends
(`audio_received`, `word_received`), and answers with the actions that the
graph must see, in their order: `Start`, `Pcm`, `Ttfb`, then `Pcm` and
`Words`, and `End` exactly once. It spans as many sessions as the request
takes, and knows from which word a new one would have to go on.

No clock here: times are passed in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from .actions import Action, End, EndReason, Pcm, Start, Ttfb
from .audio import SAMPLE_BYTES
from .delivery import SessionAudio, SessionPosition
from .hearing import SaidInSession, Timeline, Transcript
from .protocol import Word
from .script import Script
from .text import is_speakable
from .word_times import plausible_stop_s
from .word_track import WordTrack


@dataclass
class Usage:
    """What a request has used.

    Attributes:
        sessions: how many sessions it took.
        characters_sent: of text, to the vendor; a resumed word counts again.
        characters_spoken: of the words that the vendor timed.
    """

    sessions: int = 0
    characters_sent: int = 0
    characters_spoken: int = 0


@dataclass
class _Earlier:
    """What the sessions before the current one have delivered."""

    audio_bytes: int = 0
    timeline: Timeline = field(default_factory=Timeline)


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
        self.asked_at: float | None = None
        self._first_audio_at: float | None = None
        self._last_audio_at = 0.0
        self._earlier = _Earlier()
        self._audio = SessionAudio(sample_rate_hz, is_seam_cut=False)
        self._position = SessionPosition(self.script, 0)
        self._words = WordTrack(is_wanted=with_words)
        # Why it ended, once it has.
        self.end_reason: EndReason | None = None

    # ------------------------------------------------------------ from TEN

    def asked(self, now: float) -> None:
        """Note when the first speakable text came; later calls do nothing."""
        if self.asked_at is None:
            self.asked_at = now

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
    def first_word_s(self) -> float | None:
        """Where in the audio the first word starts; `None`: unknown yet."""
        return self._words.first_start_s

    @property
    def delivered_s(self) -> float:
        """Seconds of audio delivered by all sessions."""
        delivered_bytes = (
            self._earlier.audio_bytes + self._audio.delivered_bytes
        )
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
        return self._position.next_word(self._audio.intact_s)

    @property
    def hole_at_s(self) -> float | None:
        """Where speech is missing in the current session's audio, if any is.

        It takes no more audio then: what is missing has to be said again.
        """
        return self._audio.holes.at_s

    def undelivered_text(self) -> str:
        """Return the text that was not delivered, as far as that is known.

        A new session may begin before it: it begins where it is sure. Empty
        where nothing of it would be heard.
        """
        word = self._position.undelivered_word(self._audio.intact_s)
        text = self.script.text_from(word)
        return text if is_speakable(text) else ""

    def transcript(self) -> Transcript:
        """Return the text, and when its words are heard, as of now."""
        script = self.script
        is_complete = self.end_reason is EndReason.REQUEST_END
        timeline = self._earlier.timeline.copy()
        timeline.add(self._said(script.word_count if is_complete else None))
        return Transcript(
            "".join(script.written),
            script.words_from(0),
            timeline,
            is_complete,
        )

    # ----------------------------------------------------------- from the wire

    def cut_session(self, from_word: int) -> list[Action]:
        """Go on with the next session after this one has failed.

        Where audio was cut, 5 ms of fade keep the seam from clicking.

        Args:
            from_word: the first word that the next session says.
        """
        # What is announced from here on is what the new session says.
        self._words.cut(self._position.messages_before(from_word))
        actions = self._deliver(self._audio.fade_out())
        self._next_session(from_word, is_seam_cut=self.has_started)
        return actions

    def complete_session(self, from_word: int) -> list[Action]:
        """Go on with the next session after this one has said everything."""
        actions = self._announce(is_all=True)
        self._words.complete()
        self._next_session(from_word, is_seam_cut=False)
        return actions

    def hold_last_silence(self) -> None:
        """Note that this session gets no more text, though more is to come.

        From here on silence waits for what follows it, so that the pause
        which ends a session is not heard between two.
        """
        self._audio.is_silence_held = True

    def session_ended(self, until_word: int) -> bool:
        """Account for the end of the session, which is the server's word.

        Args:
            until_word: the first word that the session was not given.

        Returns:
            Whether it may have said all words before that, and its audio
            has no hole: what is left is counted from there on.
        """
        position = self._position
        self._audio.holes.end(position.last_stop_s)
        if self.hole_at_s is not None or not position.covers(until_word):
            return False
        position.spoken_to(until_word)
        return True

    def unreadable_received(self, *, is_audio: bool) -> None:
        """Account for a message that could not be read.

        Args:
            is_audio: whether it surely had audio; else it may have.
        """
        self._audio.holes.unreadable(is_audio=is_audio)

    def audio_received(
        self,
        chunk: bytes,
        now: float,
        start_s: float = 0.0,
        stop_s: float = 0.0,
    ) -> list[Action]:
        """Account for audio from the vendor.

        Args:
            chunk: 16-bit little-endian samples, any length; a trailing
                half sample waits for the next call and is dropped at the
                end of its session.
            now: seconds on the same monotonic clock as every other call.
            start_s, stop_s: when the server says that it is.

        Returns:
            Actions in the order the graph must see them; empty once ended,
            behind a hole, and while no whole sample is there.
        """
        if self.end_reason:
            return []
        self._audio.holes.add(start_s, stop_s, chunk)
        if self.hole_at_s is not None:
            return []
        pcm = self._audio.take(chunk)
        if not pcm:
            return []
        self._last_audio_at = now
        if self._first_audio_at is not None:
            return self._deliver(pcm)
        self._first_audio_at = now
        asked_at = now if self.asked_at is None else self.asked_at
        # The listener waits for the frame, and nobody for the figure.
        frame, *words = self._deliver(pcm)
        ttfb = Ttfb(round((now - asked_at) * 1000))
        return [Start(), frame, ttfb, *words]

    def word_received(self, word: Word) -> list[Action]:
        """Account for a word, on the clock of its session."""
        if self.end_reason:
            return []
        stop_s = plausible_stop_s(
            word.start_s, word.stop_s, self.session_delivered_s
        )
        start_s = None if stop_s is None else word.start_s
        self._position.add(word.text, start_s, stop_s)
        self._words.add(word, stop_s, self._earlier_s)
        return self._announce()

    def end(self, reason: EndReason) -> list[Action]:
        """End the request, once; a second call changes nothing."""
        if self.end_reason:
            return []
        actions: list[Action] = []
        interval_s = 0.0
        if self._first_audio_at is not None:
            if reason is EndReason.REQUEST_END:
                actions += self._announce(is_all=True)
            at_ms = round(self.delivered_s * 1000)
            actions += self._words.close(reason, at_ms, self._start_ms())
            interval_s = self._last_audio_at - self._first_audio_at
        self.end_reason = reason
        actions.append(End(reason, round(interval_s * 1000)))
        return actions

    # ------------------------------------------------------------- internal

    @property
    def _earlier_s(self) -> float:
        """Seconds of audio delivered by the sessions before this one."""
        return self._earlier.audio_bytes / (self.sample_rate_hz * SAMPLE_BYTES)

    def _said(self, until_word: int | None) -> SaidInSession:
        """Return what this session says; `None`: no other goes on with it."""
        first_word = self._position.first_word
        return SaidInSession(
            self._position.pieces(),
            self.script.words_from(first_word),
            first_word,
            self._earlier_s,
            self.delivered_s,
            None if until_word is None else until_word - first_word,
        )

    def _next_session(self, from_word: int, *, is_seam_cut: bool) -> None:
        delivered_to = self._position.undelivered_word(self._audio.intact_s)
        self._earlier.timeline.add(self._said(until_word=from_word))
        self._earlier.audio_bytes += self._audio.delivered_bytes
        self._audio = SessionAudio(self.sample_rate_hz, is_seam_cut=is_seam_cut)
        self._position = SessionPosition(self.script, from_word, delivered_to)

    def _deliver(self, pcm: bytes) -> list[Action]:
        if not pcm or self.end_reason:
            return []
        timestamp_ms = self._start_ms() + round(self.delivered_s * 1000)
        self._audio.delivered(pcm)
        return [Pcm(pcm, timestamp_ms), *self._announce()]

    def _start_ms(self) -> int:
        """Return when the audio of the request started, in Unix ms.

        Times within it are added in whole ms, so that the steps between
        frames keep their precision.
        """
        return round(((self._first_audio_at or 0) + self._unix_offset_s) * 1000)

    def _announce(self, *, is_all: bool = False) -> list[Action]:
        """Announce the words whose audio was delivered, or all that wait."""
        words = self._words
        if not words.is_waiting or self.end_reason or not self.has_started:
            return []
        until_s = self._earlier_s + self._audio.intact_s
        return [*words.due(math.inf if is_all else until_s, self._start_ms())]
