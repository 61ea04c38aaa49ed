# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What one account with a few session slots serves, for many processes.

A process speaks one request after the other, as a conversation does that never
pauses. All have one key, and the server refuses a session for which there is
no slot.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

import crowd
from real_redis import RealRedis, redis_server

# The clients of other benches have modules of the same names.
sys.path.pop()
from rows import Row

from gradium_sim import GradiumSim, Limits

if TYPE_CHECKING:
    from lab import Lab

NAME = "slots"
SLOTS = 4
# What a session takes at least.
SYNTHESIS_S = 0.15

NO_GATE = "no gate, each finds out by itself"
SHARED = "no gate, refusals are shared"
MACHINE = "gate of the machine"
FLEET = "gate of the fleet (Redis)"
GATES = (MACHINE, NO_GATE, SHARED, FLEET)

SERVED = f"requests a second that an account with {SLOTS} slots serves"
REFUSED = "sessions that the server refused, for each request"
TOOK = "time of a request, p99"


def run(lab: Lab) -> Iterator[Row]:
    """Draw a curve over the number of processes for each kind of gate."""
    with contextlib.ExitStack() as stack:
        redis_url = _redis(stack, lab)
        for processes in lab.plan.processes:
            for gate in GATES[: lab.plan.gates]:
                if gate is FLEET and not redis_url:
                    continue
                lab.say(f"slots: {processes} processes, {gate}")
                yield from asyncio.run(
                    _measure(lab, gate, processes, redis_url)
                )


def _redis(stack: contextlib.ExitStack, lab: Lab) -> str | None:
    """Start a Redis, if there is one and it is asked for."""
    server = redis_server()
    if not server or FLEET not in GATES[: lab.plan.gates]:
        return None
    redis = RealRedis(server)
    redis.start()
    stack.callback(redis.stop)
    return redis.url


async def _measure(
    lab: Lab, gate: str, processes: int, redis_url: str | None
) -> list[Row]:
    requests = lab.plan.crowd_requests
    with tempfile.TemporaryDirectory() as folder:
        async with GradiumSim(
            first_audio_delay_s=SYNTHESIS_S,
            limits=Limits(sessions=SLOTS),
            is_keeping_sound=False,
        ) as sim:
            told = await crowd.told_by(
                crowd.Plan(
                    sim.url,
                    requests,
                    processes,
                    _machines(gate, folder, processes),
                    params=_params(gate, redis_url),
                )
            )
            ends_s = sorted(
                session.times.end_of_stream_s
                for session in sim.sessions
                if session.times.end_of_stream_s
            )
            took_s = ends_s[-1] - sim.sessions[0].times.setup_s
            refused = sum(1 for session in sim.sessions if session.error)
    spoken = sum(1 for each in told if not each.error)
    slowest_s = quantiles([each.took_s for each in told], n=100)[98]
    found = (
        (SERVED, "requests/s", spoken / took_s),
        (REFUSED, "sessions", refused / requests),
        (TOOK, "ms", slowest_s * 1000),
    )
    return [
        Row(NAME, chart, gate, "processes", unit, [value], processes)
        for chart, unit, value in found
    ]


def _machines(
    gate: str, folder: str, processes: int
) -> list[tuple[str, float]]:
    """Return the homes: what a process alone knows, all others never see."""
    homes = {NO_GATE: processes, FLEET: 2}.get(gate, 1)
    return [(f"{folder}/{number}", 0.0) for number in range(homes)]


def _params(gate: str, redis_url: str | None) -> dict[str, Any]:
    params: dict[str, Any] = {"capacity_wait_s": 300.0}
    if gate in (MACHINE, FLEET):
        params["max_sessions"] = SLOTS
    if gate is FLEET:
        params["shared_url"] = redis_url
    return params
