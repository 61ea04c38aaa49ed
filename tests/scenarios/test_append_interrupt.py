# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A turn that is interrupted by the next one; callbacks that block."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from heard import WORDS
from scenario_kit import (
    COMPLETE,
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
    heard,
    text_input,
)

from gradium_sim import SimThread
from ten_runtime import AsyncTenEnvTester

# Twelve seconds, longer than the pauses.
FIRST = [WORDS[n : n + 6] for n in range(0, 60, 6)] * 2
SECOND = WORDS[:5]


class InterruptTester(Scenario):
    def __init__(self, pause_s: float) -> None:
        super().__init__()
        self.pause_s = pause_s
        self.has_flushed = False

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        metadata = {"session_id": "s", "turn_id": 1}
        for words in FIRST:
            text = " ".join(words) + ", "
            await ten_env_tester.send_data(
                text_input("turn-1", text, metadata=metadata)
            )

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == FRAME and not self.has_flushed:
            self.has_flushed = True
            time.sleep(self.pause_s)
            await env.send_data(flush("flush-1", {"session_id": "s"}))
            time.sleep(self.pause_s)
        elif message.name == FLUSH_END:
            time.sleep(self.pause_s)
            await env.send_data(
                text_input(
                    "turn-2",
                    " ".join(SECOND),
                    is_end=True,
                    metadata={"session_id": "s", "turn_id": 2},
                )
            )
        elif message.name == END and message.request_id == "turn-2":
            self.stop(env)


@pytest.mark.sim(speed=1)
def test_the_next_turn_is_spoken_whole_after_an_interruption(
    load: Load, server: SimThread, pause_s: float, tmp_path: Path
) -> None:
    tester = InterruptTester(min(pause_s, 2.0))

    tester.play(load("dump"))

    assert tester.names(METRICS, STATUS) == [
        *(START, FRAME, END, FLUSH_END),
        *(START, FRAME, END),
    ]
    assert tester.reason("turn-1") == INTERRUPTED
    assert tester.one(FLUSH_END).fields == {
        "flush_id": "flush-1",
        "metadata": {"session_id": "s"},
    }
    assert tester.reason("turn-2") == COMPLETE
    assert heard(tester, "turn-2") == SECOND
    dumps = {path.read_bytes() for path in (tmp_path / "dump").iterdir()}
    assert dumps == {tester.pcm("turn-1"), tester.pcm("turn-2")}
    assert not server.open_sockets
