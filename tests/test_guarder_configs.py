# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The settings that TEN's acceptance suite runs the extension with.

They talk to Gradium with `GRADIUM_API_KEY`; `GRADIUM_TTS_URL` points them at
another server, here the local one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gradium_sim import GradiumSim
from ten_host import EndReason, Error, ExtensionHost, Frame, TextResult

FOLDER = Path(__file__).resolve().parent / "configs"
FATAL = -1000

SPEAKING = {
    "property_basic_audio_setting1.json": 16000,
    "property_basic_audio_setting2.json": 24000,
    "property_dump.json": 16000,
    "property_subtitle_alignment.json": 16000,
}
BROKEN = ("property_invalid.json", "property_miss_required.json")


def load(name: str) -> dict[str, Any]:
    properties: dict[str, Any] = json.loads((FOLDER / name).read_text())
    return properties


@pytest.fixture
def environment(
    sim: GradiumSim, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A good key, the local server, and a folder for what is written."""
    monkeypatch.setenv("GRADIUM_API_KEY", "test-key")
    monkeypatch.setenv("GRADIUM_TTS_URL", sim.url)
    monkeypatch.chdir(tmp_path)


def test_all_six_files_are_there() -> None:
    names = {path.name for path in FOLDER.iterdir()}

    assert names == {*SPEAKING, *BROKEN}


@pytest.mark.parametrize("name", SPEAKING)
async def test_a_config_speaks_at_its_rate(
    name: str, environment: None, tmp_path: Path
) -> None:
    properties = load(name)

    async with ExtensionHost("gradium_tts_python", properties) as host:
        await host.send_text("r1", "Hello there.", end=True)
        end = await host.ended("r1")

    assert end.reason is EndReason.REQUEST_END
    assert {f.sample_rate_hz for f in host.frames("r1")} == {SPEAKING[name]}
    assert not [e for e in host.events() if isinstance(e, Error)]


async def test_the_dump_is_what_was_sent(
    environment: None, tmp_path: Path
) -> None:
    properties = load("property_dump.json")

    async with ExtensionHost("gradium_tts_python", properties) as host:
        await host.send_text("r1", "Hello there.", end=True)
        await host.ended("r1")
        (dump,) = (tmp_path / properties["dump_path"]).iterdir()
        dumped = dump.read_bytes()

    assert dumped == host.pcm("r1")


async def test_the_subtitles_come_word_by_word(environment: None) -> None:
    properties = load("property_subtitle_alignment.json")

    async with ExtensionHost("gradium_tts_python", properties) as host:
        await host.send_text("r1", "Hello there.", end=True)
        await host.ended("r1")

    results = [e for e in host.events("r1") if isinstance(e, TextResult)]
    words = [word.word for result in results for word in result.words]
    assert "".join(words).strip() == "Hello there."


async def test_a_missing_key_is_a_fatal_error_of_the_start(
    environment: None,
) -> None:
    properties = load("property_miss_required.json")

    async with ExtensionHost("gradium_tts_python", properties) as host:
        error = await host.until(lambda event: isinstance(event, Error))

    assert isinstance(error, Error)
    assert (error.id, error.code) == ("", FATAL)


async def test_a_wrong_key_is_a_fatal_error_of_the_request(
    environment: None,
) -> None:
    properties = load("property_invalid.json")

    async with ExtensionHost("gradium_tts_python", properties) as host:
        await host.send_text("r1", "Hello there.", end=True)
        end = await host.ended("r1")

    errors = [e for e in host.events() if isinstance(e, Error)]
    assert [(e.id, e.code) for e in errors] == [("r1", FATAL)]
    assert errors[0].vendor_info["vendor"] == "gradium"
    assert end.reason is EndReason.ERROR
    assert not [e for e in host.events() if isinstance(e, Frame)]
