# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Errors, metrics and their enumerations."""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Any

from pydantic import BaseModel


class ModuleType(str, Enum):
    ASR = "asr"
    LLM = "llm"
    TTS = "tts"
    MLLM = "mllm"
    AVATAR = "avatar"
    TURN = "turn"


class ModuleErrorCode(str, Enum):
    """The values are texts; `ModuleError.code` makes integers of them."""

    OK = "0"
    FATAL_ERROR = "-1000"
    NON_FATAL_ERROR = "1000"


class ModuleMetricKey(str, Enum):
    TTS_TTFB = "ttfb"


class TTSAudioEndReason(IntEnum):
    REQUEST_END = 1
    INTERRUPTED = 2
    ERROR = 3


class ModuleErrorVendorInfo(BaseModel):
    """What the vendor said; `code` is a text."""

    vendor: str = ""
    code: str = ""
    message: str = ""


class ModuleError(BaseModel):
    id: str = ""
    module: str = ""
    code: int = 0
    message: str = ""
    vendor_info: ModuleErrorVendorInfo | None = None
    metadata: dict[str, Any] = {}


class ModuleMetrics(BaseModel):
    id: str = ""
    module: str = ""
    vendor: str = ""
    metrics: dict[str, Any] = {}
    metadata: dict[str, Any] = {}


class ModuleVendorException(Exception):
    """Carries what the vendor said as `error`."""

    def __init__(self, error: ModuleErrorVendorInfo) -> None:
        super().__init__(error.message)
        self.error = error
