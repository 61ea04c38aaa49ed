# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What one spoken request was: its texts, frames and words, with times."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field

from .events import AudioEnd, Error, Event, Frame, Metrics, TextResult


@dataclass(frozen=True)
class HeardWord:
    """A word and where it lies in the audio, in seconds from its start."""

    text: str
    start_s: float
    stop_s: float


@dataclass
class Spoken:
    """One request, filled while it runs; times on the monotonic clock.

    Attributes:
        told_ttfb_ms: the time to the first audio, as the extension measures
            it; 0 as long as it has told none.
    """

    request_id: str
    told_ttfb_ms: float = 0.0
    sample_rate_hz: int = 0
    texts: list[tuple[float, str]] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    words: list[HeardWord] = field(default_factory=list)
    errors: list[Error] = field(default_factory=list)
    end: AudioEnd | None = None

    def sent(self, text: str) -> float:
        """Note a text that is about to be sent; return the time."""
        self.texts.append((time.monotonic(), text))
        return self.texts[-1][0]

    def add(self, event: Event) -> None:
        """Account for an event of this request."""
        if isinstance(event, Frame):
            self.frames.append(event)
            self.sample_rate_hz = event.sample_rate_hz
        elif isinstance(event, Metrics):
            told_ms = event.metrics.get("ttfb", 0.0)
            self.told_ttfb_ms = self.told_ttfb_ms or told_ms
        elif isinstance(event, Error):
            self.errors.append(event)
        elif isinstance(event, TextResult):
            self.words += self.heard_in(event)
        elif isinstance(event, AudioEnd):
            self.end = event

    def heard_in(self, result: TextResult) -> list[HeardWord]:
        """Return the words of a result, placed in this request's audio.

        Words and frames share one epoch base (TEN's convention); a runtime
        whose frames carry no timestamp starts at the first word.
        """
        base_ms = self.frames[0].timestamp_ms if self.frames else 0
        return [
            HeardWord(
                word.word.strip(),
                (word.start_ms - (base_ms or result.start_ms)) / 1000,
                (word.start_ms - (base_ms or result.start_ms)) / 1000
                + word.duration_ms / 1000,
            )
            for word in result.words
            if word.word.strip()
        ]

    @property
    def start_s(self) -> float:
        """When the first text was sent."""
        return self.texts[0][0]

    @property
    def ttfb_ms(self) -> float:
        """From the first text that can be spoken to the first frame.

        As the extension tells it, or as it looks from here; 0 before.
        """
        if self.told_ttfb_ms or not (self.texts and self.frames):
            return self.told_ttfb_ms
        return (self.frames[0].time_s - self.start_s) * 1000

    @property
    def pcm(self) -> bytes:
        """All samples."""
        return b"".join(frame.pcm for frame in self.frames)

    @property
    def audio_s(self) -> float:
        """Seconds of sound."""
        return sum(frame.duration_s for frame in self.frames)

    @property
    def real_time_factor(self) -> float:
        """Seconds of waiting for each second of sound."""
        return (self.frames[-1].time_s - self.start_s) / self.audio_s


def p90(values: list[float]) -> float:
    """Return the value that nine of ten do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * 9 // 10) - 1)]


def summary(spoken: list[Spoken]) -> str:
    """Return the closing line of the command."""
    last = spoken[-1]
    factor = statistics.median(one.real_time_factor for one in spoken)
    tail = f"{last.audio_s:.2f} s of audio, real-time factor {factor:.3f}"
    ttfb_ms = [one.ttfb_ms for one in spoken]
    if len(spoken) == 1:
        return f"TTFB {ttfb_ms[0]:.0f} ms, {tail}"
    return (
        f"{len(spoken)} requests: TTFB median "
        f"{statistics.median(ttfb_ms):.0f} ms, p90 {p90(ttfb_ms):.0f} ms; "
        f"{tail}"
    )
