# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The few HTTP answers that cost nothing (protocol sections 1.1, 6.2)."""

from __future__ import annotations

import json
from typing import Any

from websockets.datastructures import Headers
from websockets.http11 import Response

from .account import Account
from .voice_ids import CATALOGUE

CREDITS_PATH = "/api/usages/credits"
VOICES_PATH = "/api/voices/"
_REASONS = {200: "OK", 401: "Unauthorized", 404: "Not Found"}
_ALLOCATED = 1_000_000


def answer(path: str, key: str | None, account: Account | None) -> Response:
    """Answer a GET.

    Args:
        path: without the query.
        key: the key that was given, if any.
        account: whose key it is; `None` for a wrong one.
    """
    if path not in (CREDITS_PATH, VOICES_PATH):
        return _json(404, {"detail": "Not Found"})
    if key is None:
        return _json(401, {"detail": "No authentication provided."})
    if account is None:
        return _json(401, {"detail": "Invalid or expired API key"})
    if path == VOICES_PATH:
        return _json(200, [_voice(voice) for voice in CATALOGUE])
    return _json(200, _credits(account))


def _voice(voice: Any) -> dict[str, str]:
    return {
        "uid": voice.voice_id,
        "name": voice.name,
        "language": voice.language,
    }


def _credits(account: Account) -> dict[str, object]:
    allocated = account.limits.credits
    allocated = _ALLOCATED if allocated is None else allocated
    return {
        "remaining_credits": max(0, allocated - account.spent),
        "allocated_credits": allocated,
        "billing_period": "monthly",
        "next_rollover_date": None,
        "plan_name": "local",
    }


def _json(status: int, body: object) -> Response:
    raw = json.dumps(body).encode()
    headers = Headers()
    headers["Content-Type"] = "application/json"
    headers["Content-Length"] = str(len(raw))
    headers["Connection"] = "close"
    return Response(status, _REASONS[status], headers, raw)
