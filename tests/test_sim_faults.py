# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Faults of the local server: each one as the client's socket sees it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import InvalidMessage, InvalidStatus

from gradium_sim import (
    Action,
    Close,
    Error,
    Fault,
    FaultPlan,
    GradiumSim,
    HalfOpen,
    Http,
    IgnoreClose,
    LeaveOut,
    Limits,
    OddChunks,
    Ping,
    Point,
    Pongs,
    ReadyAgain,
    Reset,
    Send,
    Stall,
    garbage,
    tones,
)
from gradium_sim.probe import Closed, Probe, kinds, pcm_of

TEXT = "one two three four five six"
IN_SESSION = [point for point in Point if point not in ("upgrade", "open")]


async def speak(sim: GradiumSim, *texts: str, **fields: Any) -> list[Any]:
    """Speak, and let the server look at nothing until all is sent.

    A client that still writes when a reset comes may lose what it did not
    read yet.
    """
    texts = texts or (TEXT,)
    sent = len(texts) + 2
    async with Probe(sim.url) as probe:
        sim.pause_at(Point.SETUP)
        speaking = asyncio.ensure_future(probe.speak(*texts, **fields))
        await sim.until(lambda sim: len(sim.connections[-1].received) >= sent)
        sim.resume(Point.SETUP)
        return await speaking


def before(point: Point) -> list[str]:
    """Kinds of message that go out before a point."""
    sent = ["ready"] if point not in (Point.SETUP, Point.READY) else []
    if point in (Point.AUDIO, Point.LAST_AUDIO, Point.LAST_WORD, Point.CLOSE):
        sent.append("audio")
    if point in (Point.LAST_AUDIO, Point.LAST_WORD, Point.CLOSE):
        sent.append("text")
    if point is Point.CLOSE:
        sent.append("end_of_stream")
    return sent


def seen(got: list[Any]) -> list[str]:
    """Kinds that came, each once, in the order of their first coming."""
    return list(dict.fromkeys(kinds(got)))


@pytest.mark.parametrize("point", IN_SESSION)
@pytest.mark.parametrize(
    ("action", "ending"),
    [
        (Close(1000), ["close 1000"]),
        (Close(1001), ["close 1001"]),
        (Close(1012, "restart"), ["close 1012"]),
        (Reset(), ["close 1006"]),
        (Error("worker lost"), ["error", "close 1011"]),
        (Error("odd", code=None), ["error", "close 1011"]),
        (Error("busy", code=1008), ["error", "close 1008"]),
    ],
    ids=repr,
)
async def test_the_socket_ends_at_every_point_in_every_way(
    point: Point, action: Action, ending: list[str]
) -> None:
    async with GradiumSim(faults=FaultPlan(Fault(point, action))) as sim:
        got = await speak(sim)
        await sim.until(lambda sim: sim.open_sockets == 0)
        again = await speak(sim)

    assert seen(got) == before(point) + ending
    assert sim.connections[0].closed_by == "server"
    assert again[-1] == Closed(1000)


async def test_an_error_names_the_session_nobody_or_somebody_else() -> None:
    named: dict[Any, Any] = {}
    for own in ("\0own", None, "other"):
        fault = Fault(Point.READY, Error("x", 1011, client_req_id=own))
        async with GradiumSim(faults=FaultPlan(fault)) as sim:
            got = await speak(sim, client_req_id="mine")
        named[own] = (got[0]["client_req_id"], got[0]["code"])

    assert named == {
        "\0own": ("mine", 1011),
        None: (None, 1011),
        "other": ("other", 1011),
    }


@pytest.mark.parametrize("status", [401, 402, 403, 429, 500, 503])
async def test_the_upgrade_is_refused_with_a_status(status: int) -> None:
    plan = FaultPlan(Fault(Point.UPGRADE, Http(status, "no"), times=2))
    async with GradiumSim(faults=plan) as sim:
        for _ in range(2):
            with pytest.raises(InvalidStatus) as caught:
                async with Probe(sim.url):
                    pass
            assert caught.value.response.status_code == status
        got = await speak(sim)

    assert got[-1] == Closed(1000)
    statuses = [one.http_status for one in sim.connections]
    assert statuses == [status, status, 101]


async def test_the_upgrade_is_reset() -> None:
    plan = FaultPlan(Fault(Point.UPGRADE, Reset()))
    async with GradiumSim(faults=plan) as sim:
        with pytest.raises((OSError, EOFError, InvalidMessage)):
            async with Probe(sim.url):
                pass
        await sim.until(lambda sim: sim.open_sockets == 0)

    assert sim.connections[0].closed_by == "server"


@pytest.mark.parametrize("action", [HalfOpen(), Stall()], ids=repr)
async def test_an_upgrade_that_is_never_answered_hangs(action: Action) -> None:
    plan = FaultPlan(Fault(Point.UPGRADE, action))
    async with GradiumSim(faults=plan) as sim:
        waiting = asyncio.ensure_future(Probe(sim.url).__aenter__())
        await sim.reached(Point.UPGRADE)
        await sim.settled()
        assert not waiting.done()
        waiting.cancel()
        await asyncio.wait([waiting])
        await sim.until(lambda sim: sim.open_sockets == 0)


@pytest.mark.parametrize(
    ("action", "is_answering"), [(HalfOpen(), False), (Stall(), True)]
)
async def test_a_silent_session_answers_pings_or_not(
    action: Action, is_answering: bool
) -> None:
    plan = FaultPlan(Fault(Point.AUDIO, action, after_frames=2))
    async with GradiumSim(faults=plan) as sim:
        async with Probe(sim.url) as probe:
            await probe.setup()
            await probe.text(TEXT)
            await probe.end()
            await sim.reached(Point.AUDIO, count=2)
            pong = asyncio.ensure_future(await probe.socket.ping())
            if is_answering:
                await pong
            await sim.settled()
            assert pong.done() == is_answering
            assert sim.sessions[0].frames_sent == 2
            assert sim.open_sockets == 1
        await sim.until(lambda sim: sim.open_sockets == 0)


async def test_pongs_are_refused() -> None:
    plan = FaultPlan(Fault(Point.OPEN, Pongs(None)))
    async with GradiumSim(faults=plan) as sim, Probe(sim.url) as probe:
        await sim.reached(Point.OPEN)
        pong = asyncio.ensure_future(await probe.socket.ping())
        got = await probe.speak(TEXT)
        is_answered = pong.done() and pong.exception() is None

    assert not is_answered
    assert got[-1] == Closed(1000)


async def test_pongs_are_late() -> None:
    plan = FaultPlan(Fault(Point.OPEN, Pongs(0.03)))
    async with GradiumSim(faults=plan) as sim, Probe(sim.url) as probe:
        await sim.reached(Point.OPEN)
        latency_s = await (await probe.socket.ping())

    assert latency_s >= 0.03


async def test_the_server_pings_and_gets_a_pong() -> None:
    plan = FaultPlan(Fault(Point.READY, Ping()))
    async with GradiumSim(faults=plan) as sim:
        assert (await speak(sim))[-1] == Closed(1000)


async def test_the_clients_close_frame_gets_no_reply() -> None:
    plan = FaultPlan(Fault(Point.OPEN, IgnoreClose()))
    async with GradiumSim(faults=plan) as sim:
        async with Probe(sim.url) as probe:
            await sim.reached(Point.OPEN)
            closing = asyncio.ensure_future(probe.socket.close())
            await sim.settled()
            assert not closing.done()
            assert sim.open_sockets == 1
            closing.cancel()
            await asyncio.wait([closing])
        await sim.until(lambda sim: sim.open_sockets == 0)


@pytest.mark.parametrize("name", sorted(garbage.ALL))
async def test_garbage_comes_in_between_and_changes_nothing_else(
    name: str,
) -> None:
    action = garbage.ALL[name]
    async with GradiumSim() as sim:
        clean = await speak(sim, client_req_id="r")
        places = (Point.READY, Point.FIRST_AUDIO, Point.AUDIO)
        for index, point in enumerate(places):
            sim.faults = FaultPlan(Fault(point, action))
            got = await speak(sim, client_req_id="r")
            added = got.pop(index)

            assert added.get("client_req_id", "r") == "r"
            assert kinds(got) == kinds(clean)
            assert pcm_of(got, "r") == pcm_of(clean, "r")


async def test_ready_comes_twice() -> None:
    plan = FaultPlan(Fault(Point.FIRST_AUDIO, ReadyAgain()))
    async with GradiumSim(faults=plan) as sim:
        got = await speak(sim)

    assert got[0] == got[1]
    assert got[0]["type"] == "ready"


async def test_a_large_message_comes_in_between() -> None:
    plan = FaultPlan(Fault(Point.AUDIO, garbage.large(3 * 2**20)))
    async with GradiumSim(faults=plan) as sim:
        got = await speak(sim)

    assert len(got[2]["padding"]) == 3 * 2**20
    assert got[-1] == Closed(1000)


async def test_fields_are_left_out() -> None:
    fields = ("start_s", "stop_s", "stream_id", "client_req_id")
    plan = FaultPlan(
        Fault(Point.READY, LeaveOut(("sample_rate", "request_id"), "ready")),
        Fault(Point.READY, LeaveOut(fields, "audio")),
        Fault(Point.READY, LeaveOut(fields, "text")),
    )
    async with GradiumSim(faults=plan) as sim:
        got = await speak(sim)

    assert not {"sample_rate", "request_id"} & set(got[0])
    assert {tuple(one) for one in got[1:-2]} == {
        ("type", "audio", "audio_tokens"),
        ("type", "text"),
    }


async def test_odd_chunks_are_whole_when_joined() -> None:
    plan = FaultPlan(Fault(Point.READY, OddChunks()))
    async with GradiumSim() as sim:
        clean = await speak(sim)
        sim.faults = plan
        odd = await speak(sim)

    sizes = [len(pcm_of([one])) for one in odd[1:-2] if one["type"] == "audio"]
    assert sum(size % 2 for size in sizes) >= len(sizes) - 1
    assert pcm_of(odd) == pcm_of(clean)


async def test_a_fault_happens_as_often_as_planned() -> None:
    plan = FaultPlan(Fault(Point.READY, Reset(), times=2, skip=1))
    async with GradiumSim(faults=plan) as sim:
        endings = [(await speak(sim))[-1] for _ in range(5)]
        sim.faults = FaultPlan(Fault(Point.READY, Reset(), times=None))
        endings += [(await speak(sim))[-1] for _ in range(3)]

    codes = [one.code for one in endings]
    assert codes == [1000, 1006, 1006, 1000, 1000, 1006, 1006, 1006]


async def test_a_fault_may_wait_for_a_number_of_words() -> None:
    words = TEXT.split()
    heard = []
    for count in range(1, len(words) + 1):
        plan = FaultPlan(Fault(Point.AUDIO, Reset(), after_words=count))
        async with GradiumSim(faults=plan) as sim:
            got = await speak(sim)
        complete = [
            one
            for one in tones.decode(pcm_of(got), 24000)
            if not one.endswith(tones.CUT)
        ]
        assert words[: len(complete)] == complete
        heard.append(len(complete))

    assert all(n >= count for count, n in enumerate(heard, start=1))
    assert heard == sorted(heard)


async def test_a_fault_may_be_meant_for_one_id() -> None:
    fault = Fault(Point.READY, Reset(), client_req_id="b")
    async with GradiumSim(faults=FaultPlan(fault)) as sim:
        first = await speak(sim, client_req_id="a")
        second = await speak(sim, client_req_id="b")

    assert (first[-1], second[-1]) == (Closed(1000), Closed(1006))


async def test_an_idle_socket_can_be_broken_at_any_time() -> None:
    broken: list[tuple[Action, int]] = [
        (Close(1001, "going away"), 1001),
        (Reset(), 1006),
    ]
    for action, code in broken:
        async with GradiumSim() as sim, Probe(sim.url) as probe:
            await sim.reached(Point.OPEN)
            await sim.perform(action)
            closed = await probe.receive()
        assert isinstance(closed, Closed)
        assert closed.code == code


async def test_a_message_of_ones_own_carries_the_id() -> None:
    fault = Fault(Point.READY, Send('{"type": "x", "client_req_id": {id}}'))
    async with GradiumSim(faults=FaultPlan(fault)) as sim:
        got = await speak(sim, client_req_id="r")

    assert json.dumps(got[0]) == '{"type": "x", "client_req_id": "r"}'


@pytest.mark.parametrize(
    "make",
    [
        lambda: Fault(Point.UPGRADE, Close(1000)),
        lambda: Fault(Point.UPGRADE, Send("x")),
        lambda: Fault(Point.READY, Http(500)),
    ],
)
def test_a_fault_that_cannot_happen_cannot_be_planned(
    make: Callable[[], Fault],
) -> None:
    with pytest.raises(ValueError):
        make()


LIMITS = [
    (Limits(sessions=0), "Concurrency limit exceeded", 1008),
    (
        Limits(credits=0),
        "You have no credits left. Please upgrade your subscription.",
        1008,
    ),
    (Limits(worker_busy_s=60.0), "No worker available, try again", 1011),
    (Limits(session_chars=7), "Session limit exceeded", 1008),
    (Limits(session_audio_s=0.16), "Session limit exceeded", 1008),
    (Limits(session_s=0.0), "Session limit exceeded", 1008),
    (
        Limits(credits=7),
        "You have no credits left. Please upgrade your subscription.",
        1008,
    ),
]


@pytest.mark.parametrize(("limits", "message", "code"), LIMITS)
async def test_a_limit_is_an_error_and_a_close(
    limits: Limits, message: str, code: int
) -> None:
    async with GradiumSim(limits=limits) as sim:
        got = await speak(sim)

    assert got[-2]["message"].split("\n")[0] == message
    assert (got[-2]["code"], got[-1].code) == (code, code)


@pytest.mark.parametrize("limit", [3, 7, 13, 23])
async def test_a_session_is_cut_at_its_characters(limit: int) -> None:
    async with GradiumSim(limits=Limits(session_chars=limit)) as sim:
        got = await speak(sim)

    assert sim.counters.synthesised == limit
    heard = tones.decode(pcm_of(got), 24000)
    assert " ".join(TEXT.split()[: len(heard)]) in TEXT[:limit]


async def test_the_free_tier_ends_in_a_reset() -> None:
    async with GradiumSim(limits=Limits(free_tier_chars=13)) as sim:
        got = await speak(sim)

    assert seen(got) == ["ready", "audio", "text", "close 1006"]
    assert sim.counters.synthesised == 13


async def test_a_slot_is_free_again_when_its_session_ends() -> None:
    async with GradiumSim(limits=Limits(sessions=1)) as sim:
        async with Probe(sim.url) as first:
            await first.setup()
            await first.receive()
            refused = await speak(sim)
            await first.text("a")
            await first.end()
            await first.until("end_of_stream")
            accepted = await speak(sim)

    assert kinds(refused) == ["error", "close 1008"]
    assert accepted[-1] == Closed(1000)


async def test_a_slot_is_free_again_when_its_socket_is_gone() -> None:
    async with GradiumSim(limits=Limits(sessions=1)) as sim:
        async with Probe(sim.url) as first:
            await first.setup()
            await first.receive()
        await sim.until(lambda sim: sim.free_slots == 1)
        accepted = await speak(sim)

    assert accepted[-1] == Closed(1000)


async def test_a_slot_may_be_released_late() -> None:
    in_an_hour = Limits(sessions=1, slot_release_s=3600.0)
    async with GradiumSim(limits=in_an_hour) as sim:
        first = await speak(sim)
        refused = await speak(sim)
    soon = Limits(sessions=1, slot_release_s=0.05)
    async with GradiumSim(limits=soon) as sim:
        second = await speak(sim)
        await sim.until(lambda sim: sim.free_slots == 1)
        accepted = await speak(sim)

    assert kinds(refused) == ["error", "close 1008"]
    for got in (first, second, accepted):
        assert got[-1] == Closed(1000)


async def test_a_bare_socket_takes_no_slot() -> None:
    async with GradiumSim(limits=Limits(sessions=1)) as sim:
        async with Probe(sim.url), Probe(sim.url):
            got = await speak(sim)

    assert got[-1] == Closed(1000)


async def test_a_socket_that_sends_no_setup_is_closed() -> None:
    limits = Limits(idle_before_setup_s=0.02)
    async with GradiumSim(limits=limits) as sim, Probe(sim.url) as probe:
        got = await probe.until_closed()

    assert got == [Closed(1008, "Inactivity timeout")]


async def test_a_session_without_text_is_closed_after_inactivity() -> None:
    limits = Limits(idle_before_setup_s=60.0, inactivity_s=0.2)
    async with GradiumSim(limits=limits) as sim, Probe(sim.url) as probe:
        await probe.setup()
        got = await probe.until_closed()

    assert kinds(got) == ["ready", "close 1008"]


@pytest.mark.parametrize("action", [HalfOpen(), Stall()], ids=repr)
async def test_an_idle_socket_can_fall_silent(action: Action) -> None:
    async with GradiumSim() as sim, Probe(sim.url) as probe:
        await sim.reached(Point.OPEN)
        await sim.perform(action)
        speaking = asyncio.ensure_future(probe.speak(TEXT))
        await sim.settled()

        assert not speaking.done()
        assert sim.open_sockets == 1
        speaking.cancel()
        await asyncio.wait([speaking])
