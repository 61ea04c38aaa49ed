# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The client on real sockets: connecting, the warm socket, a stream's end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from deaf import Deaf, connect_to_deaf
from speaking import Connect, client_on, config_for
from turns import turns_of
from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from gradium_sim import (
    Close,
    Error,
    Fault,
    FaultPlan,
    GradiumSim,
    HalfOpen,
    Http,
    IgnoreClose,
    Point,
    Pongs,
    Reset,
    Send,
    Stall,
)
from gradium_tts_python.core import pace
from gradium_tts_python.core.endpoint import Endpoint
from gradium_tts_python.core.errors import (
    ConnectError,
    ConnectionLost,
    ErrorKind,
    GradiumError,
    StallError,
    SynthesisError,
)
from gradium_tts_python.core.protocol import Audio, Ready, ServerMessage, Word
from gradium_tts_python.gradium_tts import GradiumTTSClient
from gradium_tts_python.wire import (
    debt,
    race,
    reserve,
    tls,
    transport,
    watchdog,
)
from gradium_tts_python.wire.stream import Stream
from gradium_tts_python.wire.transport import open_websocket

from .properties.memory_transport import (
    RATE_HZ,
    Failure,
    MemoryServer,
    Plan,
)
from .properties.virtual_loop import run_virtually

AUTH, CONFIG, QUOTA = ErrorKind.AUTH, ErrorKind.CONFIG, ErrorKind.QUOTA
CAPACITY, TRANSIENT = ErrorKind.CAPACITY, ErrorKind.TRANSIENT
PROTOCOL = ErrorKind.PROTOCOL


def NO_JITTER() -> float:
    """The longest delays, and none that only spread clients."""
    return 0.0


async def events_of(
    stream: Stream, text: str = "Hello."
) -> list[ServerMessage]:
    """Say a text to the end."""
    await stream.send_text(text)
    await stream.end_input()
    return [event async for event in stream]


@asynccontextmanager
async def in_memory(
    server: MemoryServer, connect: Connect | None = None
) -> AsyncIterator[GradiumTTSClient]:
    """A client of a server without a socket, on a virtual clock."""
    async with client_on(
        "ws://memory/",
        connect=connect or server.connect,
        warm="off",
        sample_rate=RATE_HZ,
    ) as client:
        yield client


async def connect_error(
    url: str, *, timeout_s: float = 30.0, **params: Any
) -> ConnectError:
    """The error of a connect that must fail."""
    endpoint = config_for(url, **params).endpoint()
    with pytest.raises(ConnectError) as caught:
        await open_websocket(endpoint, timeout_s)
    return caught.value


@asynccontextmanager
async def serving(
    answer: Callable[
        [asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]
    ],
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """A TCP server; gives its port."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


# -------------------------------------------------------------------- connect


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, "", TRANSIENT),
        (302, "", CONFIG),
        (400, "", CONFIG),
        (401, "", AUTH),
        (402, "", QUOTA),
        (403, "", AUTH),
        (403, "Please use the eu region endpoint", AUTH),
        (404, "", CONFIG),
        (408, "", TRANSIENT),
        (429, "", CAPACITY),
        (500, "error 401 from server", TRANSIENT),
        (502, "", TRANSIENT),
        (503, "", TRANSIENT),
        (503, "Concurrency limit exceeded", TRANSIENT),
        (503, "Your quota is checked by a service that is down", TRANSIENT),
        (429, "60 requests per minute, see your subscription", CAPACITY),
    ],
)
async def test_a_refused_upgrade_names_the_status(
    sim: GradiumSim, status: int, body: str, kind: ErrorKind
) -> None:
    sim.faults = FaultPlan(Fault(Point.UPGRADE, Http(status, body)))

    error = await connect_error(sim.url)

    assert str(error) == (
        f"127.0.0.1:{sim.port} refused the connection with HTTP status {status}"
    )
    assert (error.kind, error.code) == (kind, str(status))
    assert error.vendor_message == body


async def test_a_refused_connection_is_transient() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]

        error = await connect_error(f"ws://127.0.0.1:{port}/")

    assert str(error) == (
        f"cannot connect to 127.0.0.1:{port}: Connection refused"
    )
    assert (error.kind, error.code, error.vendor_message) == (TRANSIENT, "", "")


async def test_where_one_address_is_dead_another_is_taken(
    sim: GradiumSim, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IPv6 that leads nowhere: the second connect is over IPv4."""
    monkeypatch.setattr(race, "STAGGER_S", 0.05)
    with contextlib.ExitStack() as stack:
        dead = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        dead.listen(0)
        for _ in range(4):  # its queue is full: nobody gets an answer
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(dead.getsockname())

        async def found(
            host: str, port: int, family: int = 0, **_: Any
        ) -> list[Any]:
            address = dead.getsockname()
            if family == socket.AF_INET:
                address = ("127.0.0.1", sim.port)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address)]

        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "getaddrinfo", found)
        url = sim.url.replace("127.0.0.1", "gradium.test")
        async with client_on(url, warm="off", connect_timeout_s=60) as client:
            async with client.open_stream() as stream:
                await events_of(stream)

    assert len(sim.sessions) == 1


async def test_an_unknown_host_is_transient() -> None:
    error = await connect_error("ws://nowhere.invalid/")

    assert str(error).startswith("cannot connect to nowhere.invalid: ")
    assert len(str(error)) > len("cannot connect to nowhere.invalid: ")
    assert error.kind is TRANSIENT


@pytest.mark.parametrize("do", [Stall(), HalfOpen()], ids=["stall", "deaf"])
async def test_a_slow_upgrade_ends_at_the_timeout(
    sim: GradiumSim, do: Stall | HalfOpen
) -> None:
    sim.faults = FaultPlan(Fault(Point.UPGRADE, do))
    started_s = time.monotonic()

    error = await connect_error(sim.url, timeout_s=0.3)

    assert str(error) == (
        f"cannot connect to 127.0.0.1:{sim.port}: no answer within 0.3 s"
    )
    assert error.kind is TRANSIENT
    assert time.monotonic() - started_s >= 0.3


async def test_a_reset_upgrade_is_transient(sim: GradiumSim) -> None:
    sim.faults = FaultPlan(Fault(Point.UPGRADE, Reset()))

    error = await connect_error(sim.url)

    assert str(error).startswith(f"cannot connect to 127.0.0.1:{sim.port}: ")
    assert error.kind is TRANSIENT


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH_9.6\r\n"])
async def test_another_kind_of_server_is_transient(said: bytes) -> None:
    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    async with serving(answer) as port:
        error = await connect_error(f"ws://127.0.0.1:{port}/")

    assert str(error).startswith(
        f"cannot connect to 127.0.0.1:{port}: not a websocket answer: "
    )
    assert error.kind is TRANSIENT


@pytest.mark.parametrize(
    ("url", "params", "why"),
    [
        ("wss://127.0.0.1:1/", {"ca_file": "/no/such.pem"}, "/no/such.pem"),
        ("wss://127.0.0.1:1/", {"ca_file": __file__}, __file__),
    ],
    ids=["no ca file", "not a ca file"],
)
async def test_what_only_the_user_can_change_is_a_config_error(
    url: str, params: dict[str, str], why: str
) -> None:
    error = await connect_error(url, **params)

    assert why in str(error)
    assert error.kind is CONFIG


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody has signed, with its key."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl to make a certificate with")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=sim"
        f" -addext subjectAltName=IP:127.0.0.1 -keyout {path} -out {path}.crt",
        shell=True,
        check=True,
        capture_output=True,
    )
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


@asynccontextmanager
async def tls_front(certificate: Path, target: int) -> AsyncIterator[int]:
    """A TLS server in front of a plain one; gives its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        inner = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(pump(reader, inner[1]), pump(inner[0], writer))

    async with serving(answer, context) as port:
        yield port


async def pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    try:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.close()


async def test_a_certificate_is_trusted_by_ca_file(
    sim: GradiumSim, certificate: Path
) -> None:
    async with (
        tls_front(certificate, sim.port) as port,
        client_on(
            f"wss://127.0.0.1:{port}/api/speech/tts",
            ca_file=str(certificate),
            warm="off",
        ) as client,
    ):
        async with client.open_stream() as stream:
            events = await events_of(stream)

    assert Word("Hello.", 0.005, 0.095) in events


async def test_the_authorities_are_read_once(
    sim: GradiumSim, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading them takes longer than an interruption may take."""
    read = 0
    create = ssl.create_default_context

    def counted(*args: Any, **kwargs: Any) -> ssl.SSLContext:
        nonlocal read
        read += 1
        return create(*args, **kwargs)

    monkeypatch.setattr(tls, "_kept", {})
    monkeypatch.setattr(ssl, "create_default_context", counted)
    async with tls_front(certificate, sim.port) as port:
        for ca_file in (None, None, str(certificate), str(certificate)):
            url = f"wss://127.0.0.1:{port}/api/speech/tts"
            async with client_on(url, ca_file=ca_file, warm="off") as client:
                with contextlib.suppress(ConnectError):
                    async with client.open_stream() as stream:
                        await events_of(stream)

    # Once for the system's, once for the file.
    assert read == 2
    assert len(sim.sessions) == 2


async def test_the_loop_serves_others_while_authorities_are_read(
    sim: GradiumSim, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are read by a thread, and ahead, whatever is opened ahead."""
    create, may_read = ssl.create_default_context, threading.Event()
    read: list[str] = []

    def slow(cafile: str) -> ssl.SSLContext:
        read.append(threading.current_thread().name)
        assert may_read.wait(20), "the loop is held up"
        return create(cafile=cafile)

    monkeypatch.setattr(tls, "_kept", {})
    monkeypatch.setattr(ssl, "create_default_context", slow)
    async with (
        tls_front(certificate, sim.port) as port,
        client_on(
            f"wss://127.0.0.1:{port}/api/speech/tts",
            ca_file=str(certificate),
            warm="off",
        ) as client,
    ):
        client.prewarm()
        # One that is cancelled takes nothing from the others.
        given_up, *entering = (
            asyncio.ensure_future(client.open_stream().__aenter__())
            for _ in range(3)
        )
        await asyncio.sleep(0.01)
        given_up.cancel()
        may_read.set()

        for stream in await asyncio.gather(*entering):
            await stream.leave()

    assert read == ["gradium:tls"]
    assert len(sim.sessions) == 2


async def test_a_redirect_is_not_followed(sim: GradiumSim) -> None:
    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\n"
            b"Location: " + sim.url.encode() + b"\r\n\r\n"
        )
        writer.close()

    async with serving(answer) as port:
        error = await connect_error(f"ws://127.0.0.1:{port}/")

    assert (error.kind, error.code) == (CONFIG, "307")
    # The other host has not seen the key.
    assert sim.connections == []


# ---------------------------------------------------------------------- proxy


with_proxies = pytest.mark.skipif(
    not transport._KNOWS_PROXIES, reason="websockets 14 knows no proxies"
)


@dataclass
class ConnectProxy:
    """An HTTP proxy that tunnels, or answers with a status."""

    status: str = "200 OK"
    asked: str = ""

    async def __call__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked = head
        writer.write(f"HTTP/1.1 {self.status}\r\n\r\n".encode())
        if not self.status.startswith("200"):
            writer.close()
            return
        host, port = head.split()[1].rsplit(":", 1)
        inner = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pump(reader, inner[1]), pump(inner[0], writer))


@with_proxies
async def test_a_proxy_carries_the_socket(sim: GradiumSim) -> None:
    proxy = ConnectProxy()

    async with (
        serving(proxy) as port,
        client_on(
            sim.url, proxy=f"http://user:pass@127.0.0.1:{port}", warm="off"
        ) as client,
    ):
        async with client.open_stream() as stream:
            events = await events_of(stream)

    assert Word("Hello.", 0.005, 0.095) in events
    assert proxy.asked.startswith(f"CONNECT 127.0.0.1:{sim.port} HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic" in proxy.asked
    # The key is for the vendor only.
    assert "test-key" not in proxy.asked


@with_proxies
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("403 Forbidden", CONFIG),
        ("407 Proxy Authentication Required", CONFIG),
        ("502 Bad Gateway", TRANSIENT),
    ],
)
async def test_a_proxy_that_refuses_is_named(
    sim: GradiumSim, status: str, kind: ErrorKind
) -> None:
    async with serving(ConnectProxy(status)) as port:
        error = await connect_error(
            sim.url, proxy=f"http://user:pass@127.0.0.1:{port}"
        )

    assert "proxy" in str(error) and status[:3] in str(error)
    assert (error.kind, error.code) == (kind, status[:3])


async def test_a_library_without_proxies_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport, "_KNOWS_PROXIES", False)

    error = await connect_error("ws://127.0.0.1:1/", proxy="http://127.0.0.1:1")

    assert str(error).startswith("proxy needs websockets 15 or newer")
    assert error.kind is CONFIG


async def test_a_bug_of_ours_is_nobodys_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise TypeError("no such option")

    monkeypatch.setattr(transport, "_Connect", fail)

    error = await connect_error("ws://127.0.0.1:1/")

    assert (
        str(error) == "cannot connect to 127.0.0.1:1: TypeError: no such option"
    )
    assert error.kind is ErrorKind.INTERNAL


@with_proxies
async def test_a_proxy_that_is_not_there_is_transient(sim: GradiumSim) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]

        error = await connect_error(sim.url, proxy=f"http://127.0.0.1:{port}")

    assert error.kind is TRANSIENT


# -------------------------------------------------------------------- secrets

KEY = "gsk_never_show_this_key"


# --------------------------------------------------------------------- stream


async def test_setup_text_and_end_do_not_wait_for_ready(
    sim: GradiumSim,
) -> None:
    sim.pause_at(Point.READY)
    async with client_on(sim.url) as client, client.open_stream() as stream:
        await stream.send_text("Hello")
        await stream.send_text("world.")
        await stream.end_input()
        await sim.until(lambda s: bool(s.sessions and s.sessions[0].is_ended))

        assert sim.sessions[0].times.ready_s is None
        sim.resume()
        events = [event async for event in stream]

    assert [
        type(event) for event in events if not isinstance(event, Audio)
    ] == [
        Ready,
        Word,
        Word,
    ]
    kinds = [
        message["type"]
        for message in sim.connections[0].messages
        if isinstance(message, dict)
    ]
    assert kinds == ["setup", "text", "text", "end_of_stream"]
    assert sim.sessions[0].text == "Hello world."


async def test_a_socket_says_who_calls(sim: GradiumSim) -> None:
    async with client_on(sim.url, headers={"x-team": "blue"}) as client:
        async with client.open_stream() as stream:
            await events_of(stream)

    headers = sim.connections[0].headers
    assert headers["x-api-key"] == "test-key"
    assert headers["x-api-source"] == "ten"
    assert headers["x-team"] == "blue"
    assert "sec-websocket-extensions" not in headers


END = Send('{"type":"end_of_stream"}')


@pytest.mark.parametrize(
    ("at", "do", "error_type", "kind", "code", "message"),
    [
        (Point.READY, Close(1000), ConnectionLost, TRANSIENT, "1000", ""),
        (Point.LAST_WORD, Close(1000), ConnectionLost, TRANSIENT, "1000", ""),
        (
            Point.READY,
            Close(1001, "going away"),
            ConnectionLost,
            TRANSIENT,
            "1001",
            "going away",
        ),
        (Point.READY, Close(1002), ConnectionLost, CONFIG, "1002", ""),
        (Point.READY, Close(1003), ConnectionLost, CONFIG, "1003", ""),
        (
            Point.READY,
            Close(1008, "No authentication provided."),
            ConnectionLost,
            AUTH,
            "1008",
            "No authentication provided.",
        ),
        (Point.AUDIO, Close(1011), ConnectionLost, TRANSIENT, "1011", ""),
        (Point.AUDIO, Reset(), ConnectionLost, TRANSIENT, "", ""),
        (
            Point.READY,
            Error("Invalid or expired API key", 1008),
            SynthesisError,
            AUTH,
            "1008",
            "Invalid or expired API key",
        ),
        (
            Point.READY,
            Error("Concurrency limit exceeded", 1008),
            SynthesisError,
            CAPACITY,
            "1008",
            "Concurrency limit exceeded",
        ),
        (
            Point.AUDIO,
            Error("It failed", None),
            SynthesisError,
            TRANSIENT,
            "",
            "It failed",
        ),
        (
            Point.READY,
            Send('{"type":"ready","sample_rate":48000}'),
            SynthesisError,
            PROTOCOL,
            "",
            "",
        ),
    ],
)
async def test_every_end_but_the_right_one_is_an_error(
    sim: GradiumSim,
    at: Point,
    do: Close,
    error_type: type[GradiumError],
    kind: ErrorKind,
    code: str,
    message: str,
) -> None:
    sim.faults = FaultPlan(Fault(at, do))
    async with client_on(sim.url, warm="off") as client:
        with pytest.raises(error_type) as caught:
            async with client.open_stream() as stream:
                await events_of(stream)

    error = caught.value
    assert (error.kind, error.code) == (kind, code)
    assert error.vendor_message.split("\n")[0] == message
    assert f"127.0.0.1:{sim.port}" in str(error)


async def test_an_end_nobody_asked_for_is_a_drop(sim: GradiumSim) -> None:
    sim.faults = FaultPlan(Fault(Point.READY, END))
    async with client_on(sim.url, warm="off") as client:
        with pytest.raises(ConnectionLost) as caught:
            async with client.open_stream() as stream:
                await stream.send_text("Hello.")
                async for _ in stream:
                    pass

    assert caught.value.kind is TRANSIENT


@pytest.mark.parametrize(
    ("at", "missing"),
    [
        (Point.READY, "answer to the setup"),
        (Point.FIRST_AUDIO, "audio"),
        (Point.AUDIO, "end of the audio"),
        (Point.LAST_WORD, "end of the audio"),
    ],
)
async def test_a_stall_says_what_is_missing_from_whom_since_when(
    sim: GradiumSim, at: Point, missing: str
) -> None:
    sim.faults = FaultPlan(Fault(at, Stall()))
    async with client_on(
        sim.url, ready_timeout_s=0.8, audio_timeout_s=0.8, warm="off"
    ) as client:
        with pytest.raises(StallError) as caught:
            async with client.open_stream() as stream:
                await events_of(stream)

    # 0.8 s, the grace of a loop that was busy, and whatever the machine took.
    sentence, waited = str(caught.value).rsplit(" ", 2)[0:2]
    assert sentence == f"no {missing} from 127.0.0.1:{sim.port} after"
    assert float(waited) >= 0.8
    assert caught.value.kind is TRANSIENT


def test_an_answer_that_never_ends_is_ended() -> None:
    """Audio still comes, a message a second, but far too slowly."""
    text = "alpha bravo charlie delta echo foxtrot golf hotel"
    frames: list[Audio] = []

    async def speak() -> tuple[StallError, float]:
        server = MemoryServer([Plan(message_s=1.0)], lambda _: None)
        loop = asyncio.get_running_loop()
        async with in_memory(server) as client:
            with pytest.raises(StallError) as caught:
                async with client.open_stream() as stream:
                    await stream.send_text(text)
                    await stream.end_input()
                    asked_s = loop.time()
                    async for event in stream:
                        if isinstance(event, Audio):
                            frames.append(event)
        return caught.value, loop.time() - asked_s

    error, took_s = run_virtually(speak())

    limit_s = debt.CEILING_S + 0.25 * len(text)
    assert debt.CEILING_S_PER_CHARACTER == 0.25
    # The grace of a loop that was busy is added.
    assert limit_s <= took_s <= limit_s + 0.1
    assert str(error) == (
        f"no end of the audio from memory after {took_s:.1f} s"
    )
    # Two of three messages are audio.
    assert len(frames) == pytest.approx(limit_s * 2 / 3, abs=2)


@pytest.fixture
def short_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A watchdog in a hurry: its times are tested on a virtual clock."""
    monkeypatch.setattr(watchdog, "QUIET_S", 0.1)
    monkeypatch.setattr(watchdog, "PONG_S", 0.3)


async def test_a_peer_that_is_gone_is_noticed_while_it_owes(
    sim: GradiumSim, short_watch: None
) -> None:
    sim.faults = FaultPlan(Fault(Point.AUDIO, HalfOpen()))
    async with client_on(sim.url, warm="off") as client:
        with pytest.raises(StallError) as caught:
            async with client.open_stream() as stream:
                await stream.send_text("Hello there, my good old friend.")
                async for _ in stream:
                    pass

    assert "answer to a ping" in str(caught.value)


class CountsPongs(transport.WebSocketTransport):
    """A real socket that tells when a ping was answered."""

    def __init__(self, inner: transport.WebSocketTransport) -> None:
        super().__init__(inner._connection, inner._host)
        self.pongs = asyncio.Semaphore(0)

    async def ping(self) -> None:
        await super().ping()
        self.pongs.release()


async def test_a_peer_that_answers_pings_may_wait_for_text(
    sim: GradiumSim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "QUIET_S", 0.3)
    sockets: list[CountsPongs] = []

    async def connect(
        endpoint: Endpoint, timeout_s: float
    ) -> transport.Transport:
        inner = await open_websocket(endpoint, timeout_s)
        assert isinstance(inner, transport.WebSocketTransport)
        sockets.append(CountsPongs(inner))
        return sockets[-1]

    async with (
        client_on(
            sim.url, connect=connect, audio_timeout_s=1.0, warm="off"
        ) as client,
        client.open_stream() as stream,
    ):
        await stream.send_text("Hello")
        events = [await stream.__anext__()]
        waiting = asyncio.ensure_future(stream.__anext__())
        # Four times QUIET_S: longer than any limit that runs here.
        for _ in range(4):
            await sockets[0].pongs.acquire()
        assert not waiting.done()
        waiting.cancel()
        await asyncio.wait({waiting})
        await stream.end_input()
        events += [event async for event in stream]

    # The cancelled wait has lost nothing.
    assert isinstance(events[0], Ready)
    assert [e.text for e in events if isinstance(e, Word)] == ["Hello"]


class Flooded(Deaf):
    """A server whose messages are all there at once."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__()
        self._messages = messages[::-1]

    async def recv(self) -> str:
        return self._messages.pop() if self._messages else await super().recv()


@pytest.mark.parametrize(
    "message",
    [
        '{"type":"text","text":"a","start_s":0,"stop_s":1}',
        '{"type":"unknown"}',
    ],
    ids=["news", "no news"],
)
def test_a_flood_of_messages_leaves_the_loop_to_others(message: str) -> None:
    flood = [message] * 4000 + ['{"type":"end_of_stream"}']

    async def connect(
        endpoint: Endpoint, timeout_s: float
    ) -> transport.Transport:
        return Flooded(flood)

    async def listen() -> tuple[list[ServerMessage], int]:
        config = config_for("ws://memory/", warm="off")
        client = GradiumTTSClient(config, connect=connect)
        async with client.open_stream() as stream:
            heard = await turns_of(events_of(stream))
        await client.aclose()
        return heard

    events, turns = run_virtually(listen())

    assert len(events) == (4000 if "text" in message else 0)
    assert turns >= 4000 / 8


@pytest.mark.parametrize("after", range(16))
def test_a_wait_that_is_cancelled_in_a_flood_loses_nothing(after: int) -> None:
    texts = [str(number) for number in range(40)]
    flood = [f'{{"type":"text","text":"{text}"}}' for text in texts]

    async def connect(
        endpoint: Endpoint, timeout_s: float
    ) -> transport.Transport:
        return Flooded([*flood, '{"type":"end_of_stream"}'])

    async def listen() -> list[ServerMessage]:
        config = config_for("ws://memory/", warm="off")
        client = GradiumTTSClient(config, connect=connect)
        async with client.open_stream() as stream:
            await stream.end_input()
            heard = [await stream.__anext__() for _ in range(after)]
            waiting = asyncio.ensure_future(stream.__anext__())
            await asyncio.sleep(0)
            if waiting.done():
                heard.append(waiting.result())
            waiting.cancel()
            await asyncio.wait({waiting})
            heard += [message async for message in stream]
        await client.aclose()
        return heard

    heard = run_virtually(listen())

    assert [m.text for m in heard if isinstance(m, Word)] == texts


async def test_abort_ends_a_pending_iteration(sim: GradiumSim) -> None:
    sim.pause_at(Point.READY)
    async with client_on(sim.url) as client, client.open_stream() as stream:
        waiting = asyncio.ensure_future(stream.__anext__())
        await sim.reached(Point.READY)

        stream.abort()

        with pytest.raises(ConnectionLost):
            await waiting
    assert sim.sessions[0].connection.closed_by == "client"


@pytest.mark.parametrize("do", [HalfOpen(), IgnoreClose()])
async def test_leaving_does_not_wait_for_the_peer(
    sim: GradiumSim, do: HalfOpen
) -> None:
    sim.faults = FaultPlan(Fault(Point.FIRST_AUDIO, do))
    sim.pause_at(Point.LAST_AUDIO)
    async with client_on(sim.url, warm="off") as client:
        stream = await client.open_stream().__aenter__()
        await stream.send_text("Hello.")
        await stream.end_input()
        await sim.reached(Point.FIRST_AUDIO)

        _, turns = await turns_of(stream.__aexit__(None, None, None))

        # Too few for a byte to come back.
        assert turns <= 2
        await sim.until(lambda s: s.open_sockets == 0)


async def test_a_stream_that_was_left_says_so(sim: GradiumSim) -> None:
    async with client_on(sim.url) as client:
        async with client.open_stream() as stream:
            await stream.send_text("Hello.")

        with pytest.raises(ConnectionLost, match="the stream was left"):
            await stream.__anext__()
        with pytest.raises(ConnectionLost, match="the stream was left"):
            await stream.end_input()


# ----------------------------------------------------------- the warm socket


async def until_warm(sim: GradiumSim, connections: int) -> None:
    """Wait until so many sockets were opened in all, and the last is open."""
    await sim.until(
        lambda s: (
            len(s.connections) == connections
            and s.connections[-1].http_status == 101
        )
    )


async def test_a_stream_takes_the_socket_that_was_opened_ahead(
    sim: GradiumSim,
) -> None:
    async with client_on(sim.url) as client:
        client.prewarm()
        await until_warm(sim, 1)

        async with client.open_stream() as stream:
            await events_of(stream)
            # The next one is opened once there is audio.
            await until_warm(sim, 2)

        assert stream.times.is_warm
        assert sim.sessions[0].connection is sim.connections[0]
        async with client.open_stream() as stream:
            await events_of(stream)
        assert sim.sessions[1].connection is sim.connections[1]
    # No session was opened for nothing, and nothing is left.
    assert len(sim.sessions) == 2
    await sim.until(lambda s: s.open_sockets == 0)


async def test_a_stream_waits_for_the_socket_that_is_being_opened(
    sim: GradiumSim,
) -> None:
    sim.pause_at(Point.UPGRADE)
    async with client_on(sim.url) as client:
        client.prewarm()
        await sim.reached(Point.UPGRADE)
        entering = asyncio.ensure_future(client.open_stream().__aenter__())
        await asyncio.sleep(0)

        sim.resume()
        stream = await entering

        assert stream.times.is_warm
        assert len(sim.connections) == 1
        await stream.__aexit__(None, None, None)


@pytest.mark.skipif(
    not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux has it"
)
async def test_the_system_notices_a_peer_that_is_gone(sim: GradiumSim) -> None:
    """In 8 s: a probe after 5, then one each second, all unanswered."""
    opened = await transport.open_websocket(
        config_for(sim.url).endpoint(), timeout_s=60
    )
    assert isinstance(opened, transport.WebSocketTransport)
    tcp = opened._connection.transport.get_extra_info("socket")

    assert tcp.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert {
        name: tcp.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
        for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_USER_TIMEOUT")
    } == {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 1, "TCP_USER_TIMEOUT": 8000}
    await opened.aclose()


class Written(asyncio.Transport):
    """A line that keeps what is written, write by write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def is_closing(self) -> bool:
        return False

    def set_write_buffer_limits(
        self, high: int | None = None, low: int | None = None
    ) -> None:
        pass


@pytest.mark.parametrize("count", [1, 2, 3])
async def test_what_is_sent_together_is_one_write(count: int) -> None:
    """A write is a packet, and a record of TLS."""
    line, connection = (
        Written(),
        ClientConnection(ClientProtocol(parse_uri("ws://host/"))),
    )
    connection.protocol.state = State.OPEN
    connection.connection_made(line)
    sent = [f"message {number}" for number in range(count)]

    await transport.WebSocketTransport(connection, "host").send(*sent)

    (written,) = line.writes
    server = ServerProtocol(state=State.OPEN)
    server.receive_data(written)
    assert [str(f.data, "utf-8") for f in server.events_received()] == sent


async def test_two_streams_never_share_a_socket(sim: GradiumSim) -> None:
    async with client_on(sim.url) as client:
        client.prewarm()

        async def say(word: str) -> list[str]:
            async with client.open_stream() as stream:
                events = await events_of(stream, word)
            return [e.text for e in events if isinstance(e, Word)]

        said = await asyncio.gather(say("one"), say("two"), say("three"))

    assert list(said) == [["one"], ["two"], ["three"]]
    assert all(len(session.texts) == 1 for session in sim.sessions)
    sockets = {id(session.connection) for session in sim.sessions}
    assert len(sockets) == 3


async def test_a_warm_socket_that_was_closed_is_replaced(
    sim: GradiumSim,
) -> None:
    async with client_on(sim.url) as client:
        client.prewarm()
        await until_warm(sim, 1)
        await sim.perform(Close(1001, "going away"))
        await sim.until(lambda s: s.open_sockets == 0)

        async with client.open_stream() as stream:
            events = await events_of(stream)
            await until_warm(sim, 3)

        assert not stream.times.is_warm
        assert [e.text for e in events if isinstance(e, Word)] == ["Hello."]


async def test_a_warm_socket_without_pongs_is_replaced(
    sim: GradiumSim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reserve, "FIRST_PING_S", 0.02)
    monkeypatch.setattr(reserve, "WARM_PONG_S", 0.05)
    monkeypatch.setattr(pace, "FIRST_WAIT_S", 0.01)
    sim.faults = FaultPlan(Fault(Point.OPEN, Pongs(None), times=1))
    async with client_on(sim.url) as client:
        client.prewarm()
        await until_warm(sim, 2)
        # The second one answers, as soon as the machine lets it.
        monkeypatch.setattr(reserve, "WARM_PONG_S", 60.0)

        async with client.open_stream() as stream:
            await events_of(stream)

        assert sim.sessions[0].connection is sim.connections[1]


async def test_a_warm_socket_does_not_grow_old(
    sim: GradiumSim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reserve, "FIRST_PING_S", 0.01)
    monkeypatch.setattr(reserve, "WARM_PING_S", 0.01)
    async with client_on(sim.url, reserve_max_age_s=0.05) as client:
        client.prewarm()

        await until_warm(sim, 4)

        await sim.until(lambda s: s.connections[1].closed_by == "client")
        # Closed politely: it costs nobody anything.
        assert [c.close_code for c in sim.connections[:2]] == [1000, 1000]
        await sim.until(lambda s: s.open_sockets <= 2)


def test_a_warm_socket_serves_until_its_successor_is_there() -> None:
    """No request meets the moment in which it is replaced."""

    async def run() -> tuple[list[float], list[bool]]:
        plans = [Plan()] + [Plan(connect_s=4.0)] * 9
        server = MemoryServer(plans, lambda _: None)
        async with client_on(
            "ws://memory/",
            connect=server.connect,
            sample_rate=RATE_HZ,
            reserve_max_age_s=10.0,
        ) as client:
            client.prewarm()
            # It is old after 8 to 10 s.
            await asyncio.sleep(11.0)
            async with client.open_stream() as stream:
                return server.connects_s[:], [stream.times.is_warm]

    connects_s, is_warm = run_virtually(run())

    assert is_warm == [True]
    assert connects_s == [0.0, pytest.approx(9.0, abs=1.1)]


def test_the_next_socket_is_opened_when_the_text_has_left() -> None:
    """Turns may follow each other faster than a socket opens."""

    async def run() -> list[float]:
        server = MemoryServer([Plan()], lambda _: None)
        async with client_on(
            "ws://memory/", connect=server.connect, sample_rate=RATE_HZ
        ) as client:
            async with client.open_stream() as first:
                await first.send_text("alpha")
                await first.end_input()
                async for _ in first:
                    pass
            opened = len(server.connects_s)
            await asyncio.sleep(3)
            async with client.open_stream() as second:
                await second.send_text("bravo")
                await asyncio.sleep(0)
                # Before `ready`, and only since the first was accepted.
                return server.connects_s[opened:]

    assert run_virtually(run()) == [pytest.approx(3.07, abs=0.1)]


def test_an_idle_socket_is_pinged_twice_in_its_life() -> None:
    """Soon, to know that it is good, and when it has become half as old."""
    pinged_s: list[float] = []

    class Pinged(Deaf):
        async def ping(self) -> None:
            pinged_s.append(asyncio.get_running_loop().time())

    async def connect(
        endpoint: Endpoint, timeout_s: float
    ) -> transport.Transport:
        return Pinged()

    async def keep() -> None:
        config = config_for("ws://memory/", sample_rate=RATE_HZ)
        client = GradiumTTSClient(config, connect=connect, jitter=NO_JITTER)
        client.prewarm()
        await asyncio.sleep(99.0)
        await client.aclose()

    run_virtually(keep())

    assert pinged_s == pytest.approx([5, 35, 55, 85])


@pytest.mark.parametrize(
    ("answers_after_s", "sockets"), [(1.5, 1), (2.5, 4)], ids=["late", "never"]
)
def test_a_warm_socket_is_given_time_to_answer_a_ping(
    answers_after_s: float, sockets: int
) -> None:
    """After 7, 15, 24 … seconds one is gone that was waited for 2 s."""
    opened = 0

    async def connect(
        endpoint: Endpoint, timeout_s: float
    ) -> transport.Transport:
        nonlocal opened
        opened += 1
        return await server.connect(endpoint, timeout_s)

    async def keep() -> None:
        config = config_for("ws://memory/", sample_rate=RATE_HZ)
        client = GradiumTTSClient(config, connect=connect, jitter=NO_JITTER)
        client.prewarm()
        await asyncio.sleep(40.0)
        await client.aclose()

    server = MemoryServer(
        [Plan(message_s=answers_after_s)] * 20, lambda _: None
    )
    run_virtually(keep())

    assert opened == sockets


async def test_a_warm_socket_that_fails_is_tried_again(
    sim: GradiumSim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "FIRST_WAIT_S", 0.01)
    sim.faults = FaultPlan(Fault(Point.UPGRADE, Http(503), times=2))
    async with client_on(sim.url) as client:
        client.prewarm()

        await until_warm(sim, 3)

        async with client.open_stream() as stream:
            await events_of(stream)
        assert stream.times.is_warm


def test_a_warm_socket_that_is_closed_at_once_is_opened_ever_less_often() -> (
    None
):
    """As with a wrong key: the upgrade succeeds, then the server closes."""
    opened_s: list[float] = []

    async def connect(
        endpoint: Endpoint, timeout_s: float
    ) -> transport.Transport:
        opened_s.append(asyncio.get_running_loop().time())
        closed = await connect_to_deaf(endpoint, timeout_s)
        closed.abort()
        return closed

    async def keep() -> None:
        client = GradiumTTSClient(
            config_for("ws://memory/"), connect=connect, jitter=NO_JITTER
        )
        client.prewarm()
        await asyncio.sleep(100.0)
        await client.aclose()

    run_virtually(keep())

    # Twice as long each time, up to half a minute.
    assert opened_s == pytest.approx([0, 1, 3, 7, 15, 31, 61, 91])


# ------------------------------------------------ how often one is opened ahead


@dataclass
class Vendor:
    """A server in memory, and when each connect was tried.

    Attributes:
        fails: how a connect fails; `None` gives a healthy socket.
        ahead_s: when a socket was opened for no request.
        asked_s: when one was opened for a request.
    """

    fails: Callable[[], Awaitable[transport.Transport]] | None = None
    ahead_s: list[float] = field(default_factory=list)
    asked_s: list[float] = field(default_factory=list)
    server: MemoryServer = field(
        default_factory=lambda: MemoryServer([], lambda _: None)
    )

    async def connect(
        self, endpoint: Endpoint, timeout_s: float
    ) -> transport.Transport:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        is_ahead = task is not None and task.get_name() == "gradium:warm"
        (self.ahead_s if is_ahead else self.asked_s).append(loop.time())
        if self.fails:
            return await self.fails()
        return await self.server.connect(endpoint, timeout_s)

    def client(
        self, jitter: Callable[[], float] = NO_JITTER
    ) -> GradiumTTSClient:
        log = logging.Logger("gradium_tts.test")
        log.addHandler(logging.NullHandler())
        return GradiumTTSClient(
            config_for("ws://memory/", sample_rate=RATE_HZ),
            connect=self.connect,
            log=log,
            jitter=jitter,
        )


async def is_refused() -> transport.Transport:
    raise ConnectError("refused", TRANSIENT)


async def closes_at_once() -> transport.Transport:
    """The upgrade succeeds, then the server closes."""
    closed = Deaf()
    asyncio.get_running_loop().call_later(0.01, closed.abort)
    return closed


async def is_mute() -> transport.Transport:
    """The upgrade succeeds, and nothing is ever answered."""
    return Deaf()


DOWN = pytest.mark.parametrize(
    "fails",
    [is_refused, closes_at_once, is_mute],
    ids=lambda fails: fails.__name__,
)


def most_in_a_minute(times_s: list[float]) -> int:
    """How many of these fall into one minute, at most."""
    return max(
        (sum(t <= u < t + 60 for u in times_s) for t in times_s), default=0
    )


@DOWN
def test_an_idle_instance_asks_a_server_that_is_down_a_few_times_a_minute(
    fails: Callable[[], Awaitable[transport.Transport]],
) -> None:
    vendor = Vendor(fails)

    async def idle() -> None:
        client = vendor.client(jitter=lambda: 1.0)
        client.prewarm()
        await asyncio.sleep(600.0)
        await client.aclose()

    run_virtually(idle())

    assert vendor.asked_s == []
    assert 20 <= len(vendor.ahead_s) <= 50
    assert most_in_a_minute(vendor.ahead_s) <= 9
    assert most_in_a_minute([t for t in vendor.ahead_s if t > 60]) <= 4


@DOWN
def test_a_busy_instance_opens_hardly_any_socket_ahead_while_it_is_down(
    fails: Callable[[], Awaitable[transport.Transport]],
) -> None:
    """Its requests ask often enough."""
    vendor = Vendor(fails)

    async def busy() -> None:
        client = vendor.client(jitter=lambda: 1.0)
        client.prewarm()
        while asyncio.get_running_loop().time() < 600.0:
            with contextlib.suppress(GradiumError):
                async with client.open_stream() as stream:
                    await events_of(stream)
            await asyncio.sleep(1.0)
        await client.aclose()

    run_virtually(busy())

    # At the mute one a request waits for its limit, 3 s.
    assert len(vendor.asked_s) >= 140
    assert most_in_a_minute(vendor.ahead_s) <= 9
    assert most_in_a_minute([t for t in vendor.ahead_s if t > 60]) <= 4


def test_a_request_that_gets_through_ends_the_pause() -> None:
    vendor = Vendor(is_refused)

    async def recover() -> tuple[int, float, bool]:
        client = vendor.client()
        client.prewarm()
        await asyncio.sleep(0)
        for _ in range(10):
            with contextlib.suppress(GradiumError):
                async with client.open_stream() as stream:
                    await events_of(stream, "Hello")
        tried_ahead, vendor.fails = len(vendor.ahead_s), None
        async with client.open_stream() as stream:
            await events_of(stream, "Hello")
        done_s = asyncio.get_running_loop().time()
        async with client.open_stream() as stream:
            await events_of(stream, "Hello")
        await client.aclose()
        return tried_ahead, done_s, stream.times.is_warm

    tried_ahead, done_s, is_warm = run_virtually(recover())

    assert tried_ahead == 1
    assert is_warm
    # The next one was opened while the first audio was coming.
    assert vendor.ahead_s[1] < done_s < 1.0


def test_a_session_that_is_cut_is_no_reason_to_wait() -> None:
    vendor = Vendor()
    vendor.server = MemoryServer(
        [Plan(failure=Failure.RESET, after_messages=3)], lambda _: None
    )

    async def cut() -> None:
        client = vendor.client()
        with contextlib.suppress(GradiumError):
            async with client.open_stream() as stream:
                await events_of(stream, "one two three")
        await asyncio.sleep(1.0)
        await client.aclose()

    run_virtually(cut())

    assert len(vendor.asked_s) == len(vendor.ahead_s) == 1
    assert vendor.ahead_s[0] < 0.1


def test_other_settings_do_not_wait_for_the_old_server() -> None:
    vendor = Vendor(is_refused)

    async def move() -> None:
        client = vendor.client()
        client.prewarm()
        await asyncio.sleep(32.0)
        vendor.fails = None
        client.update_config(config_for("ws://other/", sample_rate=RATE_HZ))
        await asyncio.sleep(0.1)
        await client.aclose()

    run_virtually(move())

    assert vendor.ahead_s == pytest.approx([0, 1, 3, 7, 15, 31, 32])


def opened_together(
    clients: int, server: MemoryServer, play: Callable[[], Awaitable[None]]
) -> list[list[float]]:
    """When each of some clients, started at once, opened its sockets ahead."""
    vendors = [Vendor(server=server) for _ in range(clients)]
    chance = random.Random(7)

    async def together() -> None:
        all_clients = [vendor.client(chance.random) for vendor in vendors]
        for client in all_clients:
            client.prewarm()
        await play()
        for client in all_clients:
            await client.aclose()

    run_virtually(together())
    return [vendor.ahead_s for vendor in vendors]


def test_clients_of_a_server_that_restarts_come_back_one_by_one() -> None:
    server = MemoryServer([], lambda _: None)

    async def restart() -> None:
        await asyncio.sleep(8.0)
        server.drop()
        await asyncio.sleep(2.0)

    opened_s = opened_together(100, server, restart)

    again_s = sorted(times[1] for times in opened_s)
    assert [len(times) for times in opened_s] == [2] * 100
    assert len(set(again_s)) == 100
    assert 8.0 < again_s[0] < 8.1 and 8.4 < again_s[-1] < 8.5


def test_clients_that_started_together_do_not_replace_theirs_together() -> None:
    server = MemoryServer([], lambda _: None)

    opened_s = opened_together(100, server, lambda: asyncio.sleep(55.0))

    aged_s = sorted(times[1] for times in opened_s)
    assert len(set(aged_s)) == 100
    assert 40.0 < aged_s[0] < 41.0 and 49.0 < aged_s[-1] < 50.1


def test_a_warm_socket_that_dies_is_replaced_at_once() -> None:
    vendor = Vendor()

    async def die() -> bool:
        client = vendor.client()
        client.prewarm()
        # The last ping was at 5 s, the next is at 35.
        await asyncio.sleep(11.0)
        vendor.server.drop()
        await asyncio.sleep(0.1)
        async with client.open_stream() as stream:
            await events_of(stream)
        await client.aclose()
        return stream.times.is_warm

    assert run_virtually(die())
    assert vendor.ahead_s[:2] == [0.0, 11.0]
    assert vendor.asked_s == []


async def test_a_real_socket_tells_when_it_is_closed(
    sim: GradiumSim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reserve, "FIRST_PING_S", 600.0)
    monkeypatch.setattr(pace, "FIRST_WAIT_S", 0.01)
    async with client_on(sim.url, reserve_max_age_s=3600) as client:
        client.prewarm()
        await until_warm(sim, 1)

        await sim.perform(Close(1001, "going away"))

        await until_warm(sim, 2)


async def test_a_warm_socket_that_was_refused_comes_back(
    sim: GradiumSim,
) -> None:
    """A refusal stops the attempts; a stream that works starts them again."""
    sim.faults = FaultPlan(Fault(Point.UPGRADE, Http(403), times=1))
    async with client_on(sim.url) as client:
        client.prewarm()
        await sim.until(
            lambda s: bool(
                s.connections and s.connections[0].http_status == 403
            )
        )
        await sim.until(lambda s: s.open_sockets == 0)

        async with client.open_stream() as stream:
            await events_of(stream)

        await until_warm(sim, 3)


async def test_other_settings_replace_the_warm_socket(sim: GradiumSim) -> None:
    async with client_on(sim.url) as client:
        client.prewarm()
        await until_warm(sim, 1)

        client.update_config(config_for(sim.url, headers={"x-team": "red"}))
        await until_warm(sim, 2)

        await sim.until(lambda s: s.open_sockets == 1)
        assert sim.connections[0].closed_by == "client"
        assert sim.connections[1].headers["x-team"] == "red"


async def test_the_same_settings_keep_the_warm_socket(sim: GradiumSim) -> None:
    async with client_on(sim.url) as client:
        client.prewarm()
        await until_warm(sim, 1)

        client.update_config(config_for(sim.url, voice_id="YTpq7expH9539ERJ"))
        client.prewarm()
        async with client.open_stream() as stream:
            await events_of(stream)

        assert sim.sessions[0].connection is sim.connections[0]
        assert sim.sessions[0].setup["voice_id"] == "YTpq7expH9539ERJ"


async def test_warm_off_opens_nothing_ahead(sim: GradiumSim) -> None:
    async with client_on(sim.url, warm="off") as client:
        client.prewarm()
        async with client.open_stream() as stream:
            await events_of(stream)

    assert len(sim.connections) == 1


async def test_a_concurrency_refusal_gives_the_warm_socket_up(
    sim: GradiumSim,
) -> None:
    async with client_on(sim.url) as client:
        client.prewarm()
        await until_warm(sim, 1)

        await client.disconnected(
            ConnectError("full", CAPACITY, "1008"), client.config.endpoint()
        )

        await sim.until(lambda s: s.open_sockets == 0)


@pytest.mark.parametrize("do", [None, IgnoreClose(), HalfOpen()])
async def test_aclose_closes_every_socket_whatever_the_peer_does(
    sim: GradiumSim, do: IgnoreClose | None
) -> None:
    async with client_on(sim.url) as client:
        client.prewarm()
        await until_warm(sim, 1)
        deaf = asyncio.ensure_future(sim.perform(do)) if do else None
        await asyncio.sleep(0)

        await client.aclose()

        await sim.until(lambda s: s.open_sockets == 0)
        client.prewarm()
        assert not client._reserves.is_keeping
        if deaf:
            await deaf
    assert len(sim.connections) == 1


def test_aclose_takes_no_longer_than_the_limit() -> None:
    async def close() -> float:
        client = GradiumTTSClient(
            config_for("ws://memory/"), connect=connect_to_deaf
        )
        client.prewarm()
        await asyncio.sleep(1.0)
        began_s = asyncio.get_running_loop().time()
        await client.aclose()
        return asyncio.get_running_loop().time() - began_s

    assert run_virtually(close()) == pytest.approx(transport.CLOSE_S)


async def test_aclose_gives_a_connect_up(sim: GradiumSim) -> None:
    sim.pause_at(Point.UPGRADE)
    async with client_on(sim.url) as client:
        client.prewarm()
        await sim.reached(Point.UPGRADE)

        await client.aclose()

        await sim.until(lambda s: s.open_sockets == 0)


# ---------------------------------------------------------------------- latch


async def refused(client: GradiumTTSClient) -> GradiumError:
    """Let a stream fail, and the client learn from it."""
    with pytest.raises(GradiumError) as caught:
        async with client.open_stream() as stream:
            await events_of(stream)
    return caught.value


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Invalid or expired API key", AUTH),
        ("You have no credits left.", QUOTA),
    ],
)
async def test_a_refused_key_is_not_asked_again(
    sim: GradiumSim, message: str, kind: ErrorKind
) -> None:
    sim.faults = FaultPlan(Fault(Point.SETUP, Error(message, 1008)))
    async with client_on(sim.url, warm="off") as client:
        first = await refused(client)
        second = await refused(client)

        assert first.kind is second.kind is kind
        assert (second.code, second.vendor_message) == (
            first.code,
            first.vendor_message,
        )
        assert str(second).startswith(f"{first} (not asked again for ")
        assert len(sim.connections) == 1


@pytest.mark.parametrize(
    "message",
    [
        "cfg_coef should be between 1.0 and 10.0",
        "Concurrency limit exceeded",
        "Worker failed",
    ],
)
async def test_other_refusals_are_asked_again(
    sim: GradiumSim, message: str
) -> None:
    sim.faults = FaultPlan(Fault(Point.SETUP, Error(message, 1008)))
    async with client_on(sim.url, warm="off") as client:
        await refused(client)

        async with client.open_stream() as stream:
            await events_of(stream)


def test_the_latch_opens_after_a_while() -> None:
    refusals = [ConnectError("refused", AUTH, "401")]
    server = MemoryServer([], lambda _: None)

    async def connect(
        endpoint: Endpoint, timeout_s: float
    ) -> transport.Transport:
        if refusals:
            raise refusals.pop()
        return await server.connect(endpoint, timeout_s)

    async def try_for(duration_s: float) -> list[GradiumError]:
        # A latched answer must not keep the latch shut.
        errors = []
        until_s = asyncio.get_running_loop().time() + duration_s
        while asyncio.get_running_loop().time() < until_s:
            errors.append(await refused(client))
            await asyncio.sleep(duration_s / 10)
        return errors

    async def ask() -> list[GradiumError]:
        nonlocal client
        async with in_memory(server, connect) as client:
            errors = await try_for(pace.LATCH_S)
            async with client.open_stream() as stream:
                await events_of(stream)
        return errors

    client: GradiumTTSClient
    errors = run_virtually(ask())

    assert len(errors) == 10
    assert "(not asked again for 3 s)" in str(errors[-1])


async def test_new_settings_open_the_latch(sim: GradiumSim) -> None:
    async with client_on(sim.url, api_key="wrong", warm="off") as client:
        error = await refused(client)
        assert (error.kind, error.code) == (AUTH, "1008")

        client.update_config(config_for(sim.url))

        async with client.open_stream() as stream:
            events = await events_of(stream)
    assert json.dumps([e.text for e in events if isinstance(e, Word)]) == (
        '["Hello."]'
    )
