"""A key that the vendor refuses."""

from __future__ import annotations

from scenario_kit import (
    END,
    ERROR,
    FAILED,
    FATAL,
    FRAME,
    Event,
    Guarder,
    Load,
    text_input,
)

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


def test_the_error_comes_without_waiting_for_retries(load: Load) -> None:
    tester = ErrorOnlyTester()

    tester.play(load("invalid"))

    assert tester.one(ERROR).fields["code"] == FATAL
    assert tester.one(ERROR).at_s - tester.started_s < 1.0
