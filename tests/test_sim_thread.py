# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The local server in a thread."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.error
import urllib.request
from typing import Any

import pytest

from gradium_sim import (
    Fault,
    FaultPlan,
    Limits,
    Point,
    Reset,
    SimThread,
    tones,
)
from gradium_sim.probe import Closed, Probe, pcm_of


def speak(url: str, text: str) -> list[object]:
    async def speaking() -> list[object]:
        async with Probe(url) as probe:
            got = await probe.speak(text)
            return [pcm_of(got), got[-1]]

    return asyncio.run(speaking())


def test_a_server_in_a_thread_speaks_and_keeps_records() -> None:
    with SimThread() as sim:
        sound, closed = speak(sim.url, "one two")
        sim.until(lambda sim: sim.open_sockets == 0)

        assert isinstance(sound, bytes)
        assert tones.decode(sound, 24000) == ["one", "two"]
        assert closed == Closed(1000)
        assert sim.sessions[0].text == "one two"
        assert sim.connections[0].closed_by == "server"
        assert sim.counters.delivered == 7


def test_a_session_is_held_and_let_go_from_another_thread() -> None:
    with SimThread() as sim:
        sim.pause_at(Point.READY)
        got: list[list[object]] = []
        thread = threading.Thread(
            target=lambda: got.append(speak(sim.url, "one"))
        )
        thread.start()
        sim.reached(Point.READY)
        assert got == []
        sim.resume()
        thread.join()

    assert got[0][1] == Closed(1000)


def test_faults_and_limits_can_be_changed_while_it_runs() -> None:
    with SimThread() as sim:
        sim.faults = FaultPlan(Fault(Point.READY, Reset()))
        assert speak(sim.url, "one")[1] == Closed(1006)
        sim.limits = Limits(sessions=0)
        closed = speak(sim.url, "one")[1]
        assert isinstance(closed, Closed)
        assert closed.code == 1008


def test_nothing_of_it_is_left_behind() -> None:
    before = set(threading.enumerate())
    with SimThread(voice="espeak") as sim:
        speak(sim.url, "one")

    assert set(threading.enumerate()) == before


def test_a_wait_does_not_last_for_ever() -> None:
    with SimThread() as sim, pytest.raises(TimeoutError):
        sim.reached(Point.READY, timeout_s=0.01)


async def test_a_caller_with_a_loop_does_not_block_it() -> None:
    with SimThread() as sim:
        sim.pause_at(Point.READY)
        async with Probe(sim.url) as probe:
            await probe.setup()
            await sim.reached_async(Point.READY)
            sim.resume()
            assert isinstance(await probe.receive(), dict)
        await sim.until_async(lambda sim: sim.open_sockets == 0)


def test_credits_and_voices_can_be_asked_for() -> None:
    with SimThread(limits=Limits(credits=100)) as sim:
        speak(sim.url, "one two")
        base = f"http://{sim.host}:{sim.port}/api"
        credits_left = get(f"{base}/usages/credits", "test-key")
        voices = get(f"{base}/voices/", "test-key")
        wrong = get(f"{base}/usages/credits", "wrong")
        nothing = get(f"{base}/nothing", "test-key")

    assert credits_left[0] == 200
    assert credits_left[1]["remaining_credits"] == 93
    assert voices[1][0]["name"] == "Emma"
    assert wrong == (401, {"detail": "Invalid or expired API key"})
    assert nothing[0] == 404


def get(url: str, key: str) -> tuple[int, Any]:
    request = urllib.request.Request(url, headers={"x-api-key": key})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
