# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A tester that is blocked for long while the extension speaks."""

from __future__ import annotations

import time

import pytest
from heard import WORDS
from scenario_kit import (
    COMPLETE,
    END,
    FRAME,
    METRICS,
    START,
    STATUS,
    Load,
    Message,
    Scenario,
    heard,
    text_input,
)

from gradium_sim import GradiumSim, SimThread
from ten_runtime import AsyncTenEnvTester, TenErrorCode

REQUESTS = 40


class BlockingTester(Scenario):
    """Sends from a coroutine that never gives its loop away."""

    def __init__(self, block_s: float) -> None:
        super().__init__()
        self.block_s = block_s

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        for n in range(REQUESTS):
            start = n % (len(WORDS) - 4)
            text = " ".join(WORDS[start : start + 4]) + "."
            data = text_input(f"r{n}", text, is_end=True)
            await ten_env_tester.send_data(data)
            time.sleep(self.block_s / REQUESTS)

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == END and message.request_id == f"r{REQUESTS - 1}":
            self.stop(env)


def test_a_blocked_tester_gets_everything_in_order(
    load: Load, server: SimThread, is_thorough: bool
) -> None:
    tester = BlockingTester(30.0 if is_thorough else 1.5)

    tester.play(load("dump", dump=False))

    assert tester.names(METRICS, STATUS) == [START, FRAME, END] * REQUESTS
    ends = [end.request_id for end in tester.named(END)]
    assert ends == [f"r{n}" for n in range(REQUESTS)]
    for n, request_id in enumerate(ends):
        start = n % (len(WORDS) - 4)
        said = " ".join(heard(tester, request_id))
        assert said == " ".join(WORDS[start : start + 4]) + "."
        assert tester.reason(request_id) == COMPLETE


class WaitingTester(BlockingTester):
    """Gives its loop away once half of the requests have been spoken."""

    def __init__(self, server: SimThread) -> None:
        super().__init__(0.0)
        self.server = server

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        await super().on_start(ten_env_tester)
        self.server.until(
            lambda sim: spoken_on(sim) >= REQUESTS // 2, timeout_s=40.0
        )
        assert self.named(START) == []


def spoken_on(server: SimThread | GradiumSim) -> int:
    return sum(session.is_complete for session in server.sessions)


def test_the_extension_speaks_while_the_tester_is_blocked(
    load: Load, server: SimThread
) -> None:
    tester = WaitingTester(server)

    tester.play(load("dump", dump=False))

    assert spoken_on(server) == REQUESTS


class StuckTester(Scenario):
    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        time.sleep(1.0)


@pytest.mark.ten_expects("hangs")
def test_the_limit_holds_while_the_tester_is_blocked(load: Load) -> None:
    tester = StuckTester()

    error = tester.run_on(load("dump"), limit_s=0.1)

    assert error is not None
    assert error.error_code() == TenErrorCode.ErrorCodeTimeout


@pytest.mark.sim(speed=40)
def test_paced_speech_of_many_requests_is_whole(load: Load) -> None:
    tester = BlockingTester(0.0)

    tester.play(load("dump", dump=False))

    words = [word for n in range(REQUESTS) for word in heard(tester, f"r{n}")]
    assert len(words) == REQUESTS * 4
