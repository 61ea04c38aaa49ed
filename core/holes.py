# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Whether the audio of a session is all there, or has a hole.

Audio is missing where a message starts later than the one before it ended, and
where one could not be read. Servers count in many ways: they leave times out,
begin anywhere, round, or tell times that have nothing to do with their samples.
So times are believed only where messages last as long as their samples, and
have followed each other without a gap. What cannot be believed is no hole.

A hole counts once speech follows it. Where only silence does, the words tell in
the end whether any of them was in it.
"""

from __future__ import annotations

from typing import Final

from .audio import SAMPLE_BYTES, silence_at
from .word_times import DELIVERED_MARGIN_S

# Times are rounded, to 10 ms at worst; what is shorter is no hole.
_ROUNDING_S: Final = 0.015


class _Clock:
    """The times of the audio messages, as far as they can be believed."""

    def __init__(self) -> None:
        self.next_s: float | None = None
        self._has_followed = False
        self._has_gone_back = False

    @property
    def is_believed(self) -> bool:
        return self._has_followed and not self._has_gone_back

    def step_s(
        self, start_s: float, stop_s: float, duration_s: float
    ) -> float | None:
        """Tell how long after the last message's end the next one starts.

        Returns:
            `None` where that cannot be known.
        """
        is_timed = abs(stop_s - start_s - duration_s) <= _ROUNDING_S
        due_s, self.next_s = self.next_s, stop_s if is_timed else None
        if due_s is None or not is_timed:
            return None
        step_s = start_s - due_s
        self._has_followed |= abs(step_s) <= _ROUNDING_S
        self._has_gone_back |= step_s < -_ROUNDING_S
        return None if self._has_gone_back else step_s


class Holes:
    """Looks for the first hole in the audio of one session.

    Places are seconds of the audio that came.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self._bytes_per_s = sample_rate_hz * SAMPLE_BYTES
        self._received_bytes = 0
        self._clock = _Clock()
        # What could not be read, until a message shows what it was.
        self._unread_at_s: float | None = None
        self._is_audio_unread = False
        # A hole if the clock can be believed, and one that surely is.
        self._jump_at_s: float | None = None
        self._loss_at_s: float | None = None
        self._is_speech_missing = False

    @property
    def at_s(self) -> float | None:
        """Where speech is missing; what follows has to be said again."""
        return self._gap_at_s if self._is_speech_missing else None

    @property
    def intact_s(self) -> float:
        """How much came before anything that may be missing."""
        at_s = self._gap_at_s
        return self._received_s if at_s is None else at_s

    def unreadable(self, *, is_audio: bool) -> None:
        """Note a message that could not be read.

        Args:
            is_audio: whether it surely had audio; else it may have.
        """
        if self._unread_at_s is None:
            self._unread_at_s = self._received_s
        self._is_audio_unread |= is_audio
        if not self._received_bytes:
            # Nothing else tells where the audio should have started.
            self._clock.next_s = 0.0

    def add(self, start_s: float, stop_s: float, pcm: bytes) -> None:
        """Take the times of a message, whatever they are, and its samples."""
        if not pcm:
            return
        duration_s = len(pcm) / self._bytes_per_s
        step_s = self._clock.step_s(start_s, stop_s, duration_s)
        if step_s is None:
            if self._is_audio_unread:
                self._lose(self._unread_at_s)
        elif step_s <= _ROUNDING_S:
            # Nothing is missing, whatever it was that could not be read.
            self._unread_at_s, self._is_audio_unread = None, False
        elif self._unread_at_s is not None:
            self._lose(self._unread_at_s)
        elif self._jump_at_s is None:
            self._jump_at_s = self._received_s
        self._received_bytes += len(pcm)
        if self._gap_at_s is not None and _is_speech(pcm):
            self._is_speech_missing = True

    def end(self, last_word_stop_s: float | None) -> None:
        """Decide what only the end can tell.

        Args:
            last_word_stop_s: where the last word ends, by its time; `None`
                where no word has one.
        """
        stop_s = last_word_stop_s
        has_words_left = stop_s is not None and (
            stop_s > self._received_s + DELIVERED_MARGIN_S
        )
        if self._is_audio_unread or has_words_left:
            # Nothing has shown what it was that could not be read.
            self._lose(self._unread_at_s)
        gap_at_s = self._gap_at_s
        if gap_at_s is not None and (
            stop_s is None or stop_s + DELIVERED_MARGIN_S > gap_at_s
        ):
            self._is_speech_missing = True

    # ------------------------------------------------------------- internal

    @property
    def _received_s(self) -> float:
        return self._received_bytes / self._bytes_per_s

    @property
    def _gap_at_s(self) -> float | None:
        loss, jump = self._loss_at_s, self._jump_at_s
        if jump is None or not self._clock.is_believed:
            return loss
        return jump if loss is None else min(loss, jump)

    def _lose(self, at_s: float | None) -> None:
        """Note that what could not be read is missing, if there is any."""
        if self._loss_at_s is None:
            self._loss_at_s = at_s


def _is_speech(pcm: bytes) -> bool:
    whole = len(pcm) - len(pcm) % SAMPLE_BYTES
    return silence_at(pcm[:whole]) > 0
