# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Texts that are long, odd, or in other scripts."""

from __future__ import annotations

import pytest
from heard import WORDS
from scenario_kit import (
    COMPLETE,
    END,
    START,
    Load,
    Message,
    Scenario,
    heard,
    text_input,
)

from gradium_sim import SimThread
from ten_runtime import AsyncTenEnvTester

SPOKEN = {
    "very long": " ".join(WORDS * 12),
    "one long word": "a" * 3000,
    "numbers": "It costs $50,000.75, or 3.14 % more than 1,000,000!",
    "address": "Write to jo@example.com or see https://example.com/a?b=c&d.",
    "mixed case": "HeLLo WORLD iPhone eBay",
    "punctuation between": "well... yes?! no -- perhaps; (later) [never] {ok}",
    "emoji between": "good 😀 morning 🎉🎉 world 👩‍👩‍👧",
    "emoji first": "😀 hello",
    "chinese": "你好，世界。今天天气怎么样？",
    "japanese": "こんにちは、世界。元気ですか？",
    "korean": "안녕하세요 세계",
    "arabic": "مرحبا بالعالم، كيف حالك؟",
    "hindi": "नमस्ते दुनिया। आप कैसे हैं?",
    "thai": "สวัสดีชาวโลก",
    "russian": "Привет, мир! Как дела?",
    "accents": "Ça va? Où est l'été, mañana, Größe",
    "several scripts": "Hello 你好 мир 🌍 world",
    "lines and tabs": "first line\nsecond line\r\n\tthird line",
    "code": 'if (a < b && c > d) { print("x"); }',
    "tags": "before <b>bold</b> <speak>inside</speak> after",
    "quotes": "she said \"yes\" and 'no' and «oui» and „ja“",
    "backslashes": "a \\n b \\u0041 c \\",
    "zero width": "zero\u200bwidth\ufeff text",
    "control characters": "bell\x07 and\x1bescape",
    "currency": "£5 €6 ¥7 ₹8",
    "mathematics": "∑ x² ≤ √2 ± ∞",
}

SILENT = {
    "full stop": ".",
    "marks": "?!...,;:—-",
    "brackets": "()[]{}<>",
    "emoji": "😀🎉👍🏽",
    "wide marks": "。！？、，",
    "spaces": " \t\n ",
    "symbols": "@#$%^&*_+=|\\/~`",
}


class CornerTester(Scenario):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        data = text_input("corner", self.text, is_end=True)
        await ten_env_tester.send_data(data)

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == END:
            self.stop(env)


@pytest.mark.parametrize("text", SPOKEN.values(), ids=SPOKEN)
def test_a_text_with_words_is_spoken(text: str, load: Load) -> None:
    tester = CornerTester(text)

    tester.play(load("basic_audio_setting1"))

    assert tester.reason("corner") == COMPLETE
    assert tester.frames("corner")


def test_nothing_of_a_very_long_text_is_lost(load: Load) -> None:
    tester = CornerTester(SPOKEN["very long"])

    tester.play(load("basic_audio_setting1"))

    assert heard(tester, "corner") == SPOKEN["very long"].split()


@pytest.mark.parametrize("text", SILENT.values(), ids=SILENT)
def test_a_text_without_words_is_not_sent(
    text: str, load: Load, server: SimThread
) -> None:
    tester = CornerTester(text)

    tester.play(load("basic_audio_setting1"))

    assert tester.reason("corner") == COMPLETE
    assert tester.named(START) == []
    assert tester.one(END).fields["request_total_audio_duration_ms"] == 0
    assert not any(session.texts for session in server.sessions)
