# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""First audio costs one round trip, counted on the wire.

Between the extension and the server lies a line of 100 ms. What is counted is
what goes over it before the first audio: one burst up (setup and text), then
down. The server holds its tongue until all of the burst is there, so that the
order tells how many round trips it was, however busy the machine is.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pytest

from fault_proxy import FaultProxy, Packet
from gradium_sim import Close, Fault, FaultPlan, GradiumSim, Point
from ten_host import ExtensionHost, Metrics

RTT_S = 0.1


@dataclass
class Line:
    """An extension and its server, 100 ms apart."""

    sim: GradiumSim
    proxy: FaultProxy
    host: ExtensionHost

    async def until_opened(self, sockets: int) -> None:
        """Wait until so many sockets were opened in all."""
        opened = 0

        def is_last(event: object) -> bool:
            nonlocal opened
            if isinstance(event, Metrics):
                opened += "connect_delay" in event.metrics
            return opened == sockets

        await self.host.until(is_last, what=f"socket {sockets}")

    async def first_audio(
        self, name: str, text: str, connection: int = 0
    ) -> list[Packet]:
        """Say a text; gives what was on the wire up to its first audio.

        The server is silent until it has all of the text. Sockets of earlier
        requests, before this connection, are left out: they may be closing.
        """
        sessions = len(self.sim.sessions)
        self.proxy.log.clear()
        self.sim.pause_at(Point.SETUP)
        await self.host.send_text(name, text, end=True)
        await self.sim.until(
            lambda s: len(s.sessions) > sessions and s.sessions[-1].is_ended
        )
        self.sim.resume()
        await self.host.ended(name)
        packets = [p for p in self.proxy.log if p.connection >= connection]
        last = next(i for i, p in enumerate(packets) if b'"audio"' in p.payload)
        return packets[: last + 1]


@asynccontextmanager
async def line(**params: Any) -> AsyncIterator[Line]:
    async with GradiumSim() as sim:
        async with FaultProxy("127.0.0.1", sim.port, rtt_s=RTT_S) as proxy:
            params = {
                "url": proxy.url_for(sim.url),
                "api_key": "test-key",
                **params,
            }
            async with ExtensionHost(
                "gradium_tts_python", {"params": params}
            ) as host:
                yield Line(sim, proxy, host)


def messages(sent: bytes) -> Iterator[dict[str, Any]]:
    """Read a client's websocket frames."""
    while sent:
        size, at = sent[1] & 0x7F, 2
        if size == 126:
            size, at = int.from_bytes(sent[2:4], "big"), 4
        mask, body = sent[at : at + 4], sent[at + 4 : at + 4 + size]
        plain = bytes(b ^ mask[i % 4] for i, b in enumerate(body))
        yield json.loads(plain)
        sent = sent[at + 4 + size :]


def check_one_round_trip(packets: list[Packet], connection: int) -> None:
    """One burst up, then down, all on a socket that was open already.

    The next sockets may be opened meanwhile, once the text has left.
    """
    assert packets[0].connection == connection
    packets = [p for p in packets if p.connection <= connection]
    assert {packet.connection for packet in packets} == {connection}
    assert {packet.kind for packet in packets} == {"bytes"}
    directions = [packet.direction for packet in packets]
    ups = directions.count("up")
    assert directions == ["up"] * ups + ["down"] * (len(packets) - ups)
    # Setup and text leave in one packet, whatever else does.
    first = [message["type"] for message in messages(packets[0].payload)]
    assert first[:2] == ["setup", "text"]
    sent = list(messages(b"".join(p.payload for p in packets[:ups])))
    assert [message["type"] for message in sent] == [
        "setup",
        "text",
        "end_of_stream",
    ]
    received = b"".join(packet.payload for packet in packets[ups:])
    assert received.index(b'"ready"') < received.index(b'"audio"')
    # The line is as long as it should be.
    assert packets[-1].time_s - packets[0].time_s >= RTT_S * 0.99


async def test_the_first_request_costs_one_round_trip() -> None:
    async with line() as the:
        await the.until_opened(1)

        packets = await the.first_audio("r1", "Hello.")

        check_one_round_trip(packets, connection=0)


async def test_every_further_request_costs_one_round_trip() -> None:
    async with line() as the:
        for number in range(3):
            await the.until_opened(number + 1)

            packets = await the.first_audio(
                f"r{number}", "Hello.", connection=number
            )

            check_one_round_trip(packets, connection=number)


async def test_a_request_after_an_interruption_costs_one_round_trip() -> None:
    async with line() as the:
        await the.until_opened(1)
        the.sim.pause_at(Point.AUDIO, after_frames=2)
        await the.host.send_text("r1", "Once upon a time.", end=True)
        await the.sim.reached(Point.AUDIO)
        await the.host.flush()
        the.sim.resume()
        await the.until_opened(2)

        packets = await the.first_audio("r2", "Hello.", connection=1)

        check_one_round_trip(packets, connection=1)


async def test_a_request_after_a_failure_costs_one_round_trip() -> None:
    async with line(resume=False) as the:
        the.sim.faults = FaultPlan(Fault(Point.AUDIO, Close(1002)))
        await the.until_opened(1)
        await the.host.send_text("r1", "Once upon a time.", end=True)
        await the.host.ended("r1")
        await the.until_opened(2)

        packets = await the.first_audio("r2", "Hello.", connection=1)

        check_one_round_trip(packets, connection=1)


async def test_the_first_request_alone_is_on_the_line() -> None:
    """The server might refuse the key, and need not be asked twice."""
    async with line() as the:
        await the.until_opened(1)
        await the.first_audio("r1", "Hello.")
        await the.until_opened(2)

        packets = list(the.proxy.log)
        opened = next(i for i, p in enumerate(packets) if p.kind == "open")
        audio = next(
            i for i, p in enumerate(packets) if b'"audio"' in p.payload
        )

    assert audio < opened


async def test_without_a_socket_ahead_it_costs_three() -> None:
    """What is saved: TCP and the upgrade (TLS would be one or two more)."""
    async with line(warm="off") as the:
        packets = await the.first_audio("r1", "Hello.")

    # The handshake of TCP is the first.
    assert packets[0].kind == "open"
    ways = [key for key, _ in groupby(p.direction for p in packets[1:])]
    assert ways == ["up", "down", "up", "down"]
    assert packets[1].payload.startswith(b"GET ")
    assert packets[-1].time_s - packets[0].time_s >= 3 * RTT_S * 0.99


@pytest.mark.fast_turns
async def test_who_interrupts_early_again_waits_for_no_handshake() -> None:
    """Turns that come that fast have a second socket opened."""
    async with line() as the:
        await the.until_opened(1)
        await the.first_audio("r0", "Hello.")
        for number, opened in ((1, 2), (2, 4)):
            await the.until_opened(opened)
            the.sim.pause_at(Point.AUDIO, after_frames=1)
            await the.host.send_text(f"r{number}", "Once upon", end=True)
            await the.sim.reached(Point.AUDIO)
            await the.host.flush()
            the.sim.resume()

        packets = await the.first_audio("r3", "Hello.", connection=3)

        check_one_round_trip(packets, connection=3)
