# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A key that the vendor refuses."""

from __future__ import annotations

import pytest
from scenario_kit import (
    END,
    ERROR,
    FAILED,
    FATAL,
    FRAME,
    METRICS,
    Guarder,
    Load,
    Message,
    text_input,
)

from gradium_sim import SimThread
from gradium_tts_python.core import pace
from ten_runtime import AsyncTenEnvTester


class InvalidKeyTester(Guarder):
    is_error_expected = True

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        data = text_input("r1", "is anybody there?", is_end=True)
        await ten_env_tester.send_data(data)

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == END:
            self.stop(env)


def test_a_wrong_key_is_one_fatal_error_before_the_end(load: Load) -> None:
    tester = InvalidKeyTester()

    tester.play(load("invalid"))

    error = tester.one(ERROR).fields
    assert (error["id"], error["code"]) == ("r1", FATAL)
    assert (error["module"], error["vendor_info"]["vendor"]) == (
        "tts",
        "gradium",
    )
    assert error["message"] and error["vendor_info"]["message"]
    assert tester.reason("r1") == FAILED
    assert tester.named(FRAME) == []
    names = tester.names()
    assert names.index(ERROR) < names.index(END)


class ErrorOnlyTester(InvalidKeyTester):
    """Stops at the error, before the end has come."""

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == ERROR:
            self.stop(env)


def test_the_error_comes_without_any_retry(
    load: Load, server: SimThread
) -> None:
    tester = ErrorOnlyTester()

    properties = load("invalid")
    properties["params"]["warm"] = "off"

    tester.play(properties)

    assert tester.one(ERROR).fields["code"] == FATAL
    assert len(server.connections) == 1


class IdleTester(Guarder):
    """Says nothing until the server has closed the socket in reserve."""

    def __init__(self, server: SimThread) -> None:
        super().__init__()
        self.server = server

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        await self.server.until_async(
            lambda sim: bool(sim.connections) and not sim.open_sockets
        )
        self.stop(ten_env_tester)


def test_a_server_that_refuses_the_key_is_asked_once_and_quietly(
    load: Load, server: SimThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "FIRST_WAIT_S", 0.05)
    tester = IdleTester(server)

    tester.play(load("invalid"))

    assert set(tester.names()) == {METRICS}
    assert len(server.connections) == 1
