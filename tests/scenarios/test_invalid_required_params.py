"""A key that the vendor refuses."""

from __future__ import annotations

import asyncio

import pytest
from scenario_kit import (
    END,
    ERROR,
    FAILED,
    FATAL,
    FRAME,
    METRICS,
    Event,
    Guarder,
    Load,
    text_input,
)

from gradium_sim import SimThread
from gradium_tts_python.wire import reserve
from ten_runtime import AsyncTenEnvTester


class InvalidKeyTester(Guarder):
    is_error_expected = True

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        data = text_input("r1", "is anybody there?", is_end=True)
        await ten_env_tester.send_data(data)

    async def saw(self, env: AsyncTenEnvTester, event: Event) -> None:
        if event.name == END:
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

    async def saw(self, env: AsyncTenEnvTester, event: Event) -> None:
        if event.name == ERROR:
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
    """Says nothing."""

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        await asyncio.sleep(1.0)
        self.stop(ten_env_tester)


def test_a_server_that_refuses_the_key_is_left_alone(
    load: Load, server: SimThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reserve, "WARM_PING_S", 0.01)
    monkeypatch.setattr(reserve, "WARM_RETRY_S", 0.05)
    tester = IdleTester()

    tester.play(load("invalid"))

    # After 0, 50, 150, 350 and 750 ms, the pings' time added.
    assert 2 <= len(server.connections) <= 6
    assert set(tester.names()) == {METRICS}
