# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What the graph is told of a request in figures."""

from __future__ import annotations

from typing import Any

from ..core.hearing import Heard
from ..speech import Speech


def heard_of(speech: Speech, now: float) -> dict[str, Any]:
    """Say what was heard of a request by a moment."""
    playback = speech.playback
    return fields_of(
        speech.ledger.transcript().heard(
            playback.played_s(now), playback.delivered_s
        )
    )


def pace_of(speech: Speech) -> dict[str, float]:
    """Say how evenly a request came, as a listener had it.

    `real_time_factor` needs more than one frame, and `first_word_ms`, from
    the first text on, a word whose time the server told, and that was heard.
    """
    playback, ledger = speech.playback, speech.ledger
    pace: dict[str, float] = {
        "stall_count": len(playback.stalls),
        "stall_ms": round(playback.stalled_s * 1000),
        "largest_gap_ms": round(playback.largest_gap_s * 1000),
    }
    if playback.real_time_factor is not None:
        pace["real_time_factor"] = round(playback.real_time_factor, 3)
    first_s = ledger.first_word_s
    is_heard = first_s is not None and playback.will_play(first_s)
    if first_s is not None and is_heard and ledger.asked_at is not None:
        heard_at = playback.heard_at(first_s)
        pace["first_word_ms"] = round((heard_at - ledger.asked_at) * 1000)
    return pace


def latency_of(speech: Speech) -> dict[str, Any]:
    """Say where the time to first audio went, in ms."""
    times = speech.times
    return {
        "slot_wait_ms": _ms(times.opened_at, times.slot_at),
        "socket_wait_ms": _ms(times.slot_at, times.setup_at),
        "setup_to_ready_ms": _ms(times.setup_at, times.ready_at),
        "text_to_audio_ms": _ms(times.text_at, times.audio_at),
        "is_warm": times.is_warm,
        "attempt": speech.usage.sessions,
        "is_cached": speech.is_cached,
    }


def _ms(start_s: float, stop_s: float) -> int:
    """Return the time between in ms, 0 where one has not happened."""
    return round(max(0.0, stop_s - start_s) * 1000) if start_s else 0


def fields_of(heard: Heard) -> dict[str, Any]:
    """Return what the graph is told of it."""
    return {
        "heard_text": heard.heard_text,
        "unheard_text": heard.unheard_text,
        "heard_ms": round(heard.played_s * 1000),
        "delivered_ms": round(heard.delivered_s * 1000),
    }
