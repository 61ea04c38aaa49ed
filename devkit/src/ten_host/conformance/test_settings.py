# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Settings: rates, and what is missing or wrong."""

from __future__ import annotations

from ten_runtime import AsyncTenEnvTester

from ..messages import Message
from .kit import (
    COMPLETE,
    END,
    ERROR,
    FAILED,
    FATAL,
    FRAME,
    Load,
    Scenario,
    text_input,
)


class SpeakTester(Scenario):
    """Speaks one request."""

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        data = text_input("r1", "hello microphone check", is_end=True)
        await ten_env_tester.send_data(data)

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == END:
            self.stop(env)


def rate_of(load: Load, name: str) -> int:
    tester = SpeakTester()
    tester.play(load(name))
    assert tester.reason("r1") == COMPLETE
    (rate_hz,) = {frame.sample_rate_hz for frame in tester.frames("r1")}
    return rate_hz


def test_each_setting_speaks_at_a_rate_of_its_own(load: Load) -> None:
    first = rate_of(load, "basic_audio_setting1")
    second = rate_of(load, "basic_audio_setting2")

    assert first != second


class FailingTester(SpeakTester):
    """Asks for speech that there cannot be."""

    is_error_expected = True


def test_a_missing_setting_is_fatal_and_each_request_ends(load: Load) -> None:
    tester = FailingTester()

    tester.play(load("miss_required"))

    first = tester.named(ERROR)[0].fields
    assert (first["id"], first["code"]) == ("", FATAL)
    assert first["module"] == "tts"
    assert first["message"]
    assert tester.reason("r1") == FAILED
    assert tester.named(FRAME) == []


def test_a_wrong_credential_is_fatal_before_the_end(load: Load) -> None:
    tester = FailingTester()

    tester.play(load("invalid"))

    first = tester.named(ERROR)[0].fields
    assert first["code"] == FATAL
    assert first["vendor_info"]["vendor"]
    assert first["message"]
    assert tester.reason("r1") == FAILED
    assert tester.named(FRAME) == []
    names = tester.names()
    assert names.index(ERROR) < names.index(END)
