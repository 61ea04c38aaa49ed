# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Texts whose end is not told, or late."""

from __future__ import annotations

import asyncio

import pytest
from scenario_kit import (
    COMPLETE,
    END,
    FLUSH_END,
    FRAME,
    INTERRUPTED,
    METRICS,
    START,
    STATUS,
    Load,
    Message,
    Scenario,
    Settings,
    flush,
    heard,
    text_input,
)

from gradium_sim import tones
from ten_runtime import AsyncTenEnvTester

TEXT = "there is more to say but nobody says it"
# Some times what the settings of `impatient` wait. Nothing is said about what
# happens in it; a busy machine may do less.
PAUSE_S = 0.4


@pytest.fixture
def impatient(load: Load) -> Settings:
    """Settings that wait for the LLM a tenth of a second only."""
    settings = load("dump", dump=False)
    settings.properties["params"]["idle_flush_ms"] = 100
    return settings


class NoEndTester(Scenario):
    """Listens until all is spoken, and then interrupts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.has_flushed = False

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        await ten_env_tester.send_data(text_input("r1", self.text))

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == FLUSH_END:
            self.stop(env)
        elif message.name == FRAME and not self.has_flushed and is_spoken(self):
            self.has_flushed = True
            await env.send_data(flush("f1"))


def is_spoken(tester: NoEndTester) -> bool:
    """Whether all was heard, up to the end of the last word.

    What does not fill a message of 80 ms stays with the server.
    """
    words = [word.rstrip(tones.CUT) for word in heard(tester, "r1")]
    if not words:
        return False
    *whole, last = words
    expected = tester.text.split()
    return (
        whole == expected[:-1] and bool(last) and expected[-1].startswith(last)
    )


def test_a_text_without_end_is_spoken_all_the_same(load: Load) -> None:
    tester = NoEndTester(TEXT)

    tester.play(load("dump", dump=False))

    assert tester.names(METRICS, STATUS) == [START, FRAME, END, FLUSH_END]
    assert is_spoken(tester)
    assert tester.reason("r1") == INTERRUPTED


@pytest.mark.parametrize(
    "text",
    ["hello word, hello agora", "It ends like a sentence.", "costs 5", "Hi"],
)
def test_whatever_it_ends_with_it_is_spoken(
    text: str, impatient: Settings
) -> None:
    tester = NoEndTester(text)

    tester.play(impatient)

    assert is_spoken(tester)


class StallTester(Scenario):
    """An LLM that falls silent in the middle, twice, and goes on."""

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        for text in ("First there was a", " pause, then", " another one"):
            await ten_env_tester.send_data(text_input("r1", text))
            await asyncio.sleep(PAUSE_S)
        data = text_input("r1", ".", is_end=True)
        await ten_env_tester.send_data(data)

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == END:
            self.stop(env)


def test_an_llm_that_stalls_is_spoken_whole(
    impatient: Settings,
) -> None:
    tester = StallTester()

    tester.play(impatient)

    words = [word.rstrip(".") for word in heard(tester, "r1")]
    said = "First there was a pause, then another one"
    assert [word for word in words if word] == said.split()
    assert tester.reason("r1") == COMPLETE
    assert len(tester.named(START)) == 1


class NextRequestTester(Scenario):
    """Starts the next request without having ended the one before."""

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        await ten_env_tester.send_data(text_input("r1", TEXT))
        data = text_input("r2", "the next one", is_end=True)
        await ten_env_tester.send_data(data)
        await asyncio.sleep(PAUSE_S)
        await ten_env_tester.send_data(text_input("r1", "", is_end=True))

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == END and message.request_id == "r2":
            self.stop(env)


def test_the_next_request_waits_for_the_end_of_the_first(
    impatient: Settings,
) -> None:
    tester = NextRequestTester()

    tester.play(impatient)

    assert tester.names(METRICS, STATUS) == [START, FRAME, END] * 2
    assert [end.request_id for end in tester.named(END)] == ["r1", "r2"]
    assert heard(tester, "r1") == TEXT.split()
    assert heard(tester, "r2") == ["the", "next", "one"]
