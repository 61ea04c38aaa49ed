# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The websocket library alone: a connection a request, opened ahead.

Between the floor and our client: what of its cost is the library's.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl

import websockets
from client import Client, Speaking, Target
from websockets.asyncio.client import ClientConnection, connect

SETUP = {"type": "setup", "model_name": "default", "output_format": "pcm"}


class Library(Client):
    """As the floor, with the library for its socket."""

    async def open(self) -> None:
        self._tls = None
        if self.target.url.startswith("wss"):
            self._tls = ssl.create_default_context(cafile=self.target.ca_file)
        self._listening: asyncio.Task[None] | None = None
        self._reserve = asyncio.ensure_future(self._connect())

    async def _connect(self) -> ClientConnection:
        return await connect(
            self.target.url,
            ssl=self._tls,
            additional_headers={"x-api-key": self.target.key},
            compression=None,
            max_size=2**24,
        )

    async def start(self, pieces: list[str]) -> Speaking:
        speaking = Speaking()
        socket = await self._reserve
        self._reserve = asyncio.ensure_future(self._connect())
        self._listening = asyncio.create_task(self._listen(socket, speaking))
        await socket.send(json.dumps(SETUP))
        for piece in pieces:
            await socket.send(json.dumps({"type": "text", "text": piece}))
        await socket.send(json.dumps({"type": "end_of_stream"}))
        return speaking

    async def _listen(self, socket: ClientConnection, to: Speaking) -> None:
        try:
            while True:
                message = json.loads(await socket.recv())
                if message["type"] == "audio":
                    to.heard(len(base64.b64decode(message["audio"])))
                elif message["type"] == "end_of_stream":
                    return
        finally:
            to.ended()
            socket.transport.abort()

    async def interrupt(self) -> None:
        if self._listening:
            self._listening.cancel()
            await asyncio.wait({self._listening})

    async def close(self) -> None:
        await self.interrupt()
        (await self._reserve).transport.abort()


def make(target: Target) -> Client:
    return Library(target)


VERSION = f"websockets {websockets.__version__}"
