# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Frames carry Unix time that advances by samples / rate, and all adds up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from heard import RATES_HZ

from gradium_sim import (
    Fault,
    FaultPlan,
    GradiumSim,
    OddChunks,
    Point,
    Reset,
    tones,
)
from ten_host import AudioEnd, ExtensionHost, Metrics, TextResult

if TYPE_CHECKING:
    from conftest import StartHost

pytestmark = pytest.mark.usefixtures("debug_log")

TEXT = " ".join(f"word{n}" for n in range(20))


def check_timestamps(host: ExtensionHost, request_id: str, rate: int) -> None:
    """Each frame starts where the samples before it end."""
    frames = host.frames(request_id)
    first_ms = frames[0].timestamp_ms
    samples = 0
    for frame in frames:
        assert frame.sample_rate_hz == rate
        expected_ms = samples * 1000 / rate
        assert frame.timestamp_ms - first_ms == round(expected_ms)
        samples += len(frame.pcm) // 2


def usage_of(host: ExtensionHost) -> Metrics:
    """The last usage metrics."""
    found = [
        e
        for e in host.events()
        if isinstance(e, Metrics) and "output_characters" in e.metrics
    ]
    return found[-1]


@pytest.mark.parametrize("is_worded", [False, True])
@pytest.mark.parametrize("rate_hz", RATES_HZ)
async def test_timestamps_advance_by_the_samples_sent(
    start_host: StartHost, rate_hz: int, is_worded: bool
) -> None:
    params = {"sample_rate": rate_hz}
    host = await start_host(params, enable_words=is_worded)

    before_ms = int(time.time() * 1000)
    await host.send_text("r1", TEXT, end=True)
    await host.ended("r1")
    after_ms = int(time.time() * 1000) + 1

    check_timestamps(host, "r1", rate_hz)
    assert before_ms <= host.frames("r1")[0].timestamp_ms <= after_ms


@pytest.mark.parametrize("rate_hz", RATES_HZ)
async def test_timestamps_run_on_over_a_drop(
    start_host: StartHost, sim: GradiumSim, rate_hz: int
) -> None:
    sim.faults = FaultPlan(Fault(Point.AUDIO, Reset(), after_words=7))
    host = await start_host({"sample_rate": rate_hz})

    await host.send_text("r1", TEXT, end=True)
    end = await host.ended("r1")

    assert len(sim.sessions) == 2
    check_timestamps(host, "r1", rate_hz)
    samples = len(host.pcm("r1")) // 2
    assert end.duration_ms == round(samples * 1000 / rate_hz)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
async def test_timestamps_run_on_over_sessions_ended_for_their_size(
    start_host: StartHost, sim: GradiumSim, rate_hz: int
) -> None:
    host = await start_host({"sample_rate": rate_hz, "session_max_chars": 40})

    await host.send_text("r1", TEXT, end=True)
    end = await host.ended("r1")

    assert len(sim.sessions) == 4
    check_timestamps(host, "r1", rate_hz)
    samples = len(host.pcm("r1")) // 2
    assert end.duration_ms == round(samples * 1000 / rate_hz)


async def test_chunks_that_end_inside_a_sample_shift_nothing(
    start_host: StartHost, sim: GradiumSim
) -> None:
    sim.faults = FaultPlan(Fault(Point.FIRST_AUDIO, OddChunks(), times=None))
    host = await start_host(enable_words=True)

    for request_id in ("r1", "r2"):
        await host.send_text(request_id, TEXT, end=True)
        await host.ended(request_id)

    for index, request_id in enumerate(("r1", "r2")):
        check_timestamps(host, request_id, 24000)
        whole = len(sim.sessions[index].pcm) // 2 * 2
        assert host.pcm(request_id) == sim.sessions[index].pcm[:whole]


async def test_a_later_request_starts_at_its_own_time(
    start_host: StartHost,
) -> None:
    host = await start_host()

    for request_id in ("r1", "r2"):
        before_ms = int(time.time() * 1000)
        await host.send_text(request_id, TEXT, end=True)
        await host.ended(request_id)
        after_ms = int(time.time() * 1000) + 1

        # Not where the audio before it ends, which was faster than real time.
        first = host.frames(request_id)[0]
        assert before_ms <= first.timestamp_ms <= after_ms


async def test_g711_is_timed_by_its_samples(start_host: StartHost) -> None:
    host = await start_host({"output_format": "ulaw_8000"}, enable_words=True)

    await host.send_text("r1", TEXT, end=True)
    end = await host.ended("r1")

    check_timestamps(host, "r1", 8000)
    assert end.duration_ms == round(len(host.pcm("r1")) / 16)


def check_sums(host: ExtensionHost, rate_hz: int) -> float:
    """Frames, words, durations and metrics tell the same; gives seconds."""
    check_timestamps(host, "r1", rate_hz)
    frames = host.frames("r1")
    first_ms = frames[0].timestamp_ms
    audio_ms = len(host.pcm("r1")) / 2 / rate_hz * 1000
    end = host.events("r1")[-1]
    assert isinstance(end, AudioEnd)
    assert end.duration_ms == round(audio_ms)
    received_ms = usage_of(host).metrics["recv_audio_duration"]
    assert received_ms == pytest.approx(audio_ms, abs=0.001)
    last_ms = frames[-1].timestamp_ms + frames[-1].duration_s * 1000
    assert last_ms - first_ms == pytest.approx(audio_ms, abs=1)
    timed = [
        word
        for event in host.events("r1")
        if isinstance(event, TextResult)
        for word in event.words
        if word.word != " "
    ]
    heard = tones.listen(host.pcm("r1"), rate_hz)
    assert [w.word for w in timed] == [w.text for w in heard]
    for word, one in zip(timed, heard, strict=True):
        start_ms = word.start_ms - first_ms
        assert start_ms == pytest.approx(one.start_s * 1000, abs=1)
        stop_ms = start_ms + word.duration_ms
        assert stop_ms == pytest.approx(one.stop_s * 1000, abs=1)
    return audio_ms / 1000


async def say_at_least(
    start_host: StartHost, seconds: float, rate_hz: int
) -> ExtensionHost:
    """Speak words of 24 letters, 0.27 s each."""
    host = await start_host(
        {"sample_rate": rate_hz}, wait_s=60, enable_words=True
    )
    count = int(seconds / 0.27) + 1
    words = [f"w{n:05d}".ljust(23, "x") + "." for n in range(count)]
    for at in range(0, count, 50):
        text = " ".join(words[at : at + 50]) + " "
        await host.send_text("r1", text, end=at + 50 >= count)
    await host.ended("r1")
    return host


@pytest.mark.parametrize("rate_hz", RATES_HZ)
async def test_frames_words_and_durations_agree(
    start_host: StartHost, rate_hz: int
) -> None:
    host = await say_at_least(start_host, 15, rate_hz)

    assert check_sums(host, rate_hz) > 15


async def test_frames_words_and_durations_agree_over_a_minute(
    start_host: StartHost, sim: GradiumSim
) -> None:
    host = await say_at_least(start_host, 60, 22050)

    assert check_sums(host, 22050) > 60
    assert len(sim.sessions) > 1


@pytest.mark.thorough
@pytest.mark.parametrize("rate_hz", RATES_HZ)
async def test_frames_words_and_durations_agree_over_five_minutes(
    start_host: StartHost, sim: GradiumSim, rate_hz: int
) -> None:
    host = await say_at_least(start_host, 300, rate_hz)

    assert check_sums(host, rate_hz) > 300
    assert len(sim.sessions) > 1
