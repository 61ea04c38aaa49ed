# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Audio in huge messages, handed on in parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .protocol import Audio, ServerMessage

# No more of a message is handed on at once: what is done with it would hold up
# whoever else is on the loop. The vendor's own have some 4,000 bytes.
MOST_BYTES_AT_ONCE = 32_768


def parts_of(message: ServerMessage) -> Iterator[ServerMessage]:
    """Cut audio that is far longer than any that the vendor sends.

    Each part has its share of the times, so that a hole is found as well.
    """
    size = len(message.chunk) if isinstance(message, Audio) else 0
    if not isinstance(message, Audio) or size <= MOST_BYTES_AT_ONCE:
        yield message
        return
    s_per_byte = (message.stop_s - message.start_s) / size
    for at in range(0, size, MOST_BYTES_AT_ONCE):
        chunk = message.chunk[at : at + MOST_BYTES_AT_ONCE]
        start_s = message.start_s + at * s_per_byte
        stop_s = start_s + len(chunk) * s_per_byte
        yield replace(message, chunk=chunk, start_s=start_s, stop_s=stop_s)
