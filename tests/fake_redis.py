# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A server on a real socket that speaks Redis' protocol, and fails on demand.

It keeps nothing and runs no scripts: it answers what a test tells it to. What
needs a real Redis takes the fixture `redis_url`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

OK = b"+OK\r\n"


async def until(is_so: Callable[[], bool]) -> None:
    """Let the others go on until it is so."""
    while True:
        if is_so():
            return
        await asyncio.sleep(0.001)


class FakeRedis:
    """Answers commands, with an error, late, or never.

    Attributes:
        answer: what is written for each command; `None` is nothing, ever.
        first_answers: what is written for the first ones instead.
        delay_s: how long each answer takes.
        greeting: the same for the commands that begin a connection.
        commands: all that came, but for those.
    """

    def __init__(self) -> None:
        self.answer: bytes | None = OK
        self.first_answers: list[bytes] = []
        self.greeting: bytes = OK
        self.delay_s = 0.0
        self.commands: list[list[bytes]] = []
        self.connections: set[asyncio.StreamWriter] = set()
        self.port = 0
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        """Listen, on the port of before if there was one."""
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything; the port refuses connects from now on."""
        if self._server:
            self._server.close()
        for writer in [*self.connections]:
            writer.transport.abort()
        await until(lambda: not self.connections)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections.add(writer)
        try:
            while True:
                await self._take_one(reader, writer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()
            self.connections.discard(writer)

    async def _take_one(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        count = int((await reader.readuntil(b"\r\n"))[1:])
        command = []
        for _ in range(count):
            length = int((await reader.readuntil(b"\r\n"))[1:])
            command.append((await reader.readexactly(length + 2))[:-2])
        if command[0] in (b"CLIENT", b"SELECT", b"AUTH", b"HELLO"):
            answer: bytes | None = self.greeting
        else:
            self.commands.append(command)
            answer = self.answer
            if self.first_answers:
                answer = self.first_answers.pop(0)
            await asyncio.sleep(self.delay_s)
        if answer is not None:
            writer.write(answer)
            await writer.drain()


@asynccontextmanager
async def fake_redis() -> AsyncIterator[FakeRedis]:
    server = FakeRedis()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


# What may be the matter with a Redis.


def silent(server: FakeRedis) -> None:
    server.answer = None


def refusing(error: bytes) -> Callable[[FakeRedis], None]:
    def fail(server: FakeRedis) -> None:
        server.answer = b"-" + error + b"\r\n"

    return fail


def with_wrong_password(server: FakeRedis) -> None:
    server.greeting = b"-WRONGPASS invalid username-password pair\r\n"


def garbled(server: FakeRedis) -> None:
    server.answer = b"HTTP/1.1 400 Bad Request\r\n\r\n"


FAULTS = {
    "no answer": silent,
    "full": refusing(b"OOM command not allowed when used memory > 'maxmemory'"),
    "replica": refusing(b"READONLY You can't write against a read only one."),
    "loading": refusing(b"LOADING Redis is loading the dataset in memory"),
    "moved": refusing(b"MOVED 3999 127.0.0.1:6381"),
    "cluster down": refusing(b"CLUSTERDOWN The cluster is down"),
    "wrong password": with_wrong_password,
    "another server": garbled,
}
