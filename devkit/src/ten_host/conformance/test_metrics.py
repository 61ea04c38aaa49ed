# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What is measured: time to the first audio, use, the length of the audio."""

from __future__ import annotations

from typing import Any

from ten_runtime import AsyncTenEnvTester

from ..messages import Message
from .kit import END, METRICS, START, Load, Scenario, text_input

METADATA = {"session_id": "session", "turn_id": 3}
USAGE = {
    "output_characters",
    "input_characters",
    "recv_audio_duration",
    "total_output_characters",
    "total_input_characters",
    "total_recv_audio_duration",
}


class MetricsTester(Scenario):
    """Speaks one request, and hears what is still told of it."""

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        text = "How long does it take?"
        data = text_input("r1", text, is_end=True, metadata=METADATA)
        await ten_env_tester.send_data(data)

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        has_usage = bool(self.metrics("output_characters"))
        if self.named(END) and has_usage:
            self.stop(env)

    def metrics(self, key: str) -> list[dict[str, Any]]:
        """Return what measures this."""
        metrics = [dict(one.fields) for one in self.named(METRICS)]
        return [one for one in metrics if key in one["metrics"]]


def test_the_time_to_first_audio_is_told_once_before_the_end(
    load: Load,
) -> None:
    tester = MetricsTester()

    tester.play(load("basic_audio_setting1"))

    (ttfb,) = tester.metrics("ttfb")
    assert (ttfb["module"], bool(ttfb["vendor"])) == ("tts", True)
    first_s = tester.frames("r1")[0].time_s - tester.started_s
    assert 0 <= ttfb["metrics"]["ttfb"] <= first_s * 1000 + 1
    assert METADATA.items() <= ttfb["metadata"].items()
    names = tester.names()
    assert names.index(METRICS) < names.index(END)


def test_the_use_of_a_request_is_told(load: Load) -> None:
    tester = MetricsTester()

    tester.play(load("basic_audio_setting1"))

    (usage,) = tester.metrics("output_characters")
    assert set(usage["metrics"]) >= USAGE
    assert all(usage["metrics"][name] >= 0 for name in USAGE)


def test_the_interval_is_not_longer_than_the_request_took(load: Load) -> None:
    tester = MetricsTester()

    tester.play(load("basic_audio_setting1"))

    end = tester.one(END)
    took_ms = (end.time_s - tester.started_s) * 1000
    assert 0 <= end.fields["request_event_interval_ms"] <= took_ms + 1
    assert end.fields["request_total_audio_duration_ms"] > 0
    assert tester.one(START).time_s <= end.time_s
