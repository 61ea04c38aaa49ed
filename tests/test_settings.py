# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Every setting where it takes effect: on the wire, in the graph, in files."""

from __future__ import annotations

import json
import os
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from key_scan import KEY

from gradium_sim import GradiumSim, tones
from ten_host import (
    AudioEnd,
    EndReason,
    Error,
    ExtensionHost,
    Frame,
    TextResult,
)

if TYPE_CHECKING:
    from conftest import StartHost

TEXT = "The price is right."


async def speak(
    host: ExtensionHost, *fragments: str, request_id: str = "r1"
) -> None:
    for fragment in fragments[:-1]:
        await host.send_text(request_id, fragment)
    await host.send_text(request_id, fragments[-1], end=True)
    assert (await host.ended(request_id)).reason is EndReason.REQUEST_END


# ---------------------------------------------------------------- on the wire


@pytest.mark.parametrize(
    ("params", "sent"),
    [
        (
            {"model_name": "gradium-tts-beta"},
            {"model_name": "gradium-tts-beta"},
        ),
        ({"voice_id": "YTpq7expH9539ERJ"}, {"voice_id": "YTpq7expH9539ERJ"}),
        ({"voice": "Emma"}, {"voice": "Emma", "voice_id": None}),
        ({"sample_rate": 16000}, {"output_format": "pcm_16000"}),
        ({"retry_for_s": 1.5}, {"retry_for_s": 1.5}),
        ({"speed": 2}, {"json_config": {"padding_bonus": -3.33}}),
        ({"speed": 0.5}, {"json_config": {"padding_bonus": 5.0}}),
        ({"temperature": 0}, {"json_config": {"temp": 0}}),
        ({"similarity": 3}, {"json_config": {"cfg_coef": 3}}),
        ({"language": "fr"}, {"json_config": {"rewrite_rules": "fr"}}),
        ({"rewrite_rules": "none"}, {"json_config": {"rewrite_rules": "none"}}),
        ({"language": "en-US"}, {"json_config": {"rewrite_rules": "en"}}),
        ({"temp": 0.5}, {"json_config": {"temp": 0.5}}),
        ({"cfg_coef": 3}, {"json_config": {"cfg_coef": 3}}),
        ({"padding_bonus": -2}, {"json_config": {"padding_bonus": -2}}),
        ({"output_format": "pcm_16000"}, {"output_format": "pcm_16000"}),
        ({"json_config": '{"temp": 1}'}, {"json_config": {"temp": 1}}),
        (
            {"json_config": {"temp": 1}, "temperature": 0.5},
            {"json_config": {"temp": 0.5}},
        ),
        ({"something_new": [1]}, {"something_new": [1]}),
        ({"client_req_id": "x", "text": "y"}, {"client_req_id": None}),
        ({"close_ws_on_eos": False}, {"close_ws_on_eos": None}),
    ],
)
async def test_a_setting_reaches_the_setup(
    sim: GradiumSim,
    start_host: StartHost,
    params: dict[str, Any],
    sent: dict[str, Any],
) -> None:
    host = await start_host(params)

    await speak(host, TEXT)

    setup = dict(sim.sessions[0].setup)
    if "json_config" in setup:
        setup["json_config"] = json.loads(setup["json_config"])
    assert {name: setup.get(name) for name in sent} == sent


async def test_headers_of_both_levels_reach_the_upgrade(
    sim: GradiumSim, start_host: StartHost
) -> None:
    host = await start_host({"headers": {"X-One": "1"}}, headers={"x-two": "2"})

    await speak(host, TEXT)

    headers = {k.lower(): v for k, v in sim.connections[0].headers.items()}
    assert (headers["x-one"], headers["x-two"]) == ("1", "2")
    assert headers["x-api-source"] == "ten"


async def test_base_url_is_understood_as_url(
    sim: GradiumSim, start_host: StartHost
) -> None:
    host = await start_host({"url": "", "base_url": sim.url})

    await speak(host, TEXT)

    assert "base_url" not in sim.sessions[0].setup


async def test_words_are_sent_wherever_they_are_asked_for(
    start_host: StartHost,
) -> None:
    host = await start_host({"enable_words": True})

    await speak(host, TEXT)

    assert [e for e in host.events() if isinstance(e, TextResult)]


@pytest.mark.parametrize("name", ["ulaw_8000", "mulaw_8000", "alaw_8000"])
async def test_g711_on_the_wire_is_pcm_in_the_graph(
    sim: GradiumSim, start_host: StartHost, name: str
) -> None:
    host = await start_host({"output_format": name})

    await speak(host, TEXT)

    wire_name = name.removeprefix("m")
    assert sim.sessions[0].setup["output_format"] == wire_name
    assert {f.sample_rate_hz for f in host.frames("r1")} == {8000}
    assert tones.decode(host.pcm("r1"), 8000) == TEXT.split()


# ------------------------------------------------------------------- the text


async def test_what_the_splitter_cut_arrives_whole(
    sim: GradiumSim, start_host: StartHost
) -> None:
    host = await start_host()

    await speak(host, "It costs $50,", "000.", "75, at 10:", "30!", " Really?")

    assert sim.sessions[0].text.split() == (
        "It costs $50,000.75, at 10:30! Really?".split()
    )


@pytest.mark.parametrize(
    ("params", "text", "sent"),
    [
        ({}, 'Wait <break time="1s" /> here.', "Wait here."),
        ({}, "Wait <flush> here.", "Wait here."),
        (
            {"allow_tags": True},
            'Wait <break time="1s" /> here.',
            'Wait <break time="1s" /> here.',
        ),
        ({}, "**So** it `is`.", "So it is."),
        ({"clean_markdown": False}, "**So** it `is`.", "**So** it `is`."),
        ({}, "So \U0001f600 it is.", "So it is."),
        (
            {"clean_emoji": False},
            "So \U0001f600 it is.",
            "So \U0001f600 it is.",
        ),
        ({}, "So:\n```py\nx\n```\nit is.", "So: it is."),
        ({"clean_code": False}, "So:\n```py\nx\n```\nit is.", "So: x it is."),
        ({}, "<think>no</think>It is.", "It is."),
        (
            {"clean_thoughts": False},
            "<think>It</think> is.",
            "< think>It< /think> is.",
        ),
        ({}, "|It|is|", "It, is."),
        ({"clean_tables": False}, "|It|is|", "|It|is|"),
        ({}, "See http://x.org/a", "See x.org"),
        ({"clean_urls": False}, "See http://x.org/a", "See http://x.org/a"),
        (
            {"replacements": {"SQL": "sequel"}},
            "So SQL it is.",
            "So sequel it is.",
        ),
    ],
)
async def test_tags_and_marks_are_treated_as_set(
    sim: GradiumSim,
    start_host: StartHost,
    params: dict[str, Any],
    text: str,
    sent: str,
) -> None:
    host = await start_host(params)

    await speak(host, text)

    assert sim.sessions[0].text == sent


async def test_the_tail_is_spoken_once_the_llm_falls_silent(
    sim: GradiumSim, start_host: StartHost
) -> None:
    host = await start_host({"idle_flush_ms": 30})

    # In one piece: between two, a busy machine may be silent for as long.
    await host.send_text("r1", "One, two three.")
    # Without the flush the server would hold these words back.
    await host.until(
        lambda event: (
            isinstance(event, Frame)
            and tones.decode(host.pcm("r1"), 24000)[:2] == ["One,", "two"]
        )
    )
    await sim.settled()
    before = list(sim.sessions[0].texts)
    await speak(host, " Four.")

    # One flush for one silence, and none to end the request.
    assert before == ["One, two three.", "<flush>"]
    assert sim.sessions[0].texts == [*before, "Four."]
    assert len(sim.sessions) == 1
    assert (
        tones.decode(host.pcm("r1"), 24000) == "One, two three. Four.".split()
    )


async def test_without_idle_flush_the_tail_waits(
    sim: GradiumSim, start_host: StartHost
) -> None:
    host = await start_host({"idle_flush_ms": 0})

    await host.send_text("r1", "One, ")
    await host.send_text("r1", "two three.")
    await sim.until(
        lambda sim: bool(sim.sessions and sim.sessions[0].texts[1:])
    )
    await sim.settled()

    assert sim.sessions[0].texts == ["One,", "two"]
    await speak(host, " Four.")
    assert sim.sessions[0].texts == ["One,", "two", "three.", "Four."]


# ------------------------------------------------------------------ the files


async def test_dumps_can_be_wav_files(
    start_host: StartHost, tmp_path: Path
) -> None:
    host = await start_host(
        dump=True, dump_path=str(tmp_path), dump_format="wav"
    )

    await speak(host, TEXT)

    with wave.open(str(tmp_path / "gradium_dump_r1.wav")) as wav:
        assert wav.getframerate() == 24000
        assert wav.readframes(wav.getnframes()) == host.pcm("r1")


async def test_the_newest_dumps_are_kept(
    start_host: StartHost, tmp_path: Path
) -> None:
    host = await start_host(
        dump=True, dump_path=str(tmp_path), dump_max_files=2
    )

    for number in range(4):
        await speak(host, TEXT, request_id=f"r{number}")

    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["gradium_dump_r2.pcm", "gradium_dump_r3.pcm"]


async def test_dumps_are_kept_by_age_and_by_size(
    start_host: StartHost, tmp_path: Path
) -> None:
    old = tmp_path / "gradium_dump_old.pcm"
    old.write_bytes(b"ab")
    os.utime(old, (1000, 1000))
    host = await start_host(
        dump=True, dump_path=str(tmp_path), dump_max_age_s=3600
    )

    await speak(host, TEXT, request_id="r1")
    after_age = sorted(path.name for path in tmp_path.iterdir())
    await host.command("update_configs", {"dump_max_bytes": 50_000})
    await speak(host, TEXT, request_id="r2")

    assert after_age == ["gradium_dump_r1.pcm"]
    # One alone has some 40 000 bytes.
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["gradium_dump_r2.pcm"]


# ------------------------------------------------------------- wrong settings


@pytest.mark.parametrize(
    ("properties", "sentence"),
    [
        (
            {"params": {"sample_rate": "24k"}},
            "params.sample_rate must be one of 8000, 16000, 22050, 24000,"
            ' 44100, 48000, not "24k"',
        ),
        (
            {"params": {"resume": "false"}},
            'params.resume must be true or false, not "false"',
        ),
        (
            {"params": {"speed": 3}},
            "params.speed must be at most 2.0, not 3",
        ),
        (
            {"params": {"voice": "Emma", "voice_id": "x"}},
            "params: voice_id and voice exclude each other",
        ),
        (
            {"params": {"json_config": "{"}},
            "params.json_config must be a JSON object",
        ),
        (
            {"dump_format": "mp3"},
            "dump_format must be one of 'pcm' or 'wav', not \"mp3\"",
        ),
        ({"params": {"api_key": ""}}, "params.api_key is missing"),
    ],
)
async def test_a_wrong_setting_is_one_fatal_error_and_the_app_lives_on(
    sim: GradiumSim,
    properties: dict[str, Any],
    sentence: str,
) -> None:
    params = {"url": sim.url, "api_key": KEY} | properties.get("params", {})
    tree = {**properties, "params": params}

    async with ExtensionHost("gradium_tts_python", tree) as host:
        await host.send_text("r1", TEXT, end=True)
        end = await host.ended("r1")

    first, second = (e for e in host.events() if isinstance(e, Error))
    assert isinstance(first, Error) and isinstance(second, Error)
    assert first.message.startswith(sentence)
    assert (first.id, first.code, second.id, second.code) == (
        "",
        -1000,
        "r1",
        -1000,
    )
    assert first.vendor_info["vendor"] == "gradium"
    assert isinstance(end, AudioEnd) and end.reason is EndReason.ERROR
    assert sim.connections == []
