# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Requests that are ended more than once, or have no text at all."""

from __future__ import annotations

import pytest
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

from ten_host.conformance.test_texts import ThreeEndsTester
from ten_runtime import AsyncTenEnvTester

EMPTY = {"no characters": "", "spaces": "   ", "line ends": "\n\r\n"}


@pytest.mark.parametrize("gap_s", [0.0, 0.1], ids=["at once", "later"])
@pytest.mark.parametrize("empty", EMPTY.values(), ids=EMPTY)
def test_three_ends_without_text_are_one_end(
    empty: str, gap_s: float, load: Load
) -> None:
    tester = ThreeEndsTester("", gap_s, empty)

    tester.play(load("basic_audio_setting1"))

    assert tester.names(METRICS, STATUS) == [END, START, FRAME, END]
    assert tester.reason("r1") == COMPLETE
    assert heard(tester, "r2") == ["still", "alive"]


@pytest.mark.parametrize("gap_s", [0.0, 0.1], ids=["at once", "later"])
def test_three_ends_after_a_text_are_one_end(gap_s: float, load: Load) -> None:
    tester = ThreeEndsTester("spoken once", gap_s)

    tester.play(load("basic_audio_setting1"))

    assert tester.names(METRICS, STATUS) == [START, FRAME, END] * 2
    assert heard(tester, "r1") == ["spoken", "once"]
    assert heard(tester, "r2") == ["still", "alive"]


class EmptyRequestsTester(Scenario):
    """One empty request after the other."""

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        for n in range(3):
            data = text_input(f"r{n}", "", is_end=True)
            await ten_env_tester.send_data(data)

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == END and message.request_id == "r2":
            self.stop(env)


def test_each_empty_request_ends_by_itself(load: Load) -> None:
    tester = EmptyRequestsTester()

    tester.play(load("basic_audio_setting1"))

    ends = [end.request_id for end in tester.named(END)]
    assert ends == ["r0", "r1", "r2"]
    assert tester.named(START) == []
