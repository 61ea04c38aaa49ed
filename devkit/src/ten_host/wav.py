# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Samples as WAV: 16 bits, one channel."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

# What players take for "until the stream ends".
_UNKNOWN = 0xFFFFFFFF


def write_wav(path: Path, pcm: bytes, rate_hz: int) -> None:
    """Write a file.

    Raises:
        OSError: it cannot be written.
    """
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(pcm)


def endless_header(rate_hz: int) -> bytes:
    """Return the head of a stream whose length is not known yet."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        _UNKNOWN,
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        rate_hz,
        2 * rate_hz,
        2,
        16,
        b"data",
        _UNKNOWN,
    )
