# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Metrics: the time to first audio, the connect, the usage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from listener import END, FRAME, METRICS, START, Listener, Properties, play
from local_vendor import WORD_S, LocalVendor

METADATA = {"session_id": "session", "turn_id": 3}


def with_metric(ten: Listener, name: str) -> list[Mapping[str, Any]]:
    """The metrics that tell this."""
    return [
        message.fields
        for message in ten.named(METRICS)
        if name in message.fields["metrics"]
    ]


async def two_requests(ten: Listener) -> None:
    for request_id in ("r1", "r2"):
        await ten.say(request_id, "one two", is_end=True, metadata=METADATA)
        await ten.until(END, request_id=request_id)


def test_the_time_to_first_audio_comes_once_and_behind_the_start(
    properties: Properties,
) -> None:
    ten = play(properties(), two_requests)

    found = with_metric(ten, "ttfb")
    assert len(found) == 2
    for message in found:
        assert message["vendor"] == "gradium"
        assert message["module"] == "tts"
        assert METADATA.items() <= dict(message["metadata"]).items()
        assert message["metrics"]["ttfb"] >= 0
    names = [
        "ttfb" if "ttfb" in message.fields.get("metrics", {}) else message.name
        for message in ten.messages
    ]
    told = [name for name in names if name in ("ttfb", START, END)]
    assert told == [START, "ttfb", END] * 2


def test_the_usage_of_each_request_is_told_before_its_end(
    vendor: LocalVendor, properties: Properties
) -> None:
    ten = play(properties(), two_requests)

    found = with_metric(ten, "output_characters")
    first, second = (message["metrics"] for message in found)
    sent = [len("".join(session.texts)) for session in vendor.sessions]
    audio_ms = pytest.approx(2 * WORD_S * 1000)
    assert first["output_characters"] == sent[0]
    assert first["recv_audio_duration"] == audio_ms
    assert second["output_characters"] == sent[1]
    assert second["total_output_characters"] == sum(sent)
    both_ms = second["total_recv_audio_duration"]
    assert both_ms == pytest.approx(4 * WORD_S * 1000)
    messages = list(ten.messages)
    at = [
        index
        for index, message in enumerate(messages)
        if "output_characters" in message.fields.get("metrics", {})
    ]
    ends = [i for i, message in enumerate(messages) if message.name == END]
    assert sorted(at + ends) == [at[0], ends[0], at[1], ends[1]]


def test_an_interrupted_request_tells_its_usage_too(
    vendor: LocalVendor, properties: Properties
) -> None:
    vendor.hold_after = 1

    async def interrupt(ten: Listener) -> None:
        await ten.say("r1", "one two three", is_end=True)
        await ten.until(FRAME)
        await ten.flush()

    ten = play(properties(), interrupt)

    (usage,) = with_metric(ten, "output_characters")
    assert usage["metrics"]["recv_audio_duration"] == pytest.approx(
        WORD_S * 1000
    )


def test_a_connect_tells_how_long_it_took(properties: Properties) -> None:
    ten = play(properties(), two_requests)

    found = with_metric(ten, "connect_delay")
    assert found
    assert all(message["metrics"]["connect_delay"] >= 0 for message in found)
