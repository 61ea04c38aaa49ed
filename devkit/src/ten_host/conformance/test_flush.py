# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Interruptions: silence at once, one end, and the next turn as usual."""

from __future__ import annotations

import asyncio

from ten_runtime import AsyncTenEnvTester

from ..messages import Message
from .kit import (
    COMPLETE,
    END,
    FLUSH_END,
    FRAME,
    INTERRUPTED,
    METRICS,
    START,
    STATUS,
    TEXT_RESULT,
    WORDS,
    Load,
    Scenario,
    text_input,
)
from .kit import flush as flush_data

METADATA = {"session_id": "session", "turn_id": 7}
LONG = " ".join(WORDS) + "."
# How long a scenario listens whether there is silence.
LISTEN_S = 0.5

UNPACED = (
    "the speech was over before the flush came: the vendor has to pace its"
    " audio, or there is nothing to interrupt"
)


class FlushTester(Scenario):
    """Flushes at the first audio, and listens for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.has_flushed = False

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        for n in range(4):
            await ten_env_tester.send_data(
                text_input(f"r{n}", LONG, is_end=True, metadata=METADATA)
            )

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == FRAME and not self.has_flushed:
            self.has_flushed = True
            await env.send_data(flush_data("flush-1", METADATA))
        elif message.name == FLUSH_END:
            await asyncio.sleep(LISTEN_S)
            self.stop(env)


def test_a_flush_drops_everything_and_silence_follows(load: Load) -> None:
    tester = FlushTester()

    tester.play(load("dump", dump=False))

    assert tester.reason("r0") == INTERRUPTED, UNPACED
    assert tester.audible() == [START, FRAME, END, FLUSH_END]
    assert tester.one(FLUSH_END).fields == {
        "flush_id": "flush-1",
        "metadata": METADATA,
    }
    names = tester.names()
    assert set(names[names.index(FLUSH_END) + 1 :]) <= {METRICS}


class IdleFlushTester(Scenario):
    """As TEN's main control: a flush without metadata for every partial."""

    def __init__(self) -> None:
        super().__init__()
        self.flushes = 5

    async def flush_next(self, env: AsyncTenEnvTester) -> None:
        self.flushes -= 1
        await env.send_data(flush_data(f"flush-{self.flushes}"))

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
    tester = IdleFlushTester()

    tester.play(load("basic_audio_setting1"))

    assert tester.audible() == [*[FLUSH_END] * 5, *(START, FRAME, END)]
    assert tester.reason("tts-request-0") == COMPLETE
    assert [e.fields["flush_id"] for e in tester.named(FLUSH_END)] == [
        f"flush-{n}" for n in range(4, -1, -1)
    ]


class SameIdTester(Scenario):
    """Interrupts a request, and uses its id again."""

    def __init__(self) -> None:
        super().__init__()
        self.has_flushed = False

    async def speak(self, env: AsyncTenEnvTester, text: str) -> None:
        await env.send_data(text_input("greeting", text, is_end=True))

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        await self.speak(ten_env_tester, LONG)

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == FRAME and not self.has_flushed:
            self.has_flushed = True
            await env.send_data(flush_data("flush-1"))
        elif message.name == FLUSH_END:
            await self.speak(env, "hello again")
        elif message.name == END and len(self.named(END)) == 2:
            self.stop(env)


def test_an_interrupted_id_may_be_used_again(load: Load) -> None:
    tester = SameIdTester()

    error = tester.run_on(load("basic_audio_setting1"))

    assert error is None, f"{error.error_message()}: {tester.names()}"
    assert tester.audible() == [
        *(START, FRAME, END, FLUSH_END),
        *(START, FRAME, END),
    ]
    reasons = [end.fields["reason"] for end in tester.named(END)]
    assert reasons == [INTERRUPTED, COMPLETE], UNPACED


class NextTurnTester(Scenario):
    """Interrupts a turn whose end was never told, and speaks the next."""

    def __init__(self) -> None:
        super().__init__()
        self.has_flushed = False

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        for n in range(0, len(WORDS), 6):
            text = " ".join(WORDS[n : n + 6]) + ", "
            data = text_input("turn-1", text, metadata=METADATA)
            await ten_env_tester.send_data(data)

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == FRAME and not self.has_flushed:
            self.has_flushed = True
            await env.send_data(flush_data("flush-1"))
        elif message.name == FLUSH_END:
            data = text_input("turn-2", "the next turn", is_end=True)
            await env.send_data(data)
        elif message.name == END and message.request_id == "turn-2":
            self.stop(env)


def test_the_next_turn_is_spoken_after_an_interruption(load: Load) -> None:
    tester = NextTurnTester()

    tester.play(load("basic_audio_setting1"))

    assert tester.audible() == [
        *(START, FRAME, END, FLUSH_END),
        *(START, FRAME, END),
    ]
    assert tester.reason("turn-1") == INTERRUPTED
    assert tester.reason("turn-2") == COMPLETE
    # Whatever is told of the first is told before it is over.
    last = tester.messages.index(tester.one(FLUSH_END))
    about = [m for m in tester.messages[last:] if m.request_id == "turn-1"]
    assert about == []
    assert tester.named(STATUS) == [] or tester.named(START)
    assert all(m.request_id for m in tester.named(TEXT_RESULT))
