# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The slots of a fleet, on a real Redis; its faults stand in test_fleet.py."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fake_redis import until
from real_redis import own_redis, redis_url

from gradium_tts_python.core.errors import ConnectError
from gradium_tts_python.fleet import leases
from gradium_tts_python.fleet.leases import Fleet, FleetGate, Lease

__all__ = ["redis_url"]

LOG = logging.getLogger("test_leases")
FOREVER = float("inf")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine takes longer than 50 ms for an answer."""
    init = leases.RedisLink.__init__

    def with_patience(link: leases.RedisLink, *args: object) -> None:
        init(link, *args, call_s=10.0, first_wait_s=0.01)  # type: ignore[arg-type]

    monkeypatch.setattr(leases.RedisLink, "__init__", with_patience)


class Machine:
    """A machine of the fleet, with one process."""

    def __init__(self, gate: FleetGate) -> None:
        self.gate = gate

    def ask(
        self, limit: int = 1, *, age_s: float = 0.0, by: float = FOREVER
    ) -> Caller:
        return Caller(self.gate, limit, age_s, by)


class Caller:
    """Holds a lease from `entering` to `leave`."""

    def __init__(
        self, gate: FleetGate, limit: int, age_s: float, by: float
    ) -> None:
        ticket = time.monotonic_ns() - round(age_s * 1e9)
        self._slot = gate.slot(limit, ticket=ticket, by=by)
        self.entering = asyncio.ensure_future(self._slot.__aenter__())

    @property
    def is_in(self) -> bool:
        return self.entering.done() and not self.entering.cancelled()

    async def leave(self) -> Lease:
        lease = await self.entering
        await self._slot.__aexit__(None, None, None)
        return lease


@asynccontextmanager
async def machines(url: str, count: int = 2) -> AsyncIterator[list[Machine]]:
    """Machines with one key; each has a link of its own."""
    name = uuid.uuid4().hex
    # A loop has one link for a URL; they are not the same to the last letter.
    fleets = [
        Fleet(f"{url}?socket_timeout={60 + n}", LOG) for n in range(count)
    ]
    try:
        yield [Machine(fleet.gate_of(name)) for fleet in fleets]
    finally:
        for fleet in fleets:
            await fleet.aclose()


async def members(machine: Machine, which: str) -> int:
    """How many are `held` or in `line`, as Redis has it."""
    gate = machine.gate
    [key] = [key for key in gate.keys if key.endswith(which)]
    return int(await gate.link.call("ZCARD", key))


async def test_machines_share_the_slots_in_the_order_in_which_they_came(
    redis_url: str,
) -> None:
    async with machines(redis_url) as (one, other):
        first, second = one.ask(2), other.ask(2)
        await asyncio.wait({first.entering, second.entering})
        third = other.ask(2)
        await until_waiting(one, 1)
        # It has waited elsewhere before, as on a session that was refused.
        oldest = one.ask(2, age_s=60.0)
        await until_waiting(one, 2)

        order = []
        for leaving in (first, second):
            await leaving.leave()
            done, _ = await asyncio.wait(
                {c.entering for c in (third, oldest) if c not in order},
                return_when=asyncio.FIRST_COMPLETED,
            )
            order += [c for c in (third, oldest) if c.entering in done]
        assert order == [oldest, third]
        assert await members(one, "held") == 2
        for caller in order:
            assert (await caller.leave()).is_granted


async def until_waiting(machine: Machine, count: int) -> None:
    while await members(machine, "line") != count:
        pass


async def test_who_is_interrupted_while_waiting_gives_the_place_back(
    redis_url: str,
) -> None:
    async with machines(redis_url) as (one, other):
        inside = one.ask()
        await inside.entering
        waiting = other.ask()
        await until_waiting(one, 1)
        waiting.entering.cancel()
        await asyncio.wait({waiting.entering})

        await until_waiting(one, 0)
        await inside.leave()


async def test_who_is_interrupted_while_asking_gives_the_slot_back(
    redis_url: str,
) -> None:
    async with machines(redis_url) as (one, other):
        for turns in range(8):
            asking = one.ask()
            for _ in range(turns):
                await asyncio.sleep(0)
            asking.entering.cancel()
            await asyncio.wait({asking.entering})
            if asking.is_in:
                await asking.leave()

            next_one = other.ask()
            await next_one.entering
            await next_one.leave()


async def test_waiting_for_a_lease_ends_when_its_time_is_over(
    redis_url: str,
) -> None:
    async with machines(redis_url) as (one, other):
        inside = one.ask()
        await inside.entering
        late = other.ask(by=asyncio.get_running_loop().time())

        with pytest.raises(ConnectError, match="no session of this key"):
            await late.entering
        await inside.leave()


async def test_a_lost_process_loses_its_lease_within_5_s(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert leases.LEASE_S + leases.BEAT_S <= 5.0
    monkeypatch.setattr(leases, "LEASE_S", 0.2)
    monkeypatch.setattr(leases, "BEAT_S", 3600.0)
    async with machines(redis_url) as (lost, other):
        inside = lost.ask()
        await inside.entering

        next_one = other.ask()
        await next_one.entering
        await next_one.leave()
        await inside.leave()


async def test_a_holder_that_is_there_keeps_its_lease(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "BEAT_S", 0.01)
    async with machines(redis_url) as (one, other):
        inside = one.ask()
        await inside.entering
        # As if its time were over.
        await other.gate.link.call("DEL", *other.gate.keys)
        while not await members(other, "held"):
            pass

        waiting = other.ask(by=0.0)
        with pytest.raises(ConnectError):
            await waiting.entering
        await inside.leave()


async def test_a_refusal_has_the_fleet_try_one_by_one(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "HOLD_S", 3600.0)
    async with machines(redis_url) as (one, other):
        inside, refused = one.ask(0), one.ask(0)
        await inside.entering
        (await refused.entering).refused()
        await refused.leave()
        full = next(key for key in one.gate.keys if key.endswith("full"))
        while not await one.gate.link.call("EXISTS", full):
            pass

        waiting = []
        for count in (1, 2):
            waiting.append(other.ask(0))
            await until_waiting(one, count)
        await inside.leave()
        await asyncio.wait(
            {caller.entering for caller in waiting},
            return_when=asyncio.FIRST_COMPLETED,
        )
        assert [caller.is_in for caller in waiting] == [True, False]
        # Its end lets the next one try.
        for caller in waiting:
            await caller.leave()


async def test_a_redis_that_has_forgotten_all_is_told_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leases, "BEAT_S", 0.01)
    with own_redis() as redis:
        async with machines(redis.url) as (one, other):
            inside = one.ask()
            assert (await inside.entering).is_granted
            redis.stop()
            begun_without = other.ask()
            assert not (await begun_without.entering).is_granted
            # One that notices later than it is back would be down once more.
            await until(lambda: one.gate.link.is_down)
            redis.start()
            await until(lambda: not one.gate.link.is_down)
            await until(lambda: not other.gate.link.is_down)
            while await members(one, "held") != 2:
                pass
            await inside.leave()
            await begun_without.leave()
