# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The server of `./dev play`: who may use it, and what a page is told."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from heard import WORDS, whole_words

from fault_proxy import FaultProxy
from gradium_sim import GradiumSim
from ten_host import EndReason, ExtensionHost
from ten_host.pace import tokens_of
from ten_play.remote_line import Tunnel
from ten_play.server import Order, PlayServer

pytestmark = pytest.mark.stand_in

TWELVE = " ".join(WORDS[:12])
Json = dict[str, Any]


@pytest.fixture
async def server() -> AsyncIterator[PlayServer]:
    async with PlayServer(Order(port=0, voice="tones")) as running:
        yield running


class Page:
    """A page without a browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.messages: list[Json] = []
        self.audio = b""

    async def until(self, kind: str) -> Json:
        """Read until a message of this type has come."""
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                self.audio += message.data[8:]
                continue
            self.messages.append(json.loads(message.data))
            if self.messages[-1]["type"] == kind:
                return self.messages[-1]
        raise AssertionError(f"no {kind} came")

    async def ask(self, kind: str, **fields: Any) -> None:
        await self._socket.send_json({"type": kind, **fields})


@asynccontextmanager
async def opened(server: PlayServer) -> AsyncIterator[Page]:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{server.url}/socket", origin=server.url) as socket,
    ):
        yield Page(socket)


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("localhost", None, 200),
        ("127.0.0.1", None, 200),
        ("[::1]", None, 200),
        ("localhost", "http://localhost", 200),
        ("evil.example", None, 403),
        ("localhost.evil.example", None, 403),
        ("localhost", "http://evil.example", 403),
        ("localhost", "https://localhost", 403),
        ("localhost", "null", 403),
    ],
)
async def test_only_pages_of_this_machine_are_answered(
    server: PlayServer, host: str, origin: str | None, status: int
) -> None:
    headers = {"Host": f"{host}:{server.port}"}
    if origin is not None:
        is_own = origin != "null"
        headers["Origin"] = f"{origin}:{server.port}" if is_own else origin
    async with aiohttp.ClientSession() as session:
        async with session.get(server.url, headers=headers) as response:
            assert response.status == status
            policy = response.headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("origin", (None, "http://evil.example"))
async def test_a_socket_needs_a_page_of_its_own(
    server: PlayServer, origin: str | None
) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(f"{server.url}/socket", origin=origin)
        assert refused.value.status == 403
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(
                f"{server.url}/socket",
                origin=server.url,
                headers={"Host": f"evil.example:{server.port}"},
            )


async def test_another_page_can_post_nothing(server: PlayServer) -> None:
    async with aiohttp.ClientSession() as session:
        for headers in ({}, {"Origin": "http://evil.example"}):
            async with session.post(
                f"{server.url}/timeline", data=b"{}", headers=headers
            ) as response:
                assert response.status == 403


async def test_a_page_hears_what_it_asks_for(server: PlayServer) -> None:
    async with opened(server) as page:
        hello = await page.until("hello")
        assert {v["name"] for v in hello["voices"]} > {"Emma", "Elise"}
        assert all(one["is_possible"] for one in hello["troubles"])
        assert hello["settings"]["params"] == {
            "api_key": "${env:GRADIUM_API_KEY|}"
        }

        await page.ask("say", text=TWELVE, tokens_per_s=200)
        end = await page.until("end")

    assert end["reason"] == "request_end"
    assert len(page.audio) / 48000 == pytest.approx(end["duration_s"], abs=0.01)
    told = [m for m in page.messages if m["type"] == "words"]
    words = [word["text"] for message in told for word in message["words"]]
    assert words == WORDS[:12]
    texts = [m["text"] for m in page.messages if m["type"] == "text"]
    assert "".join(texts) == TWELVE


async def test_what_is_not_understood_is_told(server: PlayServer) -> None:
    async with opened(server) as page:
        await page.until("hello")
        for fields in (
            {"kind": "nothing"},
            {"kind": "say", "text": " ", "tokens_per_s": 1},
            {"kind": "say", "text": "a", "tokens_per_s": -1},
            {"kind": "round_trip", "ms": 1e9},
            {"kind": "settings", "changes": []},
        ):
            await page.ask(**fields)
            assert "not understood" in (await page.until("error"))["text"]


async def test_a_refused_setting_changes_nothing(server: PlayServer) -> None:
    async with opened(server) as page:
        await page.until("hello")
        await page.ask("settings", changes={"params": {"speed": 9}})
        refused = await page.until("settings")
        await page.ask("settings", changes={"params": {"speed": 1.5}})
        taken = await page.until("settings")

    assert not refused["is_ok"] and "speed" in refused["problem"]
    assert "speed" not in refused["settings"]["params"]
    assert taken["is_ok"] and taken["settings"]["params"]["speed"] == 1.5


@pytest.mark.parametrize("text", ("", "{}", "no JSON", "[1]", '{"t": 1}'))
async def test_a_file_that_is_no_trace_is_one_sentence(
    server: PlayServer, text: str
) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.post(
            f"{server.url}/timeline",
            data=text.encode(),
            headers={"Origin": server.url},
        ) as response:
            assert response.status == 400
            assert "file" in (await response.json())["problem"]


async def test_the_tunnel_is_a_line_that_can_be_cut(sim: GradiumSim) -> None:
    async with Tunnel() as tunnel, FaultProxy("127.0.0.1", tunnel.port) as far:
        params = {
            "url": sim.url,
            "api_key": "test-key",
            "proxy": f"http://127.0.0.1:{far.port}",
            # websockets complains in the loop where a proxy answers just as
            # a connect is given up, which the end of a test may do.
            "warm": "off",
        }
        sim.pause_at("audio", after_frames=8)
        host = ExtensionHost("gradium_tts_python", {"params": params})
        async with host:
            await host.send_text("r1", TWELVE, end=True)
            await sim.reached("audio")
            far.reset_all()
            sim.resume()
            end = await host.ended("r1")
            whole = whole_words(host.pcm("r1"), 24000)

    assert whole == WORDS[:12]
    assert end.reason is EndReason.REQUEST_END
    assert len(sim.sessions) == 2


async def test_a_tunnel_leads_nowhere_but_where_it_is_asked_to() -> None:
    async with Tunnel() as tunnel:
        for asked in (b"GET / HTTP/1.1", b"CONNECT 127.0.0.1:1 HTTP/1.1"):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", tunnel.port
            )
            writer.write(asked + b"\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 502")
            writer.close()


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("It is $1,200.", ["It", " is", " $", "1", ",", "200", "."]),
        ("你好 world", ["你", "好", " world"]),
        ("", []),
    ],
)
def test_text_is_written_in_small_pieces(text: str, tokens: list[str]) -> None:
    assert tokens_of(text) == tokens


async def command(*arguments: str) -> asyncio.subprocess.Process:
    """Run the command in a process of its own."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ten_play", "--no-open"),
        *("--local-voice", "tones", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_control_c_ends_it_with_pages_that_are_open() -> None:
    process = await command("--port", "0")
    assert process.stdout
    url = (await process.stdout.readline()).decode().split()[1]
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}/socket", origin=url) as socket,
    ):
        page = Page(socket)
        await page.until("hello")
        await page.ask("say", text=TWELVE, tokens_per_s=10)
        await page.until("start")
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 60)

    assert (process.returncode, err) == (0, b"")
    assert out == b"play: ended; the page comes back with ./dev play\n"


async def test_a_port_that_is_taken_is_one_sentence(server: PlayServer) -> None:
    process = await command("--port", str(server.port))
    out, err = await asyncio.wait_for(process.communicate(), 60)

    assert (process.returncode, out) == (1, b"")
    assert err.decode() == (
        f"play: cannot listen on port {server.port}: Address already in use;"
        " --port 0 takes any that is free\n"
    )
