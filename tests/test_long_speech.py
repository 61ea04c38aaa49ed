# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Speech longer than any session: rotated unheard.

The vendor ends sessions by time and, on the free tier, by characters. Here
the limits are scaled down and the server breaks whoever reaches them, so a
session that was not ended before fails the test.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from heard import WORDS
from speaking import Spoken, begin, carry, client_on, speak

from gradium_sim import (
    Close,
    Fault,
    FaultPlan,
    GradiumSim,
    Limits,
    Point,
    tones,
)

from .properties.memory_transport import MemoryServer
from .properties.virtual_loop import run_virtually

RATE_HZ = 8000
# Below this a sample counts as silent: about 60 dB under full scale.
SILENCE = 32
LONGEST_GAP_S = 0.04


def words() -> Iterator[str]:
    """Numbered words, a sentence end at every eighth."""
    number = 0
    while True:
        end = "." if number % 8 == 7 else ""
        yield f"{WORDS[number % len(WORDS)]}{number}{end}"
        number += 1


def text_of(count: int) -> list[str]:
    source = words()
    return [next(source) for _ in range(count)]


def gaps_s(pcm: bytes) -> npt.NDArray[np.float64]:
    """The lengths of all silences within the speech, in seconds."""
    samples = np.abs(np.frombuffer(pcm, "<i2").astype(int))
    loud = np.flatnonzero(samples > SILENCE)
    gaps: npt.NDArray[np.float64] = (np.diff(loud) - 1) / RATE_HZ
    return gaps


def check_speech(spoken: Spoken, said: list[str]) -> None:
    """Every word once, in order, without a gap, on a clock that runs on."""
    assert spoken.error is None
    assert tones.decode(spoken.pcm, RATE_HZ) == said
    assert spoken.words == said
    # The words are 10 ms apart, and so are those of two sessions.
    assert gaps_s(spoken.pcm).max() <= LONGEST_GAP_S
    assert set(spoken.timestamp_gaps_ms(RATE_HZ)) == {0}
    check_announced_times(spoken)


def check_announced_times(spoken: Spoken) -> None:
    """Words are announced where they are heard, over all sessions."""
    from gradium_tts_python.core.actions import Pcm, Words

    start_ms = next(
        a.timestamp_ms for a in spoken.actions if isinstance(a, Pcm)
    )
    told_ms = [
        action.words[-1].start_ms - start_ms
        for action in spoken.actions
        if isinstance(action, Words) and action.words
    ]
    heard_ms = [
        word.start_s * 1000 for word in tones.listen(spoken.pcm, RATE_HZ)
    ]
    assert told_ms == pytest.approx(heard_ms, abs=2.0)


@pytest.mark.parametrize("chars", [60, 100, 333])
async def test_sessions_end_before_their_characters_do(
    sim: GradiumSim, chars: int
) -> None:
    sim.limits = Limits(free_tier_chars=chars)
    said = text_of(120)
    async with client_on(
        sim.url, sample_rate=RATE_HZ, enable_words=True, session_max_chars=chars
    ) as client:
        spoken = await speak(client, " ".join(said))

    check_speech(spoken, said)
    sizes = [len(session.text) for session in sim.sessions]
    assert max(sizes) <= chars
    # Not many more than it takes.
    total = len(" ".join(said))
    assert len(sizes) <= total / (chars * 0.7) + 1
    # Nothing was tried twice, and every session was ended by us.
    assert all(session.is_complete for session in sim.sessions)
    assert " ".join(session.text for session in sim.sessions) == " ".join(said)


async def test_sessions_end_at_sentence_ends_where_they_can(
    sim: GradiumSim,
) -> None:
    said = text_of(240)
    async with client_on(
        sim.url, sample_rate=RATE_HZ, session_max_chars=400
    ) as client:
        await speak(client, " ".join(said))

    ends = [session.text[-1] for session in sim.sessions]
    # A sentence has about 70 characters: there is an end in the last fifth.
    assert ends[:-1] == ["."] * (len(ends) - 1)


async def test_text_that_comes_bit_by_bit_is_rotated_too(
    sim: GradiumSim,
) -> None:
    sim.limits = Limits(free_tier_chars=100)
    said = text_of(60)
    async with client_on(
        sim.url, sample_rate=RATE_HZ, enable_words=True, session_max_chars=100
    ) as client:
        spoken = begin(client)
        running = asyncio.ensure_future(carry(spoken))
        for number, word in enumerate(said):
            spoken.speech.push_fragment(word + " ")
            # Half of the text comes while the first sessions speak.
            if number == 30:
                await sim.reached(Point.LAST_AUDIO, 1)
        spoken.speech.end_input()
        await running

    check_speech(spoken, said)
    assert max(len(session.text) for session in sim.sessions) <= 100


async def test_a_word_longer_than_a_session_is_said(sim: GradiumSim) -> None:
    said = ["one", "t" + "o" * 80, "three"]
    async with client_on(
        sim.url, sample_rate=RATE_HZ, session_max_chars=20
    ) as client:
        spoken = await speak(client, " ".join(said))

    assert tones.decode(spoken.pcm, RATE_HZ) == said


async def test_a_session_is_ended_before_its_time(sim: GradiumSim) -> None:
    """By the length of its text: 3 s are about thirty characters."""
    sim.limits = Limits(session_audio_s=3.0)
    said = text_of(100)
    async with client_on(
        sim.url, sample_rate=RATE_HZ, enable_words=True, session_max_s=3.0
    ) as client:
        spoken = await speak(client, " ".join(said))

    check_speech(spoken, said)
    assert all(session.is_complete for session in sim.sessions)


def test_a_session_that_waited_for_text_is_ended_before_its_time() -> None:
    """By the clock: the LLM may be slow."""
    said = [word.rstrip(".") for word in text_of(120)]
    texts_s: list[tuple[int, float]] = []

    def note(_: object) -> None:
        now_s = asyncio.get_running_loop().time()
        texts_s.append((len(server.sessions), now_s))

    server = MemoryServer([], note)

    async def talk() -> Spoken:
        async with client_on(
            "ws://memory/",
            connect=server.connect,
            warm="off",
            sample_rate=RATE_HZ,
            enable_words=True,
            session_max_s=50.0,
        ) as client:
            spoken = begin(client)
            running = asyncio.ensure_future(carry(spoken))
            for word in said:
                spoken.speech.push_fragment(word + " ")
                await asyncio.sleep(1.0)
            spoken.speech.end_input()
            return await running

    spoken = run_virtually(talk())

    assert spoken.error is None
    assert spoken.words == said
    assert all(session.is_complete for session in server.sessions)
    assert len(server.sessions) >= 3
    for number in range(1, len(server.sessions) + 1):
        times_s = [time_s for of, time_s in texts_s if of == number]
        assert max(times_s) - min(times_s) <= 50.0


@pytest.mark.parametrize("point", [Point.READY, Point.AUDIO, Point.LAST_AUDIO])
async def test_a_failure_around_a_seam_loses_nothing(
    sim: GradiumSim, point: Point
) -> None:
    """Every second session fails: those that rotate and those that follow."""
    said = text_of(60)
    faults = [
        Fault(point, Close(1011), skip=skip, times=1) for skip in range(0, 9, 2)
    ]
    sim.faults = FaultPlan(*faults)
    async with client_on(
        sim.url, sample_rate=RATE_HZ, enable_words=True, session_max_chars=100
    ) as client:
        spoken = await speak(client, " ".join(said))

    assert spoken.error is None
    assert spoken.words == said
    whole = [w for w in tones.decode(spoken.pcm, RATE_HZ) if w in said]
    order = [said.index(word) for word in whole]
    assert set(order) == set(range(60))
    steps = [two - one for one, two in zip(order, order[1:], strict=False)]
    assert set(steps) <= {0, 1}
    assert set(spoken.timestamp_gaps_ms(RATE_HZ)) == {0}


async def _speak_for(
    sim: GradiumSim, minutes: float, limits_scale: float
) -> tuple[Spoken, list[str]]:
    """Speak on sessions of 300 s and 1500 characters, scaled down."""
    # A word of the tones voice lasts a tenth of a second.
    said = text_of(round(minutes * 60 / 0.127))
    sim.limits = Limits(
        session_audio_s=300 * limits_scale,
        free_tier_chars=round(1500 * limits_scale),
    )
    async with client_on(
        sim.url,
        sample_rate=RATE_HZ,
        enable_words=True,
        session_max_s=240 * limits_scale,
        session_max_chars=round(1500 * limits_scale),
    ) as client:
        spoken = begin(client)
        running = asyncio.ensure_future(carry(spoken))
        for word in said:
            spoken.speech.push_fragment(word + " ")
            await asyncio.sleep(0)
        spoken.speech.end_input()
        await running
    return spoken, said


async def test_a_minute_on_scaled_limits_have_no_seam(
    sim: GradiumSim,
) -> None:
    spoken, said = await _speak_for(sim, minutes=1, limits_scale=0.05)

    assert spoken.speech.ledger.delivered_s >= 60
    assert len(sim.sessions) > 20
    check_speech(spoken, said)


@pytest.mark.thorough
async def test_twenty_minutes_on_scaled_limits_have_no_seam(
    sim: GradiumSim,
) -> None:
    spoken, said = await _speak_for(sim, minutes=20, limits_scale=0.2)

    assert spoken.speech.ledger.delivered_s >= 20 * 60
    assert len(sim.sessions) > 100
    check_speech(spoken, said)
