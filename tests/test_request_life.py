# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The life of a request: one start, one end, and nothing that blocks it."""

from __future__ import annotations

import asyncio
import pickle
import tracemalloc
from collections.abc import Awaitable, Callable

import pytest

from gradium_sim import (
    Error,
    Fault,
    FaultPlan,
    GradiumSim,
    OddChunks,
    Point,
)
from gradium_sim.tones import decode
from gradium_tts_python.config import GradiumTTSConfig
from gradium_tts_python.core.admission import Admission, Segment
from gradium_tts_python.core.endpoint import Endpoint
from gradium_tts_python.core.protocol import Audio
from gradium_tts_python.extension import GradiumTTSExtension
from gradium_tts_python.gradium_tts import GradiumTTSClient
from gradium_tts_python.wire.transport import Transport
from ten_host import (
    AudioEnd,
    AudioStart,
    ExtensionHost,
    Frame,
    Metrics,
)
from ten_host import Error as ErrorEvent

from .properties.test_life_properties import (
    Player,
    RecordingEnv,
    Say,
    Script,
    Wait,
)
from .properties.virtual_loop import run_virtually
from .story import spoken, tell

StartHost = Callable[..., Awaitable[ExtensionHost]]

RATE_HZ = 24000
TEXT = "one two three four five six. "
WORDS = TEXT.rstrip(". ").split()
REFUSAL = Error("no such thing", 1002)
# So that a failure is final at every point, after audio too.
NO_RETRY = {"retry_deadline_s": 0.0}


def heard(host: ExtensionHost, request_id: str) -> list[str]:
    """The words that the graph got to hear, without their punctuation."""
    words = decode(host.pcm(request_id), RATE_HZ)
    return [word.rstrip(".,") for word in words]


async def say_and_hear(host: ExtensionHost, request_id: str) -> None:
    """Speak another request: nothing blocks the queue."""
    since = len(host.events())
    await host.send_text(request_id, "alpha beta.", end=True)
    await host.until(
        lambda e: isinstance(e, AudioEnd) and e.request_id == request_id,
        since=since,
    )
    assert tell(host.events()[since:]) == spoken(request_id)


# ------------------------------------------------------------ exactly once


async def test_a_request_has_one_start_and_one_end(host: ExtensionHost) -> None:
    await host.send_text("r1", TEXT, end=True)
    await host.ended("r1")

    names = [type(e) for e in host.events() if not _is_connect(e)]
    frames = len(host.frames("r1"))
    assert frames > 1
    assert names == [
        AudioStart,
        Frame,
        Metrics,  # time to first audio
        *[Frame] * (frames - 1),
        Metrics,  # usage
        AudioEnd,
    ]
    assert heard(host, "r1") == WORDS


def _is_connect(event: object) -> bool:
    """Whether it tells of sockets, which are opened at any time."""
    if isinstance(event, Metrics):
        return "connect_delay" in event.metrics
    return not isinstance(event, (AudioStart, Frame, AudioEnd))


@pytest.mark.parametrize("is_ended", [True, False], ids=["ended", "open"])
@pytest.mark.parametrize(
    "at", [Point.SETUP, Point.READY, Point.FIRST_AUDIO, Point.AUDIO]
)
async def test_a_failed_request_has_one_error_and_one_end(
    sim: GradiumSim, start_host: StartHost, at: Point, is_ended: bool
) -> None:
    host = await start_host({"resume": False})
    sim.faults = FaultPlan(Fault(at, REFUSAL))
    host = await start_host(NO_RETRY)

    await host.send_text("r1", TEXT, end=is_ended)
    await host.until(lambda e: "error r1" in tell([e]))
    for text in ("and so on, ", "and on."):
        await host.send_text("r1", text, end=text == "and on." and not is_ended)
        if is_ended:
            break
    await host.ended("r1")
    since = len(host.events())
    if not is_ended:
        await say_and_hear(host, "r2")

    story = ["error r1", "end r1 error"]
    if at is Point.AUDIO:
        story = ["start r1", "audio", *story]
    assert tell(host.events()[:since])[: len(story)] == story


async def test_the_end_of_an_unheard_failure_is_told_when_its_input_ends(
    sim: GradiumSim, host: ExtensionHost
) -> None:
    sim.faults = FaultPlan(Fault(Point.READY, REFUSAL))
    await host.send_text("r1", TEXT, metadata={"turn_id": 3})
    await host.until(lambda e: "error r1" in tell([e]))
    await host.send_text("r1", "its tail. ")
    before = tell(host.events())

    await host.send_text("r1", "its end.", end=True)
    end = await host.ended("r1")
    await say_and_hear(host, "r2")

    assert before == ["error r1"]
    assert tell(host.events()) == ["error r1", "end r1 error", *spoken("r2")]
    assert end.metadata == {"turn_id": 3}
    assert len(sim.sessions) == 2


async def test_a_heard_failure_has_its_end_at_once_and_no_other(
    sim: GradiumSim, start_host: StartHost
) -> None:
    host = await start_host({"resume": False})
    sim.faults = FaultPlan(Fault(Point.AUDIO, REFUSAL, after_frames=2))
    host = await start_host(NO_RETRY)
    await host.send_text("r1", TEXT)
    await host.ended("r1")

    await host.send_text("r1", "its tail. ")
    await host.send_text("r1", "its end.", end=True)
    await say_and_hear(host, "r2")

    assert tell(host.events()) == [
        "start r1",
        "audio",
        "error r1",
        "end r1 error",
        *spoken("r2"),
    ]
    assert len(sim.sessions) == 2


async def test_a_flush_after_a_failure_leaves_nothing_to_tell(
    sim: GradiumSim, host: ExtensionHost
) -> None:
    sim.faults = FaultPlan(Fault(Point.READY, REFUSAL))
    await host.send_text("r1", TEXT)
    await host.until(lambda e: "error r1" in tell([e]))

    await host.flush("f1")
    await host.send_text("r1", "its end.", end=True)
    await say_and_hear(host, "r2")

    assert tell(host.events()) == ["error r1", "flushed f1", *spoken("r2")]


async def test_a_request_ended_after_a_flush_has_no_second_end(
    sim: GradiumSim, host: ExtensionHost
) -> None:
    sim.pause_at(Point.AUDIO)
    await host.send_text("r1", TEXT)
    await sim.reached(Point.AUDIO)
    await host.until(lambda e: isinstance(e, Frame))

    await host.flush("f1")
    sim.resume()
    await host.send_text("r1", "its end.", end=True)
    await host.send_text("r1", "", end=True)
    await say_and_hear(host, "r2")

    assert tell(host.events()) == [
        "start r1",
        "audio",
        "end r1 interrupted",
        "flushed f1",
        *spoken("r2"),
    ]
    assert len(sim.sessions) == 2


class BrokenByAnEnd(GradiumTTSExtension):
    """Has a bug: the last text of the request `a0` raises."""

    async def _admit(self, segment: Segment) -> None:
        if segment.request_id == "a0" and segment.is_last:
            raise ZeroDivisionError
        await super()._admit(segment)


def test_a_bug_ends_its_request_and_blocks_nobody() -> None:
    texts = (Say("a", 3, False), Wait(0.1), Say("a", 0, True))
    script = Script((*texts, Say("b", 3, True), Wait(5.0)), (), True)

    record = run_virtually(Player(script, BrokenByAnEnd).play())

    assert tell(record.events()) == [
        "start a0",
        "audio",
        "error a0",
        "end a0 error",
        *spoken("b0"),
    ]


# ---------------------------------------------------------------- late texts


async def test_nothing_after_the_end_is_nothing(
    sim: GradiumSim, host: ExtensionHost
) -> None:
    await host.send_text("r1", TEXT, end=True)
    await host.ended("r1")

    for text, is_end in [("", True), (" ", False), ("?!", True), ("😀", True)]:
        await host.send_text("r1", text, end=is_end)
    await say_and_hear(host, "r2")

    assert tell(host.events()) == [*spoken("r1"), *spoken("r2")]
    assert len(sim.sessions) == 2


@pytest.mark.parametrize("is_waited_for", [True, False])
async def test_a_text_after_the_end_is_a_new_life_of_the_id(
    host: ExtensionHost, is_waited_for: bool
) -> None:
    await host.send_text("r1", TEXT, end=True, metadata={"turn_id": 1})
    if is_waited_for:
        await host.ended("r1")
    await host.send_text("r1", "seven ", metadata={"turn_id": 2})
    await host.send_text("r1", "eight.", end=True)
    await host.until(lambda e: len(_ends(host, "r1")) == 2)

    assert tell(host.events()) == [*spoken("r1"), *spoken("r1")]
    assert heard(host, "r1") == [*WORDS, "seven", "eight"]
    assert [e.metadata for e in _ends(host, "r1")] == [
        {"turn_id": 1},
        {"turn_id": 2},
    ]
    assert [f.metadata for f in host.frames("r1")][-1] == {"turn_id": 2}


def _ends(host: ExtensionHost, request_id: str) -> list[AudioEnd]:
    return [e for e in host.events(request_id) if isinstance(e, AudioEnd)]


@pytest.mark.parametrize("is_other_between", [True, False])
async def test_a_flush_ends_the_second_life_of_an_id(
    sim: GradiumSim, host: ExtensionHost, is_other_between: bool
) -> None:
    await host.send_text("r1", TEXT, end=True, metadata={"turn_id": 1})
    await host.ended("r1")
    if is_other_between:
        await say_and_hear(host, "r0")
    sim.pause_at(Point.AUDIO)
    since = len(host.events())
    await host.send_text("r1", TEXT + TEXT, metadata={"turn_id": 2})
    await sim.reached(Point.AUDIO)
    await host.until(lambda e: isinstance(e, Frame), since=since)

    await host.flush("f1")
    sim.resume()
    await say_and_hear(host, "r2")

    assert tell(host.events()[since:]) == [
        "start r1",
        "audio",
        "end r1 interrupted",
        "flushed f1",
        *spoken("r2"),
    ]
    assert _ends(host, "r1")[-1].metadata == {"turn_id": 2}


@pytest.mark.parametrize("is_flushed", [True, False], ids=["flushed", "failed"])
async def test_the_tail_is_swallowed_until_its_end_or_another_id(
    sim: GradiumSim, host: ExtensionHost, is_flushed: bool
) -> None:
    for request_id, is_other in [("r1", False), ("r2", True)]:
        await _cut_short(sim, host, request_id, is_flushed)
        for _ in range(20):
            await host.send_text(request_id, "never heard, ")
        if is_other:
            await say_and_hear(host, "other")
        else:
            await host.send_text(request_id, "never.", end=True)
            if not is_flushed:
                await host.ended(request_id)

        await say_and_hear(host, request_id)

    assert [s.text for s in sim.sessions if "never" in s.text] == []


async def _cut_short(
    sim: GradiumSim, host: ExtensionHost, request_id: str, is_flushed: bool
) -> None:
    """Interrupt a request before its last text."""
    if is_flushed:
        sim.pause_at(Point.READY)
        await host.send_text(request_id, TEXT)
        await sim.reached(Point.READY)
        await host.flush()
        sim.resume()
    else:
        sim.faults = FaultPlan(Fault(Point.READY, REFUSAL))
        await host.send_text(request_id, TEXT)
        await host.until(lambda e: f"error {request_id}" in tell([e]))


def test_few_ended_ids_are_remembered() -> None:
    admission = Admission()

    sizes = []
    for n in range(5000):
        request_id = f"request {n:05d}"
        admission.admit(Segment(request_id, "a", True, n % 2 == 0, {}))
        admission.ended(owes_end=True)
        sizes.append(len(pickle.dumps(admission)))

    assert max(sizes[1000:]) == max(sizes[200:1000])
    assert max(sizes) < 5000


# ----------------------------------------------------------- interleaved ids


async def test_interleaved_requests_are_spoken_one_after_the_other(
    sim: GradiumSim, host: ExtensionHost
) -> None:
    for request_id, text, is_end in [
        ("a", "one two, ", False),
        ("b", "four five, ", False),
        ("a", "three.", False),
        ("c", "seven eight.", True),
        ("b", "six.", True),
        ("a", "", True),
    ]:
        await host.send_text(request_id, text, end=is_end)
    await host.ended("c")

    assert tell(host.events()) == [*spoken("a"), *spoken("b"), *spoken("c")]
    assert heard(host, "a") == ["one", "two", "three"]
    assert heard(host, "b") == ["four", "five", "six"]
    assert heard(host, "c") == ["seven", "eight"]
    assert [session.is_complete for session in sim.sessions] == [True] * 3


async def test_eight_interleaved_requests_are_complete(
    host: ExtensionHost,
) -> None:
    ids = [f"r{n}" for n in range(8)]
    for word in ("red ", "green ", "blue "):
        for request_id in ids:
            await host.send_text(request_id, word, metadata={"of": request_id})
    for request_id in reversed(ids):
        await host.send_text(request_id, "", end=True)
    for request_id in ids:
        await host.ended(request_id)

    assert tell(host.events()) == [line for one in ids for line in spoken(one)]
    for request_id in ids:
        assert heard(host, request_id) == ["red", "green", "blue"]
        of = {frame.metadata["of"] for frame in host.frames(request_id)}
        assert of == {request_id}


# --------------------------------------------------- empty and unspeakable


@pytest.mark.parametrize(
    "text", ["", "  \n", "?!…", "😀🎉", "—", "<break time='1s'/>"]
)
async def test_nothing_to_speak_ends_without_a_session(
    sim: GradiumSim, host: ExtensionHost, text: str
) -> None:
    for request_id in ("r1", "r2", "r3"):
        await host.send_text(request_id, text)
        for _ in range(3):
            await host.send_text(request_id, text, end=True)
        end = await host.ended(request_id)

    assert (end.interval_ms, end.duration_ms) == (0, 0)
    assert sim.sessions == []
    await say_and_hear(host, "r1")
    ends = [f"end r{n} request_end" for n in (1, 2, 3)]
    assert tell(host.events()) == [*ends, *spoken("r1")]
    assert [session.text for session in sim.sessions] == ["alpha beta."]


def test_the_end_of_nothing_to_speak_waits_for_no_timer() -> None:
    async def end_nothing() -> list[str]:
        player = Player(Script(()))
        async with player.running():
            await player.do(Say("a", 0, False, "?!…"))
            await player.do(Say("a", 0, True))
            for _ in range(20):  # turns of the loop
                await asyncio.sleep(0)
            told = tell(player.record.events())
            assert asyncio.get_running_loop().time() == 0.0
        return told

    assert run_virtually(end_nothing()) == ["end a0 request_end"]


# ---------------------------------------------------------------------- audio


async def test_an_odd_byte_never_reaches_the_next_request(
    sim: GradiumSim, host: ExtensionHost
) -> None:
    sim.faults = FaultPlan(Fault(Point.READY, OddChunks(), times=None))
    await host.send_text("r1", TEXT, end=True)
    await host.ended("r1")
    sim.pause_at(Point.AUDIO, after_frames=3)
    await host.send_text("r2", TEXT, end=True)
    await sim.reached(Point.AUDIO)
    await host.until(lambda e: len(host.frames("r2")) == 3)
    await host.flush()
    sim.resume()
    await host.send_text("r3", TEXT, end=True)
    await host.ended("r3")

    sent = [session.pcm for session in sim.sessions]
    assert len(sent[1]) % 2 == 1
    assert host.pcm("r1") == sent[0][: len(sent[0]) // 2 * 2]
    assert host.pcm("r2") == sent[1][:-1]
    assert host.pcm("r3") == sent[2][: len(sent[2]) // 2 * 2]
    assert heard(host, "r3") == WORDS


async def test_frames_leave_as_they_come(
    sim: GradiumSim, host: ExtensionHost
) -> None:
    sim.pause_at(Point.AUDIO, after_frames=3)
    await host.send_text("r1", TEXT, end=True, metadata={"session_id": "s"})
    await sim.reached(Point.AUDIO)
    await host.until(lambda e: len(host.frames("r1")) == 3)
    early = host.pcm("r1")
    sent = sim.sessions[0].pcm
    sim.resume()
    await host.ended("r1")

    assert early == sent
    frames = host.frames("r1")
    assert len(frames) == sim.sessions[0].frames_sent
    assert [frame.metadata for frame in frames] == [
        {"session_id": "s"} for _ in frames
    ]
    assert host.pcm("r1") == sim.sessions[0].pcm


@pytest.mark.sim(is_keeping_sound=False)
async def test_a_slow_consumer_slows_the_server_not_the_memory(
    sim: GradiumSim,
) -> None:
    params = {"url": sim.url, "api_key": "test-key", "sample_rate": 48000}
    config = GradiumTTSConfig.load({"params": params})
    client = GradiumTTSClient(config)
    text = " ".join(["antidisestablishmentarianism"] * 1200)

    async with client.open_stream() as stream:
        await stream.send_text(text)
        await stream.end_input()
        await sim.until(lambda s: len(s.sessions) == 1)
        session = sim.sessions[0]
        tracemalloc.start()
        await _until_blocked(sim)
        held_bytes, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        sent_early = session.frames_sent
        total_bytes = 0
        async for event in stream:
            if isinstance(event, Audio):
                total_bytes += len(event.chunk)
    await client.aclose()

    assert session.is_complete
    assert sent_early < session.frames_sent / 2
    assert total_bytes > 20_000_000
    assert held_bytes < 3_000_000


async def _until_blocked(sim: GradiumSim) -> None:
    """Wait until the server can send no more."""
    sent = -1
    while sent != sim.sessions[0].frames_sent:
        sent = sim.sessions[0].frames_sent
        await sim.settled(1000)


# ------------------------------------------------------------ what goes wrong


async def fail_on(endpoint: Endpoint, timeout_s: float) -> Transport:
    """A bug of ours that names the key."""
    raise RuntimeError(f"{endpoint.headers['x-api-key']} is no key")


def test_a_bug_that_names_the_key_is_told_without_it() -> None:
    async def speak() -> list[ErrorEvent]:
        player = Player(Script(()))
        player.extension.connect = fail_on
        async with player.running():
            await player.do(Say("a", 2, True))
            await player.do(Wait(30.0))
        events = player.record.events()
        return [event for event in events if isinstance(event, ErrorEvent)]

    (error,) = run_virtually(speak())

    told = "internal error: RuntimeError('*** is no key')"
    assert error.message.startswith(told)
    assert error.vendor_info["message"].startswith(told)


def test_a_bug_is_logged_line_by_line() -> None:
    lines: list[str] = []

    async def speak() -> None:
        player = Player(Script(()))
        player.extension.connect = fail_on
        player.env.log_error = lambda line, category: lines.append(line)
        async with player.running():
            await player.do(Say("a", 2, True))
            await player.do(Wait(30.0))

    run_virtually(speak())

    bug = [line for line in lines if line.startswith("request=a0 ")]
    assert bug[0] == "request=a0 Traceback (most recent call last):"
    assert bug[-1] == "request=a0 RuntimeError: *** is no key"
    assert not [line for line in bug if "\n" in line]


def fail_without_a_key(*says: Say) -> list[str]:
    """What the graph is told of texts that are all there at once."""

    async def say() -> list[str]:
        player = Player(Script(()))
        player.env = RecordingEnv({"params": {}}, player.on_event)
        async with player.running():
            for step in says:
                await player.do(step)
            await player.do(Wait(1.0))
        return tell(player.record.events())

    return run_virtually(say())


def test_late_texts_of_a_failed_request_are_no_new_one() -> None:
    """Those that are queued are looked at before another id has its turn."""
    told = fail_without_a_key(
        Say("a", 2, False), Say("b", 2, True), Say("a", 2, True)
    )

    errors = [line for line in told if line.startswith("error")]
    assert errors == ["error ", "error a0", "error b0"]


@pytest.mark.parametrize("others", [(), (Say("b", 2, True),)], ids=len)
def test_a_failed_request_has_its_end_though_it_was_queued(
    others: tuple[Say, ...],
) -> None:
    told = fail_without_a_key(Say("a", 2, False), *others, Say("a", 2, True))

    assert told[:3] == ["error ", "error a0", "end a0 error"]
