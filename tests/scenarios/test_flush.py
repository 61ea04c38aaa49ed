# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""After `tts_flush_end` there is silence."""

from __future__ import annotations

import asyncio

import pytest
from heard import WORDS
from scenario_kit import (
    END,
    FLUSH_END,
    FRAME,
    INTERRUPTED,
    METRICS,
    START,
    STATUS,
    Load,
    Message,
    Scenario,
    flush,
    text_input,
)

from gradium_sim import SimThread
from ten_runtime import AsyncTenEnvTester

METADATA = {"session_id": "session", "turn_id": 7}


class FlushTester(Scenario):
    """Flushes at the first audio, and listens for a while."""

    def __init__(self, idle_s: float) -> None:
        super().__init__()
        self.idle_s = idle_s
        self.has_flushed = False

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        for n in range(4):
            await ten_env_tester.send_data(
                text_input(
                    f"r{n}", " ".join(WORDS), is_end=True, metadata=METADATA
                )
            )

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == FRAME and not self.has_flushed:
            self.has_flushed = True
            await env.send_data(flush("flush-1", METADATA))
        elif message.name == FLUSH_END:
            await asyncio.sleep(self.idle_s)
            self.stop(env)


@pytest.mark.sim(speed=1)
def test_a_flush_drops_everything_and_silence_follows(
    load: Load, server: SimThread, pause_s: float
) -> None:
    tester = FlushTester(pause_s)

    tester.play(load("dump", dump=False))

    assert tester.names(STATUS, METRICS) == [START, FRAME, END, FLUSH_END]
    assert tester.reason("r0") == INTERRUPTED
    assert tester.one(FLUSH_END).fields == {
        "flush_id": "flush-1",
        "metadata": METADATA,
    }
    names = tester.names()
    assert set(names[names.index(FLUSH_END) + 1 :]) <= {METRICS}
    assert len(server.sessions) == 1
