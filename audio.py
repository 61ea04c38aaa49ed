"""Samples: 16-bit little-endian mono PCM in, the same out."""

from __future__ import annotations

import sys
from array import array

# Long enough that a cut is no click, too short to be heard itself.
FADE_S = 0.005


def fade_in(pcm: bytes, sample_rate_hz: int) -> bytes:
    """Raise the first 5 ms from silence."""
    samples = _samples(pcm)
    length = round(FADE_S * sample_rate_hz)
    for index in range(min(length, len(samples))):
        samples[index] = samples[index] * index // length
    return _bytes(samples)


def fade_out(last_sample: bytes, sample_rate_hz: int) -> bytes:
    """Give 5 ms that lead from the last sample played to silence."""
    (level,) = _samples(last_sample)
    length = round(FADE_S * sample_rate_hz)
    return _bytes(
        array("h", (level * (length - i) // length for i in range(1, length)))
    )


# About 60 dB below full scale.
_SILENCE = 32


def silence_at(pcm: bytes) -> int:
    """Give the byte where the silence starts in which the samples end."""
    samples = _samples(pcm)
    for index in range(len(samples) - 1, -1, -1):
        if abs(samples[index]) > _SILENCE:
            return 2 * (index + 1)
    return 0


def _samples(pcm: bytes) -> array[int]:
    samples = array("h", pcm)
    if sys.byteorder == "big":  # pragma: no cover - no such machine at hand
        samples.byteswap()
    return samples


def _bytes(samples: array[int]) -> bytes:
    if sys.byteorder == "big":  # pragma: no cover - no such machine at hand
        samples = array("h", samples)
        samples.byteswap()
    return samples.tobytes()
