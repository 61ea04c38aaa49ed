# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A server that spoils every field of every message, by chance.

The extension speaks on a virtual clock: a request on a server that spoils what
it sends, then one on the same server when it is well. Nothing may crash, hang,
lose the next request, show the key, or write a log line of its own.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from key_scan import KEY, shows_key

from gradium_tts_python.core.endpoint import Endpoint
from gradium_tts_python.extension import GradiumTTSExtension
from gradium_tts_python.wire.transport import Transport
from ten_host.events import AudioEnd, EndReason, Error, Event, Frame, TextResult

from ..properties.memory_transport import RATE_HZ, MemoryServer, sound_of
from ..properties.test_life_properties import (
    Player,
    RecordingEnv,
    Script,
    Write,
)
from ..properties.virtual_loop import run_virtually

Record = Callable[[str, object], None]
Message = dict[str, Any]
Raw = str | bytes

TEXT = "the morning train leaves at seven"
SHORT_TEXT = "all is well"
# No request takes longer, whatever its server does.
LONGEST_S = 180.0
# After a refused key or account nothing is asked for so long.
LATCH_S = 31.0

# All that the vendor is known to send.
FIELDS: dict[str, Message] = {
    "ready": {
        "request_id": "q1",
        "model_name": "default",
        "model_ext": "m@1",
        "sample_rate": RATE_HZ,
        "frame_size": 640,
        "audio_stream_names": ["audio"],
        "text_stream_names": ["text"],
        "client_req_id": None,
        "residency": "none",
    },
    "audio": {
        "audio": "",
        "start_s": 0.0,
        "stop_s": 0.0,
        "stream_id": 0,
        "audio_tokens": [],
        "client_req_id": None,
    },
    "text": {
        "text": "",
        "start_s": 0.0,
        "stop_s": 0.0,
        "stream_id": 0,
        "client_req_id": None,
    },
    "end_of_stream": {"client_req_id": None},
    "error": {
        "message": "worker failure",
        "code": 1011,
        "client_req_id": None,
    },
}


def nested(depth: int) -> Any:
    value: Any = KEY
    for _ in range(depth):
        value = [value]
    return value


VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 0.1, 8000, 48000, 2**63, 10**400),
    *(1e308, -1e308, float("nan"), float("inf"), float("-inf"), -0.08, 999.0),
    *("", " ", "A", "AAAA", "????", "0", "8000", "now", "x" * 20_000),
    *("\n2026 ERROR forged", "\x1b[2J", "\r\n\0\x7f", "\ud800", "🎉" * 500),
    *(KEY, f"wss://u:{KEY}@host/?token={KEY}", f"api_key={KEY}", [KEY]),
    *([], {}, {"api_key": KEY}, nested(60), nested(900), [[]] * 1000),
    *("Invalid or expired API key", "no credits", "Concurrency limit exceeded"),
    *(1000, 1002, 1008, 1011, 1013, 429, -32000),
    *("ready", "audio", "text", "end_of_stream", "error", "flushed"),
    base64.b64encode(b"\x7f" * 3).decode(),
    base64.b64encode(bytes(100_000)).decode(),
]


class Spoiler:
    """Spoils messages by chance, and counts how many."""

    def __init__(self, seed: int) -> None:
        self.is_at_work = False
        self.spoiled = 0
        self.met: Counter[tuple[str, str]] = Counter()
        self._chance = random.Random(seed)

    def share(self) -> float:
        """How much of a session is spoiled."""
        return self._chance.choice([0.1, 0.3, 0.9])

    def arriving(self, message: Message, share: float) -> Iterator[Raw]:
        """Give what arrives in place of a message."""
        chance = self._chance
        if not self.is_at_work or (
            chance.random() > (0.7 if message["type"] == "ready" else share)
        ):
            yield json.dumps(message)
            return
        self.spoiled += 1
        if chance.random() < 0.1:
            message = {"type": "error", **FIELDS["error"]}
        way = chance.random()
        if way < 0.7:
            yield self._with_a_spoiled_field(message)
        elif way < 0.85:
            yield self._broken(json.dumps(message))
        elif way < 0.9:
            yield from [json.dumps(message)] * chance.choice([0, 2, 20])
        else:
            yield self._with_a_spoiled_field(message)
            yield json.dumps(message)

    def _with_a_spoiled_field(self, message: Message) -> str:
        name = self._chance.choice([*message, "type", "unheard_of"])
        self.met[message["type"], name] += 1
        message = dict(message)
        if self._chance.random() < 0.1:
            message.pop(name, None)
        else:
            message[name] = self._chance.choice(VALUES)
        return json.dumps(message)

    def _broken(self, raw: str) -> Raw:
        at = self._chance.randrange(len(raw))
        char = chr(self._chance.choice([0, 34, 44, 92, 123, 125, 0x2028]))
        return self._chance.choice(
            [
                raw[:at],
                raw[at:],
                raw[:at] + char + raw[at + 1 :],
                raw[:at] + KEY + raw[at:],
                raw * 2,
                raw.encode(),
                bytes(at),
                "",
                "[" * 5000,
                json.dumps(self._chance.choice(VALUES)),
            ]
        )


class SpoiledTransport:
    """A connection to a server in memory, as the spoiler lets it be."""

    def __init__(self, inner: Transport, spoiler: Spoiler) -> None:
        self._inner = inner
        self._spoiler = spoiler
        self._share = spoiler.share()
        self._arrived: deque[Raw] = deque()
        self._sent_s = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def recv(self) -> Raw:
        while not self._arrived:
            message = json.loads(await self._inner.recv())
            full = {
                "type": message["type"],
                **FIELDS[message["type"]],
                **self._times_of(message),
                **message,
            }
            self._arrived.extend(self._spoiler.arriving(full, self._share))
        return self._arrived.popleft()

    def _times_of(self, message: Message) -> Message:
        if message["type"] != "audio":
            return {}
        start_s = self._sent_s
        self._sent_s += len(base64.b64decode(message["audio"])) / 2 / RATE_HZ
        return {"start_s": start_s, "stop_s": self._sent_s}


class LoggingEnv(RecordingEnv):
    """Keeps the log, too."""

    def __init__(
        self, properties: dict[str, Any], on_event: Callable[[Event], None]
    ) -> None:
        super().__init__(properties, on_event)
        self.lines: list[str] = []

    def log_debug(self, message: str, category: str = "") -> None:
        self.lines.append(message)

    log_info = log_warn = log_error = log_debug


class Fuzz:
    """Speaks with a server that is spoiled and well by turns."""

    def __init__(self, seed: int) -> None:
        self.spoiler = Spoiler(seed)
        self.reasons: Counter[str] = Counter()
        self._events: list[Event] = []
        self._server = MemoryServer([], lambda _: None)
        self._player = Player(Script((), is_stopped_early=True))
        properties = {
            "enable_words": True,
            "params": {
                "api_key": KEY,
                "sample_rate": RATE_HZ,
                "debug_log": True,
                "retry_deadline_s": 2.0,
            },
        }
        self._env = LoggingEnv(properties, self._events.append)
        self._player.env = self._env
        extension: GradiumTTSExtension = self._player.extension
        extension.connect = self._connect

    async def _connect(self, endpoint: Endpoint, timeout_s: float) -> Transport:
        inner = await self._server.connect(endpoint, timeout_s)
        return SpoiledTransport(inner, self.spoiler)

    async def run(self, spoiled: int) -> None:
        """Go on until so many messages have been spoiled."""
        async with self._player.running():
            rounds = 0
            while self.spoiler.spoiled < spoiled:
                rounds += 1
                self.spoiler.is_at_work = True
                await self._check_spoiled(f"spoiled{rounds}")
                self.spoiler.is_at_work = False
                await self._check_well(f"well{rounds}")
                self._server.sessions.clear()

    async def _speak(self, name: str, text: str) -> list[Event]:
        """Give what the graph is told of a request, once it is over."""
        self._events.clear()
        self._env.lines.clear()
        await self._player.do(Write(name, text, is_end=True))
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        while not any(isinstance(e, AudioEnd) for e in self._events):
            assert loop.time() < began_s + LONGEST_S, f"{name} hangs"
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.1)
        # Who is told the key can speak it, and tell that it is spoken.
        told = [e for e in self._events if not isinstance(e, TextResult)]
        assert list(filter(shows_key, map(repr, told))) == []
        assert list(filter(shows_key, self._env.lines)) == []
        assert [line for line in self._env.lines if "\n" in line] == []
        return list(self._events)

    async def _check_spoiled(self, name: str) -> None:
        events = await self._speak(name, TEXT)
        [end] = [e for e in events if isinstance(e, AudioEnd)]
        errors = [e for e in events if isinstance(e, Error)]
        self.reasons[end.reason.name] += 1
        assert len(errors) == (end.reason is EndReason.ERROR)
        for error in errors:
            # That would be a bug of ours.
            assert error.vendor_info["code"] != "internal", error
            if error.code == -1000:
                await asyncio.sleep(LATCH_S)

    async def _check_well(self, name: str) -> None:
        events = await self._speak(name, SHORT_TEXT)
        [end] = [e for e in events if isinstance(e, AudioEnd)]
        pcm = b"".join(e.pcm for e in events if isinstance(e, Frame))
        assert end.reason is EndReason.REQUEST_END, name
        assert pcm == b"".join(map(sound_of, SHORT_TEXT.split())), name


@pytest.mark.parametrize("seed", [1])
def test_no_message_of_a_server_does_lasting_harm(
    seed: int, is_thorough: bool, record_property: Record
) -> None:
    state = random.getstate()
    random.seed(seed)
    try:
        fuzz = Fuzz(seed)
        run_virtually(fuzz.run(100_000 if is_thorough else 700))
    finally:
        random.setstate(state)

    record_property(
        "measured", f"{fuzz.spoiler.spoiled} messages, {dict(fuzz.reasons)}"
    )
    every = {
        (kind, name)
        for kind, fields in FIELDS.items()
        for name in [*fields, "type", "unheard_of"]
    }
    assert set(fuzz.spoiler.met) == every
    # Neither all too easy nor all too hard.
    assert min(fuzz.reasons[r] for r in ("REQUEST_END", "ERROR")) > 10
