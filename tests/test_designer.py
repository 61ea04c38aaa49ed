# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What users write into a node, in the Designer or by hand, ends no app.

TEN compares every declared property with its type before Python runs, and
ends the whole process where they differ. So what is declared (and is a field
of a form in the Designer) is what nobody writes as another type, and all
else is told by the settings: speech, or one error that names the setting.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from key_scan import KEY

from gradium_sim import GradiumSim
from ten_host import EndReason, Error, ExtensionHost, HostError, is_stand_in

if TYPE_CHECKING:
    from _pytest.mark.structures import ParameterSet
    from conftest import StartHost

ROOT = Path(__file__).resolve().parent.parent
ADDON = "gradium_tts_python"

# It starts without an error; to speak, it would call the vendor itself.
STARTS = "starts"
# It starts and speaks.
SPEAKS = "speaks"

# A value, and what comes of it: one of the above, or what the error says.
Rows = list[tuple[Any, str]]

NOT_SET = "params.api_key is missing"
REFUSED_KEY = "Invalid or expired API key"
NO_VOICE = "mbeddings not found"
NO_DICTIONARY = "ronunciation dictionary"

DECLARED: dict[str, Rows] = {
    "dump": [(True, SPEAKS), (False, SPEAKS)],
    "dump_path": [
        ("./dump/", SPEAKS),
        ("dump", SPEAKS),
        ("", SPEAKS),
        ("/proc/nowhere", SPEAKS),
        ("C:\\dump", SPEAKS),
    ],
    "dump_format": [
        ("pcm", SPEAKS),
        ("wav", SPEAKS),
        ("WAV", "dump_format"),
        ("mp3", "dump_format"),
        ("", "dump_format"),
    ],
    "enable_words": [(True, SPEAKS), (False, SPEAKS)],
    "url": [
        ("", SPEAKS),
        ("https://api.gradium.ai", "url"),
        ("api.gradium.ai", "url"),
    ],
    "params.api_key": [
        (KEY, SPEAKS),
        (f" {KEY}\n", SPEAKS),
        ("${env:GRADIUM_API_KEY}", SPEAKS),
        ("${env:GRADIUM_API_KEY|}", SPEAKS),
        ("${env:GRADIUM_KEY_THAT_IS_NOT_SET|}", NOT_SET),
        ("", NOT_SET),
        ("   ", NOT_SET),
        ("your-api-key", REFUSED_KEY),
        ("1234567890", REFUSED_KEY),
        ("schlüssel", "api_key"),
    ],
    "params.url": [
        ("", STARTS),
        ("wss://eu.api.gradium.ai/api/speech/tts", STARTS),
        ("https://api.gradium.ai", "url"),
        ("api.gradium.ai", "url"),
        ("wss://", "url"),
    ],
    "params.region": [
        ("eu", STARTS),
        ("us", STARTS),
        ("", STARTS),
        ("EU", "region"),
        ("eu-west-1", "region"),
    ],
    "params.model_name": [
        ("default", SPEAKS),
        ("gradium-tts-beta", SPEAKS),
        ("gradium-tts-202602", SPEAKS),
        ("", SPEAKS),
        ("2", SPEAKS),
    ],
    "params.voice_id": [
        ("YTpq7expH9539ERJ", SPEAKS),
        ("", SPEAKS),
        ("Emma", NO_VOICE),
        ("12345", NO_VOICE),
    ],
    "params.voice": [("Emma", SPEAKS), ("", SPEAKS)],
    "params.output_format": [
        ("pcm", SPEAKS),
        ("ulaw_8000", SPEAKS),
        ("alaw_8000", SPEAKS),
        ("", SPEAKS),
        ("PCM", "output_format"),
        ("pcm_16000", SPEAKS),
        ("mulaw_8000", SPEAKS),
        ("pcm_11025", "output_format"),
        ("wav", "output_format"),
    ],
    "params.pronunciation_id": [
        ("my-words", SPEAKS),
        ("", SPEAKS),
        ("12345", NO_DICTIONARY),
    ],
    "params.phrases": [
        ("memory", SPEAKS),
        ("off", SPEAKS),
        ("", SPEAKS),
        ("on", "phrases"),
        ("redis", "phrases"),
    ],
    "params.phrases_path": [("/tmp", SPEAKS), ("", SPEAKS)],
    "params.language": [
        ("en", SPEAKS),
        ("en-US", SPEAKS),
        ("zh_CN", SPEAKS),
        ("", SPEAKS),
    ],
}

# What users are known to write as another type than is meant.
UNDECLARED: dict[str, Rows] = {
    "dump_max_files": [(3, SPEAKS), ("3", "dump_max_files"), (None, SPEAKS)],
    "dump_max_bytes": [(10**6, SPEAKS), ("1 MB", "dump_max_bytes")],
    "dump_max_age_s": [(3600, SPEAKS), ("1 day", "dump_max_age_s")],
    "voice_id": [("YTpq7expH9539ERJ", SPEAKS), ("Emma", NO_VOICE)],
    "voiceId": [("YTpq7expH9539ERJ", SPEAKS)],
    "params.sample_rate": [
        (16000, SPEAKS),
        ("16000", "sample_rate"),
        (16000.5, "sample_rate"),
        (11025, "sample_rate"),
        (None, SPEAKS),
        ("", SPEAKS),
    ],
    "params.json_config": [
        ({"temp": 0.5}, SPEAKS),
        ('{"temp": 0.5}', SPEAKS),
        ("temp=0.5", "json_config"),
        ([], "json_config"),
        (None, SPEAKS),
    ],
    "params.close_ws_on_eos": [
        (True, SPEAKS),
        ("false", "close_ws_on_eos"),
        (None, SPEAKS),
    ],
    "params.retry_for_s": [
        (2, SPEAKS),
        (2.5, SPEAKS),
        ("2", "retry_for_s"),
        (None, SPEAKS),
    ],
    "params.speed": [
        (1, SPEAKS),
        (1.2, SPEAKS),
        ("fast", "speed"),
        ("1.2", "speed"),
        (None, SPEAKS),
    ],
    "params.temperature": [(0, SPEAKS), ("0", "temperature"), (None, SPEAKS)],
    "params.similarity": [(2, SPEAKS), ("2", "similarity"), (None, SPEAKS)],
    "params.temp": [(0.5, SPEAKS), ("0.5", "temp"), (None, SPEAKS)],
    "params.cfg_coef": [(2, SPEAKS), (0, "cfg_coef")],
    "params.padding_bonus": [(-2, SPEAKS), ("-2", "padding_bonus")],
    "params.rewrite_rules": [
        ("none", SPEAKS),
        (["en"], "rewrite_rules"),
        (False, "rewrite_rules"),
        (None, SPEAKS),
    ],
    "params.headers": [
        ({"x-tenant": "a"}, SPEAKS),
        ("x-tenant: a", "headers"),
        (None, SPEAKS),
    ],
    "params.proxy": [("", SPEAKS), (None, SPEAKS), (False, "proxy")],
    "params.ca_file": [("", SPEAKS), (None, SPEAKS), (False, "ca_file")],
    "params.warm": [
        ("socket", SPEAKS),
        ("off", SPEAKS),
        (True, "warm"),
        (False, "warm"),
        (None, SPEAKS),
    ],
    "params.connect_timeout_s": [
        (2, SPEAKS),
        ("2", "connect_timeout_s"),
        (None, SPEAKS),
    ],
    "params.max_reserves": [
        (2, SPEAKS),
        ("2", "max_reserves"),
        (None, SPEAKS),
    ],
    "params.max_sessions": [
        (2, SPEAKS),
        ("2", "max_sessions"),
        (None, SPEAKS),
    ],
    "params.shared_url": [("", SPEAKS), (None, SPEAKS), (False, "shared_url")],
    "params.idle_flush_ms": [
        (0, SPEAKS),
        ("500", "idle_flush_ms"),
        (None, SPEAKS),
    ],
    "params.allow_tags": [(True, SPEAKS), ("yes", "allow_tags")],
    "params.clean_markdown": [(True, SPEAKS), (1, "clean_markdown")],
    "params.replacements": [
        ({"SQL": "sequel"}, SPEAKS),
        ([{"from": "SQL", "to": "sequel"}], SPEAKS),
        ("SQL", "replacements"),
        (None, SPEAKS),
    ],
    "params.phrases_max_mb": [(10, SPEAKS), ("10", "phrases_max_mb")],
    "params.phrases_ttl_h": [(0, SPEAKS), ("1 day", "phrases_ttl_h")],
    "params.preload": [
        ([], SPEAKS),
        (["Hello."], "preload"),
        ("Hello.", "preload"),
        (None, SPEAKS),
    ],
    "params.resume": [(False, SPEAKS), ("false", "resume"), (None, SPEAKS)],
    "params.of_another_vendor": [({"a": [None]}, SPEAKS), (None, SPEAKS)],
}


def declared() -> dict[str, str]:
    """The declared properties with their types; members as `params.…`."""
    manifest = json.loads((ROOT / "manifest.json").read_text())
    nodes = dict(manifest["api"]["property"]["properties"])
    params = nodes.pop("params")["properties"]
    nodes.update({f"params.{name}": node for name, node in params.items()})
    return {name: node["type"] for name, node in nodes.items()}


def test_every_declared_setting_is_tried() -> None:
    assert declared().keys() == DECLARED.keys()
    assert not declared().keys() & UNDECLARED.keys()


def test_only_texts_and_switches_are_declared() -> None:
    # A number may be written as 16000, 16000.0 or "16000".
    assert set(declared().values()) == {"string", "bool"}


def cases() -> Iterator[ParameterSet]:
    """Of each setting one value that speaks, and one that is told."""
    for name, rows in {**DECLARED, **UNDECLARED}.items():
        tried = set()
        for value, outcome in rows:
            marks = [pytest.mark.thorough] if outcome in tried else []
            tried.add(outcome)
            case = f"{name}={value!r:.40}"
            yield pytest.param(name, value, outcome, id=case, marks=marks)


@pytest.mark.sim(pronunciation_ids=("my-words",))
@pytest.mark.parametrize(("name", "value", "outcome"), list(cases()))
async def test_what_a_user_writes_speaks_or_is_named_in_one_error(
    name: str,
    value: Any,
    outcome: str,
    sim: GradiumSim,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GRADIUM_API_KEY", KEY)
    monkeypatch.chdir(tmp_path)
    properties = node(sim.url, name, value)
    if outcome == STARTS:
        properties["params"]["warm"] = "off"

    async with ExtensionHost(ADDON, properties) as host:
        if outcome == STARTS:
            assert (await host.command("hello")).is_ok
            assert errors(host) == []
            return
        await host.send_text("r1", "The price is right.", end=True)
        end = await host.ended("r1")

        if outcome == SPEAKS:
            assert errors(host) == []
            assert end.reason is EndReason.REQUEST_END
            assert end.duration_ms > 0
        else:
            assert end.reason is EndReason.ERROR
            told = {message for message in errors(host) if outcome in message}
            assert len(told) == 1, errors(host)


def node(url: str, name: str, value: Any) -> dict[str, Any]:
    """The properties of a node that works, with one of them changed."""
    params: dict[str, Any] = {"url": url, "api_key": KEY}
    properties: dict[str, Any] = {"dump": True, "params": params}
    room, _, key = name.rpartition(".")
    (params if room else properties)[key] = value
    if name == "params.region":  # it stands in the place of a URL
        del params["url"]
    if name == "url" and value:
        del params["url"]
    return properties


def errors(host: ExtensionHost) -> list[str]:
    return [e.message for e in host.events() if isinstance(e, Error)]


@pytest.mark.skipif(not is_stand_in(), reason="TEN ends the process here")
@pytest.mark.ten_expects("failures")
@pytest.mark.parametrize(
    "properties",
    [
        {"dump": "false"},
        {"dump": None},
        {"enable_words": 1},
        {"params": {"voice_id": 12345}},
        {"params": {"voice_id": None}},
        {"params": {"api_key": {"env": "GRADIUM_API_KEY"}}},
        {"params": [KEY]},
    ],
)
async def test_another_type_in_a_declared_setting_does_not_start(
    properties: Mapping[str, Any],
) -> None:
    # The price of the form, which the README tells: leave it out, or "".
    with pytest.raises(HostError, match="cannot start: property .* is "):
        async with ExtensionHost(ADDON, properties):
            pass


async def test_a_node_without_properties_says_that_the_key_is_missing(
    start_host: StartHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRADIUM_API_KEY", raising=False)

    async with ExtensionHost(ADDON, {}) as host:
        await host.until(Error)

        assert [NOT_SET in message for message in errors(host)] == [True]
