# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What an account, a session and a socket are allowed."""

from __future__ import annotations

from dataclasses import dataclass

from .actions import Action, Close, Error, Reset


@dataclass(frozen=True)
class Limits:
    """Everything is unlimited unless a number is given.

    Attributes:
        sessions: sessions at the same time with one key. A session holds
            its slot from an accepted `setup` to its end.
        slot_release_s: how long a slot stays taken after that.
        credits: characters the account may have synthesised.
        session_s: seconds from `setup` that a session may last.
        session_audio_s: seconds of audio that a session may have.
        session_chars: characters that a session may have synthesised.
        at_session_limit: what a session meets at one of the three.
        free_tier_chars: characters of a session after which the TCP
            connection is reset.
        inactivity_s: seconds without a message in either direction.
        idle_before_setup_s: seconds that a new socket may be silent.
        at_inactivity: what a socket meets at one of the two.
        worker_busy_s: seconds for which no worker can be had; a setup that
            may be retried for that long waits, any other fails with 1011.
    """

    sessions: int | None = None
    slot_release_s: float = 0.0
    credits: int | None = None
    session_s: float | None = None
    session_audio_s: float | None = None
    session_chars: int | None = None
    at_session_limit: Action = Error("Session limit exceeded", 1008)
    free_tier_chars: int | None = None
    at_free_tier: Action = Reset()
    inactivity_s: float | None = None
    idle_before_setup_s: float | None = None
    at_inactivity: Action = Close(1008, "Inactivity timeout")
    worker_busy_s: float = 0.0
