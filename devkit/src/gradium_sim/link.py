# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The server's end of one websocket: reads, and starts its sessions."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine
from typing import Any

from websockets.exceptions import ConnectionClosed

from .account import Account
from .actions import Action, Over
from .faults import Progress
from .line import AnySession, Line
from .points import Point
from .records import ConnectionRecord, Json, Received
from .rules import Rules
from .scene import meet, visit
from .session import Session
from .setup_rules import POLICY, PROTOCOL, Refusal
from .tapped import TappedConnection

_NO_SESSION = "Session not found. Send setup first"


class Link:
    """One upgraded socket with its sessions."""

    def __init__(
        self,
        socket: TappedConnection,
        record: ConnectionRecord,
        rules: Rules,
        account: Account,
    ) -> None:
        self._rules = rules
        self._line = Line(socket, record, rules, account, self._be_inactive)
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, is_known: bool, is_anonymous: bool) -> None:
        """Read until the socket is gone, then stop everything.

        Args:
            is_known: whether the key or the token is good.
            is_anonymous: whether there is none.
        """
        limits = self._rules.limits
        self._line.watch(limits.idle_before_setup_s or limits.inactivity_s)
        self._spawn(self._open() if is_known else self._reject(is_anonymous))
        try:
            while True:
                raw = await self._line.socket.recv()
                self._note(raw)
                if not is_known:
                    continue
                try:
                    self._received(raw)
                except Refusal as refusal:
                    await self._fail_quietly(refusal)
        except ConnectionClosed:
            pass
        finally:
            self._line.watch(None)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._rules.changes.notify()

    def start(self, action: Action) -> asyncio.Task[None]:
        """Let something happen on the socket, outside its sessions."""
        return self._spawn(self._perform(action))

    def _received(self, raw: str | bytes) -> None:
        message = _parse(raw)
        kind = message.get("type")
        client_req_id = message.get("client_req_id")
        if not isinstance(client_req_id, str | None):
            raise Refusal("client_req_id should be a string", PROTOCOL)
        if kind == "setup":
            self._start(client_req_id, message)
        elif kind == "text":
            text = message.get("text")
            if not isinstance(text, str):
                raise Refusal("text should be a string", PROTOCOL)
            self._session(client_req_id).push_text(text)
        elif kind == "end_of_stream":
            self._end_input(client_req_id)
        else:
            raise Refusal(f"Unknown message type: {kind}", PROTOCOL)

    def _start(self, client_req_id: str | None, setup: Json) -> None:
        if client_req_id in self._line.active:
            raise Refusal(f"Session already active ({client_req_id})", PROTOCOL)
        session = Session(self._line, setup)
        self._line.active[client_req_id] = session
        self._rules.sessions.append(session.record)
        self._line.watch(self._rules.limits.inactivity_s)
        self._spawn(session.run())
        self._rules.changes.notify()

    async def _open(self) -> None:
        """Meet what is planned for a socket that has no session yet."""
        try:
            await visit(self._line, Point.OPEN, None, Progress())
        except Over:
            pass

    async def _reject(self, is_anonymous: bool) -> None:
        """A bad key is told in-band; without one there is only a close."""
        try:
            if is_anonymous:
                await self._line.close(POLICY, "No authentication provided.")
            await self._line.refuse(Refusal("Invalid or expired API key"), None)
        except Over:
            pass

    async def _perform(self, action: Action) -> None:
        try:
            await meet(self._line, action, None)
        except Over:
            pass

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _session(self, client_req_id: str | None) -> AnySession:
        session = self._line.active.get(client_req_id)
        if session is None:
            raise Refusal(_NO_SESSION, PROTOCOL)
        return session

    def _end_input(self, client_req_id: str | None) -> None:
        is_goodbye = client_req_id is None and None not in self._line.active
        if is_goodbye and self._line.ended and not self._line.active:
            self._spawn(self._line.socket.close(1000))
            return
        self._session(client_req_id).end_input()

    async def _fail_quietly(self, refusal: Refusal) -> None:
        try:
            await self._line.refuse(refusal, None)
        except Over:
            pass

    def _be_inactive(self) -> None:
        self.start(self._rules.limits.at_inactivity)

    def _note(self, raw: str | bytes) -> None:
        if self._rules.limits.inactivity_s is not None and self._line.active:
            self._line.watch(self._rules.limits.inactivity_s)
        message: Received = raw
        try:
            parsed = json.loads(raw) if isinstance(raw, str) else raw
            message = parsed if isinstance(parsed, dict) else raw
        except ValueError:
            message = raw
        self._line.record.received.append((time.monotonic(), message))
        self._rules.changes.notify()


def _parse(raw: str | bytes) -> Json:
    if isinstance(raw, bytes):
        raise Refusal("Binary messages are not supported", PROTOCOL)
    try:
        message = json.loads(raw)
    except ValueError:
        raise Refusal("Invalid JSON", PROTOCOL) from None
    if not isinstance(message, dict):
        raise Refusal("A message should be a JSON object", PROTOCOL)
    return message
