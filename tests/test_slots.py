# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The gate of a key: who may open a session, and in what order."""

from __future__ import annotations

import asyncio
import re
import threading

import pytest
from speaking import client_on, speak

from gradium_sim import GradiumSim, Limits, Point
from gradium_tts_python.wire.slots import SlotGate, gate_of


class Caller:
    """Holds a slot from `enter` to `leave`."""

    def __init__(self, gate: SlotGate, limit: int = 1) -> None:
        self._slot = gate.slot(limit)
        self.entering = asyncio.ensure_future(self._slot.__aenter__())

    @property
    def is_in(self) -> bool:
        return self.entering.done() and not self.entering.cancelled()

    async def leave(self) -> None:
        await self.entering
        await self._slot.__aexit__(None, None, None)


async def turns(count: int = 5) -> None:
    """Let everybody who can go on do so."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_as_many_as_the_limit_are_let_in() -> None:
    gate = SlotGate()
    callers = [Caller(gate, limit=2) for _ in range(4)]

    await turns()

    assert [caller.is_in for caller in callers] == [True, True, False, False]
    for caller in callers:
        await caller.leave()


async def test_without_a_limit_everybody_is_let_in() -> None:
    gate = SlotGate()
    callers = [Caller(gate, limit=0) for _ in range(50)]

    await turns()

    assert all(caller.is_in for caller in callers)
    for caller in callers:
        await caller.leave()


async def test_callers_are_let_in_in_the_order_they_came() -> None:
    gate = SlotGate()
    callers = [Caller(gate) for _ in range(5)]
    await turns()

    order = []
    for _ in callers:
        [inside] = [c for c in callers if c.is_in and c not in order]
        order.append(inside)
        await inside.leave()
        await turns()

    assert order == callers


async def test_a_newcomer_does_not_overtake_who_was_just_called() -> None:
    gate = SlotGate()
    first, second = Caller(gate), Caller(gate)
    await turns()

    await first.leave()
    newcomer = Caller(gate)
    await turns()

    assert second.is_in and not newcomer.is_in
    await second.leave()
    await newcomer.leave()


async def test_a_higher_limit_is_no_way_past_the_queue() -> None:
    gate = SlotGate()
    first, second = Caller(gate), Caller(gate)
    await turns()

    third = Caller(gate, limit=2)
    await turns()

    assert [c.is_in for c in (first, second, third)] == [True, False, False]
    for caller in (first, second, third):
        await caller.leave()


async def test_who_gives_up_waiting_is_passed_over() -> None:
    gate = SlotGate()
    first, second, third = Caller(gate), Caller(gate), Caller(gate)
    await turns()

    second.entering.cancel()
    await turns()
    await first.leave()
    await turns()

    assert third.is_in
    await third.leave()
    last = Caller(gate)
    await turns()
    assert last.is_in
    await last.leave()


async def test_who_gives_up_just_when_called_hands_the_slot_on() -> None:
    gate = SlotGate()
    first, second, third = Caller(gate), Caller(gate), Caller(gate)
    await turns()

    await first.leave()
    second.entering.cancel()
    await turns()

    assert second.entering.cancelled()
    assert third.is_in
    await third.leave()


async def test_a_slot_is_given_back_after_an_error() -> None:
    gate = SlotGate()
    with pytest.raises(ValueError):
        async with gate.slot(1):
            raise ValueError

    caller = Caller(gate)
    await turns()

    assert caller.is_in
    await caller.leave()


def test_loops_of_two_threads_share_a_gate() -> None:
    gate = SlotGate()
    inside, most = 0, 0
    lock = threading.Lock()

    async def work() -> None:
        nonlocal inside, most
        for _ in range(200):
            async with gate.slot(2):
                with lock:
                    inside += 1
                    most = max(most, inside)
                await asyncio.sleep(0)
                with lock:
                    inside -= 1

    async def crowd() -> None:
        await asyncio.wait_for(
            asyncio.gather(*(work() for _ in range(4))), 20.0
        )

    threads = [
        threading.Thread(target=asyncio.run, args=(crowd(),)) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30.0)

    assert not any(thread.is_alive() for thread in threads)
    assert (inside, most) == (0, 2)


def test_a_loop_that_is_gone_does_not_keep_its_place() -> None:
    gate = SlotGate()

    async def hold_and_abandon() -> None:
        holder, waiting = Caller(gate), Caller(gate)
        await turns()
        holders.append(holder)
        abandoned.append(waiting.entering)

    holders: list[Caller] = []
    abandoned: list[asyncio.Future[None]] = []
    loop = asyncio.new_event_loop()
    loop.run_until_complete(hold_and_abandon())
    # Closed with a task that still waits, as a thread that was killed.
    loop.close()

    async def go_on() -> bool:
        await holders[0]._slot.__aexit__(None, None, None)
        caller = Caller(gate)
        await turns()
        return caller.is_in

    assert asyncio.run(go_on())
    abandoned[0]._log_destroy_pending = False  # type: ignore[attr-defined]


def test_a_key_has_one_gate_at_each_server() -> None:
    assert gate_of("wss://a", "key one") is gate_of("wss://a", "key one")
    assert gate_of("wss://a", "key one") is not gate_of("wss://a", "key two")
    assert gate_of("wss://a", "key one") is not gate_of("wss://b", "key one")


async def test_two_clients_wait_for_each_other_instead_of_being_refused(
    sim: GradiumSim,
) -> None:
    sim.limits = Limits(sessions=1)
    async with (
        client_on(sim.url, max_sessions=1) as one,
        client_on(sim.url, max_sessions=1) as other,
    ):
        spoken = await asyncio.gather(
            *(speak(client, "Hello there.") for client in (one, other, one))
        )

    assert [s.error for s in spoken] == [None, None, None]
    # None was refused and tried again.
    assert [s.speech.usage.sessions for s in spoken] == [1, 1, 1]
    assert len(sim.sessions) == 3


@pytest.mark.sim(ready_delay_s=0.1)
async def test_a_wait_for_a_slot_is_told_in_the_log(
    sim: GradiumSim, caplog: pytest.LogCaptureFixture
) -> None:
    async with client_on(sim.url, max_sessions=1) as client:
        client.log.addHandler(caplog.handler)
        await asyncio.gather(
            *(speak(client, "Hello there.", name) for name in ("r1", "r2"))
        )

    waits = [text for text in caplog.messages if "free session" in text]
    assert len(waits) == 1
    assert re.fullmatch(
        r"vendor_status: waited \d+\.\d s for a free session", waits[0]
    )


async def test_five_callers_share_two_slots_by_retrying(
    sim: GradiumSim,
) -> None:
    """Without a gate of our own, the vendor's refusal is waited out."""
    sim.limits = Limits(sessions=2)
    async with client_on(sim.url) as client:
        spoken = await asyncio.gather(
            *(speak(client, "Hello there.", f"r{n}") for n in range(5))
        )

    assert [s.error for s in spoken] == [None] * 5
    complete = [session for session in sim.sessions if session.is_complete]
    assert len(complete) == 5


async def test_an_interrupted_request_gives_its_slot_back(
    sim: GradiumSim,
) -> None:
    sim.pause_at(Point.READY)
    async with client_on(sim.url, max_sessions=1) as client:
        running = asyncio.ensure_future(speak(client, "Hello there."))
        waiting = asyncio.ensure_future(speak(client, "And again."))
        await sim.reached(Point.READY)
        assert len(sim.sessions) == 1

        running.cancel()
        await asyncio.wait({running})
        sim.resume()
        spoken = await waiting

    assert running.cancelled()
    assert spoken.error is None
