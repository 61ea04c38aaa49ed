# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A plain client for tests of the server, and for poking at it by hand."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.version import version

Json = dict[str, Any]

EMMA = "YTpq7expH9539ERJ"


@dataclass(frozen=True)
class Closed:
    """The socket is closed; 1006 stands for no close frame."""

    code: int
    reason: str = ""


Received = Json | Closed


class Probe:
    """One socket. Sends what it is told and shows what comes."""

    def __init__(
        self,
        url: str,
        key: str | None = "test-key",
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        """
        Args:
            url: of the server.
            key: value of `x-api-key`; `None` for no such header.
            headers: further headers.
            options: for `websockets`' `connect`.
        """
        self._url = url
        self._headers = dict(headers or {})
        if key is not None:
            self._headers["x-api-key"] = key
        defaults = {"ping_interval": None, "max_size": None, "proxy": None}
        self._options = {**_without_proxy(defaults), **options}
        self._socket: ClientConnection | None = None

    @property
    def socket(self) -> ClientConnection:
        """The connection."""
        assert self._socket is not None
        return self._socket

    async def setup(self, **fields: Any) -> None:
        """Send `setup`: Emma, 24 kHz, and these fields."""
        message = {
            "type": "setup",
            "voice_id": EMMA,
            "output_format": "pcm_24000",
            **fields,
        }
        await self.send(message)

    async def text(self, text: str, client_req_id: str | None = None) -> None:
        """Send `text`."""
        await self.send(_stamped({"type": "text", "text": text}, client_req_id))

    async def end(self, client_req_id: str | None = None) -> None:
        """Send `end_of_stream`."""
        await self.send(_stamped({"type": "end_of_stream"}, client_req_id))

    async def send(self, message: Json | str | bytes) -> None:
        """Send anything; nothing happens when the socket is closed."""
        raw = json.dumps(message) if isinstance(message, dict) else message
        try:
            await self.socket.send(raw)
        except ConnectionClosed:
            pass

    async def speak(self, *texts: str, **fields: Any) -> list[Received]:
        """Speak a request; return everything up to its end or the close."""
        await self.setup(**fields)
        client_req_id = fields.get("client_req_id")
        for text in texts:
            await self.text(text, client_req_id)
        await self.end(client_req_id)
        if fields.get("close_ws_on_eos") is False:
            return await self.until("end_of_stream")
        return await self.until_closed()

    async def receive(self) -> Received:
        """Return the next message, or that there will be none."""
        try:
            raw = await self.socket.recv()
        except ConnectionClosed as closed:
            if closed.rcvd is None:
                return Closed(1006)
            return Closed(closed.rcvd.code, closed.rcvd.reason)
        try:
            message = json.loads(raw)
        except ValueError:
            return {"type": None, "raw": raw}
        if isinstance(message, dict):
            return message
        return {"type": None, "raw": raw}

    async def until(self, kind: str) -> list[Received]:
        """Return everything up to a message of this type, or to the close."""
        got: list[Received] = []
        while True:
            message = await self.receive()
            got.append(message)
            if isinstance(message, Closed) or message.get("type") == kind:
                return got

    async def until_closed(self) -> list[Received]:
        """Return everything up to the close."""
        return await self.until("\0")

    async def __aenter__(self) -> Probe:
        self._socket = await connect(
            self._url,
            additional_headers=self._headers,
            compression=None,
            **self._options,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Not a polite close: the server may have been told not to answer.
        self.socket.transport.abort()
        await self.socket.wait_closed()


def pcm_of(received: list[Received], client_req_id: str | None = None) -> bytes:
    """Return the audio of one request."""
    return b"".join(
        base64.b64decode(message["audio"])
        for message in received
        if isinstance(message, dict)
        and message.get("type") == "audio"
        and message.get("client_req_id") == client_req_id
    )


def kinds(received: list[Received]) -> list[str]:
    """Types in order, neighbours of one type joined, closes as codes."""
    names: list[str] = []
    for message in received:
        if isinstance(message, Closed):
            name = f"close {message.code}"
        else:
            name = str(message.get("type"))
        if not names or names[-1] != name:
            names.append(name)
    return names


def _stamped(message: Json, client_req_id: str | None) -> Json:
    if client_req_id is None:
        return message
    return {**message, "client_req_id": client_req_id}


def _without_proxy(options: Json) -> Json:
    """The `proxy` argument is younger than the oldest `websockets`."""
    if int(version.split(".")[0]) < 15:
        del options["proxy"]
    return options
