# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`connection_status_changed`, of an extension that tells it."""

from __future__ import annotations

import pytest

from ten_runtime import AsyncTenEnvTester

from ..messages import Message
from .kit import END, START, STATUS, Load, Scenario, text_input

STEPS = {
    ("disconnected", "connecting"),
    ("connecting", "connected"),
    ("connected", "disconnected"),
    ("connected", "connecting"),
    ("connecting", "disconnected"),
}


class StatusTester(Scenario):
    """Speaks two requests, one after the other."""

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


def test_a_connection_is_told_of_in_legal_steps(load: Load) -> None:
    tester = StatusTester()

    tester.play(load("basic_audio_setting1"))

    told = [message.fields for message in tester.named(STATUS)]
    if not told:
        pytest.skip(
            "connection_status_changed is not told (ten_ai_base 0.7.41 has no"
            " call for it)"
        )
    steps = [(one["last"], one["current"]) for one in told]
    assert steps[:2] == [
        ("disconnected", "connecting"),
        ("connecting", "connected"),
    ]
    assert set(steps) <= STEPS
    assert [last for last, _ in steps[1:]] == [now for _, now in steps[:-1]]
    assert len({one["id"] for one in told}) == len(told)
    for one in told:
        assert one["module"] == "tts"
        assert one.get("vendor") or one["vendor_info"]["vendor"]
        assert isinstance(one["code"], int)
    names = tester.names()
    assert names.index(START) > names.index(STATUS) + 1
