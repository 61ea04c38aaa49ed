# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The line to Gradium itself.

What goes over it is encrypted, for the host that it is for. So the distance
stands in front of a small tunnel, which the extension takes for its proxy.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from ten_host.catalogue import HTTP_URL

from .line import Line

_LONGEST_REQUEST = 16 * 1024


class RemoteLine(Line):
    """Leads to Gradium, with the user's key."""

    vendor = "Gradium speaks"
    http_url = HTTP_URL

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key

    async def _reach(self, stack: AsyncExitStack) -> tuple[str, int]:
        tunnel = await stack.enter_async_context(Tunnel())
        return "127.0.0.1", tunnel.port

    @property
    def params(self) -> dict[str, Any]:
        proxy = f"http://127.0.0.1:{self.proxy.port}"
        return {"api_key": self.key, "proxy": proxy}


class Tunnel:
    """An HTTP proxy that knows CONNECT only; for this machine."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> Tunnel:
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", 0, limit=_LONGEST_REQUEST
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server
        self._server.close()
        for task in list(self._passing):
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            host, port = _target_of(request)
            there = await asyncio.open_connection(host, port)
        except (OSError, ValueError, asyncio.IncompleteReadError):
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            writer.close()
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await _join((reader, writer), there)


Side = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def _target_of(request: bytes) -> tuple[str, int]:
    """Return where a CONNECT leads; raises `ValueError` for anything else."""
    method, target, _ = request.split(b"\r\n", 1)[0].decode("ascii").split()
    host, _, port = target.rpartition(":")
    if method != "CONNECT":
        raise ValueError(method)
    return host.strip("[]"), int(port)


async def _join(one: Side, other: Side) -> None:
    """Pass on both ways, until one of them ends."""
    ways = {
        asyncio.ensure_future(_pass_on(one[0], other[1])),
        asyncio.ensure_future(_pass_on(other[0], one[1])),
    }
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        # A line that is cut is cut on both sides.
        one[1].transport.abort()
        other[1].transport.abort()


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
