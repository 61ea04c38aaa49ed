# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`tts_text_result`: the words with their times, on the clock of the frames."""

from __future__ import annotations

from listener import END, FRAME, TEXT_RESULT, Listener, Properties, play
from local_vendor import SOUND_S, WORD_S, LocalVendor

TEXT = "The quick brown fox."
METADATA = {"session_id": "session", "turn_id": 5}


async def one_request(ten: Listener) -> None:
    await ten.say("r1", TEXT, is_end=True, metadata=METADATA)
    await ten.until(END)


def test_words_come_with_their_times_and_a_closing_result(
    properties: Properties,
) -> None:
    ten = play(properties(enable_words=True), one_request)

    *results, closing = [message.fields for message in ten.named(TEXT_RESULT)]
    words = [
        word
        for result in results
        for word in result["words"]
        if word["word"].strip()
    ]
    first_ms = ten.named(FRAME)[0].timestamp_ms
    assert "".join(result["text"] for result in results) == TEXT
    assert [word["word"] for word in words] == TEXT.split()
    for index, word in enumerate(words):
        start_ms = first_ms + index * WORD_S * 1000
        assert abs(word["start_ms"] - start_ms) <= 1
        assert abs(word["duration_ms"] - SOUND_S * 1000) <= 1
    assert closing["text_result_end"] is True
    assert closing["start_ms"] > results[-1]["start_ms"]


def test_results_are_numbered_and_carry_the_metadata(
    properties: Properties,
) -> None:
    ten = play(properties(enable_words=True), one_request)

    found = [message.fields["metadata"] for message in ten.named(TEXT_RESULT)]
    last = len(found) - 1
    assert found == [
        {
            **METADATA,
            "turn_seq_id": index,
            "turn_status": 1 if index == last else 0,
        }
        for index in range(len(found))
    ]


def test_an_interruption_closes_the_turn_before_its_end(
    vendor: LocalVendor, properties: Properties
) -> None:
    vendor.hold_after = 2

    async def interrupt(ten: Listener) -> None:
        await ten.say("r1", "one two three four", is_end=True)
        await ten.until(FRAME, count=2)
        await ten.flush()

    ten = play(properties(enable_words=True), interrupt)

    closing = ten.named(TEXT_RESULT)[-1]
    assert closing.fields["metadata"]["turn_status"] == 2
    messages = list(ten.messages)
    assert messages.index(closing) < messages.index(ten.named(END)[0])


def test_words_are_left_out_unless_asked_for(properties: Properties) -> None:
    ten = play(properties(), one_request)

    assert ten.named(TEXT_RESULT) == []
