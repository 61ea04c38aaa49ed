# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The picture of one request: text in, frames out, words, waveform."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from .spoken import Spoken

matplotlib.use("Agg")

from matplotlib import pyplot

TEXT_COLOUR, FRAME_COLOUR, WORD_COLOUR = "#b5432a", "#2a6f97", "#555555"


def draw(spoken: Spoken, path: Path) -> None:
    """Write the picture; the format follows the file name's ending.

    The upper part runs on the clock (seconds since the first text), the lower
    one on the audio (seconds since its first sample).
    """
    figure, (clock, sound) = pyplot.subplots(
        2, 1, figsize=(11, 5.5), height_ratios=(1, 2), constrained_layout=True
    )
    _draw_clock(clock, spoken)
    _draw_sound(sound, spoken)
    figure.suptitle(
        f"first frame after {spoken.first_frame_s * 1000:.1f} ms, "
        f"{spoken.audio_s:.2f} s of audio, "
        f"real-time factor {spoken.real_time_factor:.3f}",
        fontsize=11,
    )
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def _draw_clock(axes: Any, spoken: Spoken) -> None:
    texts = [time_s - spoken.start_s for time_s, _ in spoken.texts]
    frames = [frame.time_s - spoken.start_s for frame in spoken.frames]
    axes.eventplot(
        [frames, texts],
        lineoffsets=[0, 1],
        linelengths=0.6,
        colors=[FRAME_COLOUR, TEXT_COLOUR],
    )
    axes.set_yticks([0, 1], ["frames out", "text in"])
    axes.set_xlabel("seconds since the first text")
    axes.margins(x=0.02)


def _draw_sound(axes: Any, spoken: Spoken) -> None:
    samples = np.frombuffer(spoken.pcm, dtype="<i2") / 32768
    seconds = np.arange(len(samples)) / spoken.sample_rate_hz
    axes.plot(seconds, samples, linewidth=0.3, color=FRAME_COLOUR)
    for index, word in enumerate(spoken.words):
        axes.axvspan(word.start_s, word.stop_s, alpha=0.08, color=WORD_COLOUR)
        axes.text(
            (word.start_s + word.stop_s) / 2,
            # Two rows, so that short neighbours do not overlap.
            1.06 if index % 2 == 0 else 0.92,
            word.text,
            ha="center",
            fontsize=8,
            color=WORD_COLOUR,
            clip_on=True,
        )
    axes.set_ylim(-1.0, 1.2)
    axes.set_xlabel("seconds of audio")
    axes.margins(x=0.01)
