# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A server that only pours: as cheap for each message as can be.

The local Gradium server is an oracle, and costs as much as its clients. To
load a core with hundreds of sessions takes one that costs next to nothing:
its messages are made ahead, and it knows a setup from a text and no more.
Nothing is measured with it but what a client costs.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import random
import ssl
import time
from typing import Any

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BYTES_PER_S = 96_000
WORD_S = 0.32
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Session:
    """One setup, and the pouring of its words.

    Attributes:
        sent_s: when each chunk was written.
        text: what it was given.
    """

    def __init__(
        self, wire: Wire, client_req_id: str | None, setup: dict[str, Any]
    ) -> None:
        self.sent_s: list[float] = []
        self.text = ""
        self._wire = wire
        self._id = client_req_id
        self._is_closing = setup.get("close_ws_on_eos", True)
        self._is_ended = False
        self._begun_s = 0.0
        self._chunks = 0
        self._words: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    def push(self, text: str) -> None:
        """Take text; the first begins the pouring."""
        self.text = self.text or text
        self._words += text.split()
        if self._timer is None:
            self._begun_s = self._begun_s or time.monotonic()
            self._pour()

    def end(self) -> None:
        """There is no more text."""
        self._is_ended = True
        if self._timer is None:
            self._pour()

    def stop(self) -> None:
        """The socket is gone."""
        if self._timer:
            self._timer.cancel()

    def _pour(self) -> None:
        """Write what is due, and come back for what is not."""
        self._timer = None
        server, loop = self._wire.server, asyncio.get_running_loop()
        in_a_word = round(WORD_S / server.chunk_s)
        most = len(self._words) * in_a_word
        out: list[bytes] = []
        now = time.monotonic()
        while self._chunks < most:
            due_s = self._begun_s + self._chunks * server.chunk_s
            if server.is_paced and due_s > now:
                self._write(out)
                self._timer = loop.call_later(due_s - now, self._pour)
                return
            out.append(self._audio(self._chunks * server.chunk_s))
            self.sent_s.append(now)
            self._chunks += 1
            if self._chunks % in_a_word == 0:
                out.append(self._word(self._chunks // in_a_word - 1))
        if self._is_ended:
            out.append(self._frame({"type": "end_of_stream"}))
        self._write(out)
        if self._is_ended and self._is_closing:
            self._wire.transport.write(frame(b"\x03\xe8", CLOSE))

    def _write(self, out: list[bytes]) -> None:
        if out:
            self._wire.transport.write(b"".join(out))

    def _audio(self, start_s: float) -> bytes:
        server = self._wire.server
        body = b'{"type":"audio","audio":"%s","start_s":%.3f,"stop_s":%.3f,' % (
            server.audio,
            start_s,
            start_s + server.chunk_s,
        )
        return frame(
            body + b'"stream_id":0,"client_req_id":%s}' % self._id_json()
        )

    def _word(self, index: int) -> bytes:
        return self._frame(
            {
                "type": "text",
                "text": self._words[index],
                "start_s": round(index * WORD_S, 3),
                "stop_s": round((index + 1) * WORD_S, 3),
                "stream_id": 0,
            }
        )

    def ready(self) -> None:
        """Accept the setup."""
        message = {
            "type": "ready",
            "request_id": "lean",
            "sample_rate": 48_000,
            "frame_size": round(48_000 * self._wire.server.chunk_s),
        }
        self._wire.transport.write(self._frame(message))

    def _frame(self, message: dict[str, Any]) -> bytes:
        message["client_req_id"] = self._id
        return frame(json.dumps(message).encode())

    def _id_json(self) -> bytes:
        return json.dumps(self._id).encode()


def frame(body: bytes, opcode: int = TEXT) -> bytes:
    """Return a server's frame."""
    size = len(body)
    if size < 126:
        return bytes((0x80 | opcode, size)) + body
    if size < 65_536:
        return bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big") + body
    return bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big") + body


class Wire(asyncio.Protocol):
    """The server's end of one socket."""

    def __init__(self, server: LeanServer) -> None:
        self.server = server
        self._buffer = b""
        self._is_upgraded = False
        self._sessions: dict[str | None, Session] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        for session in self._sessions.values():
            session.stop()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._is_upgraded:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            self._upgrade(head)
            self._buffer = rest
        while piece := self._next_frame():
            self._received(*piece)

    def _upgrade(self, head: bytes) -> None:
        self._is_upgraded = True
        key = b""
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"sec-websocket-key":
                key = value.strip()
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Accept: "
            + accept
            + b"\r\n\r\n"
        )

    def _next_frame(self) -> tuple[int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, body = buffer[1] & 127, 2
        if size > 125:
            body += 2 if size == 126 else 8
            size = int.from_bytes(buffer[2:body], "big")
        if len(buffer) < body + 4 + size:
            return None
        mask, masked = buffer[body : body + 4], buffer[body + 4 :][:size]
        self._buffer = buffer[body + 4 + size :]
        whole = (mask * (size // 4 + 1))[:size]
        number = int.from_bytes(masked, "big") ^ int.from_bytes(whole, "big")
        return buffer[0] & 15, number.to_bytes(size, "big")

    def _received(self, opcode: int, body: bytes) -> None:
        if opcode == PING:
            self.transport.write(frame(body, PONG))
        elif opcode == CLOSE:
            self.transport.write(frame(body, CLOSE))
            self.transport.close()
        elif opcode == TEXT:
            self._message(json.loads(body))

    def _message(self, message: dict[str, Any]) -> None:
        key = message.get("client_req_id")
        if message["type"] == "setup":
            self._sessions[key] = session = Session(self, key, message)
            self.server.sessions.append(session)
            session.ready()
        elif message["type"] == "text":
            self._sessions[key].push(message["text"])
        elif message["type"] == "end_of_stream":
            self._sessions[key].end()


class LeanServer:
    """Listens; `sessions` are all there were since it was last asked."""

    def __init__(self, *, chunk_s: float, is_paced: bool) -> None:
        self.chunk_s = chunk_s
        self.is_paced = is_paced
        self.sessions: list[Session] = []
        noise = random.Random(1).randbytes(round(chunk_s * BYTES_PER_S))
        self.audio = base64.b64encode(noise)
        self._server: asyncio.AbstractServer | None = None

    async def listen(self, tls: ssl.SSLContext | None) -> str:
        """Begin; returns the address."""
        self._server = server = await asyncio.get_running_loop().create_server(
            lambda: Wire(self), "127.0.0.1", 0, ssl=tls, backlog=1000
        )
        port = server.sockets[0].getsockname()[1]
        return f"{'wss' if tls else 'ws'}://127.0.0.1:{port}/api/speech/tts"

    def close(self) -> None:
        """Listen no more; sockets end with the process."""
        if self._server:
            self._server.close()
