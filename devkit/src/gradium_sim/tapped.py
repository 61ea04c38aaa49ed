# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A server connection whose incoming frames can be lost or delayed.

The library answers pings and close frames by itself, so a peer that does
not must never show it those frames.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from websockets.asyncio.server import ServerConnection

from .actions import Over
from .records import ConnectionRecord

_PING, _CLOSE = 0x9, 0x8


class TappedConnection(ServerConnection):
    """Our end of a socket.

    Attributes:
        lost: set once the TCP connection is gone.
        record: what was seen on it; set when the upgrade was read.
        is_deaf: nothing that arrives is read any more.
        is_closing_ignored: close frames are not seen.
        pong_delay_s: pings are seen this much later; `None`: never.
        was_reset: we dropped it with RST.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lost = asyncio.Event()
        self.record: ConnectionRecord | None = None
        self.is_deaf = False
        self.is_closing_ignored = False
        self.pong_delay_s: float | None = 0.0
        self.was_reset = False
        self._cut = FrameCutter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # asyncio leaves this out for sockets of a listener it did not make;
        # with Nagle's algorithm a frame could wait 40 ms for an ACK.
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.counted(1)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._note_close()
        self.lost.set()
        self.counted(-1)

    def data_received(self, data: bytes) -> None:
        if self.is_deaf:
            return
        for piece in self._cut.feed(data):
            self._arrived(piece)

    def counted(self, change: int) -> None:
        """The socket came (1) or went (-1); for the server to override."""

    async def unless_lost(
        self, event: asyncio.Event, timeout_s: float | None = None
    ) -> None:
        """Wait for an event or a time.

        Raises:
            Over: the socket was lost first.
        """
        waiters = [
            asyncio.ensure_future(event.wait()),
            asyncio.ensure_future(self.lost.wait()),
        ]
        try:
            await asyncio.wait(
                waiters, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for waiter in waiters:
                waiter.cancel()
        if self.lost.is_set():
            raise Over

    def reset(self) -> None:
        """Drop the connection with RST."""
        self.was_reset = True
        sock = self.transport.get_extra_info("socket")
        if sock is not None:
            linger = struct.pack("ii", 1, 0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.transport.abort()

    def _note_close(self) -> None:
        """Complete the record, before anyone can see the socket as gone."""
        record = self.record
        if record is None:
            return
        record.closed_by, record.close_code = "client", 1006
        closed = self.protocol.close_exc
        if self.was_reset:
            record.closed_by = "server"
        elif closed.rcvd is not None and closed.rcvd_then_sent is not False:
            record.close_code = closed.rcvd.code
        elif closed.sent is not None:
            record.closed_by, record.close_code = "server", closed.sent.code

    def _arrived(self, piece: bytes) -> None:
        opcode = self._cut.opcode(piece)
        if opcode == _CLOSE and self.is_closing_ignored:
            return
        if opcode == _PING and self.pong_delay_s != 0.0:
            if self.pong_delay_s is not None:
                self.loop.call_later(self.pong_delay_s, self._show, piece)
            return
        self._show(piece)

    def _show(self, piece: bytes) -> None:
        if not self.is_deaf and not self.lost.is_set():
            super().data_received(piece)


class FrameCutter:
    """Cuts a client's bytes into the HTTP request and whole frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._is_http = True

    def feed(self, received: bytes) -> list[bytes]:
        """Add bytes; return the pieces that are complete."""
        self._buffer += received
        pieces = []
        while size := self._piece_size():
            pieces.append(bytes(self._buffer[:size]))
            del self._buffer[:size]
            self._is_http = False
        return pieces

    @staticmethod
    def opcode(piece: bytes) -> int | None:
        """Return the opcode of a frame; `None` for the HTTP request."""
        return None if piece[:4] == b"GET " else piece[0] & 0x0F

    def _piece_size(self) -> int:
        """Return the size of the first piece, 0 while it is not complete."""
        if self._is_http:
            return (
                self._buffer.find(b"\r\n\r\n") + 4
                if (b"\r\n\r\n" in self._buffer)
                else 0
            )
        if len(self._buffer) < 2:
            return 0
        size, length = 2, self._buffer[1] & 0x7F
        extra = {126: 2, 127: 8}.get(length, 0)
        if extra:
            length = int.from_bytes(self._buffer[2 : 2 + extra], "big")
            size += extra
        size += 4 if self._buffer[1] & 0x80 else 0
        size += length
        return size if len(self._buffer) >= size else 0
