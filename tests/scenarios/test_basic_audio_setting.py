# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Two settings whose sample rates differ."""

from __future__ import annotations

from scenario_kit import END, Load, Message, Scenario, heard, text_input

from ten_runtime import AsyncTenEnvTester

TEXT = "hello microphone check"


class RateTester(Scenario):
    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        await ten_env_tester.send_data(text_input("r1", TEXT, is_end=True))

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == END:
            self.stop(env)


def rates_heard(load: Load, name: str) -> set[int]:
    tester = RateTester()
    tester.play(load(name))
    assert heard(tester, "r1") == TEXT.split()
    return {frame.sample_rate_hz for frame in tester.frames("r1")}


def test_each_setting_speaks_at_its_own_rate(load: Load) -> None:
    assert rates_heard(load, "basic_audio_setting1") == {16000}
    assert rates_heard(load, "basic_audio_setting2") == {24000}
