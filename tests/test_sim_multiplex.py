# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Several sessions on one socket of the local server."""

from __future__ import annotations

from typing import Any

from gradium_sim import (
    Error,
    Fault,
    FaultPlan,
    GradiumSim,
    Point,
    tones,
)
from gradium_sim.probe import Closed, Probe, kinds, pcm_of


async def begin(probe: Probe, name: str, **fields: Any) -> None:
    await probe.setup(client_req_id=name, close_ws_on_eos=False, **fields)


def words(*names: str) -> str:
    return " ".join(names)


async def test_sessions_take_turns_and_keep_their_own_order() -> None:
    texts = {name: words(*(f"{name}{n}" for n in range(20))) for name in "abc"}
    async with GradiumSim() as sim, Probe(sim.url) as probe:
        sim.pause_at(Point.READY)
        for name, text in texts.items():
            await begin(probe, name)
            await probe.text(text, name)
            await probe.end(name)
        await sim.reached(Point.READY, count=3)
        sim.resume()
        got: list[Any] = []
        for _ in texts:
            got += await probe.until("end_of_stream")

    for name, text in texts.items():
        own = [one for one in got if one["client_req_id"] == name]
        assert kinds(own)[0] == "ready"
        assert own[-1]["type"] == "end_of_stream"
        starts = [one["start_s"] for one in own if one["type"] == "audio"]
        assert starts[0] == 0.0
        assert starts == sorted(starts)
        assert tones.decode(pcm_of(got, name), 24000) == text.split()
    frames = [one["client_req_id"] for one in got if one["type"] == "audio"]
    turns = sum(a != b for a, b in zip(frames, frames[1:], strict=False))
    assert turns > len(frames) // 2


async def test_sessions_on_one_socket_may_differ_in_format() -> None:
    async with GradiumSim() as sim, Probe(sim.url) as probe:
        for name, rate_hz in (("a", 8000), ("b", 48000)):
            await begin(probe, name, output_format=f"pcm_{rate_hz}")
            await probe.text("one two", name)
            await probe.end(name)
        got = await probe.until("end_of_stream")
        got += await probe.until("end_of_stream")

    assert tones.decode(pcm_of(got, "a"), 8000) == ["one", "two"]
    assert tones.decode(pcm_of(got, "b"), 48000) == ["one", "two"]


async def test_a_session_that_is_ignored_goes_on() -> None:
    async with GradiumSim() as sim, Probe(sim.url) as probe:
        await begin(probe, "dropped")
        await probe.text(words(*(f"w{n}" for n in range(50))), "dropped")
        await begin(probe, "next")
        await probe.text("one", "next")
        await probe.end("next")
        await probe.until("end_of_stream")
        await sim.until(lambda sim: sim.sessions[0].chars_synthesised > 100)

    assert [one.is_complete for one in sim.sessions] == [False, True]


async def test_an_id_may_be_used_again_after_its_end() -> None:
    async with GradiumSim() as sim, Probe(sim.url) as probe:
        for text in ("one", "two"):
            got = await probe.speak(
                text, client_req_id="a", close_ws_on_eos=False
            )
            assert kinds(got)[-1] == "end_of_stream"

    assert [one.text for one in sim.sessions] == ["one", "two"]


async def test_text_for_an_id_that_has_ended_is_a_protocol_error() -> None:
    async with GradiumSim() as sim, Probe(sim.url) as probe:
        await probe.speak("one", client_req_id="a", close_ws_on_eos=False)
        await probe.text("late", "a")
        got = await probe.until_closed()

    assert kinds(got) == ["error", "close 1002"]


async def test_an_error_may_leave_the_socket_and_the_others_alone() -> None:
    fault = Fault(
        Point.AUDIO, Error("lost", 1011, close=False), client_req_id="b"
    )
    async with GradiumSim(faults=FaultPlan(fault)) as sim:
        async with Probe(sim.url) as probe:
            for name in "ab":
                await begin(probe, name)
                await probe.text("one two three four five", name)
            got: list[Any] = await probe.until("error")
            await probe.end("a")
            got += await probe.until("end_of_stream")
            again = await probe.speak(
                "six", client_req_id="c", close_ws_on_eos=False
            )

    errors = [one for one in got if one["type"] == "error"]
    assert [one["client_req_id"] for one in errors] == ["b"]
    assert got[-1]["client_req_id"] == "a"
    assert len(tones.decode(pcm_of(got, "a"), 24000)) == 5
    assert kinds(again)[-1] == "end_of_stream"


async def test_a_session_that_closes_the_socket_closes_it_for_all() -> None:
    async with GradiumSim() as sim, Probe(sim.url) as probe:
        await begin(probe, "a")
        await probe.text("never ended", "a")
        await probe.setup(client_req_id="b")
        await probe.text("one", "b")
        await probe.end("b")
        got = await probe.until_closed()

    assert got[-1] == Closed(1000)
    assert sim.sessions[0].close_code == 1000
