# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The settings: what is refused and in which words, and what comes of them."""

from __future__ import annotations

import json
import string
from importlib import metadata
from typing import Any

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradium_tts_python.config import (
    DEFAULT_VOICE_ID,
    KNOWN,
    GradiumTTSConfig,
    GradiumTTSParams,
)
from gradium_tts_python.core.audio import to_pcm
from gradium_tts_python.core.endpoint import Endpoint, is_key_moved
from gradium_tts_python.core.protocol import (
    RESERVED_KEYS,
    SAMPLE_RATES_HZ,
    Setup,
)
from gradium_tts_python.core.redact import mask_text
from gradium_tts_python.core.sentences import ConfigError
from gradium_tts_python.core.setting_names import (
    EXCLUSIVE,
    merge_settings,
    padding_bonus,
)
from gradium_tts_python.core.setting_places import put_in_place
from gradium_tts_python.core.wishes import PER_REQUEST

KEY = "gd_test_key_1234"


def load(params: Any = None, /, **top: Any) -> GradiumTTSConfig:
    """Load a node's properties with a good key."""
    return GradiumTTSConfig.load(
        {"params": {"api_key": KEY, **(params or {})}, **top}
    )


def refusal(tree: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        GradiumTTSConfig.load(tree)
    return str(caught.value)


# ------------------------------------------------------------------- defaults


def test_a_key_is_enough() -> None:
    config = load()

    assert config.warnings == ()
    assert config.endpoint() == Endpoint(
        "wss://api.gradium.ai/api/speech/tts",
        {"x-api-key": KEY, "x-api-source": "ten"},
    )
    assert config.setup() == Setup(
        output_format="pcm_24000", voice_id=DEFAULT_VOICE_ID, json_config={}
    )
    assert config.sample_rate_hz == 24000
    assert (config.dump, config.dump_path, config.enable_words) == (
        False,
        "./",
        False,
    )


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"params": None},
        {"params": {}},
        {"params": {"api_key": ""}},
        {"params": {"api_key": "  "}},
        {"params": {"api_key": None}},
    ],
)
def test_a_missing_key_says_how_to_set_it(tree: dict[str, Any]) -> None:
    assert refusal(tree) == (
        "params.api_key is missing: set it, or GRADIUM_API_KEY in the"
        " environment"
    )


def test_the_key_loses_the_space_around_it() -> None:
    config = load({"api_key": f" {KEY}\n"})

    assert config.endpoint().headers["x-api-key"] == KEY


@pytest.mark.parametrize(
    "name", sorted(set(GradiumTTSParams.model_fields) - {"api_key"})
)
def test_null_and_an_empty_text_mean_that_a_setting_is_absent(
    name: str,
) -> None:
    assert load({name: None}) == load({name: ""}) == load()


def test_every_setting_says_what_it_is_for() -> None:
    fields = {**GradiumTTSConfig.model_fields, **GradiumTTSParams.model_fields}
    fields = {n: field for n, field in fields.items() if not field.exclude}

    assert [n for n, field in fields.items() if not field.description] == []


def test_settings_are_frozen() -> None:
    config = load()

    with pytest.raises(pydantic.ValidationError):
        config.dump = True
    with pytest.raises(pydantic.ValidationError):
        config.params.voice_id = "v"


# --------------------------------------------------------------- wrong values

RATES = "8000, 16000, 22050, 24000, 44100, 48000"


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"url": "http://h"}, 'url must start with ws:// or wss://, not "http://h"'),
        ({"url": "h"}, 'url must start with ws:// or wss://, not "h"'),
        ({"url": "ws://"}, 'url must name a host, not "ws://"'),
        ({"url": "ws://h:x"}, 'url must name a host, not "ws://h:x"'),
        ({"url": "ws://["}, 'url must name a host, not "ws://["'),
        ({"url": 5}, "url must be a text, not 5"),
        (
            {"base_url": "http://h"},
            'url must start with ws:// or wss://, not "http://h"',
        ),
        ({"region": "asia"}, "region must be one of 'eu' or 'us', not \"asia\""),
        ({"model_name": 1}, "model_name must be a text, not 1"),
        ({"voice_id": ["a"]}, 'voice_id must be a text, not ["a"]'),
        ({"voice": False}, "voice must be a text, not false"),
        ({"sample_rate": 11025}, f"sample_rate must be one of {RATES}, not 11025"),
        ({"sample_rate": "24k"}, f'sample_rate must be one of {RATES}, not "24k"'),
        (
            {"sample_rate": "24000"},
            f'sample_rate must be one of {RATES}, not "24000"',
        ),
        ({"sample_rate": 8000.5}, f"sample_rate must be one of {RATES}, not 8000.5"),
        ({"sample_rate": True}, f"sample_rate must be one of {RATES}, not true"),
        (
            {"sample_rate": 10**5000},
            f"sample_rate must be one of {RATES}, not a number",
        ),
        (
            {"output_format": "opus"},
            "output_format must be one of 'pcm', 'pcm_8000', 'pcm_16000',"
            " 'pcm_22050', 'pcm_24000', 'pcm_44100', 'pcm_48000',"
            " 'ulaw_8000', 'mulaw_8000' or 'alaw_8000', not \"opus\"",
        ),
        (
            {"json_config": "{"},
            "json_config must be a JSON object: Expecting property name"
            " enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        ({"json_config": "[1]"}, "json_config must be an object, not a list"),
        ({"json_config": "7"}, "json_config must be an object, not a number"),
        ({"json_config": [1]}, "json_config must be an object, not a list"),
        (
            {"json_config": True},
            "json_config must be an object, not true or false",
        ),
        ({"close_ws_on_eos": "false"}, 'close_ws_on_eos must be true or false, not "false"'),
        ({"retry_for_s": "abc"}, 'retry_for_s must be a number, not "abc"'),
        ({"retry_for_s": True}, "retry_for_s must be a number, not true"),
        ({"retry_for_s": -1}, "retry_for_s must be at least 0.0, not -1"),
        ({"retry_for_s": 301}, "retry_for_s must be at most 300.0, not 301"),
        (
            {"retry_for_s": float("nan")},
            "retry_for_s must be a finite number, not NaN",
        ),
        ({"pronunciation_id": {}}, "pronunciation_id must be a text, not {}"),
        ({"speed": 0.4}, "speed must be at least 0.5, not 0.4"),
        ({"speed": 2.1}, "speed must be at most 2.0, not 2.1"),
        ({"speed": "fast"}, 'speed must be a number, not "fast"'),
        ({"temperature": -0.1}, "temperature must be at least 0.0, not -0.1"),
        ({"temperature": 1.6}, "temperature must be at most 1.5, not 1.6"),
        ({"similarity": 0.9}, "similarity must be at least 1.0, not 0.9"),
        ({"similarity": 11}, "similarity must be at most 10.0, not 11"),
        ({"language": 1}, "language must be a text, not 1"),
        ({"temp": -0.1}, "temp must be at least 0.0, not -0.1"),
        ({"cfg_coef": 11}, "cfg_coef must be at most 10.0, not 11"),
        ({"padding_bonus": 6}, "padding_bonus must be at most 5.0, not 6"),
        ({"voice_id": "v" * 201}, f'voice_id must have at most 200 characters, not "{"v" * 56}...'),
        ({"rewrite_rules": ["En"]}, 'rewrite_rules must be a text, not ["En"]'),
        ({"headers": "X: y"}, "headers must be an object, not a text"),
        ({"headers": {"X": 5}}, "headers.X must be a text, not 5"),
        ({"headers": {"X-Token": 5}}, "headers.X-Token must be a text"),
        ({"headers": {"X": "a\r\nY: b"}}, "headers must be HTTP headers"),
        ({"headers": {"X Y": "a"}}, "headers must be HTTP headers"),
        ({"headers": {"": "a"}}, "headers must be HTTP headers"),
        ({"proxy": 1}, "proxy must be a text, not 1"),
        (
            {"proxy": "me:secret@h:1"},
            "proxy must start with http://, https:// or socks5://",
        ),
        ({"ca_file": True}, "ca_file must be a text, not true"),
        (
            {"ca_file": "\0"},
            'ca_file must be a path without NUL, not "\\u0000"',
        ),
        ({"warm": "on"}, "warm must be one of 'socket', 'session' or 'off', not \"on\""),
        ({"warm": False}, "warm must be one of 'socket', 'session' or 'off', not false"),
        ({"connect_timeout_s": 0}, "connect_timeout_s must be more than 0.0, not 0"),
        ({"connect_timeout_s": 61}, "connect_timeout_s must be at most 60.0, not 61"),
        ({"ready_timeout_s": 0}, "ready_timeout_s must be more than 0.0, not 0"),
        ({"ready_timeout_s": 301}, "ready_timeout_s must be at most 300.0, not 301"),
        ({"audio_timeout_s": -1}, "audio_timeout_s must be more than 0.0, not -1"),
        ({"audio_timeout_s": 301}, "audio_timeout_s must be at most 300.0, not 301"),
        ({"retry_deadline_s": -1}, "retry_deadline_s must be at least 0.0, not -1"),
        ({"retry_deadline_s": 301}, "retry_deadline_s must be at most 300.0, not 301"),
        ({"session_max_s": -1}, "session_max_s must be at least 0.0, not -1"),
        ({"session_max_s": 3001}, "session_max_s must be at most 3000.0, not 3001"),
        ({"session_max_chars": -1}, "session_max_chars must be at least 0, not -1"),
        ({"session_max_chars": 1.5}, "session_max_chars must be a whole number, not 1.5"),
        ({"max_sessions": -1}, "max_sessions must be at least 0, not -1"),
        ({"max_reserves": 5}, "max_reserves must be at most 4, not 5"),
        ({"max_reserves": -1}, "max_reserves must be at least 0, not -1"),
        ({"max_sessions": "2"}, 'max_sessions must be a whole number, not "2"'),
        ({"shared_url": 5}, "shared_url must be a text, not 5"),
        ({"shared_url": "http://u:s3cret@h"}, "shared_url must start with redis:// or rediss://"),
        ({"shared_url": "redis://:s3cret@"}, "shared_url must name a host"),
        ({"shared_url": "redis://:s3cret@h:x"}, "shared_url must name a host"),
        ({"shared_url": "redis://:s3cret@h/zero"}, "shared_url must end in the number of a database"),
        ({"idle_flush_ms": -1}, "idle_flush_ms must be at least 0, not -1"),
        ({"idle_flush_ms": 60001}, "idle_flush_ms must be at most 60000, not 60001"),
        ({"allow_tags": 1}, "allow_tags must be true or false, not 1"),
        ({"clean_markdown": "yes"}, 'clean_markdown must be true or false, not "yes"'),
        ({"clean_emoji": 0}, "clean_emoji must be true or false, not 0"),
        ({"replacements": "SQL"}, "replacements must be an object or a list, not a text"),
        ({"replacements": {"SQL": 5}}, 'replacements must have texts as "to", not 5'),
        ({"resume": "true"}, 'resume must be true or false, not "true"'),
        ({"voice": "x" * 99, "model_name": ["y" * 99]}, f'model_name must be a text, not ["{"y" * 55}...'),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named(
    params: dict[str, Any], sentence: str
) -> None:
    assert (
        refusal({"params": {"api_key": KEY, **params}}) == f"params.{sentence}"
    )


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"voice_id": "a", "voice": "b"}, "voice_id and voice exclude each other"),
        ({"url": "ws://h", "region": "eu"}, "url and region exclude each other"),
        (
            {"language": "en", "rewrite_rules": "none"},
            "language and rewrite_rules exclude each other",
        ),
        (
            {"output_format": "ulaw_8000", "sample_rate": 24000},
            "sample_rate must be 8000 with output_format ulaw_8000, not 24000",
        ),
        (
            {"output_format": "mulaw_8000", "sample_rate": 16000},
            "sample_rate must be 8000 with output_format mulaw_8000, not 16000",
        ),
        (
            {"output_format": "pcm_16000", "sample_rate": 24000},
            "sample_rate must be 16000 with output_format pcm_16000, not 24000",
        ),
        (
            {"temperature": 0, "temp": 0},
            "temperature and temp exclude each other",
        ),
        (
            {"similarity": 2, "cfg_coef": 2},
            "similarity and cfg_coef exclude each other",
        ),
        (
            {"speed": 1, "padding_bonus": 0},
            "speed and padding_bonus exclude each other",
        ),
        (
            {"json_config": {"temp": float("inf")}},
            "json_config holds what JSON cannot say",
        ),
        ({"json_config": {"x": {1}}}, "json_config holds what JSON cannot say"),
        (
            {"json_config": {"temp": 9}},
            "json_config.temp must be a number from 0 to 1.5, not 9",
        ),
        (
            {"json_config": '{"cfg_coef": "2"}'},
            'json_config.cfg_coef must be a number from 1 to 10, not "2"',
        ),
        (
            {"json_config": {"padding_bonus": True}},
            "json_config.padding_bonus must be a number from -5 to 5, not true",
        ),
        ({"{odd}": float("nan")}, "{odd} holds what JSON cannot say"),
    ],
)  # fmt: skip
def test_settings_that_cannot_hold_together_are_named(
    params: dict[str, Any], sentence: str
) -> None:
    assert (
        refusal({"params": {"api_key": KEY, **params}}) == f"params: {sentence}"
    )


@pytest.mark.parametrize(
    ("top", "sentence"),
    [
        ({"params": "text"}, "params must be an object, not a text"),
        ({"params": [1]}, "params must be an object, not a list"),
        ({"params": 1.5}, "params must be an object, not a number"),
        ({"params": {1}}, "params must be an object, not a set"),
        ({"dump": "true"}, 'dump must be true or false, not "true"'),
        ({"dump_path": 1}, "dump_path must be a text, not 1"),
        (
            {"dump_path": "a\0b"},
            'dump_path must be a path without NUL, not "a\\u0000b"',
        ),
        ({"dump_format": "mp3"}, "dump_format must be one of 'pcm' or 'wav', not \"mp3\""),
        ({"dump_max_files": -1}, "dump_max_files must be at least 0, not -1"),
        ({"enable_words": 1}, "enable_words must be true or false, not 1"),
        ({"enable_words": {}}, "enable_words must be true or false, not {}"),
        ({"url": "http://h"}, 'url must start with ws:// or wss://, not "http://h"'),
        ({"headers": {"a": None}}, "headers.a must be a text, not null"),
        ({"headers": {"a": "\n"}}, "headers must be HTTP headers"),
        ({"headers": ["a"]}, "headers must be an object, not a list"),
        (
            {"url": "ws://h", "params": {"api_key": KEY, "region": "eu"}},
            "url and params.region exclude each other",
        ),
    ],
)  # fmt: skip
def test_a_wrong_property_is_named(top: dict[str, Any], sentence: str) -> None:
    assert refusal({"params": {"api_key": KEY}, **top}) == sentence


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        (5, "params.api_key must be a text"),
        (["abc"], "params.api_key must be a text"),
        ("ab\ncd", "params.api_key must be one line of ASCII"),
        ("schlüssel", "params.api_key must be one line of ASCII"),
    ],
)
def test_a_wrong_key_is_not_shown(key: Any, sentence: str) -> None:
    assert refusal({"params": {"api_key": key}}) == sentence


@pytest.mark.parametrize("depth", [100_000])
def test_a_deep_json_config_is_refused(depth: int) -> None:
    sentence = refusal({"params": {"api_key": KEY, "json_config": "[" * depth}})

    assert sentence.startswith("params.json_config must be a JSON object: ")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=6,
)
PARAMS = st.dictionaries(
    st.sampled_from(sorted(GradiumTTSParams.model_fields)) | st.text(), JSON
)
TOP = st.dictionaries(
    st.sampled_from(sorted(GradiumTTSConfig.model_fields)) | st.text(), JSON
)


@given(TOP, PARAMS, st.booleans())
def test_any_property_tree_is_loaded_or_refused_in_one_sentence(
    top: dict[str, Any], params: dict[str, Any], is_tree: bool
) -> None:
    if is_tree:
        top = {**top, "params": {"api_key": KEY, **params}}

    try:
        config = GradiumTTSConfig.load(top)
    except ConfigError as error:
        assert len(str(error)) < 400
    else:
        json.loads(config.setup().frame().encode())
        json.loads(config.redacted())
        config.endpoint()


# ------------------------------------------------------------------ endpoint


@pytest.mark.parametrize(
    ("params", "url"),
    [
        ({}, "wss://api.gradium.ai/api/speech/tts"),
        ({"region": "eu"}, "wss://eu.api.gradium.ai/api/speech/tts"),
        ({"region": "us"}, "wss://us.api.gradium.ai/api/speech/tts"),
        ({"url": "ws://h:1/x"}, "ws://h:1/x"),
        ({"base_url": "ws://old"}, "ws://old"),
        ({"base_url": "ws://old", "url": "ws://new"}, "ws://new"),
    ],
)
def test_the_url_comes_from(params: dict[str, Any], url: str) -> None:
    assert load(params).endpoint().url == url


def test_the_url_of_the_node_is_used_and_that_of_params_wins() -> None:
    assert load(url="ws://top").endpoint().url == "ws://top"
    assert load(url="").endpoint() == load().endpoint()
    assert load({"url": "ws://p"}, url="ws://top").endpoint().url == "ws://p"


def test_headers_are_merged_whatever_their_case_and_ours_win() -> None:
    config = load(
        {"headers": {"x-b": "params", "X-Api-Key": "other"}},
        headers={"X-A": "top", "X-B": "top", "X-API-SOURCE": "other"},
    )

    assert config.endpoint().headers == {
        "x-a": "top",
        "x-b": "params",
        "x-api-key": KEY,
        "x-api-source": "ten",
    }


def test_the_proxy_and_the_authorities_are_part_of_the_endpoint() -> None:
    config = load({"proxy": "http://p:1", "ca_file": "ca.pem"})

    endpoint = config.endpoint()

    assert (endpoint.proxy, endpoint.ca_file) == ("http://p:1", "ca.pem")


# --------------------------------------------------------------------- setup


@pytest.mark.parametrize("rate_hz", SAMPLE_RATES_HZ)
def test_a_sample_rate_is_asked_for_by_name(rate_hz: int) -> None:
    config = load({"sample_rate": rate_hz})

    assert config.setup().output_format == f"pcm_{rate_hz}"
    assert config.sample_rate_hz == rate_hz


@pytest.mark.parametrize("name", ["ulaw_8000", "alaw_8000"])
@pytest.mark.parametrize("rate", [{}, {"sample_rate": 8000}])
def test_g711_is_8000_hz(name: str, rate: dict[str, Any]) -> None:
    config = load({"output_format": name, **rate})

    assert config.setup().output_format == name
    assert config.sample_rate_hz == 8000


@pytest.mark.parametrize("rate_hz", SAMPLE_RATES_HZ)
@pytest.mark.parametrize("is_rate_given", [True, False])
def test_a_format_by_the_vendors_name_has_its_rate(
    rate_hz: int, is_rate_given: bool
) -> None:
    rate = {"sample_rate": rate_hz} if is_rate_given else {}

    config = load({"output_format": f"pcm_{rate_hz}", **rate})

    assert config.setup().output_format == f"pcm_{rate_hz}"
    assert config.sample_rate_hz == rate_hz


def test_mu_law_goes_by_two_names() -> None:
    config = load({"output_format": "mulaw_8000"})

    assert config.setup().output_format == "ulaw_8000"
    assert config.sample_rate_hz == 8000
    assert to_pcm(b"\0\x7f", "mulaw_8000") == to_pcm(b"\0\x7f", "ulaw_8000")


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("en", "en"),
        ("en-US", "en"),
        ("en_US", "en"),
        ("EN", "en"),
        ("fr-FR", "fr"),
        ("de_DE", "de"),
        ("es-419", "es"),
        ("pt-BR", "pt"),
        (" pt_BR ", "pt"),
        ("fr-BE", "fr-be"),
        ("fr_CH", "fr-ch"),
    ],
)
def test_a_language_is_understood_as_the_rest_of_ten_writes_it(
    written: str, code: str
) -> None:
    config = load({"language": written})

    assert config.setup().json_config == {"rewrite_rules": code}
    assert config.warnings == ()


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("zh_CN", "zh"),
        ("zh-Hans-CN", "zh"),
        ("ja", "ja"),
        ("english", "english"),
        ("TimeEn,Date", "TimeEn,Date"),
    ],
)
def test_a_language_that_the_vendor_lacks_is_warned_of(
    written: str, sent: str
) -> None:
    config = load({"language": written})

    assert config.setup().json_config == {"rewrite_rules": sent}
    assert config.warnings == (
        f"params.language is {sent!r}, and Gradium has en, fr, de, es, pt; it"
        " goes to the vendor as it is",
    )


@pytest.mark.parametrize(
    ("params", "voice_id", "voice"),
    [
        ({}, DEFAULT_VOICE_ID, None),
        ({"voice_id": "v"}, "v", None),
        ({"voice": "Emma"}, None, "Emma"),
        ({"voice": "Emma", "voice_id": ""}, None, "Emma"),
    ],
)
def test_a_voice_clears_the_default_one(
    params: dict[str, Any], voice_id: str | None, voice: str | None
) -> None:
    setup = load(params).setup()

    assert (setup.voice_id, setup.voice) == (voice_id, voice)


@pytest.mark.parametrize(
    ("params", "json_config"),
    [
        ({}, {}),
        ({"json_config": {"temp": 1}}, {"temp": 1}),
        ({"json_config": '{"temp": 1, "x": [1]}'}, {"temp": 1, "x": [1]}),
        ({"json_config": "null"}, {}),
        ({"temperature": 0}, {"temp": 0}),
        ({"similarity": 1.5}, {"cfg_coef": 1.5}),
        ({"language": "fr"}, {"rewrite_rules": "fr"}),
        ({"rewrite_rules": "none"}, {"rewrite_rules": "none"}),
        ({"speed": 1}, {"padding_bonus": 0.0}),
        ({"temp": 0}, {"temp": 0}),
        ({"cfg_coef": 1.5}, {"cfg_coef": 1.5}),
        ({"padding_bonus": -1}, {"padding_bonus": -1}),
        (
            {"json_config": {"temp": 1, "cfg_coef": 3}, "temp": 0.5},
            {"temp": 0.5, "cfg_coef": 3},
        ),
        (
            {"json_config": {"temp": 1, "x": 2}, "temperature": 0.5},
            {"temp": 0.5, "x": 2},
        ),
    ],
)
def test_voice_settings_reach_json_config(
    params: dict[str, Any], json_config: dict[str, Any]
) -> None:
    assert load(params).setup().json_config == json_config


def test_every_other_setting_of_the_vendor_reaches_the_setup() -> None:
    config = load(
        {
            "model_name": "gradium-tts-beta",
            "pronunciation_id": "p",
            "retry_for_s": 0,
            "seed": 7,
        }
    )

    assert json.loads(config.setup().frame()) == {
        "type": "setup",
        "output_format": "pcm_24000",
        "model_name": "gradium-tts-beta",
        "voice_id": DEFAULT_VOICE_ID,
        "pronunciation_id": "p",
        "retry_for_s": 0.0,
        "seed": 7,
    }


@pytest.mark.parametrize(
    ("speed", "bonus"),
    [(0.5, 5.0), (0.8, 1.67), (1.0, 0.0), (1.25, -1.33), (2.0, -3.33)],
)
def test_speed_becomes_the_vendors_padding(speed: float, bonus: float) -> None:
    assert padding_bonus(speed) == bonus


@given(st.floats(0.5, 2), st.floats(0.5, 2))
def test_faster_is_never_more_padding_and_in_range(a: float, b: float) -> None:
    slow, fast = padding_bonus(min(a, b)), padding_bonus(max(a, b))

    assert -5 <= fast <= slow <= 5


@pytest.mark.parametrize(
    ("params", "wait_s"),
    [
        ({}, 3.0),
        ({"ready_timeout_s": 0.5}, 0.5),
        ({"retry_for_s": 0}, 3.0),
        ({"retry_for_s": 30}, 32.0),
        ({"retry_for_s": 1, "ready_timeout_s": 10}, 10.0),
    ],
)
def test_ready_is_waited_for_while_the_server_may_retry(
    params: dict[str, Any], wait_s: float
) -> None:
    assert load(params).ready_timeout_s == wait_s


@pytest.mark.parametrize("levels", [61, 62, 500, 100_000])
def test_settings_may_be_so_deep_and_no_deeper(levels: int) -> None:
    tree: Any = []
    for _ in range(levels):
        tree = [tree]
    params = {"json_config": {"x": tree}}

    if levels <= 61:
        assert load(params).params.json_config == {"x": tree}
    else:
        assert refusal({"params": {"api_key": KEY, **params}}) == (
            "params must not be deeper than 64 levels"
        )


def test_a_key_that_is_left_out_must_not_be_so_deep_either() -> None:
    assert refusal({"params": {"api_key": KEY}, "odd": nested(1000)}) == (
        "the settings must not be deeper than 64 levels"
    )


# ------------------------------------------------------------------ warnings


@pytest.mark.parametrize(
    ("params", "warnings"),
    [
        ({"base_url": "wss://h"}, ["base_url is now called params.url"]),
        ({"close_ws_on_eos": False}, ["close_ws_on_eos has no effect"]),
        ({"close_ws_on_eos": True}, []),
        (
            {"a": 1, "seed": 7},
            [
                "a is unknown here and goes to the vendor as it is",
                "seed is unknown here and goes to the vendor as it is; did you"
                " mean params.speed?",
            ],
        ),
        (
            {"model_name": "gradium-tts-beta", "similarity": 3},
            ["similarity is ignored by the beta model"],
        ),
        ({"model_name": "default", "similarity": 3}, []),
        ({"model_name": "gradium-tts-beta"}, []),
        ({}, []),
        ({"temperature": 1, "json_config": {"cfg_coef": 2}}, []),
        (
            {
                "temperature": 1,
                "similarity": 2,
                "speed": 1,
                "language": "en",
                "json_config": '{"temp":0,"cfg_coef":1,"padding_bonus":0,'
                '"rewrite_rules":""}',
            },
            [
                "temperature wins over params.json_config.temp",
                "similarity wins over params.json_config.cfg_coef",
                "language wins over params.json_config.rewrite_rules",
                "speed wins over params.json_config.padding_bonus",
            ],
        ),
    ],
)
def test_what_is_odd_is_warned_of(
    params: dict[str, Any], warnings: list[str]
) -> None:
    assert load(params).warnings == tuple(f"params.{w}" for w in warnings)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("ws://h/x", "h"),
        ("ws://h:81/x?token=abcdefgh", "h:81"),
        ("ws://10.0.0.1", "10.0.0.1"),
        ("ws://[2001:db8::1]:9/", "2001:db8::1:9"),
        ("ws://localhost.example.org", "localhost.example.org"),
        ("ws://127.0.0.1.example.org", "127.0.0.1.example.org"),
        ("ws://me:pass@0.0.0.0", "0.0.0.0"),
        ("wss://h/x", None),
        ("ws://localhost:8000/x", None),
        ("ws://sim.localhost", None),
        ("ws://127.0.0.1:1/", None),
        ("ws://127.8.9.1", None),
        ("ws://[::1]:9/", None),
    ],
)
@pytest.mark.parametrize("is_top", [True, False], ids=["top", "params"])
def test_a_key_that_anybody_could_read_is_warned_of(
    url: str, host: str | None, is_top: bool
) -> None:
    config = load({}, url=url) if is_top else load({"url": url})

    warning = (
        f"the key and the texts go to {host} unencrypted: ws:// instead of"
        " wss://"
    )
    assert config.warnings == ((warning,) if host else ())


MOVES = [
    ({}, {}, False),
    ({}, {"region": "eu"}, False),
    ({"region": "us"}, {"region": "eu"}, False),
    ({}, {"url": "wss://h"}, True),
    ({"url": "wss://h"}, {}, True),
    ({"url": "wss://h/a"}, {"url": "wss://h/b"}, False),
    ({"url": "wss://h"}, {"url": "wss://h:444"}, True),
    ({}, {"url": "wss://api.gradium.ai.example.org"}, True),
    ({}, {"url": "wss://h", "api_key": "another-key"}, False),
    ({}, {"headers": {"x-team": "red"}}, False),
]


@pytest.mark.parametrize(("old", "new", "is_moved"), MOVES)
def test_a_key_is_moved_where_its_host_is_another(
    old: dict[str, Any], new: dict[str, Any], is_moved: bool
) -> None:
    assert is_key_moved(load(old).endpoint(), load(new).endpoint()) is is_moved


@pytest.mark.parametrize("key", sorted(RESERVED_KEYS - {"close_ws_on_eos", "output_format"}))  # fmt: skip
def test_a_reserved_key_is_warned_of_and_left_out(key: str) -> None:
    config = load({key: "mine"})

    assert config.warnings == (f"params.{key} is reserved and left out",)
    assert config.setup() == load().setup()


# Where a key is written; by what it is taken for, or the end of the warning.
TAKEN: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (
        {"voice_id": "v"},
        {"params": {"voice_id": "v"}},
        "voice_id is taken for params.voice_id",
    ),
    (
        {"temp": 0.5},
        {"params": {"temp": 0.5}},
        "temp is taken for params.temp",
    ),
    (
        {"json_config": {"temp": 0.5}},
        {"params": {"json_config": {"temp": 0.5}}},
        "json_config is taken for params.json_config",
    ),
    (
        {"json_config": '{"temp": 0.5}'},
        {"params": {"json_config": {"temp": 0.5}}},
        "json_config is taken for params.json_config",
    ),
    (
        {"max_padding": 3},
        {"params": {"json_config": {"max_padding": 3}}},
        "max_padding is taken for params.json_config.max_padding",
    ),
    (
        {"params": {"dump_path": "d"}},
        {"dump_path": "d"},
        "params.dump_path is taken for dump_path",
    ),
    (
        {"params": {"enable_words": True}},
        {"enable_words": True},
        "params.enable_words is taken for enable_words",
    ),
    (
        {"params": {"max_padding": 3, "json_config": {"temp": 1}}},
        {"params": {"json_config": {"temp": 1, "max_padding": 3}}},
        "params.max_padding is taken for params.json_config.max_padding",
    ),
    (
        {"params": {"json_config": {"speed": 1.5, "temp": 1}}},
        {"params": {"json_config": {"temp": 1}, "speed": 1.5}},
        "params.json_config.speed is taken for params.speed",
    ),
    (
        {"params": {"json_config": {"enable_words": True}}},
        {"params": {"json_config": {}}, "enable_words": True},
        "params.json_config.enable_words is taken for enable_words",
    ),
]


def with_key(tree: dict[str, Any]) -> dict[str, Any]:
    return {**tree, "params": {"api_key": KEY, **tree.get("params", {})}}


@pytest.mark.parametrize(("written", "meant", "warning"), TAKEN)
def test_a_key_in_a_wrong_place_is_taken_for_what_it_is_elsewhere(
    written: dict[str, Any], meant: dict[str, Any], warning: str
) -> None:
    before = json.dumps(written)

    taken = GradiumTTSConfig.load(with_key(written))

    right = GradiumTTSConfig.load(with_key(meant))
    assert taken.warnings == (f"{warning}: that is its place",)
    assert right.warnings == ()
    assert (taken.redacted(), taken.setup()) == (
        right.redacted(),
        right.setup(),
    )
    assert json.dumps(written) == before


def test_a_key_at_the_top_is_the_key() -> None:
    config = GradiumTTSConfig.load({"api_key": KEY, "params": {"api_key": ""}})

    assert config.params.api_key == KEY
    assert config.warnings == (
        "api_key is taken for params.api_key: that is its place",
    )


@pytest.mark.parametrize(
    ("tree", "warning"),
    [
        (
            {"speed": 2, "params": {"speed": 1.5}},
            "speed is left out: params.speed is set as well",
        ),
        (
            {"json_config": {}, "params": {"json_config": {"temp": 1}}},
            "json_config is left out: params.json_config is set as well",
        ),
        (
            {"dump_path": "here", "params": {"dump_path": "there"}},
            "params.dump_path is left out: dump_path is set as well",
        ),
        (
            {"params": {"params": {"speed": 2}}},
            "params.params is left out: params is set as well",
        ),
        (
            {"params": {"json_config": {"json_config": {"temp": 1}}}},
            "params.json_config.json_config is left out: params.json_config is"
            " set as well",
        ),
    ],
)
def test_what_stands_in_its_place_wins(
    tree: dict[str, Any], warning: str
) -> None:
    config = GradiumTTSConfig.load(with_key(tree))

    assert config.warnings == (warning,)
    assert config.params.speed != 2
    assert config.dump_path != "there"


def test_a_default_in_its_place_does_not_win() -> None:
    # As they come from property.json, whatever a user writes.
    defaults = {"dump": False, "dump_path": "./", "enable_words": False}

    config = load(
        {"dump": True, "dump_path": "d", "enable_words": True}, **defaults
    )

    assert (config.dump, config.dump_path, config.enable_words) == (
        True,
        "d",
        True,
    )
    assert config.warnings == tuple(
        f"params.{name} is taken for {name}: that is its place"
        for name in defaults
    )


@pytest.mark.parametrize(
    ("tree", "warning"),
    [
        ({"some_other": 1}, "some_other is unknown here and left out"),
        ({"warnings": ["x"]}, "warnings is unknown here and left out"),
        (
            {"voiceId": "v"},
            "voiceId is unknown here and left out; did you mean"
            " params.voice_id?",
        ),
        (
            {"dump-path": "d"},
            "dump-path is unknown here and left out; did you mean dump_path?",
        ),
        (
            {"params": {"key": "k"}},
            "params.key is unknown here and goes to the vendor as it is; did"
            " you mean params.api_key?",
        ),
        (
            {"params": {"model": "beta"}},
            "params.model is unknown here and goes to the vendor as it is; did"
            " you mean params.model_name?",
        ),
        (
            {"params": {"something_new": 1}},
            "params.something_new is unknown here and goes to the vendor as it"
            " is",
        ),
        (
            {"params": {"sample_rat": 8000}},
            "params.sample_rat is unknown here and goes to the vendor as it"
            " is; did you mean params.sample_rate?",
        ),
        (
            {"params": {"enable_word": True}},
            "params.enable_word is unknown here and goes to the vendor as it"
            " is; did you mean enable_words?",
        ),
        (
            {"params": {"json_config": {"temperatur": 1}}},
            "params.json_config.temperatur is unknown here and goes to the"
            " vendor as it is; did you mean params.temperature?",
        ),
        (
            {"params": {"json_config": {"cfg_coeff": 2}}},
            "params.json_config.cfg_coeff is unknown here and goes to the"
            " vendor as it is; did you mean params.json_config.cfg_coef?",
        ),
        (
            {"x" * 100_000: 1},
            f"{'x' * 64} is unknown here and left out",
        ),
    ],
)
def test_a_key_that_nobody_knows_is_told(
    tree: dict[str, Any], warning: str
) -> None:
    config = GradiumTTSConfig.load(with_key(tree))

    assert config.warnings == (warning,)


def test_of_many_unknown_keys_some_are_told_and_the_others_counted() -> None:
    keys = {f"odd_{n}": n for n in range(1000)}

    config = load({"json_config": keys}, **keys, voice_id="v")

    assert [text.split()[0] for text in config.warnings] == [
        "voice_id",
        *(f"odd_{n}" for n in range(16)),
        "984",
        *(f"params.json_config.odd_{n}" for n in range(16)),
        "984",
    ]
    assert config.warnings[17] == "984 more keys of the node are unknown"
    assert config.params.voice_id == "v"
    # What the vendor is asked for is the user's.
    assert config.setup().json_config == keys


# ------------------------------------------------------------------- secrets

# The digit keeps it from being a part of the name of a setting.
SECRETS = st.text(
    string.ascii_letters + string.digits + "-_.", min_size=10
).map(lambda text: f"{text[:5]}7{text[5:]}")
# Where a user may put a secret, by right or by mistake.
PLACES: list[Any] = [
    lambda s: {"params": {"api_key": s}},
    lambda s: {"params": {"api_key": KEY, "auth_token": s}},
    lambda s: {"params": {"api_key": KEY, "json_config": {"api_key": s}}},
    lambda s: {"params": {"api_key": KEY, "url": f"wss://h/?token={s}"}},
    lambda s: {"params": {"api_key": KEY, "url": f"wss://me:{s}@h/"}},
    lambda s: {"params": {"api_key": KEY, "proxy": f"http://me:{s}@h:1"}},
    lambda s: {"params": {"api_key": KEY, "headers": {"X-Auth": s}}},
    lambda s: {
        "params": {"api_key": KEY},
        "headers": {"Authorization": f"Bearer {s}"},
    },
    lambda s: {"params": {"api_key": KEY}, "url": f"wss://h/?api_key={s}"},
    lambda s: {"params": {"api_key": s, "x": {s: [s]}}},
    # and with something wrong
    lambda s: {"params": {"api_key": s, "sample_rate": s}},
    lambda s: {"params": {"api_key": s, "headers": {s: 5}}},
    lambda s: {"params": {"api_key": s, "speed": "x" * 50 + s}},
    lambda s: {"params": {"api_key": [s]}},
    lambda s: {"params": {"api_key": f"{s}\n{s}"}},
    lambda s: {"params": {"api_key": KEY, "headers": f"Cookie: {s}"}},
    lambda s: {"params": {"api_key": KEY, "headers": {"X": f"{s}\n"}}},
    lambda s: {"params": {"api_key": KEY, "proxy": f"me:{s}@h:1"}},
    lambda s: {"params": {"api_key": KEY, "json_config": f'{{"key":"{s}"'}},
    lambda s: {"params": f'{{"api_key": "{s}"}}'},
    lambda s: {"params": {"api_key": KEY, "url": f"http://h/?token={s}"}},
    lambda s: {"params": {"api_key": KEY, "url": f"http://me:{s}@h/"}},
    lambda s: {"params": {"api_key": KEY, "speed": {"api_key": s}}},
]


def everything_shown(tree: dict[str, Any]) -> str:
    """Give all texts that a user or a log may see of these settings."""
    try:
        config = GradiumTTSConfig.load(tree)
    except ConfigError as error:
        return f"{error} {error!r}"
    return " ".join(
        (
            config.redacted(),
            *config.warnings,
            f"{config} {config!r} {config.params} {config.params!r}",
            f"{config.setup()} {config.endpoint()}",
        )
    )


@given(SECRETS, st.sampled_from(PLACES))
def test_a_secret_is_never_shown(secret: str, place: Any) -> None:
    tree = place(secret)

    assert secret not in everything_shown(tree)


@given(SECRETS)
def test_a_secret_that_the_server_repeats_is_masked(secret: str) -> None:
    for place in PLACES[:9]:
        config = GradiumTTSConfig.load(place(secret))

        shown = mask_text(f"refused: '{secret}' is bad", config.secrets())
        assert secret not in shown


def test_a_key_in_the_wrong_place_is_not_shown_either() -> None:
    config = load({"voice": KEY, "x": f"key {KEY}"}, dump_path=f"/{KEY}/")

    assert KEY not in f"{config} {config!r} {config.params} {config.redacted()}"


def test_the_redacted_form_shows_all_but_the_secrets() -> None:
    config = load(
        {"voice_id": "v", "headers": {"X-Auth": "abcdefg", "X-B": "c"}},
        enable_words=True,
    )

    shown = json.loads(config.redacted())

    assert shown["enable_words"] is True
    assert shown["params"]["api_key"] == "***"
    assert shown["params"]["voice_id"] == "v"
    assert shown["params"]["headers"] == {"X-Auth": "***", "X-B": "c"}
    assert shown["params"]["sample_rate"] == 24000


# ------------------------------------------------------------------- changes


def merge(tree: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return merge_settings(tree, changes, KNOWN)[0]


def placed(tree: dict[str, Any]) -> dict[str, Any]:
    return put_in_place(tree, KNOWN)[0]


@pytest.mark.parametrize(
    ("tree", "changes", "merged"),
    [
        ({}, {}, {"params": {}}),
        ({"dump": True}, {"dump": False}, {"dump": False, "params": {}}),
        (
            {"params": {"api_key": "k", "speed": 1}},
            {"params": {"speed": 2}},
            {"params": {"api_key": "k", "speed": 2}},
        ),
        (
            {"params": {"api_key": "k"}},
            {"params": None},
            {"params": {"api_key": "k"}},
        ),
        (
            {"params": {"voice_id": "a"}},
            {"params": {"voice": "b"}},
            {"params": {"voice": "b"}},
        ),
        (
            {"params": {"voice": "b"}},
            {"params": {"voice_id": "a"}},
            {"params": {"voice_id": "a"}},
        ),
        (
            {"params": {"voice": "b"}},
            {"params": {"voice_id": ""}},
            {"params": {"voice": "b", "voice_id": ""}},
        ),
        (
            {"params": {"language": "en"}},
            {"params": {"rewrite_rules": "none"}},
            {"params": {"rewrite_rules": "none"}},
        ),
        (
            {"params": {"url": "ws://a"}},
            {"params": {"region": "eu"}},
            {"params": {"region": "eu"}},
        ),
        (
            {"params": {"base_url": "ws://a"}},
            {"params": {"region": "eu"}},
            {"params": {"region": "eu"}},
        ),
        (
            {"params": {"url": "ws://a"}},
            {"params": {"base_url": "ws://b"}},
            {"params": {"base_url": "ws://b"}},
        ),
        (
            {"url": "ws://a", "params": {}},
            {"params": {"url": "ws://b"}},
            {"params": {"url": "ws://b"}},
        ),
        (
            {"params": {"url": "ws://a", "api_key": "k"}},
            {"url": "ws://b"},
            {"url": "ws://b", "params": {"api_key": "k"}},
        ),
        (
            {"url": "ws://a"},
            {"params": {"speed": 1}},
            {"url": "ws://a", "params": {"speed": 1}},
        ),
        ({"params": {}}, {"params": "x"}, {"params": "x"}),
        ({"params": "x"}, {"params": {}}, {"params": {}}),
    ],
)
def test_changes_are_merged(
    tree: dict[str, Any], changes: dict[str, Any], merged: dict[str, Any]
) -> None:
    before = json.dumps([tree, changes])

    assert merge(tree, changes) == placed(merged)
    assert json.dumps([tree, changes]) == before


@pytest.mark.parametrize("pair", [*EXCLUSIVE, ("base_url", "region")])
@pytest.mark.parametrize("is_swapped", [False, True])
def test_of_two_rivals_the_changed_one_holds(
    pair: tuple[str, str], is_swapped: bool
) -> None:
    old, new = reversed(pair) if is_swapped else pair
    urls = {"url": "ws://h", "base_url": "ws://h", "region": "eu"}
    numbers = dict.fromkeys(("temp", "temperature", "padding_bonus"), 0)
    values = {**urls, **numbers, "speed": 1, "similarity": 1, "cfg_coef": 1}

    merged = merge(
        {"params": {"api_key": KEY, old: values.get(old, "old")}},
        {"params": {new: values.get(new, "new")}},
    )

    assert GradiumTTSConfig.load(merged) == load({new: values.get(new, "new")})


@pytest.mark.parametrize("params", ["x", [1], 5])
def test_a_change_that_is_no_object_is_refused(params: Any) -> None:
    tree = {"params": {"api_key": KEY}}

    assert refusal(merge(tree, {"params": params})).startswith(
        "params must be an object, not a "
    )


MISPLACED_CHANGES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"voice_id": "w"}, {"params": {"voice_id": "w"}}),
    ({"voice": "Emma"}, {"params": {"voice": "Emma"}}),
    ({"speed": None}, {"params": {"speed": None}}),
    ({"params": {"dump": True}}, {"dump": True}),
    (
        {"params": {"json_config": {"temperature": 0.1}}},
        {"params": {"json_config": None, "temperature": 0.1}},
    ),
    (
        {"max_padding": 3},
        {"params": {"json_config": {"padding_between": 1, "max_padding": 3}}},
    ),
]


@pytest.mark.parametrize(("written", "meant"), MISPLACED_CHANGES)
def test_a_change_in_a_wrong_place_changes_what_was_meant(
    written: dict[str, Any], meant: dict[str, Any]
) -> None:
    tree = {
        "params": {
            "api_key": KEY,
            "voice_id": "v",
            "speed": 1.5,
            "json_config": {"padding_between": 1},
        }
    }

    merged, notes = merge_settings(tree, written, KNOWN)

    config = GradiumTTSConfig.load(merged, notes)
    assert config.setup() == GradiumTTSConfig.load(merge(tree, meant)).setup()
    assert len(config.warnings) == len(notes) == 1
    assert "that is its place" in notes[0]


@pytest.mark.parametrize("language", ["en-US", None])
def test_settings_that_were_started_with_in_a_wrong_place_are_changed(
    language: str | None,
) -> None:
    tree = {"voice_id": "v", "speed": 2, "params": {"api_key": KEY}}

    config = GradiumTTSConfig.load(
        merge(tree, {"params": {"voice": "Emma", "language": language}})
    )

    assert (config.params.voice_id, config.params.voice) == (None, "Emma")
    assert config.params.speed == 2


# ------------------------------------------------------------- one request


def test_a_request_changes_its_voice_and_nothing_else() -> None:
    config = load(
        {"voice_id": "v", "speed": 2, "json_config": {"temp": 1, "x": 1}},
        enable_words=True,
    )

    own, notes = config.for_request(
        {
            "voice": "Emma",
            "temperature": 0.5,
            "language": "fr-FR",
            "pronunciation_id": "p",
            "similarity": None,
            "speed": "",
        }
    )

    assert notes == []
    assert (
        own.setup()
        == load(
            {
                "voice": "Emma",
                "speed": 2,
                "json_config": {"temp": 1, "x": 1},
                "temperature": 0.5,
                "language": "fr",
                "pronunciation_id": "p",
            }
        ).setup()
    )
    assert own.endpoint() == config.endpoint()
    assert own.enable_words is True
    # The others have what they had.
    assert config.setup().voice_id == "v"


@pytest.mark.parametrize("pair", EXCLUSIVE)
def test_what_a_request_asks_for_wins_over_its_rival(
    pair: tuple[str, str],
) -> None:
    for rival, wished in (pair, pair[::-1]):
        values = {"voice": "w", "voice_id": "w", "language": "fr"}
        if wished not in PER_REQUEST:
            continue

        value = values.get(wished, 1)
        texts = {"rewrite_rules": "en", "voice": "v", "voice_id": "v"}
        config = load({rival: texts.get(rival, 1)})
        own, _ = config.for_request({wished: value})

        assert getattr(own.params, rival) is None
        assert getattr(own.params, wished) == value


@pytest.mark.parametrize("given", [None, {}, {"voice_id": ""}])
def test_a_request_that_asks_for_nothing_has_the_settings(given: Any) -> None:
    config = load({"voice_id": "v"})

    assert config.for_request(given) == (config, [])


def nested(levels: int) -> Any:
    tree: Any = {}
    for _ in range(levels):
        tree = {"a": tree}
    return tree


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("Emma", " must be an object, not a text"),
        ([], " must be an object, not a list"),
        (7, " must be an object, not a number"),
        (True, " must be an object, not true or false"),
        ({"voice_id": 7}, ".voice_id must be a text, not 7"),
        ({"voice_id": "v" * 10**6}, f'.voice_id must have at most 200 characters, not "{"v" * 56}...'),
        ({"voice": nested(700)}, ".voice must be a text, not an object"),
        ({"voice": [1] * 10**5}, f".voice must be a text, not {str([1] * 30)[:57]}..."),
        ({"speed": 3}, ".speed must be at most 2.0, not 3"),
        ({"speed": "1"}, '.speed must be a number, not "1"'),
        ({"temperature": float("nan")}, ".temperature must be a finite number, not NaN"),
        ({"similarity": True}, ".similarity must be a number, not true"),
        ({"language": {}}, ".language must be a text, not {}"),
        ({"pronunciation_id": 0}, ".pronunciation_id must be a text, not 0"),
        ({"voice": "a", "voice_id": "b"}, ": voice_id and voice exclude each other"),
        (
            {"speed": 9, "voice": 1},
            ".voice must be a text, not 1; metadata.tts.speed must be at most 2.0, not 9",
        ),
    ],
)  # fmt: skip
def test_what_a_request_asks_for_and_cannot_have_is_named(
    given: Any, sentence: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load().for_request(given)

    assert str(caught.value) == f"metadata.tts{sentence}"


@pytest.mark.parametrize(
    ("given", "note"),
    [
        (
            {"voiceid": "v"},
            "metadata.tts.voiceid is nothing that a request can change; did"
            " you mean metadata.tts.voice_id?",
        ),
        (
            {"sample_rate": 8000},
            "metadata.tts.sample_rate is nothing that a request can change",
        ),
        (
            {"language": "zh-CN"},
            "metadata.tts.language is 'zh', and Gradium has en, fr, de, es,"
            " pt; it goes to the vendor as it is",
        ),
    ],
)
def test_what_is_odd_about_a_request_is_noted(
    given: dict[str, Any], note: str
) -> None:
    own, notes = load().for_request({**given, "speed": 1.5})

    assert notes == [note]
    assert own.params.speed == 1.5


def test_of_the_odd_keys_of_a_request_only_some_are_noted() -> None:
    given = dict.fromkeys((f"{n}" * 1000 for n in range(1000)), nested(600))

    own, notes = load().for_request(given)

    assert own.setup() == load().setup()
    assert len(notes) == 8 and max(map(len, notes)) < 200


@given(st.dictionaries(st.sampled_from(PER_REQUEST) | st.text(), JSON) | JSON)
def test_whatever_a_request_asks_for_is_had_or_refused_in_one_sentence(
    wishes: Any,
) -> None:
    try:
        own, _ = load().for_request(wishes)
    except ConfigError as error:
        assert str(error).startswith("metadata.tts")
        assert len(str(error)) < 1000
    else:
        json.loads(own.setup().frame().encode())


@pytest.mark.parametrize("installed", [None, "4.6.0"])
def test_a_fleet_without_a_good_package_is_told_what_to_install(
    installed: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        if installed is None:
            raise metadata.PackageNotFoundError(name)
        return installed

    monkeypatch.setattr(metadata, "version", version)

    told = refusal({"params": {"api_key": KEY, "shared_url": "redis://h"}})

    assert told == (
        "params.shared_url needs the package redis 5.0 or newer, and"
        f' {installed or "none"} is installed: pip install "redis>=5.0"'
    )


def test_the_password_of_a_shared_url_is_not_shown() -> None:
    url = "redis://user:s3cret-pass@h:6379/1"
    config = GradiumTTSConfig.load(
        {"params": {"api_key": KEY, "shared_url": url}}
    )

    assert config.params.shared_url == url
    assert "s3cret" not in config.redacted() + repr(config)
    assert "s3cret-pass" in config.secrets()
