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
GOING_ON, ENDED, CUT = 0, 1, 2


class SubtitleTester(Scenario):
    """Speaks sentences."""

    texts = TEXTS

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        for n, text in enumerate(self.texts):
            is_end = n == len(self.texts) - 1
            await ten_env_tester.send_data(
                text_input("r1", text, is_end=is_end, metadata=METADATA)
            )

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == END:
            self.stop(env)

    def words(self) -> list[dict[str, Any]]:
        """Return all words, those between which are only spaces, too."""
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


def test_the_words_are_the_text(tester: SubtitleTester) -> None:
    told = "".join(word["word"].strip() for word in tester.words())
    assert told == "".join("".join(TEXTS).split())


def check_clock(tester: Scenario, tolerance_ms: float) -> None:
    """Hold the times of the frames against the samples before them."""
    frames = tester.frames("r1")
    sent_ms = 0.0
    for frame in frames:
        since_first_ms = frame.timestamp_ms - frames[0].timestamp_ms
        assert since_first_ms == pytest.approx(sent_ms, abs=tolerance_ms)
        sent_ms += frame.samples / frame.sample_rate_hz * 1000


def test_frames_stand_on_a_clock_without_gaps(tester: SubtitleTester) -> None:
    check_clock(tester, TOLERANCE_MS)


def test_words_lie_within_the_audio_and_ascend(tester: SubtitleTester) -> None:
    frames = tester.frames("r1")
    audio_ms = sum(f.samples / f.sample_rate_hz * 1000 for f in frames)
    first_ms = frames[0].timestamp_ms
    words = [word for word in tester.words() if word["word"].strip()]
    starts = [word["start_ms"] for word in words]
    ends = [word["start_ms"] + word["duration_ms"] for word in words]
    assert starts == sorted(starts)
    assert first_ms - TOLERANCE_MS <= starts[0]
    assert max(ends) <= first_ms + audio_ms + TOLERANCE_MS


def test_results_are_counted_and_the_last_one_closes(
    tester: SubtitleTester,
) -> None:
    check_results(tester, ENDED)


def check_results(tester: Scenario, status: int) -> None:
    """Hold the numbers of the results against each other.

    Args:
        status: of the last one.
    """
    results = tester.named(TEXT_RESULT)
    before = len(results) - 1
    metadata = [one.metadata for one in results]
    assert [one.get("turn_seq_id") for one in metadata] == [*range(before + 1)]
    assert [one.get("turn_status") for one in metadata] == [
        *[GOING_ON] * before,
        status,
    ]
    assert all(METADATA.items() <= one.items() for one in metadata)
    assert [one.fields["text_result_end"] for one in results] == [
        *[False] * before,
        True,
    ]
