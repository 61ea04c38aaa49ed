# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""After `tts_flush_end` there is silence."""

from __future__ import annotations

import asyncio

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
    Guarder,
    Load,
    Message,
    flush,
    text_input,
)

from gradium_sim import SimThread
from ten_runtime import AsyncTenEnvTester

METADATA = {"session_id": "session", "turn_id": 7}


class FlushTester(Guarder):
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


class FlushAgainTester(Guarder):
    """As TEN's main_python: a flush without metadata for every partial."""

    def __init__(self) -> None:
        super().__init__()
        self.flushes = 5

    async def flush_next(self, env: AsyncTenEnvTester) -> None:
        self.flushes -= 1
        await env.send_data(flush(f"flush-{self.flushes}"))

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        await self.flush_next(ten_env_tester)

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == FLUSH_END and self.flushes:
            await self.flush_next(env)
        elif message.name == FLUSH_END:
            data = text_input("tts-request-0", "hello again", is_end=True)
            await env.send_data(data)
        elif message.name == END:
            self.stop(env)


def test_flushes_of_an_idle_extension_are_answered_each(load: Load) -> None:
    tester = FlushAgainTester()

    tester.play(load("basic_audio_setting1"))

    assert tester.names(STATUS, METRICS) == [
        *[FLUSH_END] * 5,
        *(START, FRAME, END),
    ]
    assert tester.reason("tts-request-0") == COMPLETE
    assert [e.fields["flush_id"] for e in tester.named(FLUSH_END)] == [
        f"flush-{n}" for n in range(4, -1, -1)
    ]


class SameIdTester(Guarder):
    """Interrupts a request, and uses its id again."""

    def __init__(self) -> None:
        super().__init__()
        self.ends = 0

    async def speak(self, env: AsyncTenEnvTester, text: str) -> None:
        await env.send_data(text_input("greeting", text, is_end=True))

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        await self.speak(ten_env_tester, " ".join(WORDS))

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == START and not self.ends:
            await env.send_data(flush("flush-1"))
        elif message.name == FLUSH_END:
            await self.speak(env, "hello again")
        elif message.name == END:
            self.ends += 1
            if self.ends == 2:
                self.stop(env)


@pytest.mark.sim(speed=1)
def test_an_interrupted_id_may_be_used_again(load: Load) -> None:
    tester = SameIdTester()

    error = tester.run_on(load("basic_audio_setting1"))

    assert error is None
    assert tester.names(STATUS, METRICS) == [
        *(START, FRAME, END, FLUSH_END),
        *(START, FRAME, END),
    ]
    reasons = [end.fields["reason"] for end in tester.named(END)]
    assert reasons == [INTERRUPTED, COMPLETE]
