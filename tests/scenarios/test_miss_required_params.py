# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A setting that is missing."""

from __future__ import annotations

from scenario_kit import (
    END,
    ERROR,
    FAILED,
    FATAL,
    METRICS,
    Load,
    Message,
    Scenario,
    text_input,
)

from gradium_sim import SimThread
from ten_runtime import AsyncTenEnvTester


class MissingTester(Scenario):
    """The error may come before `on_start`, and stops the test there."""

    is_error_expected = True

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == ERROR:
            self.stop(env)


class SpeakingTester(Scenario):
    """Asks for speech, although an error has come."""

    is_error_expected = True

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        data = text_input("r1", "hello", is_end=True)
        await ten_env_tester.send_data(data)

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == END:
            self.stop(env)


def test_a_missing_key_is_fatal_at_once(load: Load, server: SimThread) -> None:
    tester = MissingTester()

    tester.play(load("miss_required"))

    assert tester.names() == [ERROR]
    error = tester.one(ERROR)
    assert (error.fields["id"], error.fields["code"]) == ("", FATAL)
    assert error.fields["module"] == "tts"
    assert "api_key" in error.fields["message"]
    # Nobody was asked.
    assert server.connections == []


def test_each_request_is_answered_without_a_key(load: Load) -> None:
    tester = SpeakingTester()

    tester.play(load("miss_required"))

    assert tester.names(METRICS) == [ERROR, ERROR, END]
    errors = tester.named(ERROR)
    assert [message.fields["id"] for message in errors] == ["", "r1"]
    assert {message.fields["code"] for message in errors} == {FATAL}
    assert tester.reason("r1") == FAILED
