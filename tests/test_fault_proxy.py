# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The proxy, over real sockets."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trustme
import websockets
from virtual_clock import run

from fault_proxy import FaultProxy
from fault_proxy.lane import Lane
from gradium_sim import GradiumSim, Point
from gradium_sim.probe import Probe

RTT_S = 0.05


class EchoServer:
    """Answers every piece with the same piece in upper case."""

    def __init__(self) -> None:
        self.port = 0
        self.received = bytearray()
        self.ends: asyncio.Queue[str] = asyncio.Queue()
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._writers.append(writer)
        try:
            while piece := await reader.read(65536):
                self.received += piece
                writer.write(piece.upper())
            self.ends.put_nowait("eof")
        except ConnectionResetError:
            self.ends.put_nowait("reset")
        finally:
            writer.close()


@asynccontextmanager
async def proxied(
    rtt_s: float = 0.0,
) -> AsyncIterator[tuple[FaultProxy, EchoServer]]:
    echo = EchoServer()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    echo.port = server.sockets[0].getsockname()[1]
    async with FaultProxy("127.0.0.1", echo.port, rtt_s=rtt_s) as proxy:
        yield proxy, echo
    server.close()


async def connect(
    proxy: FaultProxy,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", proxy.port)


async def test_bytes_pass_in_both_directions_and_are_logged_in_order() -> None:
    async with proxied() as (proxy, echo):
        reader, writer = await connect(proxy)
        for word in (b"one", b"two"):
            writer.write(word)
            assert await reader.readexactly(3) == word.upper()

        assert proxy.log.flights() == [
            ("up", b"one"),
            ("down", b"ONE"),
            ("up", b"two"),
            ("down", b"TWO"),
        ]
        assert proxy.log[0].kind == "open"
        assert proxy.log.payload("up", 0) == bytes(echo.received)
        writer.close()


async def test_a_new_connection_costs_two_round_trips_an_open_one_costs_one() -> (
    None
):
    async with proxied(RTT_S) as (proxy, _):
        begin = time.monotonic()
        reader, writer = await connect(proxy)
        writer.write(b"a")
        await reader.readexactly(1)
        first_s = time.monotonic() - begin
        begin = time.monotonic()
        writer.write(b"b")
        await reader.readexactly(1)
        second_s = time.monotonic() - begin
        writer.close()

    # Not less; that a lane holds nothing for longer is tested without sockets.
    assert first_s >= 2 * RTT_S
    assert second_s >= RTT_S


async def test_a_tls_handshake_takes_a_round_trip_of_its_own() -> None:
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with (
        GradiumSim(tls=tls) as sim,
        FaultProxy(sim.host, sim.port, rtt_s=RTT_S) as proxy,
    ):
        url = proxy.url_for(sim.url)
        begin = time.monotonic()
        connecting = websockets.connect(
            url, ssl=trusting, additional_headers={"x-api-key": "test-key"}
        )
        async with connecting as socket:
            took_s = time.monotonic() - begin
            flights = [direction for direction, _ in proxy.log.flights()]
            await socket.close()

    assert url.startswith("wss://")
    # Hello, hello; finished and upgrade, upgraded: two, after TCP's own one.
    assert flights == ["up", "down"] * 2
    assert took_s >= 3 * RTT_S


def test_a_lane_takes_its_time_and_no_longer() -> None:
    came: list[tuple[float, object]] = []

    async def send() -> None:
        loop = asyncio.get_running_loop()
        lane = Lane(
            "up",
            0.025,
            lambda item: came.append((loop.time(), item)),
            lambda is_told_to_stop: None,
        )
        lane.delay_until(0.05)
        lane.put(b"a")
        await asyncio.sleep(0.06)
        lane.put(b"b")
        lane.put(b"c")
        await asyncio.sleep(1.0)

    run(send())

    assert came == [
        (pytest.approx(0.075), b"a"),
        (pytest.approx(0.085), b"b"),
        (pytest.approx(0.085), b"c"),
    ]


async def test_pieces_do_not_overtake_each_other() -> None:
    async with proxied(0.01) as (proxy, _):
        reader, writer = await connect(proxy)
        sent = b"".join(b"%05d" % n for n in range(2000))
        for first in range(0, len(sent), 500):
            writer.write(sent[first : first + 500])
            await asyncio.sleep(0)
        assert await reader.readexactly(len(sent)) == sent
        writer.close()


async def test_what_is_sent_while_cut_off_arrives_after_the_restore() -> None:
    async with proxied() as (proxy, echo):
        reader, writer = await connect(proxy)
        writer.write(b"a")
        await reader.readexactly(1)

        proxy.lose_connectivity()
        writer.write(b"b")
        other_reader, other_writer = await connect(proxy)
        other_writer.write(b"c")
        await _turns(20)
        assert bytes(echo.received) == b"a"

        proxy.restore()
        assert await reader.readexactly(1) == b"B"
        assert await other_reader.readexactly(1) == b"C"
        writer.close()
        other_writer.close()


async def test_reset_all_reaches_both_ends_as_a_reset() -> None:
    async with proxied() as (proxy, echo):
        reader, writer = await connect(proxy)
        writer.write(b"a")
        await reader.readexactly(1)

        proxy.reset_all()

        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)
        assert await echo.ends.get() == "reset"
        await proxy.until_open(0)
        assert proxy.log[-1].kind in ("eof", "reset")
        writer.close()


async def test_a_half_open_connection_is_silent_and_a_new_one_is_not() -> None:
    async with proxied() as (proxy, echo):
        reader, writer = await connect(proxy)
        writer.write(b"a")
        await reader.readexactly(1)

        proxy.half_open()
        assert await echo.ends.get() == "reset"
        writer.write(b"b")
        other_reader, other_writer = await connect(proxy)
        other_writer.write(b"c")
        assert await other_reader.readexactly(1) == b"C"
        assert not reader.at_eof()
        assert proxy.open_connections == 2

        writer.close()
        await proxy.until_open(1)
        other_writer.close()
        await proxy.until_open(0)


async def test_close_all_ends_both_directions() -> None:
    async with proxied() as (proxy, echo):
        reader, writer = await connect(proxy)
        writer.write(b"a")
        await reader.readexactly(1)

        proxy.close_all()

        assert await reader.read() == b""
        assert await echo.ends.get() == "eof"
        writer.close()
        await proxy.until_open(0)


async def test_a_client_that_closes_is_seen_by_the_server() -> None:
    async with proxied(0.01) as (proxy, echo):
        reader, writer = await connect(proxy)
        writer.write(b"a")
        await reader.readexactly(1)
        writer.close()

        assert await echo.ends.get() == "eof"
        await proxy.until_open(0)


async def test_refused_connections_are_accepted_again_on_the_same_port() -> (
    None
):
    async with proxied() as (proxy, _):
        await proxy.refuse_connections()
        with pytest.raises(ConnectionRefusedError):
            await connect(proxy)

        await proxy.accept_connections()
        reader, writer = await connect(proxy)
        writer.write(b"a")
        assert await reader.readexactly(1) == b"A"
        writer.close()


async def test_a_server_that_nobody_runs_resets_the_client() -> None:
    async with proxied() as (proxy, _):
        pass
    async with FaultProxy("127.0.0.1", proxy.port) as broken:
        reader, writer = await connect(broken)
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)
        writer.close()


async def test_a_reader_that_waits_slows_the_writer_down() -> None:
    async with proxied() as (proxy, echo):
        reader, writer = await connect(proxy)
        proxy.lose_connectivity()
        size = 32 * 2**20
        writer.write(bytes(size))
        await _turns(200)
        held = len(proxy.log.payload("up"))
        assert held < 2 * 2**20

        proxy.restore()
        assert len(await reader.readexactly(size)) == size
        assert len(echo.received) == size
        writer.close()


async def test_url_for_changes_nothing_but_the_address() -> None:
    async with proxied() as (proxy, _):
        there = proxy.url_for("ws://example.test:1/api/speech/tts?token=t")

        assert there == (f"ws://127.0.0.1:{proxy.port}/api/speech/tts?token=t")


async def _turns(count: int) -> None:
    """Let the loop look at its sockets so many times."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_pipelined_speech_costs_one_round_trip_on_an_open_socket() -> (
    None
):
    async with GradiumSim() as sim:
        async with FaultProxy(sim.host, sim.port, RTT_S) as proxy:
            async with Probe(proxy.url_for(sim.url)) as probe:
                proxy.log.clear()
                begin = time.monotonic()
                sim.pause_at(Point.SETUP)
                await probe.setup()
                await probe.text("one two three four five six")
                await probe.end()
                # The order tells the round trips, on a busy machine too.
                await sim.until(
                    lambda s: len(s.sessions) == 1 and s.sessions[0].is_ended
                )
                sim.resume()
                await probe.until("audio")
                took_s = time.monotonic() - begin

                flights = [direction for direction, _ in proxy.log.flights()]
                assert flights == ["up", "down"]
                assert took_s >= RTT_S
