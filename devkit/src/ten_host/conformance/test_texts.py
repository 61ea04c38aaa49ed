# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Texts of every kind: each ends once, and none spoils the next."""

from __future__ import annotations

import asyncio

import pytest

from ten_runtime import AsyncTenEnvTester

from ..messages import Message
from .kit import (
    COMPLETE,
    END,
    FLUSH_END,
    FRAME,
    INTERRUPTED,
    START,
    WORDS,
    Load,
    Scenario,
    flush,
    text_input,
)

SPOKEN = {
    "very long": " ".join(WORDS * 6) + ".",
    "numbers": "It costs $50,000.75, or 3.14 % more than 1,000,000!",
    "address": "Write to jo@example.com or see https://example.com/a?b=c&d.",
    "mixed case": "HeLLo WORLD iPhone eBay",
    "marks": "well... yes?! no -- perhaps; (later) [never] {ok}",
    "emoji between": "good 😀 morning 🎉🎉 world",
    "lines and tabs": "first line\nsecond line\r\n\tthird line",
    "code": 'if (a < b && c > d) { print("x"); }',
    "tags": "before <b>bold</b> after",
    "quotes": "she said \"yes\" and 'no'",
    "zero width": "zero\u200bwidth\ufeff text",
    "several scripts": "Hello 你好 мир world",
}
ODD = {
    "nothing": "",
    "spaces": " \t\n ",
    "wide spaces": "\u00a0\u2003\u3000",
    "zero width": "\u200b\u200d\ufeff",
    "full stop": ".",
    "marks": "?!...,;:-",
    "brackets": "()[]{}<>",
    "wide marks": "。！？、，",
    "emoji": "😀🎉👍🏽",
    "smileys": ":-) ;-P <3",
    "symbols": "@#$%^&*_+=|\\/~`",
    "formula": "∫₀^∞ e^{-x} dx = 1",
    "control characters": "\x01\x02\x07\x1b[31m",
    "last code points": "\ufffd\ufffe\U0010ffff",
}


class TextTester(Scenario):
    """Sends the text, and a normal one after it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        data = text_input("odd", self.text, is_end=True)
        await ten_env_tester.send_data(data)

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == END and message.request_id == "odd":
            data = text_input("normal", "All is well.", is_end=True)
            await env.send_data(data)
        elif message.name == END:
            self.stop(env)


@pytest.mark.parametrize("text", SPOKEN.values(), ids=SPOKEN)
def test_a_text_with_words_is_spoken(text: str, load: Load) -> None:
    tester = TextTester(text)

    tester.play(load("basic_audio_setting1"))

    assert tester.reason("odd") == COMPLETE
    assert tester.audible() == [START, FRAME, END] * 2


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_a_text_without_words_ends_and_spoils_nothing(
    text: str, load: Load
) -> None:
    tester = TextTester(text)

    tester.play(load("basic_audio_setting1"))

    assert tester.ends() == ["odd", "normal"]
    assert tester.reason("odd") == COMPLETE
    assert tester.reason("normal") == COMPLETE
    assert tester.frames("normal")


class ThreeEndsTester(Scenario):
    """Ends a request three times, a turn apart or at once.

    Args:
        text: what it says before; nothing if empty.
        gap_s: between the ends.
        empty: what each of them says.
    """

    def __init__(self, text: str, gap_s: float, empty: str = "") -> None:
        super().__init__()
        self.text = text
        self.gap_s = gap_s
        self.empty = empty

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        if self.text:
            await ten_env_tester.send_data(text_input("r1", self.text))
        for _ in range(3):
            data = text_input("r1", self.empty, is_end=True)
            await ten_env_tester.send_data(data)
            if self.gap_s:
                await asyncio.sleep(self.gap_s)
        data = text_input("r2", "still alive", is_end=True)
        await ten_env_tester.send_data(data)

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == END and message.request_id == "r2":
            self.stop(env)


@pytest.mark.parametrize("gap_s", [0.0, 0.1], ids=["at once", "later"])
@pytest.mark.parametrize("text", ["", "spoken once"], ids=["empty", "spoken"])
def test_three_ends_are_one_end(text: str, gap_s: float, load: Load) -> None:
    tester = ThreeEndsTester(text, gap_s)

    tester.play(load("basic_audio_setting1"))

    assert tester.ends() == ["r1", "r2"]
    assert tester.reason("r1") == COMPLETE
    assert bool(tester.frames("r1")) == bool(text)
    assert tester.frames("r2")


class NoEndTester(Scenario):
    """Never tells the end of its text, and interrupts at the first audio."""

    def __init__(self) -> None:
        super().__init__()
        self.has_flushed = False

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        text = "There is more to say, but nobody says it."
        await ten_env_tester.send_data(text_input("r1", text))

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == FLUSH_END:
            self.stop(env)
        elif message.name == FRAME and not self.has_flushed:
            self.has_flushed = True
            await env.send_data(flush("f1"))


def test_a_text_without_end_is_spoken_all_the_same(load: Load) -> None:
    tester = NoEndTester()

    tester.play(load("dump", dump=False))

    assert tester.audible() == [START, FRAME, END, FLUSH_END]
    assert tester.reason("r1") == INTERRUPTED
