# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Odd texts, each in an extension of its own, and a normal one after it."""

from __future__ import annotations

import asyncio

from scenario_kit import (
    COMPLETE,
    END,
    Load,
    Message,
    Scenario,
    heard,
    text_input,
)

from ten_runtime import AsyncTenEnvTester

ODD = [
    "",
    " ",
    "     ",
    "\n",
    "\t\t",
    "\r\n \r\n",
    "\u00a0\u2003\u3000",
    "\u200b\u200d\ufeff",
    ".",
    "...",
    "?!?!?!",
    "，。！？",
    "(){}[]<>",
    "-----",
    "_*~`#",
    "😀",
    "😂😂😂🎉🔥",
    "👨‍👩‍👧‍👦🏳️‍🌈",
    ":-) ;-P <3",
    "$$$%%%^^^&&&",
    "x² + y² = z²",
    "H₂O → 2H⁺ + O²⁻",
    "∫₀^∞ e^{-x} dx = 1",
    "\x01\x02\x07\x1b[31m",
    "<speak><break/></speak>",
    "<flush>",
    "\ufffd\ufffe\U0010ffff",
]


class OddTextTester(Scenario):
    """Does everything in `on_start`, which ends by stopping the test."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.ended = {"odd": asyncio.Event(), "normal": asyncio.Event()}

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        for request_id, text in (
            ("odd", self.text),
            ("normal", "all is well"),
        ):
            data = text_input(request_id, text, is_end=True)
            await ten_env_tester.send_data(data)
            await asyncio.wait_for(self.ended[request_id].wait(), 30.0)
        self.stop(ten_env_tester)

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == END:
            self.ended[message.request_id].set()


def test_no_odd_text_spoils_the_next_one(load: Load) -> None:
    settings = load("basic_audio_setting1")

    for text in ODD:
        tester = OddTextTester(text)
        tester.play(settings)

        assert tester.reason("odd") == COMPLETE, repr(text)
        assert heard(tester, "normal") == ["all", "is", "well"], repr(text)
