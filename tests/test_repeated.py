# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A text that was said before is said again without the vendor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fake_redis import fake_redis, until
from heard import WORDS
from real_redis import own_redis
from speaking import Spoken, client_on, speak

from gradium_sim import (
    Close,
    Error,
    Fault,
    FaultPlan,
    GradiumSim,
    Point,
    Send,
)
from gradium_tts_python.core.actions import Pcm, Words
from gradium_tts_python.fleet import phrase_store
from gradium_tts_python.fleet.phrase_files import FOLDER
from gradium_tts_python.gradium_tts import GradiumTTSClient
from ten_host import (
    AudioEnd,
    EndReason,
    Event,
    ExtensionHost,
    Frame,
    Metrics,
    OtherData,
    TextResult,
)

if TYPE_CHECKING:
    from conftest import StartHost

    from ten_host.testing.log import TenLog

TEXT = " ".join(WORDS[:8])


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take longer than a request would wait."""
    monkeypatch.setattr(phrase_store, "LOOK_UP_S", 60.0)


@asynccontextmanager
async def keeping(
    sim: GradiumSim, **params: Any
) -> AsyncIterator[GradiumTTSClient]:
    """A client that keeps what was said in its memory."""
    params = {"phrases": "memory", "warm": "off", **params}
    async with client_on(sim.url, **params) as client:
        yield client


def messages_to(sim: GradiumSim) -> int:
    """How many messages the vendor has got, over all connections."""
    return sum(len(each.received) for each in sim.connections)


def shape(spoken: Spoken) -> list[object]:
    """What the graph would see, but for the time of the day."""
    first_ms = next(
        a.timestamp_ms for a in spoken.actions if isinstance(a, Pcm)
    )
    found: list[object] = []
    for action in spoken.actions:
        if isinstance(action, Pcm):
            found.append((action.pcm, action.timestamp_ms - first_ms))
        elif isinstance(action, Words):
            start_ms = action.start_ms - first_ms
            found.append((action.text, start_ms, action.duration_ms))
        else:
            found.append(type(action).__name__)
    return found


# ---------------------------------------------------------------- as it was


@pytest.mark.parametrize("output_format", ["pcm", "ulaw_8000"])
async def test_it_is_said_as_the_first_time_and_nothing_is_sent(
    sim: GradiumSim, output_format: str
) -> None:
    async with keeping(
        sim, enable_words=True, output_format=output_format
    ) as client:
        first = await speak(client, TEXT, "r1")
        sent = messages_to(sim), len(sim.connections)

        again = await speak(client, TEXT, "r2")

        assert (messages_to(sim), len(sim.connections)) == sent
    assert shape(again) == shape(first)
    assert len(again.words) == 8
    assert (first.speech.is_cached, again.speech.is_cached) == (False, True)
    assert again.speech.usage.sessions == 0
    assert again.speech.usage.characters_sent == 0
    assert again.speech.ledger.undelivered_text() == ""


def the(name: str, host: ExtensionHost) -> list[Metrics]:
    return [
        event
        for event in host.events()
        if isinstance(event, Metrics) and name in event.metrics
    ]


def story(events: Iterable[Event]) -> list[object]:
    """What the graph was told, but times, ids and figures."""
    found: list[object] = []
    for event in events:
        if isinstance(event, Frame):
            found.append(event.pcm)
        elif isinstance(event, TextResult):
            found.append((event.text, event.is_end))
        elif isinstance(event, AudioEnd):
            found.append((event.duration_ms, event.reason))
        else:
            found.append(type(event).__name__)
    return found


async def test_the_graph_sees_the_same_and_is_told_that_it_was_cached(
    start_host: StartHost, sim: GradiumSim, tmp_path: Path
) -> None:
    host = await start_host(
        {"phrases": "disk", "phrases_path": str(tmp_path)}, enable_words=True
    )
    for request_id in ("r1", "r2"):
        await host.send_text(request_id, TEXT, end=True)
        await host.ended(request_id)

    assert len(sim.sessions) == 1
    assert story(host.events("r2")) == story(host.events("r1"))
    cached = [each.metadata["is_cached"] for each in the("ttfb", host)]
    assert cached == [False, True]
    one, two = the("output_characters", host)
    sent = sum(map(len, sim.sessions[0].texts))
    assert one.metrics["output_characters"] == sent
    assert one.metadata["is_cached"] is False
    assert two.metrics["output_characters"] == 0
    assert two.metrics["input_characters"] == 0
    assert two.metrics["total_output_characters"] == sent
    assert two.metadata["is_cached"] is True


async def test_the_vendor_is_not_needed(
    start_host: StartHost, sim: GradiumSim, tmp_path: Path
) -> None:
    params = {"phrases": "disk", "phrases_path": str(tmp_path)}
    first = await start_host(params)
    await first.send_text("r1", TEXT, end=True)
    await first.ended("r1")
    await sim.refuse_connections()

    other = await start_host({**params, "api_key": "never-seen"})
    await other.send_text("r1", TEXT, end=True)
    end = await other.ended("r1")

    assert end.reason is EndReason.REQUEST_END
    assert other.pcm("r1") == first.pcm("r1")


@pytest.mark.parametrize("is_early", [True, False])
async def test_what_was_heard_before_an_interruption_is_told(
    start_host: StartHost, is_early: bool
) -> None:
    host = await start_host({"phrases": "memory"})
    await host.send_text("r1", TEXT, end=True)
    await host.ended("r1")
    await host.flush()
    await host.send_text("r2", TEXT, end=True)
    if is_early:
        await host.until(lambda _: bool(host.frames("r2")))
    else:
        await host.ended("r2")

    await host.flush()

    told = [
        event.properties
        for event in host.events()
        if isinstance(event, OtherData) and event.name == "tts_heard"
    ]
    assert [each["request_id"] for each in told] == ["r1", "r2"]
    for each in told:
        assert each["heard_text"] + each["unheard_text"] == TEXT
        assert each["unheard_text"]
    # As for any request, the first words tell where the others are.
    assert is_early or told[1]["is_exact"]


# ------------------------------------------------------- what is not the same


async def test_other_settings_are_another_phrase(sim: GradiumSim) -> None:
    async with keeping(sim) as client:
        await speak(client, TEXT)
        params = client.config.params.model_copy(update={"speed": 1.5})
        client.update_config(
            client.config.model_copy(update={"params": params})
        )

        await speak(client, TEXT)
        await speak(client, TEXT)

    assert len(sim.sessions) == 2


@pytest.mark.parametrize(
    "text",
    [
        [TEXT[:20], TEXT[20:]],
        [TEXT, ""],
        ["", TEXT],
        "<think>Nothing of this is said.</think>",
    ],
)
async def test_a_text_that_came_in_parts_is_not_looked_for(
    sim: GradiumSim, text: str | list[str]
) -> None:
    async with keeping(sim) as client:
        await speak(client, TEXT)
        before = len(sim.sessions)

        spoken = await speak(client, text)

    assert not spoken.speech.is_cached
    assert len(sim.sessions) == before + isinstance(text, list)


@pytest.mark.parametrize(
    ("fault", "params"),
    [
        (Fault(Point.READY, Close(1011)), {}),
        (Fault(Point.AUDIO, Close(1011), after_frames=8), {}),
        (Fault(Point.AUDIO, Error("no", 1008), after_frames=8), {}),
        (Fault(Point.LAST_WORD, Close(1011)), {}),
        (Fault(Point.AUDIO, Send('{"type": "aud'), after_frames=3), {}),
        (None, {"session_max_chars": 30}),
    ],
    ids=["refused", "cut", "failed", "no end", "unreadable", "rotated"],
)
async def test_speech_that_was_broken_is_not_kept(
    sim: GradiumSim, fault: Fault | None, params: dict[str, Any]
) -> None:
    if fault:
        sim.faults = FaultPlan(fault)
    async with keeping(sim, **params) as client:
        await speak(client, TEXT)
        broken = len(sim.sessions)

        spoken = await speak(client, TEXT)

    assert not spoken.speech.is_cached
    assert len(sim.sessions) > broken


async def test_an_interrupted_request_is_not_kept(
    sim: GradiumSim, start_host: StartHost
) -> None:
    host = await start_host({"phrases": "memory"})
    sim.pause_at(Point.AUDIO, after_frames=5)
    await host.send_text("r1", TEXT, end=True)
    await sim.reached(Point.AUDIO)
    await host.flush()
    sim.resume()

    await host.send_text("r2", TEXT, end=True)
    await host.ended("r2")

    assert len(sim.sessions) == 2


# -------------------------------------------------------- where it is kept


async def test_a_damaged_file_is_spoken_afresh(
    sim: GradiumSim, tmp_path: Path
) -> None:
    disk = {"phrases": "disk", "phrases_path": str(tmp_path)}
    async with keeping(sim, **disk) as client:
        first = await speak(client, TEXT)
    (path,) = (tmp_path / FOLDER).iterdir()
    path.write_bytes(path.read_bytes()[:-100])

    async with keeping(sim, **disk) as client:
        afresh = await speak(client, TEXT)
    async with keeping(sim, **disk) as client:
        again = await speak(client, TEXT)

    assert len(sim.sessions) == 2
    assert first.pcm == afresh.pcm == again.pcm
    assert not afresh.speech.is_cached and again.speech.is_cached


async def test_a_disk_that_fails_is_one_warning(
    start_host: StartHost, sim: GradiumSim, tmp_path: Path, ten_log: TenLog
) -> None:
    (tmp_path / FOLDER).write_text("no folder")
    host = await start_host({"phrases": "disk", "phrases_path": str(tmp_path)})
    await until(lambda: "in memory only" in ten_log.text())

    for number in range(3):
        await host.send_text(f"r{number}", TEXT, end=True)
        await host.ended(f"r{number}")

    # In memory it is all the same.
    assert len(sim.sessions) == 1
    assert ten_log.text().count("in memory only") == 1


async def test_a_user_without_a_home_has_a_store_in_memory(
    sim: GradiumSim, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_home(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", no_home)
    async with keeping(sim, phrases="disk") as client:
        await speak(client, TEXT)
        again = await speak(client, TEXT)

    assert again.speech.is_cached


# ------------------------------------------------------------ with a Redis


def bulk(value: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(value), value)


@pytest.mark.parametrize(
    "answer",
    [bulk(b"rubbish"), b"-OOM command not allowed\r\n", bulk(b"")],
    ids=["damaged", "full", "empty"],
)
async def test_a_redis_that_is_no_help_is_not_in_the_way(
    sim: GradiumSim, answer: bytes
) -> None:
    async with fake_redis() as redis:
        redis.answer = answer
        async with keeping(sim, shared_url=redis.url) as client:
            first = await speak(client, TEXT)
            again = await speak(client, TEXT)

    assert (first.error, again.error) == (None, None)
    assert again.pcm == first.pcm
    assert len(sim.sessions) == 1


async def test_what_does_not_fit_asks_no_redis(sim: GradiumSim) -> None:
    async with fake_redis() as redis:
        async with keeping(sim, shared_url=redis.url) as client:
            await speak(client, [TEXT[:20], TEXT[20:]])

    assert not [command for command in redis.commands if b"GET" in command]


async def test_the_way_to_redis_is_open_before_the_first_request(
    sim: GradiumSim,
) -> None:
    async with fake_redis() as redis:
        async with keeping(sim, shared_url=redis.url) as client:
            client.preload()
            await until(lambda: [b"PING"] in redis.commands)


@pytest.mark.thorough
async def test_ten_machines_speak_a_text_once_and_need_no_redis_for_more(
    sim: GradiumSim, tmp_path: Path
) -> None:
    with own_redis() as redis:
        spoken = []
        for number in range(10):
            params = {
                "phrases": "disk",
                "phrases_path": str(tmp_path / str(number)),
                "shared_url": redis.url,
            }
            async with keeping(sim, **params) as client:
                spoken.append(await speak(client, TEXT))
        assert len(sim.sessions) == 1
        assert {each.pcm for each in spoken} == {spoken[0].pcm}

        redis.stop()
        async with keeping(sim, **params) as client:
            again = await speak(client, TEXT)
            other = await speak(client, "another text")

    assert again.speech.is_cached and again.pcm == spoken[0].pcm
    assert other.error is None
    assert len(sim.sessions) == 2
