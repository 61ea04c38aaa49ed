# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Text in, audio out: the frames, the messages around them, the dump."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from listener import (
    COMPLETE,
    END,
    FLUSH_END,
    FRAME,
    HEARD,
    INTERRUPTED,
    START,
    Listener,
    Properties,
    play,
)
from local_vendor import KEY, WORD_S, LocalVendor

CONFIGS = Path(__file__).resolve().parent.parent / "configs"
METADATA = {"session_id": "session", "turn_id": 7}


async def one_request(ten: Listener) -> None:
    await ten.say("r1", "The quick ", metadata=METADATA)
    await ten.say("r1", "brown fox.", is_end=True, metadata=METADATA)
    await ten.until(END)


def test_audio_comes_between_start_and_end(
    vendor: LocalVendor, properties: Properties
) -> None:
    ten = play(properties(), one_request)

    assert ten.story() == [START, FRAME, END]
    assert ten.pcm("r1") == vendor.sessions[0].pcm
    assert vendor.heard_words(ten.pcm("r1")) == [
        "The",
        "quick",
        "brown",
        "fox.",
    ]
    end = ten.one(END, request_id="r1")
    assert end["reason"] == COMPLETE
    assert end["request_total_audio_duration_ms"] == round(4 * WORD_S * 1000)


def test_every_event_of_a_request_carries_its_metadata(
    properties: Properties,
) -> None:
    ten = play(properties(), one_request)

    assert ten.one(START)["metadata"] == METADATA
    assert [frame.fields for frame in ten.named(FRAME)] == [METADATA] * len(
        ten.named(FRAME)
    )
    assert ten.one(END)["metadata"] == METADATA


@pytest.mark.parametrize("number", [1, 2])
def test_the_frames_have_the_rate_of_the_settings(
    number: int,
    vendor: LocalVendor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GRADIUM_API_KEY", KEY)
    monkeypatch.setenv("GRADIUM_TTS_URL", vendor.url)
    monkeypatch.chdir(tmp_path)
    file = CONFIGS / f"property_basic_audio_setting{number}.json"
    settings = json.loads(file.read_text())

    ten = play(settings, one_request)

    rate_hz = {frame.sample_rate_hz for frame in ten.named(FRAME)}
    assert rate_hz == {settings["params"]["sample_rate"]}
    assert ten.pcm("r1") == vendor.sessions[0].pcm


def test_a_dump_is_what_was_sent(
    vendor: LocalVendor, properties: Properties, tmp_path: Path
) -> None:
    folder = tmp_path / "dump"

    async def two_requests(ten: Listener) -> None:
        for request_id in ("r1", "r2"):
            await ten.say(request_id, f"Hello {request_id}.", is_end=True)
            await ten.until(END, request_id=request_id)

    ten = play(properties(dump=True, dump_path=str(folder)), two_requests)

    assert sorted(path.name for path in folder.iterdir()) == [
        "gradium_dump_r1.pcm",
        "gradium_dump_r2.pcm",
    ]
    for request_id in ("r1", "r2"):
        dump = (folder / f"gradium_dump_{request_id}.pcm").read_bytes()
        assert dump == ten.pcm(request_id)
        assert vendor.heard_words(dump) == ["Hello", f"{request_id}."]


def test_a_flush_ends_the_request_and_silence_follows(
    vendor: LocalVendor, properties: Properties, tmp_path: Path
) -> None:
    vendor.hold_after = 2

    async def interrupt(ten: Listener) -> None:
        await ten.say("r1", "one two three four", is_end=True)
        await ten.until(FRAME, count=2)
        await ten.flush("f1")
        # Whatever might still come of it would come before this answer.
        vendor.go_on.set()
        await ten.flush("f2")

    ten = play(properties(dump=True, dump_path=str(tmp_path)), interrupt)

    assert ten.story() == [START, FRAME, END, FLUSH_END, FLUSH_END]
    assert ten.one(END)["reason"] == INTERRUPTED
    assert vendor.heard_words(ten.pcm("r1")) == ["one", "two"]
    dump = (tmp_path / "gradium_dump_r1.pcm").read_bytes()
    assert dump == ten.pcm("r1")


def test_a_flush_tells_what_was_heard_before_its_end(
    properties: Properties,
) -> None:
    # Much longer than it takes to say it all.
    text = " ".join(["word"] * 300)

    async def interrupt(ten: Listener) -> None:
        await ten.say(
            "r1", text, is_end=True, metadata={"session_id": "s", "turn_id": 1}
        )
        await ten.until(END)
        await ten.flush("f1")

    ten = play(properties(), interrupt)

    heard = ten.one(HEARD)
    assert heard["heard_text"] + heard["unheard_text"] == text
    assert (heard["request_id"], heard["reason"]) == ("r1", INTERRUPTED)
    assert heard["metadata"] == {"session_id": "s", "turn_id": 1}
    assert heard["heard_ms"] <= heard["delivered_ms"]
    names = [message.name for message in ten.messages]
    assert names.index(END) < names.index(HEARD) < names.index(FLUSH_END)


def test_what_waits_behind_a_flushed_request_is_dropped(
    vendor: LocalVendor, properties: Properties
) -> None:
    vendor.hold_after = 1

    async def interrupt(ten: Listener) -> None:
        for number in range(4):
            await ten.say(f"r{number}", "one two three", is_end=True)
        await ten.until(FRAME)
        await ten.flush()

    ten = play(properties(), interrupt)

    assert ten.story() == [START, FRAME, END, FLUSH_END]
    assert ten.one(END)["request_id"] == "r0"
    assert len(vendor.sessions) == 1


def test_the_metadata_of_a_flush_comes_back(properties: Properties) -> None:
    async def idle(ten: Listener) -> None:
        await ten.flush("f1")
        await ten.flush("f2")

    ten = play(properties(), idle)

    assert [message.fields["flush_id"] for message in ten.named(FLUSH_END)] == [
        "f1",
        "f2",
    ]
