# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What was on the wire, as the client's end of it saw it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

Direction = Literal["up", "down"]
Kind = Literal["open", "bytes", "eof", "reset"]


class Packet(NamedTuple):
    """One thing that happened.

    Attributes:
        time_s: `time.monotonic()` seconds at the client's end: when it
            left the client, or when it reached it.
        direction: up is from client to server.
        payload: the bytes; empty unless `kind` is "bytes".
        connection: index of the connection, in the order of opening.
        kind: what it is.
    """

    time_s: float
    direction: Direction
    payload: bytes
    connection: int
    kind: Kind = "bytes"


class WireLog:
    """Packets in order; reads like a list."""

    def __init__(self) -> None:
        self._packets: list[Packet] = []

    def __iter__(self) -> Iterator[Packet]:
        return iter(self._packets)

    def __len__(self) -> int:
        return len(self._packets)

    def __getitem__(self, index: int) -> Packet:
        return self._packets[index]

    def add(self, packet: Packet) -> None:
        """Note a packet."""
        self._packets.append(packet)

    def clear(self) -> None:
        """Forget everything so far."""
        self._packets.clear()

    def payload(
        self, direction: Direction, connection: int | None = None
    ) -> bytes:
        """Return all bytes of one direction, of one connection or of all."""
        return b"".join(
            packet.payload
            for packet in self._of(connection)
            if packet.direction == direction
        )

    def flights(
        self, connection: int | None = None
    ) -> list[tuple[Direction, bytes]]:
        """Return bytes, with neighbours of one direction joined.

        An up flight with the down flight after it is a round trip, unless
        the server spoke of its own accord.
        """
        joined: list[tuple[Direction, bytes]] = []
        for packet in self._of(connection):
            if packet.kind != "bytes":
                continue
            if joined and joined[-1][0] == packet.direction:
                before = joined.pop()[1]
                joined.append((packet.direction, before + packet.payload))
            else:
                joined.append((packet.direction, packet.payload))
        return joined

    def _of(self, connection: int | None) -> Iterator[Packet]:
        for packet in self._packets:
            if connection in (None, packet.connection):
                yield packet
