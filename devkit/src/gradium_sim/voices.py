# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Voices by name."""

from __future__ import annotations

from .audio import Voice
from .tones_voice import TonesVoice


def voice_by_name(name: str) -> Voice:
    """Make a voice.

    Raises:
        ValueError: there is none of that name.
    """
    if name == "tones":
        return TonesVoice()
    if name == "espeak":
        # Loads a library of 20 MB of data that most tests do not need.
        from .espeak_voice import EspeakVoice

        return EspeakVoice()
    raise ValueError(f"voice must be tones or espeak, not {name}")
