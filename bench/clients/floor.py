# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The floor: the least that can be written by hand.

A raw asyncio socket, opened ahead; setup, text and end in one burst; no
error is met, no word is kept. What another client takes more than this is
what it does more, or does worse.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from urllib.parse import urlsplit

from client import Client, Speaking, Target

SETUP = {"type": "setup", "model_name": "default", "output_format": "pcm"}


class Socket(asyncio.Protocol):
    """A websocket, as far as it takes to hear one request."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.upgraded = asyncio.get_running_loop().create_future()
        self.speaking: Speaking | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        address = urlsplit(self.target.url)
        transport.write(
            f"GET {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
            f"{base64.b64encode(bytes(16)).decode()}\r\n"
            f"x-api-key: {self.target.key}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data
        at = 0
        if not self.upgraded.done():
            at = data.find(b"\r\n\r\n") + 4
            if at < 4:
                self._buffer = data
                return
            self.upgraded.set_result(None)
        while len(data) >= at + 2:
            size, body = data[at + 1], at + 2
            if size > 125:
                body += 2 if size == 126 else 8
                size = int.from_bytes(data[at + 2 : body], "big")
            if len(data) < body + size:
                break
            self._frame(data[at] & 15, data[body : body + size])
            at = body + size
        self._buffer = data[at:]

    def _frame(self, opcode: int, body: bytes) -> None:
        if opcode == 9:
            self.transport.write(frame(body, 10))
        if opcode != 1 or self.speaking is None:
            return
        message = json.loads(body)
        if message["type"] == "audio":
            self.speaking.heard(len(base64.b64decode(message["audio"])))
        elif message["type"] == "end_of_stream":
            self.speaking.ended()
            self.transport.abort()


def frame(body: bytes, opcode: int = 1) -> bytes:
    """Return a client's frame; its mask of zeros changes nothing."""
    size = len(body)
    if size < 126:
        head = bytes((0x80 | opcode, 0x80 | size))
    else:
        head = bytes((0x80 | opcode, 0x80 | 127)) + size.to_bytes(8, "big")
    return head + bytes(4) + body


class Floor(Client):
    """One socket in use, and one opened ahead."""

    async def open(self) -> None:
        self._tls = None
        if self.target.url.startswith("wss"):
            self._tls = ssl.create_default_context(cafile=self.target.ca_file)
        self._socket: Socket | None = None
        self._reserve = asyncio.create_task(self._connect())

    async def _connect(self) -> Socket:
        address = urlsplit(self.target.url)
        loop = asyncio.get_running_loop()
        _, socket = await loop.create_connection(
            lambda: Socket(self.target),
            address.hostname,
            address.port,
            ssl=self._tls,
        )
        await socket.upgraded
        return socket

    async def start(self, pieces: list[str]) -> Speaking:
        speaking = Speaking()
        self._socket = socket = await self._reserve
        socket.speaking = speaking
        messages = [SETUP, *({"type": "text", "text": p} for p in pieces)]
        messages.append({"type": "end_of_stream"})
        burst = [frame(json.dumps(message).encode()) for message in messages]
        socket.transport.write(b"".join(burst))
        self._reserve = asyncio.create_task(self._connect())
        return speaking

    async def interrupt(self) -> None:
        if self._socket and self._socket.speaking:
            self._socket.transport.abort()
            self._socket.speaking.ended()
            self._socket.speaking = None

    async def close(self) -> None:
        await self.interrupt()
        (await self._reserve).transport.abort()


def make(target: Target) -> Client:
    return Floor(target)


VERSION = "by hand"
