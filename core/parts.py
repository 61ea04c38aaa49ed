# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Audio in huge messages, handed on in parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .protocol import Audio, ServerMessage

# No more of a message is handed on at once: what is done with it would hold up
# whoever else is on the loop. The vendor's own have some 4,000 bytes.
MOST_BYTES_AT_ONCE = 32_768


def parts_of(message: ServerMessage) -> Iterable[ServerMessage]:
    """Cut audio that is far longer than any that the vendor sends.

    Each part has its share of the times, so that a hole is found as well.
    """
    if isinstance(message, Audio) and len(message.chunk) > MOST_BYTES_AT_ONCE:
        return _cut(message)
    return (message,)


def _cut(audio: Audio) -> Iterator[Audio]:
    s_per_byte = (audio.stop_s - audio.start_s) / len(audio.chunk)
    for at in range(0, len(audio.chunk), MOST_BYTES_AT_ONCE):
        chunk = audio.chunk[at : at + MOST_BYTES_AT_ONCE]
        start_s = audio.start_s + at * s_per_byte
        stop_s = start_s + len(chunk) * s_per_byte
        yield Audio(chunk, start_s, stop_s)
