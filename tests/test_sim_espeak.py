# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The espeak voice of the local server."""

from __future__ import annotations

import asyncio
import base64
import os
from pathlib import Path
from typing import Any

import espeakng_loader
import numpy as np
import pytest

from gradium_sim import GradiumSim, Point, espeak_library
from gradium_sim.espeak_library import EspeakError, EspeakLibrary
from gradium_sim.probe import EMMA, Probe, pcm_of
from gradium_sim.voice_ids import CATALOGUE
from gradium_sim.word_times import WordTimes

FOX = "The quick brown fox jumps over the lazy dog."


async def speak(sim: GradiumSim, *texts: str, **fields: Any) -> list[Any]:
    async with Probe(sim.url) as probe:
        return await probe.speak(*texts, **fields)


def words_of(got: list[Any]) -> list[tuple[str, float, float]]:
    return [
        (one["text"], one["start_s"], one["stop_s"])
        for one in got
        if isinstance(one, dict) and one["type"] == "text"
    ]


async def test_the_same_text_always_sounds_the_same() -> None:
    async with GradiumSim(voice="espeak") as sim:
        sounds = set()
        for text in (FOX, "Something else.", FOX, FOX):
            got = await speak(sim, text)
            if text == FOX:
                sounds.add(pcm_of(got))
        crowd = await asyncio.gather(*(speak(sim, FOX) for _ in range(4)))
        sounds.update(pcm_of(got) for got in crowd)
        pieces = await speak(sim, *FOX.split())
        sounds.add(pcm_of(pieces))

    assert len(sounds) == 1


@pytest.mark.parametrize(
    "text",
    [
        FOX,
        "Hello, Mr. Smith - of the world! It costs 3.50 (maybe) and so on.",
        "Le naïve café, d'accord ? « Oui » !",
        "... !",
        "<b>tags</b> are [read] & spoken; 10:30, a/b — e.g. here",
        "one two three four five six seven eight nine ten " * 5,
    ],
)
async def test_every_word_has_a_time_within_the_audio(text: str) -> None:
    async with GradiumSim(voice="espeak") as sim:
        got = await speak(sim, text)
    words = words_of(got)
    length_s = len(pcm_of(got)) / 48000

    assert [word for word, _, _ in words] == text.split()
    clock_s = 0.0
    for _, start_s, stop_s in words:
        assert clock_s <= start_s + 1e-6
        assert start_s <= stop_s
        clock_s = stop_s
    assert clock_s <= length_s - 0.45


async def test_word_times_are_where_the_sound_is() -> None:
    async with GradiumSim(voice="espeak") as sim:
        got = await speak(sim, 'one <break time="1.0s" /> two')
    (_, _, one_s), (_, two_s, _) = words_of(got)
    sound = np.frombuffer(pcm_of(got), dtype="<i2").astype(float)
    quiet = np.abs(
        sound[round(one_s * 24000) + 240 : round(two_s * 24000) - 240]
    )

    assert two_s - one_s == pytest.approx(1.0, abs=0.05)
    assert quiet.max() < 200


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 24000, 44100, 48000])
async def test_every_rate_has_the_same_speech(rate_hz: int) -> None:
    async with GradiumSim(voice="espeak") as sim:
        got = await speak(sim, FOX, output_format=f"pcm_{rate_hz}")
        reference = await speak(sim, FOX, output_format="pcm_22050")

    assert words_of(got) == words_of(reference)
    sound, wanted = pcm_of(got), pcm_of(reference)
    assert len(sound) / rate_hz == pytest.approx(len(wanted) / 22050, abs=1e-3)
    loudness = [
        np.sqrt(np.mean(np.frombuffer(pcm, dtype="<i2").astype(float) ** 2))
        for pcm in (sound, wanted)
    ]
    assert loudness[0] == pytest.approx(loudness[1], rel=0.15)


async def test_voices_of_the_catalogue_sound_different() -> None:
    text = "Hello, bonjour."
    sounds: dict[str, bytes] = {}
    async with GradiumSim(voice="espeak") as sim:
        for voice in CATALOGUE:
            got = await speak(sim, text, voice_id=voice.voice_id)
            sounds[voice.espeak_voice] = pcm_of(got)

    assert len(set(sounds.values())) == len(sounds) >= 17


async def test_padding_bonus_changes_the_speed() -> None:
    async with GradiumSim(voice="espeak") as sim:
        lengths = []
        for bonus in (-4, -2, 0, 2, 4):
            config = {"padding_bonus": bonus}
            got = await speak(sim, FOX, json_config=config)
            lengths.append(len(pcm_of(got)))

    assert lengths == sorted(set(lengths))


async def test_the_first_audio_waits_for_one_unit_of_speech() -> None:
    """What it takes in milliseconds, `bench/stand_ins.py` measures."""
    text = f"{FOX} " * 20
    async with GradiumSim(voice="espeak") as sim:
        sim.pause_at(Point.FIRST_AUDIO)
        async with Probe(sim.url) as probe:
            await probe.setup()
            await probe.text(text)
            await probe.end()
            await sim.reached(Point.FIRST_AUDIO)
            await sim.settled()
            spoken = sim.counters.synthesised
            sim.resume()
            await probe.until_closed()

    assert 0 < spoken <= 2 * len(FOX)


async def test_sound_comes_before_the_text_is_complete() -> None:
    async with GradiumSim(voice="espeak") as sim, Probe(sim.url) as probe:
        await probe.setup()
        await probe.text("This is a sentence. And then there is")
        got = await probe.until("audio")
        await probe.end()
        got += await probe.until_closed()

    assert len(words_of(got)) == 8


async def test_closing_stops_the_synthesis() -> None:
    async with GradiumSim(voice="espeak") as sim:
        async with Probe(sim.url) as probe:
            await probe.setup()
            await probe.text(f"{FOX} " * 200)
            await probe.receive()
            await probe.receive()
        await sim.until(lambda sim: sim.open_sockets == 0)
        assert sim.counters.synthesised < sim.counters.accepted / 2


async def test_two_servers_share_the_engine() -> None:
    async with GradiumSim(voice="espeak") as one:
        async with GradiumSim(voice="espeak") as two:
            first, second = await asyncio.gather(
                speak(one, FOX), speak(two, FOX)
            )
        third = await speak(one, FOX, voice_id=EMMA)

    assert pcm_of(first) == pcm_of(second) == pcm_of(third)


def test_a_voice_that_does_not_exist_is_an_error() -> None:
    library = EspeakLibrary()
    try:
        with pytest.raises(EspeakError, match="no voice nobody"):
            library.speak("a", "nobody", 165, False, lambda piece: True)
    finally:
        library.unload()


def test_a_long_data_path_is_replaced_by_a_short_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("x" * 100) / ("y" * 100)
    deep.mkdir(parents=True)
    link = deep / "espeak-ng-data"
    os.symlink(espeakng_loader.get_data_path(), link)
    monkeypatch.setattr(espeakng_loader, "get_data_path", lambda: str(link))

    library = EspeakLibrary()
    pieces: list[espeak_library.Piece] = []

    def keep(piece: espeak_library.Piece) -> bool:
        pieces.append(piece)
        return True

    try:
        library.speak("Hello.", "en-us", 165, False, keep)
    finally:
        library.unload()

    assert sum(len(piece.samples) for piece in pieces) > 5000


def test_words_without_an_event_share_the_time_of_their_neighbours() -> None:
    times = WordTimes(["of", "the", "-", "night"])

    assert times.starts(0, 100) == []
    # Nothing starts at "the" and "-".
    over = times.starts(9, 700)
    assert over == [("of", 100, 300), ("the", 300, 600), ("-", 600, 700)]
    times.clause_ends(900)
    assert times.ends(1000) == [("night", 700, 900)]


def test_a_second_event_of_a_word_changes_nothing() -> None:
    times = WordTimes(["3.50", "euros"])
    times.starts(0, 0)

    assert times.starts(2, 400) == []
    assert times.starts(5, 800) == [("3.50", 0, 800)]


async def test_frames_are_whole_samples_of_80_ms() -> None:
    async with GradiumSim(voice="espeak") as sim:
        got = await speak(sim, FOX)
    sizes = [
        len(base64.b64decode(one["audio"]))
        for one in got[:-1]
        if one["type"] == "audio"
    ]

    assert set(sizes[:-1]) == {3840}
    assert sizes[-1] % 2 == 0


async def test_the_first_sound_needs_three_words_of_a_long_sentence() -> None:
    async with GradiumSim(voice="espeak") as sim, Probe(sim.url) as probe:
        await probe.setup()
        await probe.text("The quick brown")
        got = await probe.until("audio")
        spoken = sim.counters.synthesised
        await probe.text("fox jumps over the lazy dog")
        await probe.end()
        got += await probe.until_closed()

    assert spoken == len("The")
    assert " ".join(word for word, _, _ in words_of(got)) == FOX[:-1]
