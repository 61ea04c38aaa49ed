# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Where faults are performed: on an upgraded socket, or before it is one."""

from __future__ import annotations

import asyncio
from typing import NoReturn

from websockets.http11 import Response

from .actions import Action, Alteration, Json, Over
from .faults import Progress
from .line import AnySession, Line
from .points import Point
from .tapped import TappedConnection

# A client that takes longer to read does so on purpose.
_CATCH_UP_S = 0.25


async def meet(line: Line, action: Action, session: AnySession | None) -> None:
    """Let something happen."""
    await action.perform(LineScene(line, session))


async def visit(
    line: Line, point: Point, session: AnySession | None, progress: Progress
) -> None:
    """Hold at a point and let the faults planned there happen."""
    gate = line.rules.gates.gate(point, progress)
    if gate is not None:
        await line.socket.unless_lost(gate)
    own = session.id if session else None
    for action in line.rules.faults.due(point, own, progress):
        await meet(line, action, session)


class LineScene:
    """An `actions.Scene` on a socket, on a session or on none."""

    def __init__(self, line: Line, session: AnySession | None) -> None:
        self._line = line
        self._session = session

    async def pause(self) -> None:
        await self._line.socket.unless_lost(self._line.rules.gates.resumed)

    async def delay(self, duration_s: float) -> None:
        await self._line.sleep(duration_s)

    async def reject(self, status: int, body: str) -> None:
        raise TypeError(f"too late for HTTP {status}")

    async def send(self, raw: str | bytes) -> None:
        await self._line.send_raw(raw)

    async def error(
        self, message: str, code: int | None, client_req_id: str | None
    ) -> None:
        await self._line.send_error(message, code, client_req_id, self._session)

    async def close(self, code: int, reason: str) -> None:
        await self._line.close(code, reason)

    async def drain_and_close(self, code: int) -> None:
        if self._session is not None:
            await self._line.drain(self._session)
        await self._line.close(code, "")

    async def reset(self, is_abrupt: bool) -> None:
        if not is_abrupt and not self._line.is_silent:
            await self._line.catch_up(_CATCH_UP_S)
        self._line.socket.reset()
        raise Over

    async def fall_silent(self, is_deaf: bool) -> None:
        self._line.is_silent = True
        self._line.socket.is_deaf = is_deaf
        await self._line.socket.unless_lost(asyncio.Event())

    async def ping(self) -> None:
        await self._line.socket.ping()

    def ignore_close(self) -> None:
        self._line.socket.is_closing_ignored = True

    def delay_pongs(self, duration_s: float | None) -> None:
        self._line.socket.pong_delay_s = duration_s

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
    """An `actions.Scene` before the upgrade: only silence, HTTP and RST."""

    def __init__(
        self, socket: TappedConnection, resumed: asyncio.Event
    ) -> None:
        self._socket = socket
        self._resumed = resumed
        self.response: Response | None = None

    async def pause(self) -> None:
        await self._socket.unless_lost(self._resumed)

    async def delay(self, duration_s: float) -> None:
        never = asyncio.Event()
        await self._socket.unless_lost(never, duration_s)

    async def reject(self, status: int, body: str) -> None:
        self.response = self._socket.respond(status, body)
        raise Over

    async def reset(self, is_abrupt: bool) -> None:
        self._socket.reset()
        raise Over

    async def fall_silent(self, is_deaf: bool) -> None:
        self._socket.is_deaf = is_deaf
        await self._socket.unless_lost(asyncio.Event())

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


def _too_early() -> NoReturn:
    raise TypeError("this cannot happen before the upgrade")
