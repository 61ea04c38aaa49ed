# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Real sockets to a good server, whose messages are changed on the way."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from gradium_tts_python.core.endpoint import Endpoint
from gradium_tts_python.wire.transport import Transport, open_websocket

Message = dict[str, Any]
Raw = str | bytes
# Gives what arrives in place of a message.
Change = Callable[[Message], Iterable[Message | Raw]]


class AlteredLine:
    """Opens connections of which each changes the messages in its own way.

    Args:
        changes: one for each connection, in the order of opening; what is
            opened after the last one changes nothing.
        last: … unless this is given: a change for all of those, made anew
            for each.
    """

    def __init__(
        self, *changes: Change, last: Callable[[], Change] | None = None
    ) -> None:
        self._changes = list(changes)
        self._last = last
        self.connections = 0

    async def __call__(self, endpoint: Endpoint, timeout_s: float) -> Transport:
        inner = await open_websocket(endpoint, timeout_s)
        self.connections += 1
        if self._changes:
            return _Altered(inner, self._changes.pop(0))
        return _Altered(inner, self._last()) if self._last else inner


class _Altered:
    def __init__(self, inner: Transport, change: Change) -> None:
        self._inner = inner
        self._change = change
        self._arrived: deque[Raw] = deque()

    @property
    def is_open(self) -> bool:
        return self._inner.is_open

    async def send(self, *messages: str) -> None:
        await self._inner.send(*messages)

    async def recv(self) -> Raw:
        while not self._arrived:
            raw = await self._inner.recv()
            self._arrived.extend(
                json.dumps(one) if isinstance(one, dict) else one
                for one in self._change(json.loads(raw))
            )
        return self._arrived.popleft()

    async def ping(self) -> None:
        await self._inner.ping()

    async def wait_closed(self) -> None:
        await self._inner.wait_closed()

    def abort(self) -> None:
        self._inner.abort()

    async def aclose(self) -> None:
        await self._inner.aclose()
