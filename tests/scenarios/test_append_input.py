# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Texts of a request that come one by one, and the request after it."""

from __future__ import annotations

from pathlib import Path

import pytest
from heard import WORDS
from scenario_kit import (
    COMPLETE,
    END,
    FRAME,
    METRICS,
    START,
    STATUS,
    Guarder,
    Load,
    Message,
    text_input,
)

from ten_runtime import AsyncTenEnvTester

TURNS = {
    "turn-1": [WORDS[0:4], WORDS[4:9], WORDS[9:12]],
    "turn-2": [WORDS[12:13], WORDS[13:20]],
}
METADATA = {
    "turn-1": {"session_id": "session", "turn_id": 1},
    "turn-2": {"session_id": "session", "turn_id": 2},
}


class AppendTester(Guarder):
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
def test_every_text_of_every_turn_is_spoken(
    tester_class: type[AppendTester], load: Load, tmp_path: Path
) -> None:
    tester = tester_class()

    tester.play(load("dump"))

    assert tester.names(METRICS, STATUS) == [START, FRAME, END] * 2
    for turn, texts in TURNS.items():
        expected = [word for words in texts for word in words]
        assert [w.rstrip(".") for w in tester.heard(turn)] == expected
        assert tester.reason(turn) == COMPLETE
        assert tester.one(START, turn).metadata == METADATA[turn]
    dumps = {path.read_bytes() for path in (tmp_path / "dump").iterdir()}
    assert dumps == {tester.pcm(turn) for turn in TURNS}
