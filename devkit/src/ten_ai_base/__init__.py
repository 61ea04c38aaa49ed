# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A stand-in for TEN's base classes of AI extensions, here TTS.

It stands for version 0.7.41; TEN_HOST_BASE=0.8 adds what newer ones have.
"""

from ._missing import absent as _absent
from .config import BaseConfig
from .helper import AsyncQueue, PCMWriter
from .message import (
    ModuleError,
    ModuleErrorCode,
    ModuleErrorVendorInfo,
    ModuleMetricKey,
    ModuleMetrics,
    ModuleType,
    ModuleVendorException,
    TTSAudioEndReason,
)
from .struct import (
    TTS2HttpResponseEventType,
    TTSFlush,
    TTSTextInput,
    TTSTextResult,
    TTSWord,
)

__all__ = [
    "AsyncQueue",
    "BaseConfig",
    "ModuleError",
    "ModuleErrorCode",
    "ModuleErrorVendorInfo",
    "ModuleMetricKey",
    "ModuleMetrics",
    "ModuleType",
    "ModuleVendorException",
    "PCMWriter",
    "TTS2HttpResponseEventType",
    "TTSAudioEndReason",
    "TTSFlush",
    "TTSTextInput",
    "TTSTextResult",
    "TTSWord",
]

__getattr__ = _absent
