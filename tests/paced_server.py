# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A server in memory that speaks at a pace, and a player of what it said.

Each sample tells which word it is of, and which half of it: word n, from 1
on, is n * `LOUDNESS` in its first half and the same below zero in its second.
So a player that has played a sample below zero has heard the middle of a
word, and needs to know nothing of word times, sessions or texts.
"""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gradium_tts_python.core.endpoint import Endpoint
from gradium_tts_python.core.errors import ConnectionLost, ErrorKind

RATE_HZ = 8000
FRAME_S = 0.08
# Less is silence. There is room for 65 words.
LOUDNESS = 500
# A word takes this for each letter, and a pause after it.
LETTER_S, PAUSE_S = 0.06, 0.05


@dataclass(frozen=True)
class Style:
    """How a server speaks.

    Attributes:
        speed: seconds of audio in a second.
        drips: frames come so many at once, at the same speed.
        stall: after so much audio of a session nothing comes for so long.
        cuts_s: after how much audio sessions break, in their order.
        has_times: whether word messages are sent.
        spoken_as: what is said for a written word.
    """

    speed: float = 3.0
    drips: int = 1
    stall: tuple[float, float] = (0.0, 0.0)
    cuts_s: tuple[float, ...] = ()
    has_times: bool = True
    spoken_as: Mapping[str, str] = field(default_factory=dict)


class PacedServer:
    """Opens sockets to a server that speaks in a style."""

    def __init__(self, style: Style, words: Iterable[str]) -> None:
        """
        Args:
            words: all that will be said, in order; none of them twice.
        """
        self.style = style
        self.numbers = {word: n for n, word in enumerate(words)}
        self.cuts_s = deque(style.cuts_s)
        self.sessions = 0

    async def connect(
        self, endpoint: Endpoint, timeout_s: float
    ) -> PacedTransport:
        await asyncio.sleep(0.01)
        return PacedTransport(self)


class PacedTransport:
    """A socket, and the session on its other side."""

    def __init__(self, server: PacedServer) -> None:
        self._server = server
        self._arrived: deque[str] = deque()
        self._changed = asyncio.Event()
        self._closed = asyncio.Event()
        self._lost: ConnectionLost | None = None
        self._speaking: asyncio.Task[None] | None = None
        self._words: deque[str] = deque()
        self._is_ended = False
        self._has_text = asyncio.Event()

    @property
    def is_open(self) -> bool:
        return self._lost is None

    async def send(self, *messages: str) -> None:
        if self._lost:
            raise self._lost
        for message in messages:
            self._hear(message)

    def _hear(self, message: str) -> None:
        fields = json.loads(message)
        if fields["type"] == "setup":
            self._server.sessions += 1
            self._say(type="ready", sample_rate=RATE_HZ)
            self._speaking = asyncio.create_task(self._speak())
        elif fields["type"] == "text":
            self._words += fields["text"].split()
        else:
            self._is_ended = True
        self._has_text.set()

    async def recv(self) -> str:
        while not self._arrived:
            if self._lost:
                raise self._lost
            self._changed.clear()
            await self._changed.wait()
        return self._arrived.popleft()

    async def ping(self) -> None:
        """It is there."""

    async def wait_closed(self) -> None:
        await self._closed.wait()

    def abort(self) -> None:
        self._lose("cut")

    async def aclose(self) -> None:
        self._lose("closed", "1000")

    # ------------------------------------------------- the server's side

    def _say(self, **fields: Any) -> None:
        self._arrived.append(json.dumps(fields))
        self._changed.set()

    async def _speak(self) -> None:
        """Say all words, in frames, at the pace of the style."""
        style = self._server.style
        cuts_s = self._server.cuts_s
        cut_s = cuts_s.popleft() if cuts_s else float("inf")
        began_at, sent_s, frames = asyncio.get_running_loop().time(), 0.0, 0
        async for pcm, word in self._sound():
            if pcm:
                frames += 1
                late = frames + style.drips - 1 - (frames - 1) % style.drips
                due_s = (late - 1) * FRAME_S / style.speed
                stall_at_s, stall_s = style.stall
                due_s += stall_s if sent_s >= stall_at_s else 0.0
                now = asyncio.get_running_loop().time()
                await asyncio.sleep(max(0.0, began_at + due_s - now))
                chunk = base64.b64encode(pcm).decode()
                self._say(type="audio", audio=chunk)
                sent_s += len(pcm) / 2 / RATE_HZ
            if word and style.has_times:
                text, start_s, stop_s = word
                self._say(
                    type="text", text=text, start_s=start_s, stop_s=stop_s
                )
            if sent_s >= cut_s:
                self._lose("broke")
                return
        self._say(type="end_of_stream")
        self._lose("closed", "1000")

    async def _sound(
        self,
    ) -> AsyncIterator[tuple[bytes, tuple[str, float, float] | None]]:
        """Give whole frames, and each word once its audio has been given."""
        sound, position_s, sent_s = bytearray(), 0.0, 0.0
        waiting: deque[tuple[str, float, float]] = deque()
        while (word := await self._next_word()) is not None:
            for text, samples in self._said(word):
                stop_s = position_s + len(samples) / 2 / RATE_HZ
                waiting.append((text, position_s, stop_s))
                sound += samples + bytes(2 * round(PAUSE_S * RATE_HZ))
                position_s = stop_s + PAUSE_S
            size = 2 * round(FRAME_S * RATE_HZ)
            while len(sound) >= size:
                pcm, sound = bytes(sound[:size]), sound[size:]
                sent_s += FRAME_S
                yield pcm, None
                while waiting and waiting[0][2] <= sent_s:
                    yield b"", waiting.popleft()
        if sound:
            yield bytes(sound), None
        for one in waiting:
            yield b"", one

    async def _next_word(self) -> str | None:
        while not self._words and not self._is_ended:
            self._has_text.clear()
            await self._has_text.wait()
        return self._words.popleft() if self._words else None

    def _said(self, word: str) -> Iterator[tuple[str, bytes]]:
        """Give the words that a written one is said with, and their sound."""
        said = self._server.style.spoken_as.get(word, word).split()
        sizes = [round(len(text) * LETTER_S * RATE_HZ) for text in said]
        level = (self._server.numbers[word] + 1) * LOUDNESS
        # The pauses between them are parts of the whole.
        pause = round(PAUSE_S * RATE_HZ)
        whole = sum(sizes) + pause * (len(sizes) - 1)
        at = 0
        for text, size in zip(said, sizes, strict=True):
            samples = [
                level if place < whole / 2 else -level
                for place in range(at, at + size)
            ]
            yield text, struct.pack(f"<{size}h", *samples)
            at += size + pause

    def _lose(self, what: str, code: str = "") -> None:
        if self._lost is None:
            self._lost = ConnectionLost(what, ErrorKind.TRANSIENT, code)
            self._changed.set()
            self._closed.set()
        if self._speaking and self._speaking is not asyncio.current_task():
            self._speaking.cancel()


@dataclass
class Player:
    """Plays frames one after the other, as a loudspeaker does."""

    frames: list[tuple[float, bytes]] = field(default_factory=list)

    def take(self, pcm: bytes, now: float) -> None:
        self.frames.append((now, pcm))

    def heard_by(self, now: float, *, since: int = 0) -> tuple[int, float]:
        """Play until a moment.

        Returns:
            How many words have been heard by their middle, and how many
            seconds were played, of the words from a number on.
        """
        ends_at, most, samples = 0.0, since, 0
        for came_at, pcm in self.frames:
            starts_at = max(ends_at, came_at)
            ends_at = starts_at + len(pcm) / 2 / RATE_HZ
            count = round(max(0.0, min(now, ends_at) - starts_at) * RATE_HZ)
            played = struct.unpack_from(f"<{count}h", pcm)
            # A fade says a word before, which has been heard anyway.
            most = max(most, -min(played, default=0) // LOUDNESS)
            samples += count
        return most - since, samples / RATE_HZ
