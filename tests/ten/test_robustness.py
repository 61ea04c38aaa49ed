# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Drops, refusals that pass, a vendor that is gone; and no key in any log."""

from __future__ import annotations

import socket

import pytest
from listener import (
    COMPLETE,
    END,
    ERROR,
    FAILED,
    FRAME,
    NON_FATAL,
    START,
    Listener,
    Properties,
    play,
)
from local_vendor import KEY, LocalVendor

TEXT = "one two three four five six seven eight"


async def one_request(ten: Listener) -> None:
    await ten.say("r1", TEXT, is_end=True)
    await ten.until(END)


@pytest.mark.parametrize("words", range(1, 8))
def test_speech_that_was_cut_goes_on_where_it_was(
    words: int, vendor: LocalVendor, properties: Properties
) -> None:
    vendor.drop_after = [words]

    ten = play(properties({"check_at_start": False}), one_request)

    assert ten.story() == [START, FRAME, END]
    assert ten.one(END)["reason"] == COMPLETE
    said = TEXT.split()
    # Words last 80 ms here; one counts with 100 ms of audio behind it, since
    # the vendor's times may be early.
    goes_on = said[max(0, words - 2) :]
    assert " ".join(vendor.sessions[1].texts).split() == goes_on
    assert vendor.heard_words(ten.pcm("r1")) == said[:words] + goes_on


def test_a_drop_before_any_audio_is_not_heard(
    vendor: LocalVendor, properties: Properties
) -> None:
    vendor.drop_after = [0]

    ten = play(properties(), one_request)

    assert ten.story() == [START, FRAME, END]
    assert vendor.heard_words(ten.pcm("r1")) == TEXT.split()


def test_a_refusal_that_passes_is_not_heard(
    vendor: LocalVendor, properties: Properties
) -> None:
    vendor.refusals = [("Concurrency limit exceeded", 1008)]

    ten = play(properties(), one_request)

    assert ten.story() == [START, FRAME, END]
    assert vendor.heard_words(ten.pcm("r1")) == TEXT.split()
    assert len(vendor.sessions) == 2


def test_a_drop_that_may_not_be_resumed_is_told(
    vendor: LocalVendor, properties: Properties
) -> None:
    vendor.drop_after = [3]

    ten = play(properties({"resume": False}), one_request)

    assert ten.story() == [START, FRAME, ERROR, END]
    assert ten.one(ERROR)["code"] == NON_FATAL
    assert ten.one(END)["reason"] == FAILED
    assert vendor.heard_words(ten.pcm("r1")) == TEXT.split()[:3]


def test_a_vendor_that_is_not_there_is_told(properties: Properties) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = f"ws://127.0.0.1:{unused.getsockname()[1]}/"
        settings = properties({"url": nobody, "retry_deadline_s": 0})

        ten = play(settings, one_request)

    assert ten.story() == [ERROR, END]
    assert ten.one(ERROR)["code"] == NON_FATAL
    assert ten.one(END)["reason"] == FAILED


def test_the_key_is_in_no_output(
    vendor: LocalVendor,
    properties: Properties,
    capfd: pytest.CaptureFixture[str],
) -> None:
    vendor.refusals = [(f"Invalid or expired API key {KEY}", 1008)]

    async def fail_then_speak(ten: Listener) -> None:
        await ten.say("r1", "Hello there.", is_end=True)
        await ten.until(END, request_id="r1")
        await ten.command("update_configs", params={"api_key": KEY + "x"})

    ten = play(properties({"check_at_start": False}), fail_then_speak)

    printed = "".join(capfd.readouterr())
    told = "".join(str(message) for message in ten.messages)
    assert ten.one(ERROR)["id"] == "r1"
    assert KEY not in printed + told
    assert KEY[-12:] not in printed + told
