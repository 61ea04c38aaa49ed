# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The server's end of one websocket, as its sessions use it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import NoReturn, Protocol

from websockets.exceptions import ConnectionClosed

from . import wire
from .account import Account
from .actions import Alteration, Over
from .records import ConnectionRecord, Json, SessionRecord
from .rules import Rules
from .setup_rules import INTERNAL, Refusal
from .tapped import TappedConnection


class AnySession(Protocol):
    """A session, as its socket and what goes wrong there know it."""

    @property
    def id(self) -> str | None: ...

    @property
    def record(self) -> SessionRecord: ...

    def push_text(self, text: str) -> None: ...

    def end_input(self) -> None: ...

    def alter(self, alteration: Alteration) -> None: ...

    def ready_message(self) -> Json: ...


class Line:
    """Sends on one upgraded socket, and knows who is active on it.

    Attributes:
        is_silent: nothing more is sent, as `Stall` and `HalfOpen` want it.
        active: the sessions that run, by their client_req_id.
        ended: the ids of those that are over.
    """

    def __init__(
        self,
        socket: TappedConnection,
        record: ConnectionRecord,
        rules: Rules,
        account: Account,
        on_inactivity: Callable[[], None],
    ) -> None:
        self.socket = socket
        self.record = record
        self.rules = rules
        self.account = account
        self.changes = rules.changes
        self.is_silent = False
        self.active: dict[str | None, AnySession] = {}
        self.ended: set[str | None] = set()
        self._on_inactivity = on_inactivity
        self._timer: asyncio.TimerHandle | None = None

    async def send_json(self, message: Json) -> None:
        """Send a message. Waits while the client does not read."""
        await self.send_raw(json.dumps(message))

    async def send_raw(self, raw: str | bytes) -> None:
        """Send whatever it is.

        Raises:
            Over: the socket is closed.
        """
        if self.is_silent:
            await self.socket.unless_lost(asyncio.Event())
        try:
            await self.socket.send(raw)
        except ConnectionClosed:
            raise Over from None
        self.record.sent_messages += 1
        self.watch(self.rules.limits.inactivity_s)
        self.changes.notify()

    async def send_error(
        self,
        message: str,
        code: int | None,
        client_req_id: str | None,
        session: AnySession | None,
    ) -> None:
        """Send an error and note it in the session's record."""
        request_id = "unknown"
        if session is not None:
            session.record.error = message
            request_id = session.record.request_id
        await self.send_json(
            wire.error(message, code, client_req_id, request_id)
        )

    async def close(self, code: int, reason: str) -> NoReturn:
        """Close with a close frame; waits a little for the reply."""
        if self.is_silent:
            await self.socket.unless_lost(asyncio.Event())
        await self.socket.close(code, reason)
        raise Over

    async def drain(self, session: AnySession) -> None:
        """Wait until the other sessions are done."""
        await self.changes.until(
            lambda: not set(self.active.values()) - {session}
        )

    async def catch_up(self, timeout_s: float) -> None:
        """Wait until the client has read all, or not for longer than this."""
        try:
            pong = asyncio.ensure_future(await self.socket.ping())
        except ConnectionClosed:
            raise Over from None
        is_read = asyncio.Event()
        pong.add_done_callback(lambda _: is_read.set())
        await self.socket.unless_lost(is_read, timeout_s)

    async def sleep(self, duration_s: float) -> None:
        """Let time pass; ends with `Over` when the socket is lost."""
        if duration_s > 0:
            await self.socket.unless_lost(asyncio.Event(), duration_s)

    async def refuse(
        self, refusal: Refusal, session: AnySession | None
    ) -> NoReturn:
        """Tell why, then close with the same code."""
        own = session.id if session else None
        await self.send_error(refusal.message, refusal.code, own, session)
        code = INTERNAL if refusal.code is None else refusal.code
        await self.close(code, refusal.message[:100])

    def left(self, session: AnySession) -> None:
        """A session is over."""
        self.account.leave(session)
        if self.active.get(session.id) is session:
            del self.active[session.id]
            self.ended.add(session.id)
        self.changes.notify()

    def watch(self, limit_s: float | None) -> None:
        """Start the clock of inactivity anew; `None` stops it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if limit_s is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(limit_s, self._on_inactivity)
