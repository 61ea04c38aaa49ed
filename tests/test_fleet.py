# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Many processes with one key: a limit that holds for all of them.

The processes are real, and so are the server's sockets and Redis. Two machines
are two homes of locks, with clocks an hour apart.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import statistics
from pathlib import Path
from typing import Any

import pytest
from crowd import Plan, Told, told_by
from fake_redis import FAULTS, fake_redis
from real_redis import own_redis, redis_url
from speaking import config_for

from gradium_sim import GradiumSim, Limits
from gradium_tts_python.core.errors import ConnectError
from gradium_tts_python.fleet.file_locks import try_lock
from gradium_tts_python.wire.gates import Gates

__all__ = ["redis_url"]

HOUR_S = 3600.0
FOREVER = float("inf")


def refusals(sim: GradiumSim) -> list[str]:
    return [s.error for s in sim.sessions if s.error]


def waits_s(told: list[Told]) -> tuple[float, float]:
    """The median and the 99th percentile of the waits for a slot."""
    cuts = statistics.quantiles([each.wait_s for each in told], n=100)
    return cuts[49], cuts[98]


def are_all_free(home: Path, limit: int) -> bool:
    """Whether no slot is held any more."""
    [key] = [path for path in home.iterdir() if path.is_dir()]
    locks = [try_lock(str(key / f"slot-{n}")) for n in range(limit)]
    for lock in locks:
        if lock:
            lock.release()
    return all(locks)


async def test_three_processes_share_two_slots(
    sim: GradiumSim, slots_home: Path
) -> None:
    sim.limits = Limits(sessions=2)
    told = await told_by(
        Plan(
            sim.url, 12, 3, [(str(slots_home), 0.0)], params={"max_sessions": 2}
        )
    )

    assert [each.error for each in told] == [None] * 12
    assert refusals(sim) == []
    assert len(sim.sessions) == 12
    assert are_all_free(slots_home, 2)


async def test_every_fault_of_redis_leaves_the_slots_of_the_machine(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = logging.getLogger("test_fleet")
    told = {}
    for fault, break_it in FAULTS.items():
        async with fake_redis() as server:
            break_it(server)
            config = config_for(
                "ws://vendor", max_sessions=1, shared_url=server.url
            )
            gates = Gates(log)
            caplog.clear()
            inside, hasty = gates.slot_for(config), gates.slot_for(config)
            await inside.take(ticket=0, by=FOREVER)
            with pytest.raises(ConnectError, match="no session of this key"):
                await hasty.take(ticket=0, by=0.0)
            await hasty.give_back()
            await inside.give_back()
            await hasty.take(ticket=0, by=0.0)
            await hasty.give_back()
            await gates.aclose()
        told[fault] = [record.levelname for record in caplog.records]

    assert told == dict.fromkeys(FAULTS, ["WARNING"])


FOUR = {"max_sessions": 4}
SLOW = pytest.mark.sim(first_audio_delay_s=0.03, is_keeping_sound=False)


def measured(record_property: Any, told: list[Told]) -> None:
    median_s, most_s = waits_s(told)
    record_property(
        "measured",
        f"{len(told)} requests, wait for a slot: median"
        f" {median_s * 1000:.0f} ms, p99 {most_s * 1000:.0f} ms",
    )


@SLOW
@pytest.mark.thorough
async def test_a_thousand_requests_of_sixteen_processes_are_served_in_turn(
    sim: GradiumSim, slots_home: Path, record_property: Any
) -> None:
    sim.limits = Limits(sessions=4)
    told = await told_by(
        Plan(sim.url, 1000, 16, [(str(slots_home), 0.0)], params=FOUR)
    )

    measured(record_property, told)
    assert [each.error for each in told] == [None] * 1000
    # The server refuses the fifth: there never was one.
    assert refusals(sim) == []
    assert len(sim.sessions) == 1000
    median_s, most_s = waits_s(told)
    # Where luck decides who is next, it is six times the median.
    assert most_s < 5 * median_s


@SLOW
@pytest.mark.thorough
async def test_a_thousand_requests_of_two_machines_are_served_in_turn(
    sim: GradiumSim, tmp_path: Path, redis_url: str, record_property: Any
) -> None:
    sim.limits = Limits(sessions=4)
    machines = [(str(tmp_path / "a"), 0.0), (str(tmp_path / "b"), HOUR_S)]
    params = {**FOUR, "shared_url": redis_url}
    told = await told_by(Plan(sim.url, 1000, 16, machines, params=params))

    measured(record_property, told)
    assert [each.error for each in told] == [None] * 1000
    assert refusals(sim) == []
    assert len(sim.sessions) == 1000
    median_s, most_s = waits_s(told)
    # Where luck decides who is next, it is six times the median.
    assert most_s < 5 * median_s
    # Neither machine is served before the other.
    by_machine = [[t for t in told if t.process % 2 == m] for m in (0, 1)]
    assert min(len(each) for each in by_machine) > 400


@SLOW
@pytest.mark.thorough
@pytest.mark.parametrize("is_fleet", [False, True], ids=["machine", "fleet"])
async def test_the_slots_of_killed_processes_come_back(
    sim: GradiumSim,
    tmp_path: Path,
    redis_url: str,
    record_property: Any,
    is_fleet: bool,
) -> None:
    sim.limits = Limits(sessions=4)
    machines = [(str(tmp_path / "a"), 0.0)]
    params: dict[str, Any] = dict(FOUR)
    kill_every_s = 0.1
    if is_fleet:
        machines.append((str(tmp_path / "b"), HOUR_S))
        params["shared_url"] = redis_url
        # A lease is believed for seconds: more kills, and none is left.
        kill_every_s = 1.0
    plan = Plan(
        sim.url, 400, 16, machines, kill_every_s=kill_every_s, params=params
    )
    told = await told_by(plan)

    measured(record_property, told)
    assert [each.error for each in told] == [None] * 400
    # The next process may be there before the server has noticed that the
    # killed one is gone. It is refused then, and tries again.
    assert len(refusals(sim)) <= 8
    assert all(are_all_free(Path(home), 4) for home, _ in machines)


@SLOW
@pytest.mark.thorough
async def test_a_redis_that_comes_and_goes_loses_no_request(
    sim: GradiumSim, slots_home: Path
) -> None:
    """Stopped, restarted empty, and silent; with the patience of production."""
    sim.limits = Limits(sessions=4)
    with own_redis() as redis:
        plan = Plan(
            sim.url,
            1000,
            16,
            [(str(slots_home), 0.0)],
            patience_s=0.05,
            params={**FOUR, "shared_url": redis.url},
        )

        async def disturb() -> None:
            while True:
                redis.stop()
                await asyncio.sleep(0.7)
                redis.start()
                await asyncio.sleep(1.5)
                os.kill(redis.pid, signal.SIGSTOP)
                await asyncio.sleep(0.7)
                os.kill(redis.pid, signal.SIGCONT)
                await asyncio.sleep(1.5)

        disturbing = asyncio.ensure_future(disturb())
        told = await told_by(plan)
        disturbing.cancel()

    assert [each.error for each in told] == [None] * 1000
    assert refusals(sim) == []
    assert len(sim.sessions) == 1000
    assert are_all_free(slots_home, 4)
