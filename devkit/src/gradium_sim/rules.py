# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""How a server behaves."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from .audio import Voice
from .faults import ArmedFaults
from .gates import Changes, Gates
from .limits import Limits
from .records import SessionRecord
from .setup_rules import Known


@dataclass
class Rules:
    """How this server behaves; shared by all its sockets."""

    voice: Voice
    limits: Limits
    faults: ArmedFaults
    known: Known
    gates: Gates
    changes: Changes
    ready_delay_s: float
    first_audio_delay_s: float
    speed: float | None
    trailing_silence_s: float
    lag_words: int
    is_keeping_sound: bool
    started_s: float
    sessions: list[SessionRecord] = field(default_factory=list)

    def worker_busy_s(self) -> float:
        """Return for how long no worker can be had."""
        busy_until_s = self.started_s + self.limits.worker_busy_s
        return busy_until_s - time.monotonic()
