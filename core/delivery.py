# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What one session has delivered: its audio, and its place in the script."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from .alignment import Alignment
from .audio import SAMPLE_BYTES, fade_in, fade_out, silence_at
from .hearing import Piece
from .holes import Holes
from .letters import read
from .script import Script
from .word_times import DELIVERED_MARGIN_S, StopTimes

# Word messages follow their audio; where none has come after this much of
# it, none will, and the position in the text cannot be known.
_WORDS_EXPECTED_AFTER_S: Final = 2.0


class SessionAudio:
    """The audio of one session, from its chunks to what is delivered.

    Attributes:
        holes: what is missing in it.
    """

    def __init__(self, sample_rate_hz: int, *, is_seam_cut: bool) -> None:
        self.delivered_bytes = 0
        self.is_silence_held = False
        self.holes = Holes(sample_rate_hz)
        self._sample_rate_hz = sample_rate_hz
        self._is_seam_cut = is_seam_cut
        self._half_sample = b""
        self._held_silence = b""
        self._last_sample = b""

    @property
    def delivered_s(self) -> float:
        return self.delivered_bytes / (self._sample_rate_hz * SAMPLE_BYTES)

    @property
    def intact_s(self) -> float:
        """Seconds that were delivered before anything that is missing."""
        return min(self.delivered_s, self.holes.intact_s)

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

    def __init__(
        self, script: Script, first_word: int, delivered_to: int = 0
    ) -> None:
        """Start at a word.

        Args:
            delivered_to: the first word that no session before this one has
                delivered; those before it may be said again to be sure.
        """
        self.first_word = first_word
        self._delivered_to = max(first_word, delivered_to)
        self._script = script
        self._alignment = Alignment()
        # How many words of the script the alignment knows.
        self._aligned_to = first_word
        self._letters: list[str] = []
        self._starts_s: list[float | None] = []
        self._stops = StopTimes()
        # Once the server has ended, and nothing is missing.
        self._spoken_to: int | None = None

    def add(
        self, text: str, start_s: float | None, stop_s: float | None
    ) -> None:
        """Take a word and its times on the session's clock, if known."""
        self._know_all_words()
        self._alignment.push(text)
        letters = "".join(read(text)[0])
        self._letters.append(letters)
        self._starts_s.append(start_s if letters else None)
        self._stops.add(stop_s)

    @property
    def last_stop_s(self) -> float | None:
        """Where the last of the words with times ends."""
        return self._stops.last_s

    def spoken_to(self, word: int) -> None:
        """Note that the session has said all up to a word, and ended."""
        self._spoken_to = word

    def undelivered_word(self, delivered_s: float) -> int:
        """Number the first word that is not within so much audio.

        As far as that is known, and by the times that the server told.
        """
        if self._spoken_to is not None:
            return self._spoken_to
        return max(self._delivered_to, self._word_after(delivered_s, 0.0))

    def pieces(self) -> list[Piece]:
        """Return what the server told, with the times that fit together."""
        stops_s = dict(self._stops.in_order())
        return [
            Piece(
                self._letters[at],
                start_s if at in stops_s else None,
                stops_s.get(at),
                self._alignment.finished(at + 1),
            )
            for at, start_s in enumerate(self._starts_s)
        ]

    def next_word(self, delivered_s: float) -> int | None:
        """Number the first word not surely within so much audio.

        Returns:
            `None` where the server has sent audio without any word times.
        """
        if self._spoken_to is not None:
            return self._spoken_to
        if self.last_stop_s is None:
            is_too_late = delivered_s > _WORDS_EXPECTED_AFTER_S
            return None if is_too_late else self.first_word
        return self._word_after(delivered_s, DELIVERED_MARGIN_S)

    def messages_before(self, word: int) -> int:
        """Count the word messages until all before `word` is over."""
        return bisect_left(
            range(self._stops.count + 1),
            word - self.first_word,
            key=self._alignment.finished,
        )

    def covers(self, until_word: int) -> bool:
        """Whether what came back may be all up to a word, in numbers.

        In favour of a server that rewrites; one that times no words is
        believed.
        """
        if not self._stops.count:
            return True
        self._know_all_words()
        return self.first_word + self._alignment.at_most() >= until_word

    def _word_after(self, delivered_s: float, margin_s: float) -> int:
        over = self._stops.over(delivered_s, margin_s)
        return self.first_word + self._alignment.finished(over)

    def _know_all_words(self) -> None:
        self._alignment.extend(self._script.words_from(self._aligned_to))
        self._aligned_to = self._script.word_count
