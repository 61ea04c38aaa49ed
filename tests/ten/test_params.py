# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What of the settings reaches the vendor."""

from __future__ import annotations

import json
from typing import Any

import pytest
from listener import END, ERROR, FRAME, Listener, Properties, play
from local_vendor import KEY, LocalVendor

from ten_runtime import StatusCode


async def one_request(ten: Listener) -> None:
    await ten.say("r1", "Hello there.", is_end=True)
    await ten.until(END)


def test_a_session_is_opened_with_defaults(
    vendor: LocalVendor, properties: Properties
) -> None:
    play(properties(), one_request)

    (session,) = vendor.sessions
    assert session.setup == {
        "type": "setup",
        "model_name": "default",
        "voice_id": "cLONiZ4hQ8VpQ4Sz",
        "output_format": "pcm_24000",
    }
    assert session.key == KEY


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"voice_id": "YTpq7expH9539ERJ"}, {"voice_id": "YTpq7expH9539ERJ"}),
        ({"voice": "Emma"}, {"voice": "Emma"}),
        (
            {"model_name": "gradium-tts-beta"},
            {"model_name": "gradium-tts-beta"},
        ),
        ({"sample_rate": 48000}, {"output_format": "pcm_48000"}),
        ({"pronunciation_id": "p1"}, {"pronunciation_id": "p1"}),
        ({"retry_for_s": 2}, {"retry_for_s": 2}),
        ({"of_tomorrow": [1]}, {"of_tomorrow": [1]}),
    ],
)
def test_a_setting_reaches_the_setup(
    params: dict[str, Any],
    expected: dict[str, Any],
    vendor: LocalVendor,
    properties: Properties,
) -> None:
    play(properties(params), one_request)

    assert expected.items() <= vendor.sessions[0].setup.items()


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"temperature": 0.5}, {"temp": 0.5}),
        ({"similarity": 2.5}, {"cfg_coef": 2.5}),
        ({"language": "fr"}, {"rewrite_rules": "fr"}),
        ({"speed": 1}, {"padding_bonus": 0}),
        ({"json_config": {"temp": 0.3}}, {"temp": 0.3}),
        ({"json_config": '{"temp": 0.3}'}, {"temp": 0.3}),
    ],
)
def test_a_voice_setting_reaches_the_vendors_json_config(
    params: dict[str, Any],
    expected: dict[str, Any],
    vendor: LocalVendor,
    properties: Properties,
) -> None:
    play(properties(params), one_request)

    assert json.loads(vendor.sessions[0].setup["json_config"]) == expected


def test_what_belongs_to_the_protocol_cannot_be_set(
    vendor: LocalVendor, properties: Properties
) -> None:
    ours = {"type": "text", "text": "!", "client_req_id": "x"}

    ten = play(properties(ours), one_request)

    setup = vendor.sessions[0].setup
    assert setup["type"] == "setup"
    assert not {"text", "client_req_id"} & setup.keys()
    assert ten.named(ERROR) == []


def test_an_update_holds_from_the_next_request_on(
    vendor: LocalVendor, properties: Properties
) -> None:
    statuses = []

    async def update_between(ten: Listener) -> None:
        await ten.say("r1", "one", is_end=True)
        await ten.until(END, request_id="r1")
        for voice in ("other", 17):
            params = {"voice_id": voice}
            statuses.append(await ten.command("update_configs", params=params))
        await ten.say("r2", "two", is_end=True)
        await ten.until(END, request_id="r2")

    play(properties({"voice_id": "first"}), update_between)

    assert statuses == [StatusCode.OK, StatusCode.ERROR]
    voices = [session.setup["voice_id"] for session in vendor.sessions]
    assert voices == ["first", "other"]


def test_a_command_that_nobody_knows_is_answered(
    properties: Properties,
) -> None:
    statuses = []

    async def greet(ten: Listener) -> None:
        statuses.append(await ten.command("hello_world"))

    play(properties(), greet)

    assert statuses == [StatusCode.OK]


def test_the_frames_follow_the_clock_of_their_samples(
    properties: Properties,
) -> None:
    ten = play(properties({"sample_rate": 8000}), one_request)

    frames = ten.named(FRAME)
    first_ms = frames[0].timestamp_ms
    before = 0
    for frame in frames:
        assert abs(frame.timestamp_ms - first_ms - before / 8) <= 1
        before += len(frame.pcm) // 2
