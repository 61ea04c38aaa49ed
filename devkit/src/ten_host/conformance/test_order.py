# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Requests: each is spoken whole, once, and after the one before."""

from __future__ import annotations

import pytest

from ten_runtime import AsyncTenEnvTester

from ..messages import Message
from .kit import (
    COMPLETE,
    END,
    FRAME,
    START,
    WORDS,
    Load,
    Scenario,
    text_input,
)

TURNS = {
    "turn-1": [WORDS[0:4], WORDS[4:9], WORDS[9:12]],
    "turn-2": [WORDS[12:13], WORDS[13:20]],
}
METADATA = {
    "turn-1": {"session_id": "session", "turn_id": 1},
    "turn-2": {"session_id": "session", "turn_id": 2},
}


class AppendTester(Scenario):
    """Sends each text without the end flag, the end by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.left = list(TURNS)

    async def send_next(self, env: AsyncTenEnvTester) -> None:
        turn = self.left.pop(0)
        for words in TURNS[turn]:
            text = " ".join(words) + ". "
            await env.send_data(text_input(turn, text, metadata=METADATA[turn]))
        await env.send_data(
            text_input(turn, "", is_end=True, metadata=METADATA[turn])
        )

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        await self.send_next(ten_env_tester)

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == END and self.left:
            await self.send_next(env)
        elif message.name == END:
            self.stop(env)


class AtOnceTester(AppendTester):
    """Does not wait for the end of a turn before it sends the next."""

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        while self.left:
            await self.send_next(ten_env_tester)

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == END and message.request_id == "turn-2":
            self.stop(env)


@pytest.mark.parametrize("tester_class", [AppendTester, AtOnceTester])
def test_texts_of_a_turn_are_one_speech(
    tester_class: type[AppendTester], load: Load
) -> None:
    tester = tester_class()

    tester.play(load("dump"))

    assert tester.audible() == [START, FRAME, END] * 2
    assert tester.ends() == list(TURNS)
    for turn, metadata in METADATA.items():
        assert tester.reason(turn) == COMPLETE
        for name in (START, END):
            told = tester.one(name, turn).metadata
            assert metadata.items() <= told.items()


IDS = ["r1", "r2", "r3"]
ROUNDS = 4


class InterleavedTester(Scenario):
    """Sends the texts of each round, one of each request, then the ends."""

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        words = iter(WORDS)
        for turn in range(ROUNDS):
            for n, request_id in enumerate(IDS):
                await ten_env_tester.send_data(
                    text_input(
                        request_id,
                        f"{next(words)} {next(words)} ",
                        is_end=turn == ROUNDS - 1,
                        metadata={"session_id": "s", "turn_id": n},
                    )
                )

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == END and message.request_id == IDS[-1]:
            self.stop(env)


def test_requests_whose_texts_are_mixed_are_spoken_in_turn(load: Load) -> None:
    tester = InterleavedTester()

    tester.play(load("dump"))

    assert tester.audible() == [START, FRAME, END] * len(IDS)
    assert tester.ends() == IDS
    for n, request_id in enumerate(IDS):
        assert tester.reason(request_id) == COMPLETE
        assert tester.one(START, request_id).metadata["turn_id"] == n
