# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""How much is measured: all of it, what half an hour allows, or a look."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Distance:
    """How far away the server is, and how slow it is."""

    rtt_ms: float
    is_tls: bool
    synthesis_ms: float

    @property
    def handshake_s(self) -> float:
        """Return how long a client is given to open a socket."""
        return self.rtt_ms * 4 / 1000

    def __str__(self) -> str:
        wire = "TLS" if self.is_tls else "plain"
        return (
            f"{self.rtt_ms:g} ms round trip, {wire},"
            f" synthesis {self.synthesis_ms:g} ms"
        )


ALL_DISTANCES = tuple(
    Distance(rtt_ms, is_tls, synthesis_ms)
    for synthesis_ms in (0, 80)
    for is_tls in (True, False)
    for rtt_ms in (100, 50, 0)
)


@dataclass(frozen=True)
class Plan:
    """The sizes of all measurements.

    Attributes:
        rounds: how often each client has its turn.
        distances: for `first_audio`.
        calm_s: what a client gets to become ready again, on top of four
            round trips: a handshake over TLS, and one to spare.
        listen_s: how much is listened to before an interruption.
        linger_s: how long the server is watched after one.
        idle_s: how long a client is left alone.
        idle_rounds: how often.
        loads: chunks in ms, and whether over TLS, for `cost`.
        quiet_s: how long idle sessions are looked at.
        load_sessions: how many speak at once, for `cost`.
        window_s: how long the load is looked at.
        part_messages: how many messages are run through each part.
        scale: numbers of sessions.
        growth_requests: one after the other.
        growth_samples: so many looks at what is kept.
        long_words: lengths of a request.
        replies: how many are cut, for `held_back`.
        processes: how many speak with one key, for `slots`.
        crowd_requests: how many requests they speak in all.
        gates: how many kinds of gates are compared.
        repeats: how often a text is said, for `phrases`.
    """

    rounds: int = 15
    distances: tuple[Distance, ...] = ALL_DISTANCES
    calm_s: float = 0.4
    listen_s: float = 0.6
    linger_s: float = 4.0
    idle_s: float = 25.0
    idle_rounds: int = 3
    loads: tuple[tuple[int, bool], ...] = (
        (20, False),
        (80, False),
        (20, True),
        (80, True),
    )
    load_sessions: int = 25
    quiet_s: float = 120.0
    window_s: float = 4.0
    load_rounds: int = 5
    part_messages: int = 2000
    scale: tuple[int, ...] = (1, 10, 25, 50, 100, 150, 200, 300, 400)
    scale_rounds: int = 3
    replies: int = 200
    repeats: int = 100
    growth_requests: int = 10_000
    growth_samples: int = 40
    long_words: tuple[int, ...] = (50, 200, 1000, 2500, 5000)
    long_rounds: int = 3
    processes: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    crowd_requests: int = 300
    gates: int = 4


FULL = Plan()
SHORT = Plan(
    rounds=5,
    distances=(Distance(100, True, 0),),
    linger_s=2.0,
    idle_s=12.0,
    idle_rounds=1,
    loads=((20, False), (80, True)),
    quiet_s=20.0,
    window_s=2.0,
    scale=(25, 100, 200, 300),
    scale_rounds=1,
    repeats=20,
    growth_requests=400,
    growth_samples=10,
    long_words=(50, 500, 2500, 5000),
    long_rounds=1,
    processes=(2, 8, 32),
    crowd_requests=100,
)
QUICK = Plan(
    rounds=1,
    distances=(Distance(100, True, 0),),
    calm_s=0.1,
    listen_s=0.4,
    linger_s=1.0,
    idle_s=4.0,
    idle_rounds=1,
    loads=((20, False),),
    load_sessions=10,
    quiet_s=6.0,
    window_s=1.0,
    load_rounds=1,
    part_messages=1000,
    scale=(10, 60),
    scale_rounds=1,
    repeats=10,
    growth_requests=200,
    growth_samples=5,
    long_words=(50, 500, 2000),
    long_rounds=1,
    processes=(2, 16),
    crowd_requests=60,
)
TINY = Plan(
    replies=5,
    repeats=1,
    rounds=1,
    distances=(Distance(2, True, 0),),
    calm_s=0.02,
    listen_s=0.02,
    linger_s=0.02,
    idle_s=0.05,
    idle_rounds=1,
    loads=((20, False),),
    load_sessions=2,
    quiet_s=0.05,
    window_s=0.05,
    load_rounds=1,
    part_messages=5,
    scale=(1, 2),
    scale_rounds=1,
    growth_requests=3,
    growth_samples=3,
    long_words=(3, 6),
    long_rounds=1,
    processes=(2,),
    crowd_requests=4,
    gates=1,
)
SIZES = {"quick": QUICK, "short": SHORT, "tiny": TINY, "full": FULL}
