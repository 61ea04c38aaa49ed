# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What these scenarios share with those of the kit, and what they hear.

The kit's (`ten_host.conformance`) hold for any extension. These go further:
they read the words back from the samples, and look at the server.
"""

from __future__ import annotations

from gradium_sim import tones
from ten_host.conformance.kit import (
    COMPLETE,
    END,
    ERROR,
    FAILED,
    FATAL,
    FLUSH_END,
    FRAME,
    INTERRUPTED,
    METRICS,
    START,
    STATUS,
    TEXT_RESULT,
    Load,
    Message,
    Scenario,
    Settings,
    flush,
    text_input,
)

__all__ = [
    "COMPLETE",
    "END",
    "ERROR",
    "FAILED",
    "FATAL",
    "FLUSH_END",
    "FRAME",
    "INTERRUPTED",
    "METRICS",
    "START",
    "STATUS",
    "TEXT_RESULT",
    "Load",
    "Message",
    "Scenario",
    "Settings",
    "flush",
    "heard",
    "text_input",
]

ADDON = "gradium_tts_python"


def heard(tester: Scenario, request_id: str) -> list[str]:
    """The words of its audio; the sign `…` marks a word that was cut."""
    frames = tester.frames(request_id)
    if not frames:
        return []
    return tones.decode(tester.pcm(request_id), frames[0].sample_rate_hz)
