# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What the graph hears of the connection."""

from __future__ import annotations

from key_scan import shows_key
from scenario_kit import END, STATUS, Guarder, Load, Message, text_input

from ten_runtime import AsyncTenEnvTester

STEPS = {
    ("disconnected", "connecting"),
    ("connecting", "connected"),
    ("connected", "disconnected"),
    ("connected", "connecting"),
    ("connecting", "disconnected"),
}


class StatusTester(Guarder):
    def __init__(self) -> None:
        super().__init__()
        self.requests = ["r1", "r2"]

    async def send_next(self, env: AsyncTenEnvTester) -> None:
        request_id = self.requests.pop(0)
        await env.send_data(text_input(request_id, "hello", is_end=True))

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        await self.send_next(ten_env_tester)

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == END and self.requests:
            await self.send_next(env)
        elif message.name == END:
            self.stop(env)


def test_a_connection_is_told_of_once_in_legal_steps(load: Load) -> None:
    tester = StatusTester()

    tester.play(load("basic_audio_setting1"))

    told = [message.fields for message in tester.named(STATUS)]
    steps = [(one["last"], one["current"]) for one in told]
    assert steps[:2] == [
        ("disconnected", "connecting"),
        ("connecting", "connected"),
    ]
    assert set(steps) <= STEPS
    assert [last for last, _ in steps[1:]] == [now for _, now in steps[:-1]]
    assert tester.names().count(STATUS) == 2
    assert len({one["id"] for one in told}) == len(told)
    for one in told:
        assert (one["module"], one["vendor"]) == ("tts", "gradium")
        assert one["vendor_info"]["vendor"] == "gradium"
        assert isinstance(one["vendor_info"]["code"], str)
        assert isinstance(one["code"], int)
        assert one["metadata"]["vendor_metadata"]
    assert not shows_key(str(told))


def test_the_connection_is_there_before_the_audio(load: Load) -> None:
    tester = StatusTester()

    tester.play(load("basic_audio_setting1"))

    names = tester.names()
    assert names.index("tts_audio_start") > names.index(STATUS) + 1
