# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Words with their times, on the clock of the frames."""

from __future__ import annotations

from typing import Any

import pytest

from ten_runtime import AsyncTenEnvTester

from ..messages import Message
from .kit import (
    COMPLETE,
    END,
    TEXT_RESULT,
    Load,
    Scenario,
    text_input,
)

TEXTS = [
    "Hello there, this is the first sentence.",
    " The last words are these.",
]
METADATA = {"session_id": "session", "turn_id": 5}
TOLERANCE_MS = 50
GOING_ON, ENDED = 0, 1


class SubtitleTester(Scenario):
    """Speaks two sentences."""

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        for n, text in enumerate(TEXTS):
            is_end = n == len(TEXTS) - 1
            await ten_env_tester.send_data(
                text_input("r1", text, is_end=is_end, metadata=METADATA)
            )

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == END:
            self.stop(env)

    def words(self) -> list[dict[str, Any]]:
        """Return all words that are not only spaces."""
        return [
            word
            for result in self.named(TEXT_RESULT)
            for word in result.fields["words"]
            if word["word"].strip()
        ]


@pytest.fixture
def tester(load: Load) -> SubtitleTester:
    """What came for the texts."""
    tester = SubtitleTester()
    tester.play(load("subtitle_alignment"))
    assert tester.reason("r1") == COMPLETE
    return tester


def test_the_words_are_the_text(tester: SubtitleTester) -> None:
    told = "".join(word["word"].strip() for word in tester.words())
    assert told == "".join("".join(TEXTS).split())


def test_frames_stand_on_a_clock_without_gaps(tester: SubtitleTester) -> None:
    frames = tester.frames("r1")
    sent_ms = 0.0
    for frame in frames:
        since_first_ms = frame.timestamp_ms - frames[0].timestamp_ms
        assert since_first_ms == pytest.approx(sent_ms, abs=TOLERANCE_MS)
        sent_ms += frame.samples / frame.sample_rate_hz * 1000


def test_words_lie_within_the_audio_and_ascend(tester: SubtitleTester) -> None:
    frames = tester.frames("r1")
    audio_ms = sum(f.samples / f.sample_rate_hz * 1000 for f in frames)
    first_ms = frames[0].timestamp_ms
    words = tester.words()
    starts = [word["start_ms"] for word in words]
    ends = [word["start_ms"] + word["duration_ms"] for word in words]
    assert starts == sorted(starts)
    assert first_ms - TOLERANCE_MS <= starts[0]
    assert max(ends) <= first_ms + audio_ms + TOLERANCE_MS


def test_results_are_counted_and_the_last_one_closes(
    tester: SubtitleTester,
) -> None:
    results = tester.named(TEXT_RESULT)
    count = len(results)
    assert [one.metadata.get("turn_seq_id") for one in results] == [
        *range(count)
    ]
    assert [one.metadata.get("turn_status") for one in results] == [
        *[GOING_ON] * (count - 1),
        ENDED,
    ]
    assert all(METADATA.items() <= one.metadata.items() for one in results)
    assert [one.fields["text_result_end"] for one in results] == [
        *[False] * (count - 1),
        True,
    ]
