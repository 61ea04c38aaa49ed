# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Numbers that belong to a request."""

from __future__ import annotations

from typing import Any

import pytest
from scenario_kit import (
    END,
    METRICS,
    START,
    Load,
    Message,
    Scenario,
    text_input,
)

from gradium_sim import SimThread
from ten_host.conformance.test_metrics import METADATA, USAGE
from ten_runtime import AsyncTenEnvTester

TEXT = "how long does it take?"


class MetricsTester(Scenario):
    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        data = text_input("r1", TEXT, is_end=True, metadata=METADATA)
        await ten_env_tester.send_data(data)

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == END:
            self.stop(env)

    def metrics(self, key: str) -> list[dict[str, Any]]:
        """What came before the end and measures this."""
        messages = self.messages[: self.stopped_at]
        metrics = [dict(e.fields) for e in messages if e.name == METRICS]
        return [one for one in metrics if key in one["metrics"]]


@pytest.mark.sim(first_audio_delay_s=0.1)
def test_the_time_to_first_audio_is_told_before_the_end(load: Load) -> None:
    tester = MetricsTester()

    tester.play(load("basic_audio_setting1"))

    (ttfb,) = tester.metrics("ttfb")
    assert (ttfb["module"], ttfb["vendor"]) == ("tts", "gradium")
    assert isinstance(ttfb["metrics"]["ttfb"], int)
    took_s = tester.one(START).time_s - tester.started_s
    assert 100 <= ttfb["metrics"]["ttfb"] <= took_s * 1000 + 1
    assert METADATA.items() <= ttfb["metadata"].items()


def test_the_use_is_told_with_the_end(load: Load, server: SimThread) -> None:
    tester = MetricsTester()

    tester.play(load("basic_audio_setting1"))

    (usage,) = tester.metrics("output_characters")
    assert usage["metrics"].keys() == USAGE
    assert METADATA.items() <= usage["metadata"].items()
    numbers = usage["metrics"]
    # Spaces between messages are the vendor's doing.
    assert numbers["output_characters"] == sum(
        map(len, server.sessions[0].texts)
    )
    assert numbers["input_characters"] == len(TEXT.replace(" ", ""))
    told_ms = tester.one(END).fields["request_total_audio_duration_ms"]
    assert numbers["recv_audio_duration"] == pytest.approx(told_ms, abs=1)


def test_a_connection_tells_how_long_it_took(load: Load) -> None:
    tester = MetricsTester()

    tester.play(load("basic_audio_setting1"))

    delays = [
        one["metrics"]["connect_delay"]
        for one in tester.metrics("connect_delay")
    ]
    assert delays
    assert all(isinstance(delay, int) and delay >= 0 for delay in delays)
