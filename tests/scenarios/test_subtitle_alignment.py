# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Words, their times, and the audio they belong to."""

from __future__ import annotations

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
    flush,
    text_input,
)

from gradium_sim import tones
from ten_host.conformance import test_subtitles as subtitles
from ten_host.conformance.test_subtitles import METADATA
from ten_runtime import AsyncTenEnvTester

TEXTS = [
    "Hello there, this is the first sentence.",
    " It costs $50,",
    "000.",
    "75, or so!",
    " 你好，世界。",
    " The last words are these.",
]
TOLERANCE_MS = 10


class SubtitleTester(subtitles.SubtitleTester):
    texts = TEXTS


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
    subtitles.check_clock(tester, TOLERANCE_MS)


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
    subtitles.check_results(tester, subtitles.ENDED)
    results = tester.named(TEXT_RESULT)
    own = {"turn_seq_id", "turn_status"}
    assert all(one.metadata.keys() == {*METADATA, *own} for one in results)
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
    subtitles.check_results(tester, subtitles.CUT)
    closed_at = tester.messages.index(results[-1])
    assert closed_at < tester.messages.index(tester.one(END))
    spoken = "".join(word["word"] for word in tester.words())
    assert " ".join(WORDS).startswith(spoken)
