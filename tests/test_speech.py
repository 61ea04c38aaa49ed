# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A request over several sessions: what is retried, resumed and rotated."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from heard import WORDS, Hearing, hear
from speaking import Connect, Spoken, begin, carry, client_on, speak

from fault_proxy import FaultProxy
from gradium_sim import (
    Close,
    Error,
    Fault,
    FaultPlan,
    GradiumSim,
    HalfOpen,
    Http,
    Limits,
    Point,
    Reset,
    Send,
)
from gradium_tts_python.config import Endpoint
from gradium_tts_python.core.actions import Action, Pcm, Start
from gradium_tts_python.core.errors import (
    ConnectError,
    ConnectionLost,
    ErrorKind,
    GradiumError,
    StallError,
)
from gradium_tts_python.core.parts import MOST_BYTES_AT_ONCE
from gradium_tts_python.gradium_tts import GradiumTTSClient
from gradium_tts_python.wire.transport import Transport

from .properties.memory_transport import RATE_HZ as MEMORY_RATE_HZ
from .properties.memory_transport import (
    Failure,
    MemoryServer,
    Plan,
    sound_of,
)
from .properties.virtual_loop import run_virtually

SAID = WORDS[:12]
TEXT = " ".join(SAID)
RATE_HZ = 24000
ALL = tuple(range(len(SAID)))


@asynccontextmanager
async def in_memory(
    connect: Connect, **params: Any
) -> AsyncIterator[GradiumTTSClient]:
    """A client of a server without a socket, for a virtual clock."""
    async with client_on(
        "ws://memory/",
        connect=connect,
        warm="off",
        sample_rate=MEMORY_RATE_HZ,
        **params,
    ) as client:
        yield client


def hearing_of(spoken: Spoken) -> Hearing:
    return hear(spoken.pcm, RATE_HZ, SAID)


def texts_of(sim: GradiumSim) -> list[str]:
    """What each session was told, tags left out."""
    return [
        " ".join(text for text in session.texts if text != "<flush>")
        for session in sim.sessions
    ]


# ---------------------------------------------------- before anything was heard


async def test_a_retry_says_all_the_text_so_far(sim: GradiumSim) -> None:
    sim.faults = FaultPlan(Fault(Point.READY, Close(1011), times=3))
    async with client_on(sim.url, warm="off") as client:
        spoken = await speak(client, TEXT)

    assert spoken.error is None
    assert hearing_of(spoken) == Hearing(ALL, 0)
    assert texts_of(sim) == [TEXT] * 4
    assert spoken.speech.usage.sessions == 4


async def test_text_that_comes_during_retries_goes_on_in_order(
    sim: GradiumSim,
) -> None:
    sim.faults = FaultPlan(Fault(Point.READY, Close(1011), times=2))
    async with client_on(sim.url, warm="off") as client:
        spoken = begin(client)
        spoken.speech.push_fragment(" ".join(SAID[:4]) + " ")
        running = asyncio.ensure_future(carry(spoken))
        await sim.until(lambda s: len(s.sessions) == 1)
        spoken.speech.push_fragment(" ".join(SAID[4:8]) + " ")
        await sim.until(lambda s: len(s.sessions) == 2)
        spoken.speech.push_fragment(" ".join(SAID[8:]))
        await sim.until(lambda s: len(s.sessions) == 3)
        spoken.speech.end_input()
        await running

    assert spoken.error is None
    assert hearing_of(spoken) == Hearing(ALL, 0)
    assert texts_of(sim)[-1] == TEXT


def test_retries_end_at_the_deadline_with_the_last_error() -> None:
    attempts_s: list[float] = []

    async def connect(endpoint: Endpoint, timeout_s: float) -> Transport:
        attempts_s.append(asyncio.get_running_loop().time())
        what = "first" if len(attempts_s) == 1 else "then"
        raise ConnectError("refused", ErrorKind.TRANSIENT, "1012", what)

    async def fail() -> Spoken:
        async with in_memory(connect, retry_deadline_s=1.0) as client:
            return await speak(client, TEXT)

    spoken = run_virtually(fail())

    assert isinstance(spoken.error, ConnectError)
    assert (spoken.error.code, spoken.error.vendor_message) == ("1012", "then")
    # With full jitter; the next one would have a quarter of a second left.
    assert attempts_s == pytest.approx([0.0, 0.05, 0.15, 0.35])


async def test_a_deadline_of_zero_means_one_attempt(sim: GradiumSim) -> None:
    sim.faults = FaultPlan(Fault(Point.READY, Close(1011)))
    async with client_on(sim.url, warm="off", retry_deadline_s=0.0) as client:
        spoken = await speak(client, TEXT)

    assert spoken.error is not None
    assert len(sim.sessions) == 1


async def test_a_socket_that_died_in_reserve_costs_no_wait(
    sim: GradiumSim, caplog: pytest.LogCaptureFixture
) -> None:
    sim.faults = FaultPlan(Fault(Point.SETUP, Reset()))
    async with client_on(sim.url) as client:
        client.log.addHandler(caplog.handler)
        client.prewarm()
        await sim.until(
            lambda s: bool(
                s.connections and s.connections[0].http_status == 101
            )
        )
        spoken = await speak(client, TEXT)

    assert spoken.error is None
    [told] = [m for m in caplog.messages if " retry in " in m]
    assert " retry in 0.00 s: " in told
    assert len(sim.sessions) == 2
    assert hearing_of(spoken) == Hearing(ALL, 0)


async def test_a_concurrency_refusal_is_retried_without_a_spare(
    sim: GradiumSim,
) -> None:
    """The socket in reserve may be what is one too many."""
    refusal = Error("Concurrency limit exceeded", 1008)
    sim.faults = FaultPlan(Fault(Point.SETUP, refusal))
    async with client_on(sim.url) as client:
        client.prewarm()
        await sim.until(
            lambda s: bool(
                s.connections and s.connections[0].http_status == 101
            )
        )
        sim.pause_at(Point.READY)
        running = asyncio.ensure_future(speak(client, TEXT))
        await sim.reached(Point.READY)
        await sim.until(lambda s: s.open_sockets == 1)
        sim.resume()
        spoken = await running

    assert spoken.error is None
    assert hearing_of(spoken) == Hearing(ALL, 0)


async def test_a_busy_server_is_waited_for(sim: GradiumSim) -> None:
    """No worker can be had for a while, and `retry_for_s` is not set."""
    sim.limits = Limits(worker_busy_s=0.2)
    async with client_on(sim.url) as client:
        spoken = await speak(client, TEXT)

    assert spoken.error is None
    assert len(sim.sessions) > 2


async def test_the_server_may_look_for_a_worker_itself(
    sim: GradiumSim,
) -> None:
    """Longer than `ready_timeout_s`: the wait for `ready` allows for it."""
    sim.limits = Limits(worker_busy_s=0.3)
    async with client_on(
        sim.url, ready_timeout_s=0.1, retry_for_s=1.0
    ) as client:
        spoken = await speak(client, TEXT)

    assert spoken.error is None
    assert len(sim.sessions) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(Point.UPGRADE, Http(401)),
        Fault(Point.SETUP, Error("Invalid or expired API key", 1008)),
        Fault(Point.READY, Error("Session not found. Send setup first", 1002)),
    ],
)
async def test_what_cannot_succeed_is_not_tried_again(
    sim: GradiumSim, fault: Fault
) -> None:
    sim.faults = FaultPlan(fault)
    async with client_on(sim.url, warm="off") as client:
        spoken = await speak(client, TEXT)

    assert isinstance(spoken.error, GradiumError)
    assert len(sim.connections) == 1


# --------------------------------------------------------- after some was heard


async def test_what_was_heard_is_not_said_again(sim: GradiumSim) -> None:
    sim.faults = FaultPlan(Fault(Point.AUDIO, Close(1011), after_words=6))
    async with client_on(sim.url, warm="off") as client:
        spoken = await speak(client, TEXT)

    first = sim.sessions[0]
    delivered_s = len(first.pcm) / 2 / RATE_HZ
    sure = sum(stop_s + 0.1 <= delivered_s for _, _, stop_s in first.words)
    assert texts_of(sim) == [TEXT, " ".join(SAID[sure:])]
    assert hearing_of(spoken).is_all_of(len(SAID))
    assert spoken.speech.ledger.words_announced == len(SAID)
    assert sum(isinstance(a, Start) for a in spoken.actions) == 1


async def test_more_text_follows_after_a_resumed_session(
    sim: GradiumSim,
) -> None:
    sim.faults = FaultPlan(Fault(Point.AUDIO, Close(1011), after_words=2))
    async with client_on(sim.url, warm="off") as client:
        spoken = begin(client)
        spoken.speech.push_fragment(" ".join(SAID[:8]) + " ")
        running = asyncio.ensure_future(carry(spoken))
        await sim.until(lambda s: len(s.sessions) == 2)
        spoken.speech.push_fragment(" ".join(SAID[8:]))
        spoken.speech.end_input()
        await running

    assert spoken.error is None
    assert hearing_of(spoken).is_all_of(len(SAID))


async def test_a_failure_while_all_is_heard_waits_for_text(
    sim: GradiumSim,
) -> None:
    """The LLM thinks, the socket breaks: nobody needs to know."""
    async with client_on(sim.url, idle_flush_ms=20, warm="off") as client:
        spoken = begin(client)
        spoken.speech.push_fragment(" ".join(SAID[:6]) + " ")
        running = asyncio.ensure_future(carry(spoken))
        await sim.until(
            lambda s: bool(s.sessions) and len(s.sessions[0].words) >= 5
        )
        await sim.perform(Close(1012))
        await sim.until(lambda s: s.open_sockets == 0)
        spoken.speech.push_fragment(" ".join(SAID[6:]))
        spoken.speech.end_input()
        await running

    assert spoken.error is None
    assert hearing_of(spoken).is_all_of(len(SAID))


def test_a_wait_for_the_agent_is_no_time_of_failure() -> None:
    """Two drops far apart, the server withholding words all the while."""
    # It says nothing but `ready`, twice.
    withholding = Plan(failure=Failure.STALLED, after_messages=1)
    server = MemoryServer([withholding] * 2, lambda _: None)

    async def talk() -> Spoken:
        async with in_memory(
            server.connect,
            idle_flush_ms=0,
            retry_deadline_s=0.2,
            connect_timeout_s=0.1,
            ready_timeout_s=0.1,
            audio_timeout_s=0.1,
        ) as client:
            spoken = begin(client)
            spoken.speech.push_fragment(" ".join(SAID[:2]) + " ")
            running = asyncio.ensure_future(carry(spoken))
            await asyncio.sleep(0.2)
            server.drop()
            # Longer than all the limits together: the agent thinks.
            await asyncio.sleep(0.7)
            server.drop()
            await asyncio.sleep(0.2)
            spoken.speech.end_input()
            return await running

    spoken = run_virtually(talk())

    assert spoken.error is None
    assert [session.words for session in server.sessions] == [
        [],
        [],
        SAID[:2],
    ]


async def test_a_word_is_not_started_for_ever(sim: GradiumSim) -> None:
    """A server that always breaks in the same word is given up soon."""
    sim.faults = FaultPlan(
        Fault(Point.AUDIO, Close(1011), after_frames=1, times=None)
    )
    async with client_on(sim.url, warm="off") as client:
        spoken = await speak(client, "x" * 60 + " and more")

    assert isinstance(spoken.error, ConnectionLost)
    assert len(sim.sessions) == 4
    assert spoken.speech.ledger.undelivered_text() == "x" * 60 + " and more"


def test_as_long_as_words_are_heard_nothing_is_given_up() -> None:
    """A server that breaks after every other word, longer than the deadline."""
    breaking = Plan(failure=Failure.CLOSED, after_messages=1 + 3 * 3)
    server = MemoryServer([breaking] * len(SAID), lambda _: None)

    async def talk() -> tuple[Spoken, float]:
        async with in_memory(server.connect, retry_deadline_s=0.2) as client:
            spoken = await speak(client, TEXT)
        return spoken, asyncio.get_running_loop().time()

    spoken, took_s = run_virtually(talk())

    assert spoken.error is None
    assert took_s > 0.2
    assert [session.words for session in server.sessions] == [
        # Of each the last but one is sure.
        SAID[first : first + 3]
        for first in range(0, len(SAID), 2)
    ]


# -------------------------------------------------------------------- the line


async def test_a_peer_that_is_gone_is_replaced(sim: GradiumSim) -> None:
    sim.faults = FaultPlan(Fault(Point.AUDIO, HalfOpen(), after_words=6))
    async with client_on(sim.url, warm="off") as client:
        spoken = await speak(client, TEXT)

    assert spoken.error is None
    assert hearing_of(spoken).is_all_of(len(SAID))


def test_a_peer_that_is_gone_is_replaced_within_three_seconds() -> None:
    # `ready`, and six words of two audio messages and a time each: 0.2 s.
    gone = Plan(failure=Failure.HALF_OPEN, after_messages=1 + 6 * 3)
    texts_s: list[float] = []
    server = MemoryServer(
        [gone],
        lambda _: texts_s.append(asyncio.get_running_loop().time()),
    )

    async def talk() -> Spoken:
        async with in_memory(server.connect) as client:
            return await speak(client, TEXT)

    spoken = run_virtually(talk())

    assert spoken.error is None
    assert [session.words for session in server.sessions] == [
        SAID[:6],
        # A word lasts 0.1 s: the sixth had just ended.
        SAID[5:],
    ]
    assert 0.2 < texts_s[-1] < 0.2 + 3.0


async def test_a_line_that_is_cut_for_a_moment_is_waited_for(
    sim: GradiumSim,
) -> None:
    sim.pause_at(Point.AUDIO, after_frames=3)
    async with FaultProxy("127.0.0.1", sim.port) as proxy:
        async with client_on(proxy.url_for(sim.url), warm="off") as client:
            running = asyncio.ensure_future(speak(client, TEXT))
            await sim.reached(Point.AUDIO)
            proxy.lose_connectivity()
            sim.resume()
            await asyncio.sleep(0.7)
            proxy.restore()
            spoken = await running

    assert spoken.error is None
    assert len(sim.sessions) == 1
    assert hearing_of(spoken) == Hearing(ALL, 0)


@pytest.mark.thorough
async def test_a_line_that_is_cut_for_long_is_resumed(sim: GradiumSim) -> None:
    sim.pause_at(Point.AUDIO, after_frames=8)
    async with FaultProxy("127.0.0.1", sim.port) as proxy:
        async with client_on(
            proxy.url_for(sim.url), warm="off", connect_timeout_s=0.5
        ) as client:
            running = asyncio.ensure_future(speak(client, TEXT))
            await sim.reached(Point.AUDIO)
            proxy.lose_connectivity()
            sim.resume()
            await asyncio.sleep(3.5)
            proxy.restore()
            spoken = await running

    assert spoken.error is None
    assert len(sim.sessions) > 1
    assert hearing_of(spoken).is_all_of(len(SAID))


async def test_a_network_that_is_gone_is_one_error(sim: GradiumSim) -> None:
    async with FaultProxy("127.0.0.1", sim.port) as proxy:
        proxy.lose_connectivity()
        async with client_on(
            proxy.url_for(sim.url), connect_timeout_s=0.5, retry_deadline_s=1.5
        ) as client:
            spoken = await speak(client, TEXT)

    assert isinstance(spoken.error, ConnectError)
    assert "no answer within " in str(spoken.error)
    # Half a second each, and pauses, until the time is over.
    assert proxy.connections in (2, 3)


# ------------------------------------------------------------- the LLM's pauses


async def test_a_pause_has_the_words_held_back_spoken(sim: GradiumSim) -> None:
    async with client_on(sim.url, idle_flush_ms=30) as client:
        spoken = begin(client)
        spoken.speech.push_fragment("alpha bravo charlie ")
        running = asyncio.ensure_future(carry(spoken))
        await sim.until(
            lambda s: bool(s.sessions) and len(s.sessions[0].words) >= 2
        )
        assert not sim.sessions[0].is_ended
        spoken.speech.push_fragment("delta")
        spoken.speech.end_input()
        await running

    assert sim.sessions[0].texts == [
        "alpha bravo",
        "charlie",
        "<flush>",
        "delta",
    ]
    said = ["alpha", "bravo", "charlie", "delta"]
    assert hear(spoken.pcm, RATE_HZ, said) == Hearing((0, 1, 2, 3), 0)


async def test_a_stall_while_text_still_comes_is_noticed(
    sim: GradiumSim,
) -> None:
    """A peer that is gone hides behind no stream of text."""
    sim.faults = FaultPlan(Fault(Point.READY, HalfOpen(), times=None))
    async with client_on(
        sim.url, warm="off", ready_timeout_s=0.2, retry_deadline_s=1.5
    ) as client:
        spoken = begin(client)
        spoken.speech.push_fragment("alpha bravo ")
        running = asyncio.ensure_future(carry(spoken))

        async def talk() -> None:
            while not running.done():
                spoken.speech.push_fragment("charlie ")
                await asyncio.sleep(0.05)

        await talk()

    assert isinstance(spoken.error, StallError)
    assert "answer to the setup" in str(spoken.error)
    # The second was tried beside the first, when that was late.
    assert len(sim.sessions) == 2


# ------------------------------------------------------------- the first word


@pytest.mark.parametrize("fragment", ["Yes", "Sure!", "It costs $1,", "Dr."])
async def test_the_setup_leaves_before_its_text_may(
    sim: GradiumSim, fragment: str
) -> None:
    """What is held back says already that somebody will speak."""
    async with client_on(sim.url, idle_flush_ms=0) as client:
        spoken = begin(client)
        spoken.speech.push_fragment(fragment)
        running = asyncio.ensure_future(carry(spoken))
        await sim.until(lambda s: len(s.sessions) == 1)
        spoken.speech.end_input()
        await running

    assert spoken.error is None
    assert " ".join(sim.sessions[0].texts) == fragment
    assert len(sim.sessions) == 1


async def test_a_session_without_any_text_is_left(sim: GradiumSim) -> None:
    """What was held back turns out to be no word."""
    async with client_on(sim.url, idle_flush_ms=0) as client:
        spoken = begin(client)
        spoken.speech.push_fragment("<break ti")
        running = asyncio.ensure_future(carry(spoken))
        await sim.until(lambda s: len(s.sessions) == 1)
        spoken.speech.push_fragment('me="1s" />')
        spoken.speech.end_input()
        await running
        await sim.until(lambda s: not s.open_sockets)

    assert spoken.error is None
    assert (spoken.pcm, sim.sessions[0].texts) == (b"", [])
    assert not sim.sessions[0].is_ended


# -------------------------------------------------------------------- the graph


async def test_a_graph_that_fails_ends_the_session(sim: GradiumSim) -> None:
    async with client_on(sim.url) as client:
        spoken = begin(client)
        spoken.speech.push_fragment(TEXT)
        spoken.speech.end_input()

        async def perform(action: Action) -> None:
            raise RuntimeError(type(action).__name__)

        with pytest.raises(RuntimeError, match="Start"):
            await spoken.speech.run(perform)

    assert len(sim.sessions) == 1
    assert sim.sessions[0].closed_by == "client"


def test_a_slow_graph_is_no_silence_of_the_server() -> None:
    server = MemoryServer([], lambda _: None)

    async def speak_slowly() -> Spoken:
        async with in_memory(server.connect, audio_timeout_s=0.2) as client:
            spoken = begin(client)
            spoken.speech.push_fragment(TEXT)
            spoken.speech.end_input()

            async def perform(action: Action) -> None:
                await asyncio.sleep(10.0)
                spoken.actions.append(action)

            await spoken.speech.run(perform)
            return spoken

    spoken = run_virtually(speak_slowly())

    assert len(server.sessions) == 1
    assert spoken.pcm == b"".join(map(sound_of, SAID))


async def test_a_huge_message_does_not_hold_the_loop_up(
    sim: GradiumSim,
) -> None:
    pcm = bytes(range(256)) * 3000
    encoded = base64.b64encode(pcm).decode()
    huge = Send(json.dumps({"type": "audio", "audio": encoded}))
    sim.faults = FaultPlan(Fault(Point.FIRST_AUDIO, huge))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with client_on(sim.url) as client:
        spoken = begin(client)
        spoken.speech.push_fragment("Hello.")
        spoken.speech.end_input()
        at_turn: list[int] = []

        async def perform(action: Action) -> None:
            spoken.actions.append(action)
            if isinstance(action, Pcm):
                at_turn.append(turns)

        beside = asyncio.ensure_future(others())
        await spoken.speech.run(perform)
        beside.cancel()

    parts = [each.pcm for each in spoken.actions if isinstance(each, Pcm)]
    assert max(map(len, parts)) == MOST_BYTES_AT_ONCE
    assert spoken.pcm.startswith(pcm)
    # The others had a turn after each part.
    count = len(pcm) // MOST_BYTES_AT_ONCE
    assert len(set(at_turn[:count])) == count
