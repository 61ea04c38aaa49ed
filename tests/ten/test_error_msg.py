# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Errors: one message for each failure, with the vendor's code and words."""

from __future__ import annotations

from typing import Any

import pytest
from listener import (
    END,
    ERROR,
    FAILED,
    FATAL,
    NON_FATAL,
    Listener,
    Properties,
    play,
)
from local_vendor import LocalVendor


async def wait_for_error(ten: Listener) -> None:
    await ten.until(ERROR)


async def ask_once(ten: Listener) -> None:
    await ten.say("r1", "Hello there.", is_end=True)
    await ten.until(END)


@pytest.mark.parametrize("key", ["", "  "])
def test_a_missing_key_is_a_fatal_error_at_the_start(
    key: str, vendor: LocalVendor, properties: Properties
) -> None:
    ten = play(properties({"api_key": key}), wait_for_error)

    error = ten.one(ERROR)
    assert (error["id"], error["module"], error["code"]) == ("", "tts", FATAL)
    assert "api_key" in error["message"]
    assert error["vendor_info"]["vendor"] == "gradium"
    assert vendor.sessions == []


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"sample_rate": 11025}, "sample_rate"),
        ({"sample_rate": "16000"}, "sample_rate"),
        ({"speed": 9}, "speed"),
        ({"region": "mars", "url": ""}, "region"),
        ({"voice_id": "a", "voice": "b"}, "voice"),
        ({"url": "https://example.org"}, "url"),
    ],
)
def test_a_wrong_setting_is_a_fatal_error_that_names_it(
    params: dict[str, Any], named: str, properties: Properties
) -> None:
    ten = play(properties(params), wait_for_error)

    error = ten.one(ERROR)
    assert error["code"] == FATAL
    assert named in error["message"]


def test_a_node_without_settings_answers_every_request(
    properties: Properties,
) -> None:
    async def ask_twice(ten: Listener) -> None:
        for request_id in ("r1", "r2"):
            await ten.say(request_id, "Hello there.", is_end=True)
            await ten.until(END, request_id=request_id)

    ten = play(properties({"api_key": ""}), ask_twice)

    assert ten.story() == [ERROR, ERROR, END, ERROR, END]
    ids = [message.fields["id"] for message in ten.named(ERROR)]
    assert ids == ["", "r1", "r2"]
    assert [message.fields["reason"] for message in ten.named(END)] == [
        FAILED
    ] * 2


def test_a_refused_key_is_fatal_and_told_in_the_vendors_words(
    properties: Properties,
) -> None:
    # Else it is told at the start as well.
    settings = {"api_key": "gsk_of_nobody_at_all", "check_at_start": False}

    ten = play(properties(settings), ask_once)

    assert ten.story() == [ERROR, END]
    error = ten.one(ERROR)
    assert (error["id"], error["code"]) == ("r1", FATAL)
    assert error["vendor_info"] == {
        "vendor": "gradium",
        "code": "1008",
        "message": "Invalid or expired API key",
    }
    assert ten.one(END)["reason"] == FAILED


def test_what_the_vendor_cannot_do_now_is_not_fatal(
    vendor: LocalVendor, properties: Properties
) -> None:
    vendor.refusals = [("Worker lost", 1011)]

    settings = {"retry_deadline_s": 0, "check_at_start": False}

    ten = play(properties(settings), ask_once)

    assert ten.story() == [ERROR, END]
    error = ten.one(ERROR)
    assert error["code"] == NON_FATAL
    assert error["vendor_info"]["code"] == "1011"
    assert error["vendor_info"]["message"] == "Worker lost"


def test_the_request_after_a_failed_one_is_spoken(
    vendor: LocalVendor, properties: Properties
) -> None:
    vendor.refusals = [("Embeddings not found for voice", 1008)]

    async def ask_again(ten: Listener) -> None:
        for request_id in ("r1", "r2"):
            await ten.say(request_id, "Hello there.", is_end=True)
            await ten.until(END, request_id=request_id)

    ten = play(properties({"check_at_start": False}), ask_again)

    assert ten.one(ERROR)["id"] == "r1"
    assert ten.pcm("r1") == b""
    assert vendor.heard_words(ten.pcm("r2")) == ["Hello", "there."]
