# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`update_configs`: other settings from the next request on, or none at all."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from heard import WORDS, whole_words
from key_scan import KEY

from gradium_sim import Error as SimError
from gradium_sim import Fault, FaultPlan, GradiumSim, Point, Reset, tones
from gradium_tts_python.config import GradiumTTSConfig
from ten_host import (
    AudioEnd,
    CommandResult,
    EndReason,
    Error,
    ExtensionHost,
    Metrics,
    TextResult,
)
from ten_host.testing.log import TenLog

if TYPE_CHECKING:
    from conftest import StartHost

pytestmark = pytest.mark.usefixtures("debug_log")

TEXT = "Hello there, my world."
TWELVE = " ".join(WORDS[:12])
SECOND_KEY = KEY[::-1]


async def update(host: ExtensionHost, **changes: Any) -> CommandResult:
    """Send the command; `params` are given as one argument."""
    return await host.command("update_configs", changes)


async def speak(host: ExtensionHost, request_id: str, text: str = TEXT) -> None:
    await host.send_text(request_id, text, end=True)
    end = await host.ended(request_id)
    assert end.reason is EndReason.REQUEST_END


def heard(host: ExtensionHost, rate_hz: int) -> list[str]:
    """What was heard of r1."""
    return whole_words(host.pcm("r1"), rate_hz)


def setup_of(sim: GradiumSim, index: int = -1) -> dict[str, Any]:
    """The setup of a session, its `json_config` read."""
    setup = dict(sim.sessions[index].setup)
    if "json_config" in setup:
        setup["json_config"] = json.loads(setup["json_config"])
    return setup


# ------------------------------------------------------ settings of all kinds

SETTINGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "voice_id": (
        {"voice_id": "YTpq7expH9539ERJ"},
        {"voice_id": "YTpq7expH9539ERJ"},
    ),
    "voice": ({"voice": "Emma"}, {"voice": "Emma", "voice_id": None}),
    "model_name": ({"model_name": "beta"}, {"model_name": "beta"}),
    "sample_rate": ({"sample_rate": 16000}, {"output_format": "pcm_16000"}),
    "output_format": (
        {"output_format": "alaw_8000"},
        {"output_format": "alaw_8000"},
    ),
    "speed": ({"speed": 2.0}, {"json_config": {"padding_bonus": -3.33}}),
    "temperature": ({"temperature": 0.3}, {"json_config": {"temp": 0.3}}),
    "similarity": ({"similarity": 2.5}, {"json_config": {"cfg_coef": 2.5}}),
    "language": ({"language": "fr"}, {"json_config": {"rewrite_rules": "fr"}}),
    "rewrite_rules": (
        {"rewrite_rules": "none"},
        {"json_config": {"rewrite_rules": "none"}},
    ),
    "json_config": (
        {"json_config": {"temp": 0.1, "padding_bonus": 1.5}},
        {"json_config": {"temp": 0.1, "padding_bonus": 1.5}},
    ),
    "json_config as text": (
        {"json_config": '{"cfg_coef": 3}'},
        {"json_config": {"cfg_coef": 3}},
    ),
    "retry_for_s": ({"retry_for_s": 2.0}, {"retry_for_s": 2.0}),
    "another setup key": ({"some_option": [1]}, {"some_option": [1]}),
}


@pytest.mark.parametrize("name", SETTINGS)
async def test_a_setting_holds_from_the_next_request_on(
    start_host: StartHost, sim: GradiumSim, name: str
) -> None:
    params, expected = SETTINGS[name]
    host = await start_host({"voice_id": "cLONiZ4hQ8VpQ4Sz"})
    await speak(host, "r1")

    result = await update(host, params=params)
    await speak(host, "r2")

    assert result.is_ok
    before, after = setup_of(sim, 0), setup_of(sim, 1)
    assert after == {
        key: value
        for key, value in {**before, **expected}.items()
        if value is not None
    }


async def test_params_are_merged_key_by_key(
    start_host: StartHost, sim: GradiumSim
) -> None:
    host = await start_host({"speed": 2.0, "temperature": 0.2})

    await update(host, params={"temperature": 0.9})
    await update(host, params={"similarity": 2.0})
    await speak(host, "r1")

    assert setup_of(sim)["json_config"] == {
        "temp": 0.9,
        "cfg_coef": 2.0,
        "padding_bonus": -3.33,
    }


async def test_null_takes_a_setting_back_to_its_default(
    start_host: StartHost, sim: GradiumSim
) -> None:
    host = await start_host({"speed": 2.0, "sample_rate": 8000})

    await update(host, params={"speed": None, "sample_rate": None})
    await speak(host, "r1")

    assert "json_config" not in setup_of(sim)
    assert setup_of(sim)["output_format"] == "pcm_24000"


async def test_the_new_rate_is_that_of_the_next_frames(
    start_host: StartHost,
) -> None:
    host = await start_host({"sample_rate": 48000})
    await speak(host, "r1")

    for index, rate_hz in enumerate((8000, 44100, 22050), 2):
        await update(host, params={"sample_rate": rate_hz})
        await speak(host, f"r{index}")

        frames = host.frames(f"r{index}")
        assert {frame.sample_rate_hz for frame in frames} == {rate_hz}
        words = tones.decode(host.pcm(f"r{index}"), rate_hz)
        assert words == TEXT.split()


async def test_words_and_dumps_are_switched_for_the_next_request(
    start_host: StartHost, tmp_path: Path
) -> None:
    host = await start_host()

    await speak(host, "r1")
    await update(host, enable_words=True, dump=True, dump_path=str(tmp_path))
    await speak(host, "r2")
    await update(host, enable_words=False, dump=False)
    await speak(host, "r3")

    worded = [
        event.request_id
        for event in host.events()
        if isinstance(event, TextResult)
    ]
    assert set(worded) == {"r2"}
    (file,) = tmp_path.iterdir()
    assert file.read_bytes() == host.pcm("r2")


# ------------------------------------------------------------- the answer

ANSWERS: dict[str, tuple[dict[str, Any], str, list[str]]] = {
    "one": (
        {"params": {"speed": 2.0}},
        "changed params.speed",
        ["params.speed"],
    ),
    "several": (
        {"enable_words": True, "params": {"speed": 2.0, "sample_rate": 8000}},
        "changed enable_words, params.sample_rate, params.speed",
        ["enable_words", "params.sample_rate", "params.speed"],
    ),
    "of two rivals": (
        {"params": {"voice": "Emma"}},
        "changed params.voice, params.voice_id",
        ["params.voice", "params.voice_id"],
    ),
    "of json_config": (
        {"params": {"json_config": {"temp": 0.5, "cfg_coef": 2}}},
        "changed params.json_config.cfg_coef",
        ["params.json_config.cfg_coef"],
    ),
    "what it was": (
        {"params": {"voice_id": "YTpq7expH9539ERJ", "sample_rate": 24000}},
        "nothing was changed",
        [],
    ),
    "nothing": ({}, "nothing was changed", []),
    "a secret": (
        {"params": {"api_key": SECOND_KEY}},
        "changed params.api_key",
        ["params.api_key"],
    ),
    "at the top": (
        {"voice_id": "cLONiZ4hQ8VpQ4Sz"},
        "changed params.voice_id; voice_id is taken for params.voice_id: that"
        " is its place",
        ["params.voice_id"],
    ),
    "under params": (
        {"params": {"enable_words": True}},
        "changed enable_words; params.enable_words is taken for enable_words:"
        " that is its place",
        ["enable_words"],
    ),
    "misspelt": (
        {"voice-id": "cLONiZ4hQ8VpQ4Sz"},
        "nothing was changed; voice-id is unknown here and left out; did you"
        " mean params.voice_id?",
        [],
    ),
    "for the vendor": (
        {"params": {"of_tomorrow": [1]}},
        "changed params.of_tomorrow; params.of_tomorrow is unknown here and"
        " goes to the vendor as it is",
        ["params.of_tomorrow"],
    ),
    "odd": (
        {"params": {"language": "zh_CN"}},
        "changed params.language; params.language is 'zh', and Gradium has en,"
        " fr, de, es, pt; it goes to the vendor as it is",
        ["params.language"],
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_update_is_answered_with_what_it_changed(
    start_host: StartHost, name: str
) -> None:
    changes, message, changed = ANSWERS[name]
    host = await start_host(
        {
            "voice_id": "YTpq7expH9539ERJ",
            "json_config": {"temp": 0.5},
            "seed_of_old": 1,
        }
    )

    result = await update(host, **changes)

    assert result.is_ok
    assert result.properties["message"] == message
    assert result.properties["changed"] == changed
    warnings = result.properties["warnings"]
    # What was odd before is no news.
    assert "; ".join([message.split("; ")[0], *warnings]) == message


async def test_a_voice_at_the_top_is_heard_from_the_next_request_on(
    start_host: StartHost, sim: GradiumSim
) -> None:
    host = await start_host({"voice": "Emma"})
    await speak(host, "r1")

    await update(host, voice_id="YTpq7expH9539ERJ")
    await speak(host, "r2")

    voices = [
        (s.setup.get("voice_id"), s.setup.get("voice")) for s in sim.sessions
    ]
    assert voices == [(None, "Emma"), ("YTpq7expH9539ERJ", None)]


async def test_what_an_update_is_warned_of_stands_in_the_log_once(
    start_host: StartHost, ten_log: TenLog
) -> None:
    host = await start_host({"of_tomorrow": 1})

    await update(host, some_other=1)
    await update(host, params={"speed": 1.5})

    lines = re.findall("WARN .*unknown here.*", ten_log.text())
    assert ["of_tomorrow" in line for line in lines] == [True, False]


# ---------------------------------------------------------------- refusals

REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "rate": (
        {"params": {"sample_rate": 11025}},
        "params.sample_rate must be one of 8000, 16000, 22050, 24000, 44100,"
        " 48000, not 11025",
    ),
    "type": (
        {"params": {"speed": "fast"}},
        'params.speed must be a number, not "fast"',
    ),
    "range": (
        {"params": {"temperature": 7}},
        "params.temperature must be at most 1.5, not 7",
    ),
    "both": (
        {"params": {"voice": "Emma", "voice_id": "YTpq7expH9539ERJ"}},
        "params: voice_id and voice exclude each other",
    ),
    "url": (
        {"params": {"url": "http://127.0.0.1/"}},
        'params.url must start with ws:// or wss://, not "http://127.0.0.1/"',
    ),
    "key": (
        {"params": {"api_key": 7}},
        "params.api_key must be a text",
    ),
    "no key": (
        {"params": {"api_key": ""}},
        "params.api_key is missing: set it, or GRADIUM_API_KEY in the"
        " environment",
    ),
    "top level": (
        {"dump_max_files": -1},
        "dump_max_files must be at least 0, not -1",
    ),
    "json_config": (
        {"params": {"json_config": "{"}},
        "params.json_config must be a JSON object: Expecting property name"
        " enclosed in double quotes: line 1 column 2 (char 1)",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_what_is_wrong_is_refused_with_a_sentence_and_changes_nothing(
    start_host: StartHost, sim: GradiumSim, name: str
) -> None:
    changes, sentence = REFUSALS[name]
    host = await start_host({"speed": 1.5, "sample_rate": 16000})
    await speak(host, "r1")

    # What stands beside the mistake is not taken either.
    params = changes.get("params", {})
    if isinstance(params, dict):
        changes = {**changes, "params": {"model_name": "other", **params}}
    result = await update(host, **changes)
    await speak(host, "r2")

    assert result == CommandResult(False, {"message": sentence})
    assert setup_of(sim, 1) == setup_of(sim, 0)
    assert not [e for e in host.events() if isinstance(e, Error)]


async def test_a_refusal_shows_no_secret(start_host: StartHost) -> None:
    host = await start_host()

    result = await update(
        host,
        params={
            "api_key": SECOND_KEY,
            "url": f"ftp://host/?token={SECOND_KEY}",
            "headers": {"authorization": SECOND_KEY},
        },
    )

    assert not result.is_ok
    assert "params.url must start with ws://" in result.properties["message"]
    assert SECOND_KEY not in str(result)


# ------------------------------------------------------ the running request


async def test_the_running_request_keeps_its_settings(
    start_host: StartHost, sim: GradiumSim
) -> None:
    sim.pause_at(Point.AUDIO, after_frames=4)
    host = await start_host({"sample_rate": 16000})
    await host.send_text("r1", TWELVE, end=True)
    await sim.reached(Point.AUDIO)

    await update(host, enable_words=True, params={"sample_rate": 48000})
    sim.resume()
    end = await host.ended("r1")
    await speak(host, "r2")

    assert {f.sample_rate_hz for f in host.frames("r1")} == {16000}
    assert tones.decode(host.pcm("r1"), 16000) == TWELVE.split()
    assert end.duration_ms == round(len(host.pcm("r1")) / 32)
    assert not [e for e in host.events("r1") if isinstance(e, TextResult)]
    assert {f.sample_rate_hz for f in host.frames("r2")} == {48000}


@pytest.mark.parametrize("how", ["drop", "size"])
async def test_further_sessions_of_the_running_request_keep_its_settings(
    start_host: StartHost, sim: GradiumSim, how: str
) -> None:
    sim.pause_at(Point.AUDIO, after_frames=4)
    limit = 30 if how == "size" else 0
    host = await start_host(
        {"sample_rate": 16000, "session_max_chars": limit, "speed": 1.0}
    )
    await host.send_text("r1", TWELVE, end=True)
    await sim.reached(Point.AUDIO)

    params = {"sample_rate": 48000, "session_max_chars": 0, "speed": 2.0}
    await update(host, params=params)
    if how == "drop":
        sim.faults = FaultPlan(Fault(Point.AUDIO, Reset(), after_words=6))
    sim.resume()
    end = await host.ended("r1")

    assert end.reason is EndReason.REQUEST_END
    assert len(sim.sessions) == (2 if how == "drop" else 3)
    assert {s.setup["output_format"] for s in sim.sessions} == {"pcm_16000"}
    assert {s.setup["json_config"] for s in sim.sessions} == {
        '{"padding_bonus":0.0}'
    }
    assert heard(host, 16000) == TWELVE.split()


async def test_an_interrupted_request_is_measured_at_its_own_rate(
    start_host: StartHost, sim: GradiumSim
) -> None:
    sim.pause_at(Point.AUDIO, after_frames=5)
    host = await start_host({"sample_rate": 16000})
    await host.send_text("r1", TWELVE, end=True)
    await sim.reached(Point.AUDIO)
    await host.until(lambda _: len(host.frames("r1")) == 5)

    await update(host, params={"sample_rate": 48000})
    await host.flush()

    end = host.events("r1")[-1]
    assert isinstance(end, AudioEnd)
    assert end.duration_ms == 400
    usage = [e for e in host.events() if isinstance(e, Metrics)][-2:]
    durations = [
        e.metrics["recv_audio_duration"]
        for e in usage
        if "recv_audio_duration" in e.metrics
    ]
    assert durations == [400.0]


# ---------------------------------------------------------------- reconnects


async def test_other_settings_open_no_socket(
    start_host: StartHost, sim: GradiumSim
) -> None:
    host = await start_host()
    await sim.until(lambda s: len(s.connections) == 1)

    for rate_hz in (8000, 16000, 48000):
        await update(
            host,
            enable_words=True,
            params={"sample_rate": rate_hz, "voice_id": "YTpq7expH9539ERJ"},
        )
    await sim.settled()

    assert len(sim.connections) == 1
    assert sim.open_sockets == 1
    await speak(host, "r1")
    assert sim.sessions[0].connection is sim.connections[0]


@pytest.mark.sim(api_keys=(KEY, SECOND_KEY))
async def test_another_key_opens_one_socket_and_closes_the_old_one(
    start_host: StartHost, sim: GradiumSim
) -> None:
    host = await start_host()
    await sim.until(lambda s: len(s.connections) == 1)

    await update(host, params={"api_key": SECOND_KEY})
    await sim.until(lambda s: len(s.connections) == 2)
    await sim.until(lambda s: s.connections[0].closed_by == "client")
    await speak(host, "r1")

    keys = [c.headers["x-api-key"] for c in sim.connections[:2]]
    assert keys == [KEY, SECOND_KEY]
    assert sim.sessions[0].connection is sim.connections[1]


async def test_another_url_opens_a_socket_there(
    start_host: StartHost, sim: GradiumSim
) -> None:
    host = await start_host()
    await speak(host, "r1")

    async with GradiumSim(voice="tones", api_keys=(KEY,)) as other:
        await update(host, params={"url": other.url})
        await other.until(lambda s: len(s.connections) == 1)
        await speak(host, "r2")
        await sim.until(lambda s: s.open_sockets == 0)

        assert other.sessions[0].text == TEXT
        assert other.sessions[0].connection is other.connections[0]
        assert len(sim.sessions) == 1
        # So that no socket is left when that server ends.
        await update(host, params={"url": sim.url})


@pytest.mark.sim(api_keys=(KEY, SECOND_KEY))
async def test_the_next_session_of_a_request_has_the_new_key(
    start_host: StartHost, sim: GradiumSim
) -> None:
    sim.pause_at(Point.AUDIO, after_frames=4)
    host = await start_host()
    await host.send_text("r1", TWELVE, end=True)
    await sim.reached(Point.AUDIO)

    await update(host, params={"api_key": SECOND_KEY})
    sim.faults = FaultPlan(Fault(Point.AUDIO, Reset(), after_words=6))
    sim.resume()
    await host.ended("r1")
    await speak(host, "r2")

    keys = [s.connection.headers["x-api-key"] for s in sim.sessions]
    assert keys == [KEY, SECOND_KEY, SECOND_KEY]
    assert heard(host, 24000) == TWELVE.split()


async def test_a_good_key_is_used_at_once_after_a_bad_one(
    start_host: StartHost, sim: GradiumSim
) -> None:
    host = await start_host({"api_key": SECOND_KEY})
    await host.send_text("r1", TEXT, end=True)
    assert (await host.ended("r1")).reason is EndReason.ERROR

    await update(host, params={"api_key": KEY})
    await speak(host, "r2")

    assert len(sim.sessions) >= 1


@pytest.mark.sim(api_keys=(KEY, SECOND_KEY))
async def test_a_late_refusal_of_the_old_key_is_not_held_against_the_new_one(
    start_host: StartHost, sim: GradiumSim
) -> None:
    refusal = SimError("Invalid or expired API key", 1008)
    sim.faults = FaultPlan(Fault(Point.READY, refusal))
    sim.pause_at(Point.READY)
    host = await start_host()
    await host.send_text("r1", TEXT, end=True)
    await sim.reached(Point.READY)

    await update(host, params={"api_key": SECOND_KEY})
    sim.resume()
    assert (await host.ended("r1")).reason is EndReason.ERROR
    await speak(host, "r2")

    keys = [s.connection.headers["x-api-key"] for s in sim.sessions]
    assert keys == [KEY, SECOND_KEY]


# --------------------------------------------------- after a bad start

BAD_STARTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "no key": ({"api_key": ""}, {"api_key": KEY}),
    "bad rate": ({"sample_rate": 11025}, {"sample_rate": 16000}),
    "bad type": ({"speed": "fast"}, {"speed": None}),
}


@pytest.mark.parametrize("name", BAD_STARTS)
async def test_the_extension_comes_alive_with_what_was_missing(
    start_host: StartHost, sim: GradiumSim, name: str
) -> None:
    wrong, right = BAD_STARTS[name]
    host = await start_host({"temperature": 0.5, **wrong})
    await host.send_text("r1", TEXT, end=True)
    assert (await host.ended("r1")).reason is EndReason.ERROR

    result = await update(host, params=right)
    await speak(host, "r2")

    assert result.is_ok
    # The rest of the settings is that of the start.
    assert setup_of(sim)["json_config"] == {"temp": 0.5}
    errors = [e.id for e in host.events() if isinstance(e, Error)]
    assert errors == ["", "r1"]


async def test_a_bad_start_stays_bad_until_all_is_right(
    start_host: StartHost,
) -> None:
    host = await start_host({"api_key": "", "sample_rate": 11025})

    result = await update(host, params={"api_key": KEY})
    await host.send_text("r1", TEXT, end=True)
    end = await host.ended("r1")

    assert not result.is_ok
    assert "params.sample_rate must be one of" in result.properties["message"]
    assert end.reason is EndReason.ERROR


async def test_settings_that_an_update_completes_open_a_socket_ahead(
    sim: GradiumSim, start_host: StartHost
) -> None:
    host = await start_host({"api_key": ""})
    connections = len(sim.connections)

    result = await update(host, params={"api_key": KEY})
    await sim.until(lambda s: len(s.connections) == 1)

    assert result.is_ok
    assert connections == 0
    assert sim.sessions == []


async def test_a_key_that_goes_to_another_host_is_a_warning(
    start_host: StartHost, ten_log: TenLog
) -> None:
    host = await start_host()
    async with GradiumSim(voice="tones", api_keys=(KEY,)) as other:
        await update(host, params={"speed": 1.5})
        before = ten_log.text().count("the key of")
        await update(host, params={"url": other.url})
        await speak(host, "r1")

        (line,) = re.findall("WARN .*the key of.*", ten_log.text())
        assert before == 0
        assert f"another host from now on: 127.0.0.1:{other.port}" in line
        assert len(other.sessions) == 1


# ------------------------------------------------------------------ all or none


async def wire_and_frames(
    host: ExtensionHost, sim: GradiumSim, request_id: str
) -> tuple[dict[str, Any], set[int]]:
    """What the vendor is asked for, and the rate that the graph is told."""
    await speak(host, request_id)
    frames = host.frames(request_id)
    return setup_of(sim), {frame.sample_rate_hz for frame in frames}


def nested(levels: int) -> dict[str, Any]:
    """Objects in objects."""
    tree: dict[str, Any] = {}
    for _ in range(levels):
        tree = {"a": tree}
    return tree


@pytest.mark.parametrize("levels", [100, 400, 600, 800])
async def test_settings_that_are_too_deep_change_nothing(
    start_host: StartHost, sim: GradiumSim, levels: int
) -> None:
    host = await start_host()
    before = await wire_and_frames(host, sim, "r1")

    refused = await update(
        host, params={"json_config": nested(levels), "sample_rate": 8000}
    )
    after = await wire_and_frames(host, sim, "r2")
    accepted = await update(host, params={"sample_rate": 8000})
    later = await wire_and_frames(host, sim, "r3")

    assert not refused.is_ok
    assert after == before
    assert accepted.is_ok
    assert later == ({**before[0], "output_format": "pcm_8000"}, {8000})


async def test_whatever_fails_in_an_update_nothing_has_changed(
    start_host: StartHost, sim: GradiumSim, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = await start_host()
    before = await wire_and_frames(host, sim, "r1")
    for name in ("secrets", "redacted"):
        with monkeypatch.context() as broken:
            broken.setattr(GradiumTTSConfig, name, _fail)
            result = await update(host, params={"sample_rate": 8000})

        assert (result.is_ok, result.properties["message"]) == (False, "broken")
        assert await wire_and_frames(host, sim, f"r-{name}") == before
    await update(host, params={"speed": 2.0})

    assert setup_of(sim)["output_format"] == "pcm_24000"


def _fail(config: GradiumTTSConfig) -> str:
    raise RuntimeError("broken")
