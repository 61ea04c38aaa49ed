# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Metrics: the first audio and where its time went, connects, usage."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from farewell import Whole
from heard import WORDS
from key_scan import KEY

from gradium_sim import Delay, Fault, FaultPlan, GradiumSim, Point, Reset
from ten_host import (
    AudioEnd,
    AudioStart,
    EndReason,
    ExtensionHost,
    FlushEnd,
    Frame,
    Metrics,
)

if TYPE_CHECKING:
    from conftest import StartHost

pytestmark = pytest.mark.usefixtures("debug_log")

TEXT = "Hello there, my world."
TWELVE = " ".join(WORDS[:12])
# How a request came, in the metadata of its usage.
PACE = {
    "is_cached",
    "stall_count",
    "stall_ms",
    "largest_gap_ms",
    "real_time_factor",
    "first_word_ms",
}
# A metric is a whole number of ms.
ROUNDED_MS = 1.0


def metrics(host: ExtensionHost, name: str) -> list[Metrics]:
    """The metrics that have this value, in order."""
    return [
        event
        for event in host.events()
        if isinstance(event, Metrics) and name in event.metrics
    ]


def usage(host: ExtensionHost) -> list[Metrics]:
    return metrics(host, "output_characters")


def story(host: ExtensionHost) -> list[str]:
    """What was sent, an event in a word; connects and states left out."""
    found = []
    for event in host.events():
        if isinstance(event, Metrics):
            name = next(iter(event.metrics))
            found.append("usage" if "characters" in name else name)
        elif isinstance(event, (AudioStart, AudioEnd, Frame, FlushEnd)):
            found.append(type(event).__name__)
    return [name for name in found if name != "connect_delay"]


# -------------------------------------------------------------- first audio


async def test_ttfb_comes_once_behind_the_first_frame(
    host: ExtensionHost,
) -> None:
    metadata = {"session_id": "s", "turn_id": 1}
    await host.send_text("r1", "Hello there,", metadata=metadata)
    await host.send_text("r1", " my world.", end=True)
    await host.ended("r1")

    first, *frames = ["Frame"] * len(host.frames("r1"))
    assert story(host) == [
        *["AudioStart", first, "ttfb"],
        *[*frames, "usage", "AudioEnd"],
    ]
    (ttfb,) = metrics(host, "ttfb")
    assert set(ttfb.metadata) == {
        *metadata,
        "slot_wait_ms",
        "socket_wait_ms",
        "setup_to_ready_ms",
        "text_to_audio_ms",
        "is_warm",
        "attempt",
        "is_cached",
    }


async def test_each_request_has_its_ttfb(host: ExtensionHost) -> None:
    for turn in (1, 2, 3):
        metadata = {"turn_id": turn}
        await host.send_text(f"r{turn}", TEXT, end=True, metadata=metadata)
        await host.ended(f"r{turn}")

    turns = [m.metadata["turn_id"] for m in metrics(host, "ttfb")]
    assert turns == [1, 2, 3]


@pytest.mark.sim(ready_delay_s=0.06, first_audio_delay_s=0.04)
async def test_the_split_is_that_of_the_servers_log(
    host: ExtensionHost, sim: GradiumSim
) -> None:
    sent_s = time.monotonic()
    await host.send_text("r1", TEXT, end=True)
    await host.ended("r1")

    (ttfb,) = metrics(host, "ttfb")
    split, log = ttfb.metadata, sim.sessions[0].times
    assert log.ready_s is not None
    # What this side measures starts earlier and stops later, but lies itself
    # between the sending of the text and the arrival of the metric.
    total_ms = (ttfb.time_s - sent_s) * 1000
    ready_ms = (log.ready_s - log.setup_s) * 1000
    assert ready_ms >= 60
    assert ready_ms - ROUNDED_MS <= split["setup_to_ready_ms"]
    assert 100 - ROUNDED_MS <= split["text_to_audio_ms"]
    assert split["setup_to_ready_ms"] <= split["text_to_audio_ms"]
    assert split["text_to_audio_ms"] <= ttfb.metrics["ttfb"] + ROUNDED_MS
    assert ttfb.metrics["ttfb"] <= total_ms + ROUNDED_MS
    waited_ms = (log.setup_s - sent_s) * 1000
    assert split["socket_wait_ms"] <= waited_ms + ROUNDED_MS
    assert split["attempt"] == 1


@pytest.mark.sim(faults=FaultPlan(Fault(Point.UPGRADE, Delay(0.08))))
async def test_a_cold_request_waits_for_its_socket(
    start_host: StartHost, sim: GradiumSim
) -> None:
    host = await start_host({"warm": "off"})

    await host.send_text("r1", TEXT, end=True)
    await host.ended("r1")

    (ttfb,) = metrics(host, "ttfb")
    assert not ttfb.metadata["is_warm"]
    assert ttfb.metadata["socket_wait_ms"] >= 80
    assert ttfb.metrics["ttfb"] >= ttfb.metadata["socket_wait_ms"]
    (connect,) = metrics(host, "connect_delay")
    assert 80 <= connect.metrics["connect_delay"]
    waited_ms = ttfb.metadata["socket_wait_ms"] + ROUNDED_MS
    assert connect.metrics["connect_delay"] <= waited_ms


async def test_a_warm_request_waits_for_none(
    host: ExtensionHost, sim: GradiumSim
) -> None:
    await sim.until(lambda s: len(s.connections) == 1)
    await host.until(lambda _: bool(metrics(host, "connect_delay")))

    await host.send_text("r1", TEXT, end=True)
    await host.ended("r1")

    (ttfb,) = metrics(host, "ttfb")
    assert ttfb.metadata["is_warm"]
    opened_s = sim.connections[0].opened_s
    setup_s = sim.sessions[0].times.setup_s
    assert ttfb.metadata["socket_wait_ms"] < (setup_s - opened_s) * 1000 + 1


async def test_ttfb_spans_the_attempts(
    start_host: StartHost, sim: GradiumSim
) -> None:
    sim.faults = FaultPlan(Fault(Point.READY, Reset(), times=2))
    host = await start_host()

    await host.send_text("r1", TEXT, end=True)
    await host.ended("r1")

    (ttfb,) = metrics(host, "ttfb")
    first, second, third = (session.times for session in sim.sessions)
    assert ttfb.metadata["attempt"] == 3
    failed_ms = (third.setup_s - first.setup_s) * 1000
    assert failed_ms > 50
    assert ttfb.metrics["ttfb"] >= failed_ms - ROUNDED_MS
    alone_ms = (ttfb.time_s - second.setup_s) * 1000
    assert ttfb.metadata["text_to_audio_ms"] <= alone_ms + ROUNDED_MS


async def test_ttfb_starts_with_the_first_speakable_text(
    host: ExtensionHost, sim: GradiumSim
) -> None:
    # Nothing of this can be spoken, so nobody is kept waiting yet.
    await host.send_text("r1", "  ")
    await host.command("nothing")
    since_s = time.monotonic()
    await host.send_text("r1", TEXT, end=True)
    await host.ended("r1")

    (ttfb,) = metrics(host, "ttfb")
    most_ms = (ttfb.time_s - since_s) * 1000
    assert ttfb.metrics["ttfb"] <= most_ms + ROUNDED_MS


async def test_a_resume_measures_no_second_ttfb(
    start_host: StartHost, sim: GradiumSim
) -> None:
    sim.faults = FaultPlan(Fault(Point.AUDIO, Reset(), after_words=5))
    host = await start_host()

    await host.send_text("r1", TWELVE, end=True)
    await host.ended("r1")

    assert len(sim.sessions) == 2
    assert story(host).count("ttfb") == 1
    assert story(host).count("AudioStart") == 1


# -------------------------------------------------------------------- the end


@pytest.mark.sim(speed=8.0)
async def test_the_interval_runs_from_the_first_to_the_last_audio(
    host: ExtensionHost, sim: GradiumSim
) -> None:
    await host.send_text("r1", TWELVE, end=True)
    end = await host.ended("r1")

    ready_s = sim.sessions[0].times.ready_s
    assert ready_s is not None
    late_ms = (host.frames("r1")[0].time_s - ready_s) * 1000
    paced_ms = (end.duration_ms - 80) / 8
    assert paced_ms > 100
    assert end.interval_ms >= paced_ms - late_ms - ROUNDED_MS
    assert end.interval_ms <= (end.time_s - ready_s) * 1000 + ROUNDED_MS


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 24000, 44100, 48000])
async def test_the_duration_is_that_of_the_bytes(
    start_host: StartHost, rate_hz: int
) -> None:
    host = await start_host({"sample_rate": rate_hz})

    await host.send_text("r1", TWELVE, end=True)
    end = await host.ended("r1")

    exact_ms = len(host.pcm("r1")) / 2 / rate_hz * 1000
    assert end.duration_ms == round(exact_ms)
    (used,) = usage(host)
    assert used.metrics["recv_audio_duration"] == pytest.approx(exact_ms)


# ---------------------------------------------------------------------- usage


async def test_usage_is_told_before_the_end_and_counted_up(
    host: ExtensionHost, sim: GradiumSim
) -> None:
    for request_id in ("r1", "r2"):
        await host.send_text(request_id, TEXT, end=True)
        await host.ended(request_id)

    one, two = usage(host)
    audio_ms = len(host.pcm("r1")) / 48
    sent = sum(len(text) for text in sim.sessions[0].texts)
    spoken = sum(len(word) for word, *_ in sim.sessions[0].words)
    assert one.metrics == {
        "output_characters": sent,
        "input_characters": spoken,
        "recv_audio_duration": audio_ms,
        "total_output_characters": sent,
        "total_input_characters": spoken,
        "total_recv_audio_duration": audio_ms,
    }
    assert two.metrics == {
        **one.metrics,
        "total_output_characters": 2 * sent,
        "total_input_characters": 2 * spoken,
        "total_recv_audio_duration": 2 * audio_ms,
    }


def check_usage(used: Metrics, host: ExtensionHost, sim: GradiumSim) -> None:
    """One usage, of all sessions of the request."""
    texts = [text for session in sim.sessions for text in session.texts]
    assert used.metrics["output_characters"] == sum(map(len, texts))
    audio_ms = len(host.pcm("r1")) / 48
    assert used.metrics["recv_audio_duration"] == pytest.approx(audio_ms)
    assert used.metadata["turn_id"] == 9
    assert set(used.metadata) - PACE == {"turn_id"}


async def test_usage_of_an_interrupted_request(
    host: ExtensionHost, sim: GradiumSim
) -> None:
    sim.pause_at(Point.AUDIO, after_frames=5)
    await host.send_text("r1", TWELVE, end=True, metadata={"turn_id": 9})
    await sim.reached(Point.AUDIO)
    await host.until(lambda _: len(host.frames("r1")) == 5)

    await host.flush()

    (used,) = usage(host)
    check_usage(used, host, sim)
    words = [word for word, *_ in sim.sessions[0].words]
    assert used.metrics["input_characters"] == sum(map(len, words))
    assert story(host)[-3:] == ["usage", "AudioEnd", "FlushEnd"]


async def test_an_interruption_sends_nothing_of_what_was_held_back(
    host: ExtensionHost, sim: GradiumSim
) -> None:
    sim.pause_at(Point.AUDIO, after_frames=5)
    # The last word may go on.
    await host.send_text("r1", TWELVE)
    await sim.reached(Point.AUDIO)
    await host.until(lambda _: len(host.frames("r1")) == 5)

    await host.flush()

    (used,) = usage(host)
    sent = " ".join(WORDS[:11])
    assert sim.sessions[0].text == sent
    assert used.metrics["output_characters"] == len(sent)


async def test_usage_of_a_request_that_was_interrupted_before_its_audio(
    host: ExtensionHost, sim: GradiumSim
) -> None:
    sim.pause_at(Point.FIRST_AUDIO)
    await host.send_text("r1", TWELVE, end=True, metadata={"turn_id": 9})
    await sim.reached(Point.FIRST_AUDIO)

    await host.flush()

    (used,) = usage(host)
    check_usage(used, host, sim)
    assert story(host) == ["usage", "AudioEnd", "FlushEnd"]


async def test_usage_of_a_request_that_failed(
    start_host: StartHost, sim: GradiumSim
) -> None:
    sim.faults = FaultPlan(Fault(Point.AUDIO, Reset(), after_frames=4))
    host = await start_host({"resume": False})

    await host.send_text("r1", TWELVE, end=True, metadata={"turn_id": 9})
    end = await host.ended("r1")

    assert end.reason is EndReason.ERROR
    (used,) = usage(host)
    check_usage(used, host, sim)
    assert story(host)[-2:] == ["usage", "AudioEnd"]


async def test_usage_of_a_request_that_was_said_twice(
    start_host: StartHost, sim: GradiumSim
) -> None:
    sim.faults = FaultPlan(Fault(Point.AUDIO, Reset(), after_words=4))
    host = await start_host()

    await host.send_text("r1", TWELVE, end=True, metadata={"turn_id": 9})
    await host.ended("r1")

    (used,) = usage(host)
    check_usage(used, host, sim)
    assert used.metrics["output_characters"] > len(TWELVE)


async def test_usage_of_a_request_that_the_stop_cut(
    sim: GradiumSim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = tmp_path / "trace.jsonl"
    monkeypatch.setenv("GRADIUM_TTS_TRACE", str(trace))
    sim.pause_at(Point.AUDIO, after_frames=5)
    params = {"url": sim.url, "api_key": KEY}
    async with ExtensionHost("gradium_tts_python", {"params": params}) as host:
        await host.send_text("r1", TWELVE, end=True, metadata={"turn_id": 9})
        await sim.reached(Point.AUDIO)
        await host.until(lambda _: len(host.frames("r1")) == 5)

    whole = Whole(host, trace)
    used = usage(whole)[0]
    check_usage(used, whole, sim)
    assert [m.metrics["output_characters"] for m in usage(whole)[1:]] == [0]
    assert story(whole).index("usage") < story(whole).index("AudioEnd")


# ------------------------------------------------------------------- connects


async def test_every_connect_is_told(
    host: ExtensionHost, sim: GradiumSim
) -> None:
    for request_id in ("r1", "r2", "r3"):
        await host.send_text(request_id, TEXT, end=True)
        await host.ended(request_id)
    # One for each request, and the one in reserve.
    await sim.until(lambda s: len(s.connections) == 4)
    await host.until(lambda _: len(metrics(host, "connect_delay")) == 4)

    for one in metrics(host, "connect_delay"):
        assert isinstance(one.metrics["connect_delay"], int)
        assert 0 <= one.metrics["connect_delay"] < 1000
