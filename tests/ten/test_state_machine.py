# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Requests one after the other, mixed, interrupted, empty, and once more."""

from __future__ import annotations

import pytest
from listener import (
    COMPLETE,
    END,
    FLUSH_END,
    FRAME,
    INTERRUPTED,
    START,
    Listener,
    Properties,
    play,
)
from local_vendor import LocalVendor


def starts_and_ends(ten: Listener) -> list[tuple[str, str]]:
    """Each start and end with the request it belongs to."""
    return [
        (message.name, message.fields["request_id"])
        for message in ten.messages
        if message.name in (START, END)
    ]


def test_requests_are_spoken_one_after_the_other(
    vendor: LocalVendor, properties: Properties
) -> None:
    ids = ["r0", "r1", "r2"]

    async def ask_at_once(ten: Listener) -> None:
        for request_id in ids:
            await ten.say(request_id, f"words of {request_id}", is_end=True)
        await ten.until(END, count=3)

    ten = play(properties(), ask_at_once)

    assert starts_and_ends(ten) == [
        (name, request_id) for request_id in ids for name in (START, END)
    ]
    for request_id in ids:
        words = vendor.heard_words(ten.pcm(request_id))
        assert words == ["words", "of", request_id]


def test_texts_of_mixed_requests_stay_apart(
    vendor: LocalVendor, properties: Properties
) -> None:
    async def mix(ten: Listener) -> None:
        await ten.say("a", "alpha one ")
        await ten.say("b", "beta one ")
        await ten.say("a", "alpha two ")
        await ten.say("b", "beta two ", is_end=True)
        await ten.say("a", "alpha three", is_end=True)
        await ten.until(END, count=2)

    ten = play(properties(), mix)

    assert starts_and_ends(ten) == [
        (START, "a"),
        (END, "a"),
        (START, "b"),
        (END, "b"),
    ]
    assert vendor.heard_words(ten.pcm("a")) == (
        "alpha one alpha two alpha three".split()
    )
    assert vendor.heard_words(ten.pcm("b")) == "beta one beta two".split()


@pytest.mark.parametrize("next_id", ["r2", "r1"])
def test_a_request_after_a_flush_is_spoken(
    next_id: str, vendor: LocalVendor, properties: Properties
) -> None:
    vendor.hold_after = 1

    async def interrupt(ten: Listener) -> None:
        await ten.say("r1", "one two three", is_end=True)
        await ten.until(FRAME)
        await ten.flush()
        vendor.hold_after = None
        await ten.say(next_id, "something else", is_end=True)
        await ten.until(END, count=2)

    ten = play(properties(), interrupt)

    assert ten.story() == [START, FRAME, END, FLUSH_END, START, FRAME, END]
    reasons = [message.fields["reason"] for message in ten.named(END)]
    assert reasons == [INTERRUPTED, COMPLETE]
    heard = b"".join(frame.pcm for frame in ten.named(FRAME))
    assert vendor.heard_words(heard) == ["one", "something", "else"]


def test_an_id_may_come_again(
    vendor: LocalVendor, properties: Properties
) -> None:
    async def ask_twice(ten: Listener) -> None:
        for count in (1, 2):
            await ten.say("greeting", f"hello {count}", is_end=True)
            await ten.until(END, count=count)

    ten = play(properties(), ask_twice)

    assert ten.story() == [START, FRAME, END] * 2
    assert [session.words for session in vendor.sessions] == [
        ["hello", "1"],
        ["hello", "2"],
    ]


@pytest.mark.parametrize("text", ["", "   ", "\n", "...", "!?"])
def test_a_request_without_anything_to_say_ends_at_once(
    text: str, vendor: LocalVendor, properties: Properties
) -> None:
    async def say_nothing(ten: Listener) -> None:
        await ten.say("empty", text, is_end=True)
        await ten.until(END)

    ten = play(properties(), say_nothing)

    end = ten.one(END)
    assert end["reason"] == COMPLETE
    assert end["request_total_audio_duration_ms"] == 0
    assert ten.named(FRAME) == []
    assert not any(session.words for session in vendor.sessions)


def test_a_late_text_of_an_ended_request_blocks_nothing(
    vendor: LocalVendor, properties: Properties
) -> None:
    async def end_thrice(ten: Listener) -> None:
        await ten.say("r1", "one", is_end=True)
        await ten.until(END)
        await ten.say("r1", "", is_end=True)
        await ten.say("r1", "", is_end=True)
        await ten.say("r2", "two", is_end=True)
        await ten.until(END, request_id="r2")

    ten = play(properties(), end_thrice)

    assert ten.story() == [START, FRAME, END] * 2
    assert vendor.heard_words(ten.pcm("r2")) == ["two"]
