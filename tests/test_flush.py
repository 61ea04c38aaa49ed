# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Interruptions: at every point of a request's way, with every kind of peer.

Before the end of a flush comes one end of the request, if the graph knew of
it; after it comes nothing of it; the next request speaks from its first word.
No flush waits for the server: it ends while the server holds all answers, with
limits (`PATIENT`) that last longer than the test waits. Milliseconds are
measured by `bench/flush.py`.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from deaf import connect_to_deaf

from gradium_sim import (
    Fault,
    FaultPlan,
    GradiumSim,
    HalfOpen,
    Point,
    Reset,
)
from gradium_sim.tones import CUT, decode
from gradium_tts_python.extension import GradiumTTSExtension
from ten_ai_base.message import ModuleError, TTSAudioEndReason
from ten_host import ConnectionStatus, ExtensionHost, FlushEnd, Frame

from .interruptions import (
    PATIENT,
    PEERS,
    STARTED,
    TEXT,
    Interruption,
    StartHost,
    Turn,
    cases,
    half_open,
)
from .properties.test_life_properties import (
    Flush,
    Player,
    Record,
    Say,
    Script,
)
from .properties.virtual_loop import run_virtually
from .story import spoken, tell

NEXT = "alpha beta gamma."
RATE_HZ = 24000


@pytest.mark.parametrize(("point", "turn"), cases(default=0))
async def test_a_flush_ends_a_request_at_any_point(
    sim: GradiumSim, start_host: StartHost, point: Interruption, turn: Turn
) -> None:
    host = await point.reach(sim, start_host)
    await turn(sim, point)

    await host.flush("f1")

    assert tell(host.events()) == [*point.story(), "flushed f1"]
    _check_that_it_was_begun(host.pcm("r1"))
    if point.at is not Point.UPGRADE and turn is not half_open:
        await sim.until(lambda s: s.sessions[0].closed_by == "client")
        assert sim.sessions[0].close_code == 1006  # cut, without a farewell
    await _check_that_nothing_follows(sim, host, point)


def _check_that_it_was_begun(pcm: bytes) -> None:
    """The samples say the first words, and perhaps a part of the next."""
    heard = decode(pcm, RATE_HZ)
    wanted = TEXT.split()[: len(heard)]
    assert heard[:-1] == wanted[:-1]
    for last, whole in zip(heard[-1:], wanted[-1:], strict=True):
        assert whole.startswith(last.removesuffix(CUT))


async def _check_that_nothing_follows(
    sim: GradiumSim, host: ExtensionHost, point: Interruption
) -> None:
    """Neither on the wire nor in the graph; another request is spoken."""
    flushed, sessions = len(host.events()), len(sim.sessions)
    received = [session.text for session in sim.sessions]
    sim.resume()
    if not point.is_ended:  # what the agent was about to say is not said
        await host.send_text("r1", "and more of it, ")
        await host.send_text("r1", "to the end.", end=True)

    await host.send_text("r2", NEXT, end=True)
    await host.ended("r2")

    assert tell(host.events()[flushed:]) == spoken("r2")
    assert decode(host.pcm("r2"), RATE_HZ) == NEXT.split()
    assert [session.text for session in sim.sessions] == [*received, NEXT]
    assert len(sim.sessions) == sessions + 1
    assert not any("more" in text for text in received)


async def test_a_flush_before_any_request_has_nothing_but_its_own_end(
    host: ExtensionHost,
) -> None:
    await host.flush("f1")
    await host.send_text("r2", NEXT, end=True)
    await host.ended("r2")

    assert tell(host.events()) == ["flushed f1", *spoken("r2")]
    assert decode(host.pcm("r2"), RATE_HZ) == NEXT.split()


@pytest.mark.parametrize("turn", PEERS, ids=lambda turn: turn.__name__)
async def test_a_flush_of_an_ended_request_has_nothing_but_its_own_end(
    sim: GradiumSim, host: ExtensionHost, turn: Turn
) -> None:
    sim.pause_at(Point.CLOSE)
    await host.send_text("r1", TEXT, end=True)
    await host.ended("r1")
    await turn(sim, Interruption(Point.CLOSE, True))

    await host.flush("f1")
    sim.resume()
    await host.send_text("r2", NEXT, end=True)
    await host.ended("r2")

    assert tell(host.events()) == [
        *spoken("r1"),
        "flushed f1",
        *spoken("r2"),
    ]
    assert decode(host.pcm("r2"), RATE_HZ) == NEXT.split()


@pytest.mark.parametrize("at", [Point.READY, Point.AUDIO])
async def test_two_flushes_in_a_row_end_a_request_once(
    sim: GradiumSim, start_host: StartHost, at: Point
) -> None:
    sim.pause_at(at)
    host = await start_host()
    await host.send_text("r1", TEXT, end=True, metadata={"turn_id": 7})
    await sim.reached(at)
    if at is Point.AUDIO:
        await host.until(lambda e: isinstance(e, Frame))

    await asyncio.gather(host.flush("f1"), host.flush("f2"))
    sim.resume()
    await host.send_text("r2", NEXT, end=True)
    end = await host.ended("r2")

    seen = STARTED if at is Point.AUDIO else ()
    assert tell(host.events()) == [
        *seen,
        "end r1 interrupted",
        "flushed f1",
        "flushed f2",
        *spoken("r2"),
    ]
    assert (await host.ended("r1")).metadata == {"turn_id": 7}
    assert end.metadata == {}


async def test_a_flush_ends_a_request_that_is_being_retried(
    sim: GradiumSim, start_host: StartHost
) -> None:
    sim.faults = FaultPlan(Fault(Point.READY, Reset(), times=None))
    host = await start_host()
    await host.send_text("r1", TEXT, end=True)
    await sim.until(lambda s: len(s.sessions) == 2)
    await sim.until(lambda s: s.sessions[-1].closed_by == "server")

    await host.flush("f1")
    sim.faults = FaultPlan()
    await host.send_text("r2", NEXT, end=True)
    await host.ended("r2")

    assert tell(host.events()) == [
        "end r1 interrupted",
        "flushed f1",
        *spoken("r2"),
    ]
    assert [session.text for session in sim.sessions[2:]] == [NEXT]


@pytest.mark.parametrize("action", [HalfOpen(), Reset()])
async def test_a_flush_ends_a_request_whose_socket_cannot_be_opened(
    sim: GradiumSim, start_host: StartHost, action: Any
) -> None:
    sim.faults = FaultPlan(Fault(Point.UPGRADE, action, times=None))
    host = await start_host(PATIENT)
    await host.send_text("r1", TEXT, end=True)
    await sim.reached(Point.UPGRADE)
    await host.until(lambda e: isinstance(e, ConnectionStatus))

    await host.flush("f1")

    assert tell(host.events()) == ["end r1 interrupted", "flushed f1"]
    assert sim.sessions == []


async def test_a_text_right_behind_a_flush_is_spoken_whole(
    sim: GradiumSim, host: ExtensionHost
) -> None:
    sim.pause_at(Point.AUDIO)
    await host.send_text("r1", TEXT)
    await sim.reached(Point.AUDIO)
    await host.until(lambda e: isinstance(e, Frame))

    flushing = asyncio.create_task(host.flush("f1"))
    await asyncio.sleep(0)
    await host.send_text("r2", NEXT, end=True)
    await flushing
    sim.resume()
    await host.ended("r2")

    assert tell(host.events()) == [
        *STARTED,
        "end r1 interrupted",
        "flushed f1",
        *spoken("r2"),
    ]
    assert decode(host.pcm("r2"), RATE_HZ) == NEXT.split()


async def test_requests_that_wait_behind_the_flushed_one_are_dropped(
    sim: GradiumSim, host: ExtensionHost
) -> None:
    sim.pause_at(Point.READY)
    await host.send_text("r1", TEXT, end=True)
    await host.send_text("w1", "waiting one.", end=True)
    await host.send_text("w2", "waiting two.", end=True)
    await sim.reached(Point.READY)

    await host.flush("f1")
    sim.resume()
    await host.send_text("r2", NEXT, end=True)
    await host.ended("r2")

    assert tell(host.events()) == [
        "end r1 interrupted",
        "flushed f1",
        *spoken("r2"),
    ]
    assert [session.text for session in sim.sessions] == [TEXT.strip(), NEXT]


# --------------------------------------------------- while finish_request runs


class SlowToFinish(GradiumTTSExtension):
    """Stays in `finish_request` of a request until it is let go."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.entered = asyncio.Event()
        self.released = asyncio.Event()

    async def finish_request(
        self,
        request_id: str,
        reason: TTSAudioEndReason = TTSAudioEndReason.REQUEST_END,
        error: ModuleError | None = None,
    ) -> None:
        self.entered.set()
        await self.released.wait()
        await super().finish_request(request_id, reason, error)


@pytest.mark.parametrize("words", [3, 0], ids=["spoken", "empty"])
def test_a_flush_does_not_wait_for_a_request_to_finish(words: int) -> None:
    record, took_s = run_virtually(_flush_while_finishing(words))

    assert took_s == 0.0
    start = ["start a0", "audio"] if words else []
    assert tell(record.events()) == [
        *start,
        "end a0 request_end",
        "flushed 1",
        "start b0",
        "audio",
        "end b0 request_end",
    ]


async def _flush_while_finishing(words: int) -> tuple[Record, float]:
    player = Player(Script(()), SlowToFinish)
    extension = player.extension
    assert isinstance(extension, SlowToFinish)
    async with player.running():
        await player.do(Say("a", words, True))
        await extension.entered.wait()
        took_s = await player.flush()
        extension.released.set()
        await player.do(Say("b", 3, True))
        await asyncio.sleep(10.0)
    return player.record, took_s


# ----------------------------------------------------------- how quick it is


# Turns of the loop from `tts_flush` to `tts_flush_end`; it takes 7.
MOST_TURNS = 20


@pytest.mark.parametrize("said", [0, 1, 40], ids="{} words".format)
def test_a_flush_takes_a_few_turns_of_the_loop(said: int) -> None:
    """Counted, as milliseconds are the machine's; no timer is among them."""

    async def flush() -> tuple[int, float]:
        player = Player(Script(()))
        player.extension.connect = connect_to_deaf
        async with player.running():
            if said:
                await player.do(Say("a", said, False))
            await asyncio.sleep(0.4)
            loop = asyncio.get_running_loop()
            began_s, turns = loop.time(), 0
            await player.do(Flush())
            while not isinstance(player.record.entries[-1], FlushEnd):
                await asyncio.sleep(0)
                turns += 1
            took_s = loop.time() - began_s
        return turns, took_s

    turns, took_s = run_virtually(flush())

    assert took_s == 0.0
    assert turns < MOST_TURNS
