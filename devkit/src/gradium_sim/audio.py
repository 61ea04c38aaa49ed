# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What voices produce: samples with the words that belong to them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]


@dataclass(frozen=True)
class TimedWord:
    """A word and when it is spoken, in seconds of its session's audio."""

    text: str
    start_s: float
    stop_s: float


@dataclass(frozen=True)
class Chunk:
    """Samples, mono, at the session's rate, and words known from now on.

    A word may be announced before its samples, never after the sample at
    which the next word starts.
    """

    samples: Samples
    words: tuple[TimedWord, ...] = field(default=())


@dataclass(frozen=True)
class Style:
    """How a session wants to be spoken.

    Attributes:
        voice_id: a Gradium voice id.
        sample_rate_hz: rate of the samples to produce.
        duration_factor: above 1 slower, below 1 faster.
    """

    voice_id: str
    sample_rate_hz: int
    duration_factor: float = 1.0


class Speech(Protocol):
    """One session's speaker. Its clock starts at 0 and never jumps."""

    def unit_size(self, words: Sequence[str]) -> int | None:
        """Return how many of these first words are spoken in one go.

        `None` when a further word may still join them. The answer depends
        on the words and the units spoken before alone, so that the same text
        always sounds the same however it arrived.
        """

    def speak(self, words: Sequence[str]) -> AsyncGenerator[Chunk, None]:
        """Speak a unit."""

    def pause(self, duration_s: float) -> AsyncGenerator[Chunk, None]:
        """Be silent."""

    def finish(self, silence_s: float) -> AsyncGenerator[Chunk, None]:
        """Yield what is still held back, then the trailing silence."""

    def cancel(self) -> None:
        """Stop synthesising; safe at any time, from the loop's thread."""


class Voice(Protocol):
    """A synthesiser."""

    async def start(self) -> None:
        """Get ready; called once, before anything else."""

    async def stop(self) -> None:
        """Release what `start` took."""

    def open(self, style: Style) -> Speech:
        """Return a speaker for one session."""
