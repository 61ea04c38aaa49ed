# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""One thing that the agent says, and how much of it a listener has heard."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from trace_timeline.playback import Playback

_BYTES = 2


@dataclass
class Speech:
    """One life of a request id; times on the listener's clock, in seconds.

    Attributes:
        text: all that it was to say.
        words: each with when it ends, in seconds of its sound.
        begin_s: when its first sound was heard.
        reason: why nothing more is heard; empty while it is.
    """

    request_id: str
    text: str = ""
    words: list[tuple[str, float]] = field(default_factory=list)
    begin_s: float = 0.0
    rate_hz: int = 0
    reason: str = ""
    ttfb_ms: int | None = None
    file: str = ""
    is_delivered: bool = False
    _pcm: bytearray = field(default_factory=bytearray)
    _playback: Playback = field(default_factory=Playback)
    _told_words: int = 0
    _base_ms: int = 0

    @property
    def has_sound(self) -> bool:
        """Whether there is anything to hear."""
        return bool(self._pcm)

    def frame(
        self, pcm: bytes, rate_hz: int, at_s: float, timestamp_ms: int
    ) -> None:
        """Sound came."""
        if not self._pcm:
            self.begin_s, self.rate_hz = at_s, rate_hz
            self._base_ms = timestamp_ms
        self._pcm += pcm
        self._playback.delivered(len(pcm) / _BYTES / rate_hz, at_s)

    def told(self, word: dict[str, Any]) -> None:
        """A word came, with its time."""
        text = str(word["word"]).strip()
        end_ms = int(word["start_ms"]) + int(word["duration_ms"])
        if text:
            self.words.append((text, (end_ms - self._base_ms) / 1000))

    def heard_s(self, at_s: float) -> float:
        """How much of its sound was heard until then."""
        return self._playback.played_s(at_s)

    def is_heard_out(self, at_s: float) -> bool:
        """Whether all of it was delivered and heard."""
        delivered_s = self._playback.delivered_s
        return self.is_delivered and self.heard_s(at_s) >= delivered_s

    def new_words(self, at_s: float) -> list[str]:
        """Return the words that were heard since this was asked last."""
        heard_s = self.heard_s(at_s) + 0.001
        news = []
        for text, end_s in self.words[self._told_words :]:
            if end_s > heard_s and not self.is_heard_out(at_s):
                break
            news.append(text)
        self._told_words += len(news)
        return news

    def stop(self, at_s: float, reason: str) -> None:
        """Nothing more of it is heard."""
        self._playback.stop(at_s)
        self.reason = reason

    def pcm(self, at_s: float) -> bytes:
        """Return the samples that were heard."""
        count = round(self.heard_s(at_s) * self.rate_hz)
        return bytes(self._pcm[: count * _BYTES])

    @property
    def heard_text(self) -> str:
        """The words that were heard."""
        return " ".join(text for text, _ in self.words[: self._told_words])

    @property
    def unheard_text(self) -> str:
        """The rest of what it was to say."""
        return " ".join(self.text.split()[self._told_words :])
