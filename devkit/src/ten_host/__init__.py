# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Runs a TEN extension and collects what it sends; see `ExtensionHost`."""

from .app import app_running, is_stand_in
from .events import (
    AudioEnd,
    AudioStart,
    ConnectionStatus,
    EndReason,
    Error,
    Event,
    FlushEnd,
    Frame,
    Metrics,
    OtherData,
    TextResult,
    Word,
    describe,
)
from .host import CommandResult, ExtensionHost
from .tester import HostError

__all__ = [
    "AudioEnd",
    "AudioStart",
    "CommandResult",
    "ConnectionStatus",
    "EndReason",
    "Error",
    "Event",
    "ExtensionHost",
    "FlushEnd",
    "Frame",
    "HostError",
    "Metrics",
    "OtherData",
    "TextResult",
    "Word",
    "app_running",
    "describe",
    "is_stand_in",
]
