# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The session that is begun ahead: what it shows, who gets it, when it goes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from heard import WORDS, hear
from key_scan import KEY
from speaking import client_on, speak

from gradium_sim import Close, Fault, FaultPlan, GradiumSim, Limits, Point
from gradium_sim import Error as SimError
from gradium_tts_python.wire import standby
from ten_host import AudioEnd, Frame
from ten_host import ConnectionStatus as StatusEvent
from ten_host import Error as ErrorEvent

if TYPE_CHECKING:
    from conftest import StartHost

pytestmark = pytest.mark.checks_at_start

TEXT = " ".join(WORDS[:6])
RATE_HZ = 24000
FATAL, NON_FATAL = -1000, 1000
BAD_VOICE = SimError("Embeddings not found for voice", 1008)


async def until_ready(sim: GradiumSim) -> None:
    """Wait until the server has accepted a session."""
    await sim.until(lambda s: len(s.sessions) == 1)


async def test_a_wrong_key_is_told_at_the_start(
    start_host: StartHost, sim: GradiumSim
) -> None:
    host = await start_host({"api_key": KEY[::-1]})

    error = await host.until(lambda e: isinstance(e, ErrorEvent))

    assert isinstance(error, ErrorEvent)
    assert (error.id, error.code) == ("", FATAL)
    assert error.vendor_info["code"] == "1008"
    statuses = [e for e in host.events() if isinstance(e, StatusEvent)]
    assert [e.current for e in statuses] == ["connecting", "disconnected"]
    assert len(sim.connections) == 1


async def test_a_wrong_voice_is_told_at_the_start_and_again(
    start_host: StartHost, sim: GradiumSim
) -> None:
    """The settings may be changed meanwhile, so each request asks."""
    sim.faults = FaultPlan(Fault(Point.READY, BAD_VOICE, times=2))
    host = await start_host()
    await host.until(lambda e: isinstance(e, ErrorEvent))

    await host.send_text("r1", TEXT, end=True)
    end = await host.ended("r1")

    assert isinstance(end, AudioEnd)
    errors = [e for e in host.events() if isinstance(e, ErrorEvent)]
    assert [(e.id, e.code) for e in errors] == [("", FATAL), ("r1", FATAL)]


async def test_a_key_that_is_accepted_is_told_by_the_status(
    start_host: StartHost, sim: GradiumSim
) -> None:
    host = await start_host()

    await host.until(
        lambda e: isinstance(e, StatusEvent) and e.current == "connected"
    )

    assert not [e for e in host.events() if isinstance(e, ErrorEvent)]
    assert sim.sessions[0].texts == []


async def test_the_first_request_gets_the_session(
    start_host: StartHost, sim: GradiumSim
) -> None:
    host = await start_host()
    await host.until(
        lambda e: isinstance(e, StatusEvent) and e.current == "connected"
    )

    await host.send_text("r1", TEXT, end=True)
    await host.ended("r1")

    assert len(sim.sessions) == 1
    assert hear(host.pcm("r1"), RATE_HZ, WORDS[:6]).is_all_of(6)


async def test_a_request_waits_for_the_session_that_is_being_begun(
    start_host: StartHost, sim: GradiumSim
) -> None:
    sim.pause_at(Point.READY)
    host = await start_host()
    await sim.reached(Point.READY)

    await host.send_text("r1", TEXT, end=True)
    sim.resume()
    await host.ended("r1")

    assert len(sim.sessions) == 1
    assert hear(host.pcm("r1"), RATE_HZ, WORDS[:6]).is_all_of(6)


async def test_a_full_account_is_no_error_at_the_start(
    start_host: StartHost, sim: GradiumSim, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for its turn, and says nothing."""
    monkeypatch.setattr(standby, "FULL_S", 0.01)
    full = SimError("Concurrency limit exceeded", 1008)
    sim.faults = FaultPlan(Fault(Point.READY, full, times=3))
    host = await start_host()

    await host.until(
        lambda e: isinstance(e, StatusEvent) and e.current == "connected"
    )

    assert len(sim.sessions) == 4
    assert not [e for e in host.events() if isinstance(e, ErrorEvent)]
    statuses = [e for e in host.events() if isinstance(e, StatusEvent)]
    assert [e.current for e in statuses] == ["connecting", "connected"]


async def test_a_session_that_nobody_wants_gives_its_slot_back(
    start_host: StartHost, sim: GradiumSim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standby, "CHECK_S", 0.01)
    sim.limits = Limits(sessions=1)
    host = await start_host()
    await until_ready(sim)
    # The socket in reserve takes its place.
    await sim.until(lambda s: len(s.connections) == 2)

    await host.send_text("r1", TEXT, end=True)
    await host.ended("r1")

    assert [bool(s.texts) for s in sim.sessions] == [False, True]
    assert [f for f in host.events("r1") if isinstance(f, Frame)]


async def test_a_check_that_is_not_wanted_begins_nothing(
    start_host: StartHost, sim: GradiumSim
) -> None:
    await start_host({"check_at_start": False})
    await sim.until(lambda s: s.open_sockets == 1)

    assert sim.sessions == []


# ------------------------------------------------------------ for every request


async def test_each_request_finds_a_session_begun(sim: GradiumSim) -> None:
    async with client_on(sim.url, warm="session") as client:
        client.prewarm()
        for number in range(3):
            await sim.until(lambda s, n=number: len(s.sessions) > n)
            spoken = await speak(client, TEXT, f"r{number}")
            assert spoken.error is None
            assert spoken.speech.times.is_warm
        await sim.until(lambda s: len(s.sessions) == 4)

    spoken_on = [" ".join(session.texts) for session in sim.sessions]
    assert spoken_on == [TEXT] * 3 + [""]


async def test_other_settings_are_for_another_session(sim: GradiumSim) -> None:
    async with client_on(sim.url, warm="session") as client:
        client.prewarm()
        await until_ready(sim)
        params = client.config.params.model_copy(update={"speed": 1.5})
        client.update_config(
            client.config.model_copy(update={"params": params})
        )
        spoken = await speak(client, TEXT)

    assert spoken.error is None
    assert [bool(session.texts) for session in sim.sessions][:2] == [
        False,
        True,
    ]


async def test_a_session_that_was_closed_is_not_used(sim: GradiumSim) -> None:
    async with client_on(sim.url, warm="session") as client:
        client.prewarm()
        await until_ready(sim)
        await sim.perform(Close(1001), 0)
        await sim.until(lambda s: len(s.sessions) == 2)
        spoken = await speak(client, TEXT)

    assert spoken.error is None
    assert " ".join(sim.sessions[1].texts) == TEXT


async def test_an_old_session_is_replaced(
    sim: GradiumSim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standby, "STANDBY_S", 0.02)
    async with client_on(sim.url, warm="session") as client:
        client.prewarm()
        await sim.until(lambda s: len(s.sessions) == 3)

    assert not sim.open_sockets


async def test_who_gives_up_waiting_for_it_leaves_nothing_behind(
    sim: GradiumSim,
) -> None:
    sim.pause_at(Point.READY)
    async with client_on(sim.url, warm="session") as client:
        client.prewarm()
        await sim.reached(Point.READY)
        running = asyncio.ensure_future(speak(client, TEXT))
        await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait({running})
        sim.resume()

    assert running.cancelled()
    await sim.until(lambda s: not s.open_sockets)
