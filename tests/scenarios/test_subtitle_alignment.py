# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Words, their times, and the audio they belong to."""

from __future__ import annotations

from typing import Any

import pytest
from heard import WORDS
from scenario_kit import (
    COMPLETE,
    END,
    FLUSH_END,
    INTERRUPTED,
    TEXT_RESULT,
    Load,
    Message,
    Scenario,
    flush,
    text_input,
)

from gradium_sim import tones
from ten_runtime import AsyncTenEnvTester

TEXTS = [
    "Hello there, this is the first sentence.",
    " It costs $50,",
    "000.",
    "75, or so!",
    " 你好，世界。",
    " The last words are these.",
]
METADATA = {"session_id": "session", "turn_id": 5}
TOLERANCE_MS = 10
GOING_ON, ENDED, CUT = 0, 1, 2


class SubtitleTester(Scenario):
    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        for n, text in enumerate(TEXTS):
            await ten_env_tester.send_data(
                text_input(
                    "r1",
                    text,
                    is_end=n == len(TEXTS) - 1,
                    metadata=METADATA,
                )
            )

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == END:
            self.stop(env)

    def words(self) -> list[dict[str, Any]]:
        """All words, those between which are only spaces, too."""
        return [
            word
            for result in self.named(TEXT_RESULT)
            for word in result.fields["words"]
        ]


@pytest.fixture
def tester(load: Load) -> SubtitleTester:
    """What came for the texts."""
    tester = SubtitleTester()
    tester.play(load("subtitle_alignment"))
    assert tester.reason("r1") == COMPLETE
    return tester


def test_the_joined_words_are_the_text(tester: SubtitleTester) -> None:
    assert "".join(word["word"] for word in tester.words()) == "".join(TEXTS)
    assert all(
        "".join(word["word"] for word in one.fields["words"])
        == one.fields["text"]
        for one in tester.named(TEXT_RESULT)
    )


def test_frames_stand_on_a_clock_without_gaps(tester: SubtitleTester) -> None:
    frames = tester.frames("r1")
    sent_ms = 0.0
    for frame in frames:
        since_first_ms = frame.timestamp_ms - frames[0].timestamp_ms
        assert since_first_ms == pytest.approx(sent_ms, abs=TOLERANCE_MS)
        sent_ms += frame.samples / frame.sample_rate_hz * 1000


def test_words_are_where_they_are_heard(tester: SubtitleTester) -> None:
    frames = tester.frames("r1")
    first_ms = frames[0].timestamp_ms
    words = [word for word in tester.words() if word["word"].strip()]
    heard = tones.listen(tester.pcm("r1"), frames[0].sample_rate_hz)
    told = [
        (w["start_ms"] - first_ms, w["start_ms"] + w["duration_ms"] - first_ms)
        for w in words
    ]
    assert [w["word"] for w in words] == [one.text for one in heard]
    for (start_ms, stop_ms), one in zip(told, heard, strict=True):
        assert start_ms == pytest.approx(one.start_s * 1000, abs=TOLERANCE_MS)
        assert stop_ms == pytest.approx(one.stop_s * 1000, abs=TOLERANCE_MS)


def test_words_lie_within_the_audio_and_ascend(tester: SubtitleTester) -> None:
    frames = tester.frames("r1")
    last_ms = frames[-1].timestamp_ms + (
        frames[-1].samples / frames[-1].sample_rate_hz * 1000
    )
    results = [one.fields for one in tester.named(TEXT_RESULT)]
    starts = [one["start_ms"] for one in results]
    assert starts == sorted(set(starts))
    assert frames[0].timestamp_ms - TOLERANCE_MS <= starts[0]
    ends = [one["start_ms"] + one["duration_ms"] for one in results]
    assert max(ends) <= last_ms + TOLERANCE_MS
    spaces = [word for word in tester.words() if not word["word"].strip()]
    assert {word["duration_ms"] for word in spaces} == {0}


def test_results_are_counted_and_the_last_one_closes(
    tester: SubtitleTester,
) -> None:
    results = tester.named(TEXT_RESULT)
    count = len(results)
    assert [one.metadata for one in results] == [
        {
            **METADATA,
            "turn_seq_id": n,
            "turn_status": ENDED if n == count - 1 else GOING_ON,
        }
        for n in range(count)
    ]
    assert [one.fields["text_result_end"] for one in results] == [
        *[False] * (count - 1),
        True,
    ]
    closing = results[-1].fields
    assert (closing["text"], closing["words"], closing["duration_ms"]) == (
        "",
        [],
        0,
    )
    names = tester.names()
    assert names.index(END) > len(names) - 1 - names[::-1].index(TEXT_RESULT)


class InterruptedSubtitleTester(SubtitleTester):
    """Interrupts at the third word."""

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        text = " ".join(WORDS)
        data = text_input("r1", text, is_end=True, metadata=METADATA)
        await ten_env_tester.send_data(data)

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == TEXT_RESULT and len(self.named(TEXT_RESULT)) == 3:
            await env.send_data(flush("f1"))
        elif message.name == FLUSH_END:
            self.stop(env)


@pytest.mark.sim(speed=1)
def test_an_interrupted_turn_is_closed_before_its_end(load: Load) -> None:
    tester = InterruptedSubtitleTester()

    tester.play(load("subtitle_alignment"))

    assert tester.reason("r1") == INTERRUPTED
    results = tester.named(TEXT_RESULT)
    assert results[-1].fields["text_result_end"] is True
    assert [one.metadata["turn_status"] for one in results] == [
        *[GOING_ON] * (len(results) - 1),
        CUT,
    ]
    at_s = [tester.messages.index(results[-1])]
    assert at_s[0] < tester.messages.index(tester.one(END))
    spoken = "".join(word["word"] for word in tester.words())
    assert " ".join(WORDS).startswith(spoken)
