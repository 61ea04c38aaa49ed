# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Ten thousand interruptions at random moments, over real sockets."""

from __future__ import annotations

import asyncio
import random
import statistics
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import pytest

from gradium_sim import GradiumSim, HalfOpen, IgnoreClose
from ten_host import ExtensionHost

from .story import tell

StartHost = Callable[..., Awaitable[ExtensionHost]]

FLUSHES = 10_000
# A few hundred for each host: its log of events is kept in memory.
ROUNDS, FLUSHES_EACH = 25, 400
# From before the first text to after the last event of a request.
LONGEST_S = 0.03


@pytest.mark.thorough
# Not as fast as it can: that measures the server, which shares our lock.
@pytest.mark.sim(speed=50.0)
async def test_random_flushes_leave_no_stale_samples(
    sim: GradiumSim,
    start_host: StartHost,
    record_property: Callable[[str, object], None],
) -> None:
    random.seed(7)
    took_s: list[float] = []
    outcomes: Counter[str] = Counter()
    for _ in range(ROUNDS):
        host = await start_host()
        for n in range(FLUSHES_EACH):
            took_s.append(await _interrupt(sim, host, n))
        _check_order(host)
        outcomes.update(_outcome(sim, host, n) for n in range(FLUSHES_EACH))
        sim.sessions.clear()

    record_property("measured", distribution(took_s))
    record_property("measured", str(dict(outcomes)))
    assert len(took_s) == FLUSHES
    assert set(outcomes) == set(OUTCOMES.values())


async def _interrupt(sim: GradiumSim, host: ExtensionHost, n: int) -> float:
    """Begin a request, and flush it at a random moment."""
    await host.send_text(f"r{n}", _text(n), end=random.random() < 0.5)
    await asyncio.sleep(random.random() * LONGEST_S)
    peer = random.random()
    if sim.sessions and peer < 0.1:
        await sim.perform(HalfOpen())
    elif sim.sessions and peer < 0.2:
        await sim.perform(IgnoreClose())
    return await host.flush(f"f{n}")


def _text(n: int) -> str:
    """Words that no other request has."""
    return " ".join(f"{letter}{n:04d}" for letter in "abcdef") + "."


def _check_order(host: ExtensionHost) -> None:
    """Nothing comes between the end of a flush and the next start."""
    started = ""
    for event in host.events():
        for line in tell([event]):
            kind, *of = line.split()
            if kind == "start":
                assert not started, "two requests at a time"
                started = of[0]
            elif kind == "audio":
                assert started, "a stale frame"
            elif kind == "end":
                assert started in ("", of[0]), "the end of another request"
                started = ""
            else:
                assert kind == "flushed" and not started, line


OUTCOMES = {
    (): "nothing",
    ("interrupted",): "cut before audio",
    ("start", "audio", "interrupted"): "cut in audio",
    ("start", "audio", "request_end"): "complete",
}


def _outcome(sim: GradiumSim, host: ExtensionHost, n: int) -> str:
    """How a request went; its samples are those of its own session."""
    pcm = host.pcm(f"r{n}")
    sessions = [s for s in sim.sessions if _text(n).startswith(s.text)]
    own = [s.pcm for s in sessions if s.text]
    assert len(own) <= 1
    assert not pcm or own[0].startswith(pcm), "strange samples"
    lines = [line.split() for line in tell(host.events(f"r{n}"))]
    story = tuple(line[2] if line[0] == "end" else line[0] for line in lines)
    return OUTCOMES[story]


def distribution(took_s: Sequence[float]) -> str:
    """The times in a line, in ms."""
    cuts = statistics.quantiles(took_s, n=100)
    shown = {
        "median": cuts[49],
        "p90": cuts[89],
        "p99": cuts[98],
        "max": max(took_s),
    }
    times = ", ".join(f"{name} {s * 1000:.2f}" for name, s in shown.items())
    return f"flush to flush_end in ms, {len(took_s)} times: {times}"
