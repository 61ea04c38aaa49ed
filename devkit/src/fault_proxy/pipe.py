# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""One proxied connection: two sockets and the distance between them."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable

from .lane import Item, Lane
from .log import Direction, Kind, Packet


class End(asyncio.Protocol):
    """One of the two sockets."""

    def __init__(self, pipe: Pipe, outgoing: Direction) -> None:
        self._pipe = pipe
        self._outgoing: Direction = outgoing
        self.transport: asyncio.Transport | None = None
        self.is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        # asyncio leaves this out for sockets of a listener it did not make.
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pipe.opened(self)

    def data_received(self, data: bytes) -> None:
        self._pipe.sent(self._outgoing, data)

    def eof_received(self) -> bool:
        self._pipe.sent(self._outgoing, "eof")
        # The other direction stays open until it is closed as well.
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        if exc is not None:
            self._pipe.sent(self._outgoing, "reset")
        self._pipe.lost(self)

    def pause_writing(self) -> None:
        self._pipe.hold_back(self, True)

    def resume_writing(self) -> None:
        self._pipe.hold_back(self, False)

    def pause_reading(self, is_paused: bool) -> None:
        """Take nothing more from the socket, or take again."""
        if self.transport is None or self.is_lost:
            return
        if self.transport.is_closing():
            return
        if is_paused:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def write(self, item: Item) -> None:
        """Pass on what came from the other end."""
        if self.transport is None or self.is_lost:
            return
        if isinstance(item, bytes):
            self.transport.write(item)
        elif item == "eof" and self.transport.can_write_eof():
            try:
                self.transport.write_eof()
            except OSError:  # it was reset, and we do not know it yet
                self.abort()
        else:
            self.reset()

    def abort(self) -> None:
        """Close, without what is still to be written."""
        if self.transport is not None:
            self.transport.abort()

    def reset(self) -> None:
        """Close with RST."""
        if self.transport is None or self.is_lost:
            return
        sock = self.transport.get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:
            linger = struct.pack("ii", 1, 0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.transport.abort()


class Pipe:
    """A client's connection and ours to the server."""

    def __init__(
        self,
        index: int,
        rtt_s: float,
        log: Callable[[Packet], None],
        changed: Callable[[Pipe], None],
    ) -> None:
        self.index = index
        self._rtt_s = rtt_s
        self._log = log
        self._changed = changed
        self.client = End(self, "up")
        self.server = End(self, "down")
        self._up = Lane("up", rtt_s / 2, self._to_server, self._slow_client)
        self._down = Lane("down", rtt_s / 2, self._to_client, self._slow_server)
        self._early: list[Item] = []
        self._finished: set[Direction] = set()
        self.is_half_open = False
        self._is_dead = False

    @property
    def is_open(self) -> bool:
        """Whether the client's socket is open."""
        return self.client.transport is not None and not self.client.is_lost

    @property
    def is_over(self) -> bool:
        """Whether both sockets were there and are gone."""
        return self.client.is_lost and self.server.is_lost

    def opened(self, end: End) -> None:
        """A socket is connected."""
        loop = asyncio.get_running_loop()
        if end is self.client:
            # SYN and SYN-ACK take a round trip before the client can send.
            self._up.delay_until(loop.time() + self._rtt_s)
            self._note("up", b"", "open")
        elif self._is_dead:
            end.reset()
        else:
            early, self._early = self._early, []
            for item in early:
                end.write(item)
        self._changed(self)

    def sent(self, direction: Direction, item: Item) -> None:
        """Something arrived from one of the ends."""
        if self.is_half_open:
            if direction == "up" and not isinstance(item, bytes):
                self.client.abort()
            return
        if direction == "up":
            self._note_item("up", item)
            self._up.put(item)
        else:
            self._down.put(item)

    def lost(self, end: End) -> None:
        """A socket is gone."""
        if end is self.client:
            if "up" not in self._finished:
                self.sent("up", "eof")
            self._down.clear()
        elif "down" not in self._finished and not self.is_half_open:
            self._down.put("eof")
        self._changed(self)

    def change_rtt(self, rtt_s: float) -> None:
        """Make the round trip longer or shorter from now on."""
        self._rtt_s = rtt_s
        self._up.delay_s = self._down.delay_s = rtt_s / 2

    def hold(self, is_held: bool) -> None:
        """Cut or mend the line."""
        if not self.is_half_open:
            self._up.hold(is_held)
            self._down.hold(is_held)

    def reset(self) -> None:
        """RST to both ends, at once."""
        self._is_dead = True
        self._up.clear()
        self._down.clear()
        if self.is_open:
            self._note("down", b"", "reset")
        self.client.reset()
        self.server.reset()

    def close(self) -> None:
        """FIN to both ends, after what is on its way."""
        self._up.put("eof")
        self._down.put("eof")

    def half_open(self) -> None:
        """The server is gone and the client does not hear of it."""
        self.is_half_open = self._is_dead = True
        self._up.clear()
        self._down.clear()
        self.server.reset()

    def abort(self) -> None:
        """Let go of both sockets without another word."""
        self._is_dead = True
        self._up.clear()
        self._down.clear()
        self.client.abort()
        self.server.abort()

    def unreachable(self) -> None:
        """The server refuses; the client hears it a round trip later."""
        asyncio.get_running_loop().call_later(self._rtt_s, self.reset)

    def hold_back(self, end: End, is_full: bool) -> None:
        """An end cannot take more: its source has to wait."""
        other = self.client if end is self.server else self.server
        other.pause_reading(is_full)

    def _to_server(self, item: Item) -> None:
        if item == "eof":
            self._finished.add("up")
        if self.server.transport is None:
            self._early.append(item)
        else:
            self.server.write(item)
        self._close_finished()

    def _to_client(self, item: Item) -> None:
        if item == "eof":
            self._finished.add("down")
        self._note_item("down", item)
        self.client.write(item)
        self._close_finished()

    def _close_finished(self) -> None:
        if len(self._finished) == 2:
            for end in (self.client, self.server):
                if end.transport is not None:
                    end.transport.close()

    def _slow_client(self, is_slow: bool) -> None:
        self.client.pause_reading(is_slow)

    def _slow_server(self, is_slow: bool) -> None:
        self.server.pause_reading(is_slow)

    def _note_item(self, direction: Direction, item: Item) -> None:
        if isinstance(item, bytes):
            self._note(direction, item, "bytes")
        else:
            self._note(direction, b"", item)

    def _note(self, direction: Direction, payload: bytes, kind: Kind) -> None:
        now_s = time.monotonic()
        self._log(Packet(now_s, direction, payload, self.index, kind))
