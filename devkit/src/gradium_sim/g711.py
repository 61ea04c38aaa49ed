# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""G.711: 8-bit mu-law and A-law, both ways."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]
_Table = npt.NDArray[np.int16]

_ULAW_BIAS = 0x84


def encode_ulaw(samples: Samples) -> bytes:
    """Turn 16-bit samples into mu-law bytes."""
    return _encode(samples, decode_table(is_ulaw=True))


def encode_alaw(samples: Samples) -> bytes:
    """Turn 16-bit samples into A-law bytes."""
    return _encode(samples, decode_table(is_ulaw=False))


def decode_ulaw(encoded: bytes) -> Samples:
    """Turn mu-law bytes into 16-bit samples."""
    table = decode_table(is_ulaw=True)
    return np.asarray(table[np.frombuffer(encoded, dtype=np.uint8)])


def decode_alaw(encoded: bytes) -> Samples:
    """Turn A-law bytes into 16-bit samples."""
    table = decode_table(is_ulaw=False)
    return np.asarray(table[np.frombuffer(encoded, dtype=np.uint8)])


@lru_cache(maxsize=2)
def decode_table(is_ulaw: bool) -> _Table:
    """Return the linear value of each of the 256 codes."""
    expand = _expand_ulaw if is_ulaw else _expand_alaw
    return np.array([expand(code) for code in range(256)], dtype=np.int16)


def _expand_ulaw(code: int) -> int:
    code ^= 0xFF
    exponent, mantissa = code >> 4 & 7, code & 15
    size = ((mantissa << 3) + _ULAW_BIAS << exponent) - _ULAW_BIAS
    return -size if code & 0x80 else size


def _expand_alaw(code: int) -> int:
    code ^= 0x55
    exponent, mantissa = code >> 4 & 7, code & 15
    size = (mantissa << 4) + 8
    if exponent:
        size = size + 0x100 << exponent - 1
    return size if code & 0x80 else -size


def _encode(samples: Samples, table: _Table) -> bytes:
    """Return the code whose linear value is nearest."""
    order = np.argsort(table, kind="stable")
    levels = table[order].astype(np.float64)
    middles = (levels[1:] + levels[:-1]) / 2
    codes = order[np.searchsorted(middles, samples.astype(np.float64))]
    return codes.astype(np.uint8).tobytes()
