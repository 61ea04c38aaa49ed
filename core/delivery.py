# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What one session has delivered: its audio, and its place in the script."""

from __future__ import annotations

from typing import Final

from .alignment import Alignment
from .audio import SAMPLE_BYTES, fade_in, fade_out, silence_at
from .script import Script
from .word_times import words_over

# Word messages follow their audio; where none has come after this much of
# it, none will, and the position in the text cannot be known.
_WORDS_EXPECTED_AFTER_S: Final = 2.0


class SessionAudio:
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


class SessionPosition:
    """How far a session has come in the script, by the words it timed."""

    def __init__(self, script: Script, first_word: int) -> None:
        self.first_word = first_word
        self._script = script
        self._alignment = Alignment()
        # How many words of the script the alignment knows.
        self._aligned_to = first_word
        self._stops_s: list[float | None] = []

    def add(self, text: str, stop_s: float | None) -> None:
        """Take a word and its end on the session's clock, if that is known."""
        self._know_all_words()
        self._alignment.push(text)
        self._stops_s.append(stop_s)

    def next_word(self, delivered_s: float) -> int | None:
        """Number the first word not surely within so much audio.

        Returns:
            `None` where the server has sent audio without any word times.
        """
        if not self._stops_s:
            is_too_late = delivered_s > _WORDS_EXPECTED_AFTER_S
            return None if is_too_late else self.first_word
        over = words_over(self._stops_s, delivered_s)
        return self.first_word + self._alignment.finished(over)

    def covers(self, until_word: int) -> bool:
        """Whether what came back may be all up to a word, in numbers.

        In favour of a server that rewrites; one that times no words is
        believed.
        """
        if not self._stops_s:
            return True
        self._know_all_words()
        return self.first_word + self._alignment.at_most() >= until_word

    def _know_all_words(self) -> None:
        self._alignment.extend(self._script.words_from(self._aligned_to))
        self._aligned_to = self._script.word_count
