# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The stop: at once in every state, nothing left, the usage told, no new end.

How long it takes is measured in `test_life_properties`, on a virtual clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from gradium_sim import (
    Error,
    Fault,
    FaultPlan,
    GradiumSim,
    HalfOpen,
    IgnoreClose,
    Point,
    Reset,
)
from ten_host import ExtensionHost, Frame, Metrics, is_stand_in

from .farewell import Whole, farewell
from .interruptions import (
    HANG_S,
    PATIENT,
    TEXT,
    Interruption,
    Turn,
    cases,
)
from .properties.test_life_properties import Event, Player, Script
from .properties.virtual_loop import run_virtually
from .story import spoken, tell


class Stoppable:
    """Starts one host, and stops it when the test says so."""

    def __init__(self, sim: GradiumSim, dump_path: str, trace: Path) -> None:
        self._sim = sim
        self._dump_path = dump_path
        self._trace = trace
        self._stack = AsyncExitStack()

    async def start(self, params: Mapping[str, Any] = PATIENT) -> ExtensionHost:
        """Start the host, with dump files."""
        properties = {
            "dump": True,
            "dump_path": self._dump_path,
            "params": {"url": self._sim.url, "api_key": "test-key", **params},
        }
        host = ExtensionHost("gradium_tts_python", properties)
        self.host = await self._stack.enter_async_context(host)
        return self.host

    async def stop(self) -> list[str]:
        """Stop it; gives what the graph saw in all.

        Checks what holds in every state: it waits for no answer of the
        server, no task, socket or file is left, and its last metrics tell
        the usage.
        """
        await asyncio.wait_for(self._stack.aclose(), HANG_S)

        # Only now: whoever waits for the server would wait still.
        self._sim.resume()
        await self._sim.until(lambda s: s.open_sockets == 0)
        assert leaks() == ()
        assert any(
            isinstance(event, Metrics) and "output_characters" in event.metrics
            for event in farewell(self._trace)
        )
        return tell(Whole(self.host, self._trace).events())


def leaks() -> tuple[Any, ...]:
    """What the last run left behind; TEN does not look."""
    if not is_stand_in():
        return ()
    from ten_runtime.run_report import last_run

    return last_run().leaks


@pytest.fixture
async def stoppable(
    sim: GradiumSim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stoppable]:
    """An extension that has not been started."""
    trace = tmp_path / "trace.jsonl"
    monkeypatch.setenv("GRADIUM_TTS_TRACE", str(trace))
    one = Stoppable(sim, str(tmp_path), trace)
    yield one
    await one._stack.aclose()


@pytest.mark.parametrize(("point", "turn"), cases(default=1))
async def test_a_stop_ends_a_request_at_any_point(
    sim: GradiumSim, stoppable: Stoppable, point: Interruption, turn: Turn
) -> None:
    await point.reach(sim, stoppable.start)
    await turn(sim, point)

    assert await stoppable.stop() == point.story()


@pytest.mark.parametrize("action", [None, IgnoreClose(), HalfOpen()], ids=str)
async def test_a_stop_closes_a_socket_in_reserve(
    sim: GradiumSim, stoppable: Stoppable, action: Any
) -> None:
    await stoppable.start()
    await sim.reached(Point.OPEN)
    if action:
        await sim.perform(action)

    assert await stoppable.stop() == []


async def test_a_stop_at_once_leaves_nothing(stoppable: Stoppable) -> None:
    await stoppable.start()

    assert await stoppable.stop() == []


def test_a_stop_before_any_start_is_nothing() -> None:
    """TEN leaves `on_init` out where an app is stopped at once."""

    async def stop() -> list[Event]:
        player = Player(Script(()))
        await player.extension.on_stop(player.env)
        return player.record.events()

    assert run_virtually(stop()) == []


@pytest.mark.parametrize("action", [HalfOpen(), Reset()], ids=str)
async def test_a_stop_gives_up_a_socket_that_cannot_be_opened(
    sim: GradiumSim, stoppable: Stoppable, action: Any
) -> None:
    sim.faults = FaultPlan(Fault(Point.UPGRADE, action, times=None))
    await stoppable.start()
    await sim.reached(Point.UPGRADE)

    assert await stoppable.stop() == []


async def test_a_stop_ends_a_request_that_is_being_retried(
    sim: GradiumSim, stoppable: Stoppable
) -> None:
    sim.faults = FaultPlan(Fault(Point.READY, Reset(), times=None))
    host = await stoppable.start()
    await host.send_text("r1", TEXT, end=True)
    await sim.until(lambda s: len(s.sessions) == 2)

    assert await stoppable.stop() == ["end r1 interrupted"]


async def test_a_stop_drops_the_requests_that_wait(
    sim: GradiumSim, stoppable: Stoppable
) -> None:
    sim.pause_at(Point.AUDIO)
    host = await stoppable.start()
    for request_id in ("r1", "r2", "r3"):
        await host.send_text(request_id, TEXT, end=True)
    await host.until(lambda e: isinstance(e, Frame))

    story = ["start r1", "audio", "end r1 interrupted"]
    assert await stoppable.stop() == story


async def test_a_stop_ends_no_request_twice(
    sim: GradiumSim, stoppable: Stoppable
) -> None:
    host = await stoppable.start()
    await host.send_text("r1", TEXT, end=True)
    await host.ended("r1")
    await host.send_text("r2", " ")
    await host.send_text("r3", TEXT)  # waits for its turn behind r2
    await host.flush("f1")
    sim.faults = FaultPlan(Fault(Point.READY, Error("no", 1002)))
    await host.send_text("r4", TEXT)
    await host.until(lambda e: "error r4" in tell([e]))

    story = [*spoken("r1"), "flushed f1", "error r4"]
    assert await stoppable.stop() == story


async def test_what_comes_while_it_stops_is_not_spoken(
    sim: GradiumSim, stoppable: Stoppable
) -> None:
    sim.pause_at(Point.AUDIO)
    host = await stoppable.start()
    await host.send_text("r1", TEXT)
    await host.until(lambda e: isinstance(e, Frame))
    texts = [
        asyncio.create_task(host.send_text("r1", "more. ", end=n % 2 == 0))
        for n in range(10)
    ]

    story = await stoppable.stop()
    await asyncio.gather(*texts, return_exceptions=True)

    assert story == ["start r1", "audio", "end r1 interrupted"]
    assert [s.is_complete for s in sim.sessions] == [False]
