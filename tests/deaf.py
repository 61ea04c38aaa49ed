# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A server that is there and never says a word."""

from __future__ import annotations

import asyncio

from gradium_tts_python.config import Endpoint
from gradium_tts_python.core.errors import ConnectionLost, ErrorKind
from gradium_tts_python.wire.transport import Transport


class Deaf:
    """A transport whose server never answers anything."""

    def __init__(self) -> None:
        self._lost = asyncio.Event()

    @property
    def is_open(self) -> bool:
        return not self._lost.is_set()

    async def send(self, *messages: str) -> None:
        pass

    async def recv(self) -> str:
        await self._lost.wait()
        raise ConnectionLost("cut", ErrorKind.TRANSIENT)

    async def ping(self) -> None:
        await asyncio.Event().wait()

    async def wait_closed(self) -> None:
        await self._lost.wait()

    def abort(self) -> None:
        self._lost.set()

    async def aclose(self) -> None:
        await self._lost.wait()


async def connect_to_deaf(endpoint: Endpoint, timeout_s: float) -> Transport:
    """Open a socket to it, at once."""
    return Deaf()
