# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Samples: 16-bit little-endian mono PCM, and G.711 decoded to it."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable

# Of one sample: 16 bits, one channel.
SAMPLE_BYTES = 2
# Long enough that a cut is no click, too short to be heard itself.
FADE_S = 0.005


def fade_in(pcm: bytes, sample_rate_hz: int, skipped: int = 0) -> bytes:
    """Raise the first 5 ms from silence, `skipped` samples into them."""
    length = round(FADE_S * sample_rate_hz)
    if skipped >= length:
        return pcm
    samples = _samples(pcm)
    for index in range(min(length - skipped, len(samples))):
        samples[index] = samples[index] * (index + skipped) // length
    return _bytes(samples)


def fade_out(last_sample: bytes, sample_rate_hz: int) -> bytes:
    """Return 5 ms that lead from the last sample played to silence."""
    (level,) = _samples(last_sample)
    length = round(FADE_S * sample_rate_hz)
    return _bytes(
        array("h", (level * (length - i) // length for i in range(1, length)))
    )


# About 60 dB below full scale.
_SILENCE = 32


def silence_at(pcm: bytes) -> int:
    """Find the byte where the silence starts in which the samples end."""
    samples = _samples(pcm)
    for index in range(len(samples) - 1, -1, -1):
        if abs(samples[index]) > _SILENCE:
            return 2 * (index + 1)
    return 0


def _ulaw_sample(code: int) -> int:
    """Decode a byte of mu-law (ITU-T G.711) to 16 bits."""
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84) << (code >> 4 & 7)
    return 0x84 - magnitude if code & 0x80 else magnitude - 0x84


def _alaw_sample(code: int) -> int:
    """Decode a byte of A-law (ITU-T G.711) to 16 bits."""
    code ^= 0x55
    exponent, mantissa = code >> 4 & 7, (code & 0x0F) << 4
    magnitude = (
        (mantissa + 0x108) << (exponent - 1) if exponent else mantissa + 8
    )
    return magnitude if code & 0x80 else -magnitude


def _halves(decode: Callable[[int], int]) -> tuple[bytes, bytes]:
    """Return the low and the high byte of each code's sample."""
    pairs = [decode(code).to_bytes(2, "little", signed=True) for code in _CODES]
    return bytes(low for low, _ in pairs), bytes(high for _, high in pairs)


_CODES = range(256)
_DECODED = {
    "ulaw": _halves(_ulaw_sample),
    "alaw": _halves(_alaw_sample),
}


def encoding_of(output_format: str) -> str:
    """Return how samples are written: `pcm`, `ulaw` or `alaw`."""
    encoding, _, _ = output_format.partition("_")
    return "ulaw" if encoding == "mulaw" else encoding


def rate_named_by(output_format: str) -> int | None:
    """Return the Hz in the name of a format (`pcm_16000`), if it has any."""
    _, _, rate = output_format.partition("_")
    return int(rate) if rate else None


def to_pcm(chunk: bytes, output_format: str) -> bytes:
    """Decode a chunk of the vendor's audio; PCM stays as it is."""
    halves = _DECODED.get(encoding_of(output_format))
    if halves is None:
        return chunk
    # A loop over the codes takes a hundred times as long.
    pcm = bytearray(SAMPLE_BYTES * len(chunk))
    pcm[0::2], pcm[1::2] = map(chunk.translate, halves)
    return bytes(pcm)


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
