# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""How frames are written and read: JSON, and the base64 of audio inside it.

`STANDARD` needs nothing but the standard library. Another codec must read
what this one reads as the same, and refuse what it refuses; integers of more
than 64 bits apart, which mean nothing here.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


def encode(message: Mapping[str, Any]) -> str:
    """Return a message as JSON that UTF-8 can carry."""
    return encodable(
        json.dumps(message, separators=(",", ":"), ensure_ascii=False)
    )


def encodable(text: str) -> str:
    """Join the halves of surrogate pairs; a lone half becomes U+FFFD.

    JSON can write them, UTF-8 (sockets, logs, TEN's messages) cannot.
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@dataclass(frozen=True)
class Codec:
    """Two functions that read.

    Attributes:
        parse_json: raises `ValueError` or `RecursionError`.
        decode_base64: whole and padded text only; raises `ValueError`.
    """

    parse_json: Callable[[str], Any]
    decode_base64: Callable[[str], bytes]


def decode_base64(encoded: str) -> bytes:
    """Decode base64 that has nothing else in it.

    Python 3.10 looks at each character by a regular expression for that,
    which takes three times as long as decoding. What the plain decoder has
    passed over is missing in the length.

    Raises:
        ValueError: a stranger among the characters, or wrong padding.
    """
    chunk = binascii.a2b_base64(encoded)
    groups, rest = divmod(len(encoded), 4)
    if rest or len(chunk) != groups * 3 - encoded[-2:].count("="):
        raise ValueError("characters that are none of base64, or padding")
    return chunk


STANDARD = Codec(json.loads, decode_base64)
