# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A tester that is blocked while the extension speaks."""

from __future__ import annotations

import time

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

REQUESTS = 20
BLOCK_S = 0.5


class BlockingTester(Scenario):
    """Sends from a coroutine that never gives its loop away."""

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        for n in range(REQUESTS):
            text = " ".join(WORDS[n : n + 3]) + "."
            data = text_input(f"r{n}", text, is_end=True)
            await ten_env_tester.send_data(data)
            time.sleep(BLOCK_S / REQUESTS)

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == END and message.request_id == f"r{REQUESTS - 1}":
            self.stop(env)


def test_a_blocked_tester_gets_everything_in_order(load: Load) -> None:
    tester = BlockingTester()

    tester.play(load("dump", dump=False))

    assert tester.audible() == [START, FRAME, END] * REQUESTS
    assert tester.ends() == [f"r{n}" for n in range(REQUESTS)]
    assert {tester.reason(f"r{n}") for n in range(REQUESTS)} == {COMPLETE}
