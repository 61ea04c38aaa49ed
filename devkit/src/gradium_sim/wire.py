# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The messages that the server sends (protocol sections 2.4, 3.2, 6.1)."""

from __future__ import annotations

import base64
from typing import Any

from .audio import TimedWord

Json = dict[str, Any]

SUPPORT_FOOTER = (
    "\nIf this keeps happening, write to support and quote request {id}."
)


def ready(
    request_id: str,
    model_name: str,
    sample_rate_hz: int,
    frame_samples: int,
    client_req_id: str | None,
) -> Json:
    """Setup was accepted."""
    return {
        "type": "ready",
        "request_id": request_id,
        "model_name": model_name,
        "model_ext": "local@1",
        "sample_rate": sample_rate_hz,
        "frame_size": frame_samples,
        "audio_stream_names": ["audio"],
        "text_stream_names": ["text"],
        "client_req_id": client_req_id,
        "residency": "none",
    }


def audio(
    payload: bytes, start_s: float, stop_s: float, client_req_id: str | None
) -> Json:
    """Return a frame of sound; times in seconds of the request's audio."""
    return {
        "type": "audio",
        "audio": base64.b64encode(payload).decode("ascii"),
        "start_s": round(start_s, 6),
        "stop_s": round(stop_s, 6),
        "stream_id": 0,
        "audio_tokens": [],
        "client_req_id": client_req_id,
    }


def word(timed: TimedWord, client_req_id: str | None) -> Json:
    """Return a word that has been spoken."""
    return {
        "type": "text",
        "text": timed.text,
        "start_s": round(timed.start_s, 6),
        "stop_s": round(timed.stop_s, 6),
        "stream_id": 0,
        "client_req_id": client_req_id,
    }


def end_of_stream(client_req_id: str | None) -> Json:
    """Return the last message of a request."""
    return {"type": "end_of_stream", "client_req_id": client_req_id}


def error(
    message: str,
    code: int | None,
    client_req_id: str | None,
    request_id: str = "local",
) -> Json:
    """Return a failure; its message has a support footer below it."""
    footer = SUPPORT_FOOTER.format(id=request_id)
    return {
        "type": "error",
        "message": message + footer,
        "code": code,
        "client_req_id": client_req_id,
    }
