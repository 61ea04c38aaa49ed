# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""One session on one socket: how it is left, and what wakes who waits.

A server in memory on a virtual clock; `test_gradium_tts.py` has the same
streams on real sockets.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from speaking import begin, client_on

from gradium_tts_python.core.endpoint import Endpoint
from gradium_tts_python.core.errors import (
    ConnectError,
    ErrorKind,
    GradiumError,
    StallError,
)
from gradium_tts_python.gradium_tts import GradiumTTSClient
from gradium_tts_python.wire.stream import Stream
from gradium_tts_python.wire.transport import CLOSE_S, Transport

from .properties.memory_transport import RATE_HZ, Failure, MemoryServer, Plan
from .properties.virtual_loop import run_virtually


class Line:
    """A socket that notes how it is left, and may fail as it is written to."""

    def __init__(self, inner: Transport, sends: int | None = None) -> None:
        self.left: list[str] = []
        self._inner = inner
        self._sends = sends

    @property
    def is_open(self) -> bool:
        return self._inner.is_open

    async def send(self, *messages: str) -> None:
        for message in messages:
            if self._sends == 0:
                raise ZeroDivisionError("a bug in the transport")
            if self._sends is not None:
                self._sends -= 1
            await self._inner.send(message)

    async def recv(self) -> str | bytes:
        return await self._inner.recv()

    async def ping(self) -> None:
        await self._inner.ping()

    def abort(self) -> None:
        self.left.append("cut")
        self._inner.abort()

    async def aclose(self) -> None:
        self.left.append("closed")
        await self._inner.aclose()


class Lines:
    """Opens lines to a server in memory."""

    def __init__(self, *plans: Plan, sends: int | None = None) -> None:
        self.server = MemoryServer(list(plans), lambda _: None)
        self.all: list[Line] = []
        self._sends = sends

    async def __call__(self, endpoint: Endpoint, timeout_s: float) -> Transport:
        inner = await self.server.connect(endpoint, timeout_s)
        self.all.append(Line(inner, self._sends))
        return self.all[-1]


async def use(
    lines: Lines, story: Callable[[Stream], Awaitable[None]], **params: object
) -> None:
    """Live through a story on one stream, and close the client."""
    async with client_on(
        "ws://memory/", connect=lines, warm="off", sample_rate=RATE_HZ, **params
    ) as client:
        async with client.open_stream() as stream:
            await story(stream)


# ------------------------------------------------------------- how it is left


async def to_the_end(stream: Stream) -> None:
    await stream.send_text("alpha bravo")
    await stream.end_input()
    async for _ in stream:
        pass


async def not_to_the_end(stream: Stream) -> None:
    await stream.send_text("alpha bravo")
    await stream.end_input()
    async for _ in stream:
        return


async def not_at_all(stream: Stream) -> None:
    pass


@pytest.mark.parametrize(
    ("story", "left"),
    [
        (to_the_end, ["closed"]),
        (not_to_the_end, ["cut", "closed"]),
        (not_at_all, ["cut", "closed"]),
    ],
)
def test_only_a_complete_stream_is_not_cut(
    story: Callable[[Stream], Awaitable[None]], left: list[str]
) -> None:
    lines = Lines()

    run_virtually(use(lines, story))

    assert [line.left for line in lines.all] == [left]


def test_a_stream_that_fails_is_cut() -> None:
    lines = Lines(Plan(failure=Failure.FINAL_ERROR, after_messages=2))

    with pytest.raises(GradiumError):
        run_virtually(use(lines, to_the_end))

    assert [line.left for line in lines.all] == [["cut", "closed"]]


def test_an_error_after_the_end_cuts_too() -> None:
    lines = Lines()

    async def fail(stream: Stream) -> None:
        await to_the_end(stream)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_virtually(use(lines, fail))

    assert [line.left for line in lines.all] == [["cut", "closed"]]


class Failing:
    """An observer with a bug."""

    async def connecting(self) -> None:
        pass

    async def connected(self) -> None:
        pass

    async def disconnected(self, error: GradiumError) -> None:
        pass

    async def socket_opened(self, took_s: float) -> None:
        raise ZeroDivisionError


def test_a_socket_of_which_nobody_can_be_told_is_closed() -> None:
    lines = Lines()

    async def open_one() -> None:
        async with client_on("ws://memory/", warm="off") as other:
            client = GradiumTTSClient(
                other.config, connect=lines, observer=Failing(), log=other.log
            )
        with pytest.raises(ZeroDivisionError):
            async with client.open_stream():
                pass
        await client.aclose()

    run_virtually(open_one())

    assert [line.left for line in lines.all] == [["closed"]]


@asynccontextmanager
async def reserving(lines: Lines) -> AsyncIterator[GradiumTTSClient]:
    """A client with a socket in reserve."""
    async with client_on(
        "ws://memory/", connect=lines, sample_rate=RATE_HZ
    ) as client:
        client.prewarm()
        await asyncio.sleep(0.1)
        yield client


def test_a_socket_that_is_slow_to_close_is_cut_in_the_end() -> None:
    lines = Lines(Plan(close_s=60.0))

    async def close() -> float:
        loop = asyncio.get_running_loop()
        async with reserving(lines):
            began_s = loop.time()
        return loop.time() - began_s

    took_s = run_virtually(close())

    assert [line.left for line in lines.all] == [["closed", "cut"]]
    assert not lines.server.open
    assert took_s == pytest.approx(CLOSE_S)


@pytest.mark.parametrize(
    ("kind", "left"),
    [
        # What the next session needs may be what the reserve holds.
        (ErrorKind.CAPACITY, ["closed"]),
        # Nothing will be asked for a while.
        (ErrorKind.AUTH, ["closed"]),
        (ErrorKind.QUOTA, ["closed"]),
        (ErrorKind.TRANSIENT, []),
        (ErrorKind.CONFIG, []),
    ],
)
def test_the_reserve_is_given_up_where_it_is_no_use(
    kind: ErrorKind, left: list[str]
) -> None:
    lines = Lines()

    async def fail() -> list[str]:
        async with reserving(lines) as client:
            await client.disconnected(
                ConnectError("no", kind), client.config.endpoint()
            )
            await asyncio.sleep(1.0)
            return list(lines.all[0].left)

    assert run_virtually(fail()) == left


# ----------------------------------------------------------- who waits is woken


@pytest.mark.parametrize("thinks_s", [0.0, 5.0, 300.0])
def test_a_debt_that_begins_in_a_wait_has_its_whole_limit(
    thinks_s: float,
) -> None:
    """Nothing is owed while the agent thinks; then the server is silent."""
    lines = Lines(Plan(failure=Failure.STALLED, after_messages=1))
    noticed_s: list[float] = []

    async def think_then_ask(stream: Stream) -> None:
        loop = asyncio.get_running_loop()
        await stream.__anext__()  # ready
        asked_s = loop.time() + thinks_s

        async def ask() -> None:
            await asyncio.sleep(thinks_s)
            await stream.send_text("alpha bravo")
            await stream.end_input()

        asking = asyncio.ensure_future(ask())
        try:
            await stream.__anext__()
        finally:
            await asking
            noticed_s.append(loop.time() - asked_s)

    with pytest.raises(StallError, match="no audio"):
        run_virtually(use(lines, think_then_ask, audio_timeout_s=4.0))

    (took_s,) = noticed_s
    assert 4.0 <= took_s < 4.1


def test_a_bug_of_the_sender_ends_the_wait_for_the_server() -> None:
    """Setup and text go out, the end does not; the server waits for it."""
    lines = Lines(sends=2)

    async def speak() -> float:
        async with client_on(
            "ws://memory/", connect=lines, warm="off", sample_rate=RATE_HZ
        ) as client:
            spoken = begin(client)
            spoken.speech.push_fragment("alpha bravo.")
            spoken.speech.end_input()
            with pytest.raises(ZeroDivisionError):
                await spoken.speech.run(lambda _: asyncio.sleep(0))
            return asyncio.get_running_loop().time()

    assert run_virtually(speak()) < 0.1
