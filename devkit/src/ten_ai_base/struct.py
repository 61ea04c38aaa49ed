# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The shapes of the TTS messages. Unknown keys are ignored."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from pydantic import BaseModel


class TTSTextInput(BaseModel):
    request_id: str
    text: str
    text_input_end: bool = False
    metadata: dict[str, Any] = {}


class TTSWord(BaseModel):
    """Times in milliseconds since the epoch; -1 means not known."""

    word: str = ""
    start_ms: int = -1
    duration_ms: int = -1


class TTSTextResult(BaseModel):
    """The interface schema refuses `words` None: pass a list."""

    request_id: str
    text: str
    start_ms: int
    duration_ms: int
    words: list[TTSWord] | None = None
    text_result_end: bool = False
    metadata: dict[str, Any] = {}


class TTSFlush(BaseModel):
    flush_id: str
    metadata: dict[str, Any] = {}


class TTS2HttpResponseEventType(IntEnum):
    RESPONSE = 1
    END = 2
    ERROR = 3
    INVALID_KEY_ERROR = 4
    FLUSH = 5
