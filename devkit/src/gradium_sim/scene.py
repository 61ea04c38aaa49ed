# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Where faults are performed: on an upgraded socket, or before it is one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NoReturn

from websockets.http11 import Response

from .actions import Alteration, Json, Over
from .tapped import TappedConnection

if TYPE_CHECKING:
    from .link import Link
    from .session import Session

# A client that takes longer to read does so on purpose.
_CATCH_UP_S = 0.25


class LinkScene:
    """A `faults.Scene` on a socket, on a session or on none."""

    def __init__(self, link: Link, session: Session | None) -> None:
        self._link = link
        self._session = session

    async def pause(self) -> None:
        await self._link.unless_lost(self._link.rules.gates.resumed)

    async def delay(self, duration_s: float) -> None:
        await self._link.sleep(duration_s)

    async def reject(self, status: int, body: str) -> None:
        raise TypeError(f"too late for HTTP {status}")

    async def send(self, raw: str | bytes) -> None:
        await self._link.send_raw(raw)

    async def error(
        self, message: str, code: int | None, client_req_id: str | None
    ) -> None:
        await self._link.send_error(message, code, client_req_id, self._session)

    async def close(self, code: int, reason: str) -> None:
        await self._link.close(code, reason)

    async def drain_and_close(self, code: int) -> None:
        if self._session is not None:
            await self._link.drain(self._session)
        await self._link.close(code, "")

    async def reset(self, is_abrupt: bool) -> None:
        if not is_abrupt and not self._link.is_silent:
            await self._link.catch_up(_CATCH_UP_S)
        self._link.socket.reset()
        raise Over

    async def fall_silent(self, is_deaf: bool) -> None:
        self._link.is_silent = True
        self._link.socket.is_deaf = is_deaf
        await self._link.unless_lost(asyncio.Event())

    async def ping(self) -> None:
        await self._link.socket.ping()

    def ignore_close(self) -> None:
        self._link.socket.is_closing_ignored = True

    def delay_pongs(self, duration_s: float | None) -> None:
        self._link.socket.pong_delay_s = duration_s

    def alter(self, alteration: Alteration) -> None:
        if self._session is not None:
            self._session.alter(alteration)

    def own_id(self) -> str | None:
        return None if self._session is None else self._session.id

    def ready_message(self) -> Json:
        if self._session is None:
            raise TypeError("no session to be ready")
        return self._session.ready_message()


class UpgradeScene:
    """A `faults.Scene` before the upgrade: only silence, HTTP and RST."""

    def __init__(
        self, socket: TappedConnection, resumed: asyncio.Event
    ) -> None:
        self._socket = socket
        self._resumed = resumed
        self.response: Response | None = None

    async def pause(self) -> None:
        await wait_unless_lost(self._socket, self._resumed)

    async def delay(self, duration_s: float) -> None:
        never = asyncio.Event()
        await wait_unless_lost(self._socket, never, duration_s)

    async def reject(self, status: int, body: str) -> None:
        self.response = self._socket.respond(status, body)
        raise Over

    async def reset(self, is_abrupt: bool) -> None:
        self._socket.reset()
        raise Over

    async def fall_silent(self, is_deaf: bool) -> None:
        self._socket.is_deaf = is_deaf
        await wait_unless_lost(self._socket, asyncio.Event())

    async def send(self, raw: str | bytes) -> None:
        _too_early()

    async def error(
        self, message: str, code: int | None, client_req_id: str | None
    ) -> None:
        _too_early()

    async def close(self, code: int, reason: str) -> None:
        _too_early()

    async def drain_and_close(self, code: int) -> None:
        _too_early()

    async def ping(self) -> None:
        _too_early()

    def ignore_close(self) -> None:
        _too_early()

    def delay_pongs(self, duration_s: float | None) -> None:
        _too_early()

    def alter(self, alteration: Alteration) -> None:
        _too_early()

    def own_id(self) -> str | None:
        return None

    def ready_message(self) -> Json:
        _too_early()


async def wait_unless_lost(
    socket: TappedConnection,
    event: asyncio.Event,
    timeout_s: float | None = None,
) -> None:
    """Wait for an event or a time.

    Raises:
        Over: the socket was lost first.
    """
    waiters = [
        asyncio.ensure_future(event.wait()),
        asyncio.ensure_future(socket.lost.wait()),
    ]
    try:
        await asyncio.wait(
            waiters, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        for waiter in waiters:
            waiter.cancel()
    if socket.lost.is_set():
        raise Over


def _too_early() -> NoReturn:
    raise TypeError("this cannot happen before the upgrade")
