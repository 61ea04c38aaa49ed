# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The output formats of protocol section 3.4 and how to write them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from . import g711
from .audio import Samples

FRAME_S = 0.08
PCM_RATES_HZ = (8000, 16000, 22050, 24000, 44100, 48000)


@dataclass(frozen=True)
class OutputFormat:
    """One value of `output_format`.

    Attributes:
        name: as written in `setup`.
        sample_rate_hz: rate of the audio.
        encode: samples to bytes.
        header: bytes before the first sample.
    """

    name: str
    sample_rate_hz: int
    encode: Callable[[Samples], bytes]
    header: bytes = b""

    @property
    def frame_samples(self) -> int:
        """Samples in a full frame."""
        return round(FRAME_S * self.sample_rate_hz)


def by_name(name: str) -> OutputFormat | None:
    """Return the format of that name; opus is known but not offered."""
    return _FORMATS.get(name)


def _pcm_bytes(samples: Samples) -> bytes:
    return samples.astype("<i2", copy=False).tobytes()


def _wav_header(rate: int) -> bytes:
    """Return a header for a stream: both lengths are placeholders."""
    unknown = 0xFFFFFFFF
    layout = struct.pack("<HHIIHH", 1, 1, rate, rate * 2, 2, 16)
    return b"".join(
        (
            b"RIFF" + struct.pack("<I", unknown) + b"WAVE",
            b"fmt " + struct.pack("<I", len(layout)) + layout,
            b"data" + struct.pack("<I", unknown),
        )
    )


def _all_formats() -> dict[str, OutputFormat]:
    found = [OutputFormat("pcm", 48000, _pcm_bytes)]
    found.append(OutputFormat("wav", 48000, _pcm_bytes, _wav_header(48000)))
    for rate in PCM_RATES_HZ:
        found.append(OutputFormat(f"pcm_{rate}", rate, _pcm_bytes))
    for name in ("ulaw_8000", "mulaw_8000"):
        found.append(OutputFormat(name, 8000, g711.encode_ulaw))
    found.append(OutputFormat("alaw_8000", 8000, g711.encode_alaw))
    return {one.name: one for one in found}


_FORMATS = _all_formats()
