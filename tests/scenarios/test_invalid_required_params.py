# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A key that the vendor refuses."""

from __future__ import annotations

from scenario_kit import (
    END,
    ERROR,
    FAILED,
    FATAL,
    FRAME,
    Load,
    Message,
    Scenario,
    text_input,
)

from gradium_sim import SimThread
from ten_runtime import AsyncTenEnvTester


class InvalidKeyTester(Scenario):
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

    # The session at the start may have been refused before, for no request.
    *_, error = [each.fields for each in tester.named(ERROR)]
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

    settings = load("invalid")
    settings.properties["params"]["warm"] = "off"

    tester.play(settings)

    # It may be told at the start as well, of no request.
    assert {e.fields["code"] for e in tester.named(ERROR)} == {FATAL}
    assert len(server.connections) == 1


class IdleTester(ErrorOnlyTester):
    """Says nothing at all."""

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        pass


def test_a_wrong_key_is_told_before_the_first_request(
    load: Load, server: SimThread
) -> None:
    tester = IdleTester()

    tester.play(load("invalid"))

    error = tester.one(ERROR).fields
    assert (error["id"], error["code"]) == ("", FATAL)
    assert len(server.connections) == 1
