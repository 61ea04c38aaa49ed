# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Where the CPU of a message goes, from the socket's bytes to a TEN frame.

Each part is run alone, on messages that are there already: no socket, no
other process, no waiting. What the event loop takes to wake a task is not in
it; the loads of `cost` have it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from time import process_time
from typing import Any

from lab import Lab
from rows import Row
from websockets.asyncio.connection import Connection
from websockets.protocol import CLIENT, Protocol

from gradium_tts_python.config import GradiumTTSConfig
from gradium_tts_python.core.actions import Action
from gradium_tts_python.core.codec import STANDARD
from gradium_tts_python.core.endpoint import Endpoint
from gradium_tts_python.core.protocol import Session, Setup
from gradium_tts_python.core.request import Ledger
from gradium_tts_python.extension import GradiumTTSExtension
from gradium_tts_python.gradium_tts import GradiumTTSClient
from gradium_tts_python.speech import Speech
from gradium_tts_python.wire.speedups import FASTEST

sys.path.append(str(Path(__file__).resolve().parent / "clients"))

from client import Target
from ours import properties

from extension import Environment

CHUNK_MS = 20
CHUNK_BYTES = 96 * CHUNK_MS
CHART = f"CPU of a {CHUNK_MS} ms message by part, without a socket"
TARGET = Target("ws://nowhere/", "test-key")
WORD = "Hello"

Measure = Callable[[int], Awaitable[float]]


def run(lab: Lab, bench: str) -> Iterator[Row]:
    """Measure each part; what stands on another one is told without it."""
    messages = lab.plan.part_messages
    found: dict[str, list[float]] = {}
    for number in range(lab.plan.rounds):
        lab.say(f"parts of a message, {number + 1} of {lab.plan.rounds}")
        for name, us in _parts(messages).items():
            found.setdefault(name, []).append(us)
    for name, values in found.items():
        yield Row(bench, CHART, "extension", name, "µs", values)


def _parts(messages: int) -> dict[str, float]:
    def took_us(measure: Measure) -> float:
        return asyncio.run(measure(messages)) / messages * 1e6

    fast, stream, request = map(took_us, (_decode_fast, _stream, _request))
    whole, base = took_us(_extension), took_us(_base)
    return {
        "the websocket library": took_us(_library),
        "JSON and base64": took_us(_decode_standard),
        "… with the extra `fast`": fast,
        "session, stream, watchdog": stream - fast,
        "request: script, ledger": request - stream,
        "extension": whole - request - base,
        "TEN's base class, the kit's": base,
    }


# ------------------------------------------------------------------ messages


def _audio(index: int) -> str:
    noise = random.Random(index).randbytes(CHUNK_BYTES)
    return json.dumps(
        {
            "type": "audio",
            "audio": base64.b64encode(noise).decode(),
            "start_s": index * CHUNK_MS / 1000,
            "stop_s": (index + 1) * CHUNK_MS / 1000,
            "stream_id": 0,
            "client_req_id": None,
        }
    )


def _session(messages: int) -> list[str]:
    word = {"type": "text", "text": WORD, "start_s": 0.0, "stop_s": 0.01}
    return [
        json.dumps({"type": "ready", "sample_rate": 48_000}),
        *map(_audio, range(messages)),
        json.dumps(word),
        json.dumps({"type": "end_of_stream"}),
    ]


class Memory:
    """A `Transport` that has received everything, once all text is there."""

    is_open = True

    def __init__(self, messages: list[str]) -> None:
        self._left = iter(messages)
        self._is_asked = asyncio.Event()

    async def send(self, *messages: str) -> None:
        if "end_of_stream" in messages[-1]:
            self._is_asked.set()

    async def recv(self) -> str:
        if not self._is_asked.is_set():
            await self._is_asked.wait()
        return next(self._left)

    async def ping(self) -> None:
        pass

    async def wait_closed(self) -> None:
        await asyncio.Event().wait()

    def abort(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


def _client(messages: int) -> GradiumTTSClient:
    tree = properties(TARGET)
    tree["params"]["warm"] = "off"
    config = GradiumTTSConfig.load(tree)
    return GradiumTTSClient(config, connect=_connect_to(messages))


def _connect_to(messages: int) -> Any:
    session = _session(messages)

    async def connect(endpoint: Endpoint, timeout_s: float) -> Memory:
        return Memory(session)

    return connect


# --------------------------------------------------------------- CPU seconds


async def _library(messages: int) -> float:
    connection = Connection(Protocol(CLIENT))
    connection.connection_made(_Deaf())
    body = _audio(0).encode()
    frame = b"\x81\x7e" + len(body).to_bytes(2, "big") + body
    began_s = process_time()
    for _ in range(messages):
        connection.data_received(frame)
        await connection.recv()
    return process_time() - began_s


class _Deaf(asyncio.Transport):
    """Takes what is written, and forgets it."""

    def set_write_buffer_limits(
        self, high: int | None = None, low: int | None = None
    ) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def _decode_standard(messages: int) -> float:
    return _decoded(Session(Setup("pcm"), STANDARD), messages)


async def _decode_fast(messages: int) -> float:
    return _decoded(Session(Setup("pcm"), FASTEST), messages)


def _decoded(session: Session, messages: int) -> float:
    session.start()
    raw = [_audio(index) for index in range(messages)]
    began_s = process_time()
    for one in raw:
        session.receive(one)
    return process_time() - began_s


async def _stream(messages: int) -> float:
    client = _client(messages)
    async with client.open_stream() as stream:
        await stream.send_text(WORD)
        await stream.end_input()
        began_s = process_time()
        async for _ in stream:
            pass
        took_s = process_time() - began_s
    await client.aclose()
    return took_s


async def _request(messages: int) -> float:
    client = _client(messages)
    ledger = Ledger("r1", sample_rate_hz=48_000)
    ledger.asked(0.0)
    speech = Speech(ledger, client)
    speech.push_fragment(WORD)
    speech.end_input()

    async def perform(action: Action) -> None:
        pass

    began_s = process_time()
    await speech.run(perform)
    took_s = process_time() - began_s
    await client.aclose()
    return took_s


async def _extension(messages: int) -> float:
    class Local(GradiumTTSExtension):
        connect = staticmethod(_connect_to(messages))

    env: Any = Environment(TARGET)
    extension = Local("tts")
    await extension.on_init(env)
    await extension.on_start(env)
    # Opened ahead: not a part of it.
    await asyncio.sleep(0)
    began_s = process_time()
    await env.speak(extension, WORD)
    took_s = process_time() - began_s
    await extension.on_stop(env)
    return took_s


async def _base(messages: int) -> float:
    env: Any = Environment(TARGET)
    extension = GradiumTTSExtension("tts")
    await extension.on_init(env)
    pcm = bytes(CHUNK_BYTES)
    began_s = process_time()
    for _ in range(messages):
        await extension.send_tts_audio_data(pcm, 1)
    return process_time() - began_s
