# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Messages that a careful client must survive (protocol section 11)."""

from __future__ import annotations

import base64
import json
from typing import Any

from .actions import Send


def _message(**fields: Any) -> Send:
    raw = json.dumps({**fields, "client_req_id": "\0"})
    return Send(raw.replace(json.dumps("\0"), "{id}"))


UNKNOWN_TYPE = _message(type="weather_report", sky="clear")
FLUSHED = _message(type="flushed", flush_id="1")
NEED_MORE_TEXT = _message(type="need_more_text")
NO_TYPE = _message(hello="world")
TYPE_IS_A_NUMBER = _message(type=7)
NOT_AN_OBJECT = Send('["audio", 1, 2]')
NOT_JSON = Send('{"type": "audio", "audio": "AAA')
EMPTY_MESSAGE = Send("")
BINARY = Send(b"\x00\x01\x02\xff")
EMPTY_AUDIO = _message(
    type="audio", audio="", start_s=0.0, stop_s=0.0, stream_id=0
)
PRIMING_AUDIO = _message(
    type="audio", audio="", start_s=-0.08, stop_s=0.0, stream_id=0
)
AUDIO_WITHOUT_AUDIO = _message(type="audio", start_s=0.0, stop_s=0.08)
AUDIO_NOT_BASE64 = _message(
    type="audio", audio="*not base64*", start_s=0.0, stop_s=0.08
)
AUDIO_IS_NULL = _message(type="audio", audio=None, start_s=0.0, stop_s=0.08)
WORD_WITHOUT_TIMES = _message(type="text", text="")
WORD_WITHOUT_TEXT = _message(type="text", start_s=0.0, stop_s=0.1)
OTHER_STREAM_ID = _message(type="text", text="", stream_id=9)

ALL: dict[str, Send] = {
    name.lower(): value
    for name, value in list(globals().items())
    if isinstance(value, Send)
}
"""Every message above, by lower-case name."""


def large(size_bytes: int = 2 * 2**20) -> Send:
    """Return a message of an unknown type of about this size."""
    return _message(type="padding", padding="x" * size_bytes)


def large_audio(duration_s: float, sample_rate_hz: int) -> Send:
    """Return one audio message with that much 16-bit silence."""
    silence = bytes(2 * round(duration_s * sample_rate_hz))
    encoded = base64.b64encode(silence).decode("ascii")
    return _message(type="audio", audio=encoded, start_s=0.0, stop_s=0.0)
