# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A local server that speaks Gradium's text-to-speech protocol.

    async with GradiumSim(voice="tones") as sim:
        ...  # connect a client to sim.url with the key "test-key"

Development only. The `espeak` voice runs espeak-ng, which is GPL-3; nothing
of it is part of what this project ships.
"""

from __future__ import annotations

from . import garbage, tones
from .actions import (
    OWN,
    Action,
    Close,
    Delay,
    Error,
    HalfOpen,
    Http,
    IgnoreClose,
    LeaveOut,
    OddChunks,
    Pause,
    Ping,
    Pongs,
    ReadyAgain,
    Reset,
    Send,
    Stall,
)
from .faults import Fault, FaultPlan
from .limits import Limits
from .points import Point
from .records import ConnectionRecord, Counters, SessionRecord, SessionTimes
from .server import GradiumSim
from .thread import SimThread
from .tones_voice import TonesVoice

__all__ = [
    "OWN",
    "Action",
    "Close",
    "ConnectionRecord",
    "Counters",
    "Delay",
    "Error",
    "Fault",
    "FaultPlan",
    "GradiumSim",
    "HalfOpen",
    "Http",
    "IgnoreClose",
    "LeaveOut",
    "Limits",
    "OddChunks",
    "Pause",
    "Ping",
    "Point",
    "Pongs",
    "ReadyAgain",
    "Reset",
    "Send",
    "SessionRecord",
    "SessionTimes",
    "SimThread",
    "Stall",
    "TonesVoice",
    "garbage",
    "tones",
]
