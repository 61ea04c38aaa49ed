# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The server's end of one websocket: reads, dispatches, sends."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, NoReturn

from websockets.exceptions import ConnectionClosed

from . import wire
from .account import Account
from .actions import Action, Over
from .audio import Voice
from .faults import ArmedFaults, Progress
from .gates import Changes, Gates
from .limits import Limits
from .points import Point
from .records import ConnectionRecord, Json, Received, SessionRecord
from .scene import LinkScene, wait_unless_lost
from .session import Session
from .setup_rules import INTERNAL, POLICY, PROTOCOL, Known, Refusal
from .tapped import TappedConnection

_NO_SESSION = "Session not found. Send setup first"


@dataclass
class Rules:
    """How this server behaves; shared by all its sockets."""

    voice: Voice
    limits: Limits
    faults: ArmedFaults
    known: Known
    gates: Gates
    changes: Changes
    ready_delay_s: float
    first_audio_delay_s: float
    speed: float | None
    trailing_silence_s: float
    lag_words: int
    is_keeping_sound: bool
    started_s: float
    sessions: list[SessionRecord] = field(default_factory=list)

    def worker_busy_s(self) -> float:
        """For how long no worker can be had."""
        busy_until_s = self.started_s + self.limits.worker_busy_s
        return busy_until_s - time.monotonic()


class Link:
    """One upgraded socket with its sessions."""

    def __init__(
        self,
        socket: TappedConnection,
        record: ConnectionRecord,
        rules: Rules,
        account: Account,
    ) -> None:
        self.socket = socket
        self.record = record
        self.rules = rules
        self.account = account
        self.changes = rules.changes
        self.is_silent = False
        self._active: dict[str | None, Session] = {}
        self._ended: set[str | None] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def serve(self, is_known: bool, is_anonymous: bool) -> None:
        """Read until the socket is gone, then stop everything.

        Args:
            is_known: whether the key or the token is good.
            is_anonymous: whether there is none.
        """
        limits = self.rules.limits
        self._watch(limits.idle_before_setup_s or limits.inactivity_s)
        self._spawn(self._open() if is_known else self._reject(is_anonymous))
        try:
            while True:
                raw = await self.socket.recv()
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
            if self._timer is not None:
                self._timer.cancel()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self.changes.notify()

    async def refuse(
        self, refusal: Refusal, session: Session | None
    ) -> NoReturn:
        """Tell why, then close with the same code."""
        own = session.id if session else None
        await self.send_error(refusal.message, refusal.code, own, session)
        code = INTERNAL if refusal.code is None else refusal.code
        await self.close(code, refusal.message[:100])

    async def meet(self, action: Action, session: Session | None) -> None:
        """Let something happen."""
        await action.perform(LinkScene(self, session))

    async def visit(
        self, point: Point, session: Session | None, progress: Progress
    ) -> None:
        """Hold at a point and let the faults planned there happen."""
        gate = self.rules.gates.gate(point, progress)
        if gate is not None:
            await self.unless_lost(gate)
        own = session.id if session else None
        for action in self.rules.faults.due(point, own, progress):
            await self.meet(action, session)

    async def send_json(self, message: Json) -> None:
        """Send a message. Waits while the client does not read."""
        await self.send_raw(json.dumps(message))

    async def send_raw(self, raw: str | bytes) -> None:
        """Send whatever it is.

        Raises:
            Over: the socket is closed.
        """
        if self.is_silent:
            await self.unless_lost(asyncio.Event())
        try:
            await self.socket.send(raw)
        except ConnectionClosed:
            raise Over from None
        self.record.sent_messages += 1
        self._watch(self.rules.limits.inactivity_s)
        self.changes.notify()

    async def send_error(
        self,
        message: str,
        code: int | None,
        client_req_id: str | None,
        session: Session | None,
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
            await self.unless_lost(asyncio.Event())
        await self.socket.close(code, reason)
        raise Over

    async def drain(self, session: Session) -> None:
        """Wait until the other sessions are done."""
        await self.changes.until(
            lambda: not set(self._active.values()) - {session}
        )

    async def catch_up(self, timeout_s: float) -> None:
        """Wait until the client has read all, or not for longer than this."""
        try:
            pong = asyncio.ensure_future(await self.socket.ping())
        except ConnectionClosed:
            raise Over from None
        is_read = asyncio.Event()
        pong.add_done_callback(lambda _: is_read.set())
        await self.unless_lost(is_read, timeout_s)

    async def unless_lost(
        self, event: asyncio.Event, timeout_s: float | None = None
    ) -> None:
        """Wait for an event or a time.

        Raises:
            Over: the socket was lost first.
        """
        await wait_unless_lost(self.socket, event, timeout_s)

    async def sleep(self, duration_s: float) -> None:
        """Let time pass; ends with `Over` when the socket is lost."""
        if duration_s > 0:
            await self.unless_lost(asyncio.Event(), duration_s)

    def start(self, action: Action) -> asyncio.Task[None]:
        """Let something happen on the socket, outside its sessions."""
        return self._spawn(self._perform(action))

    def left(self, session: Session) -> None:
        """A session is over."""
        self.account.leave(session)
        if self._active.get(session.id) is session:
            del self._active[session.id]
            self._ended.add(session.id)
        self.changes.notify()

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
        if client_req_id in self._active:
            raise Refusal(f"Session already active ({client_req_id})", PROTOCOL)
        session = Session(self, setup)
        self._active[client_req_id] = session
        self.rules.sessions.append(session.record)
        self._watch(self.rules.limits.inactivity_s)
        self._spawn(session.run())
        self.changes.notify()

    async def _open(self) -> None:
        """Meet what is planned for a socket that has no session yet."""
        try:
            await self.visit(Point.OPEN, None, Progress())
        except Over:
            pass

    async def _reject(self, is_anonymous: bool) -> None:
        """A bad key is told in-band; without one there is only a close."""
        try:
            if is_anonymous:
                await self.close(POLICY, "No authentication provided.")
            await self.refuse(Refusal("Invalid or expired API key"), None)
        except Over:
            pass

    async def _perform(self, action: Action) -> None:
        try:
            await self.meet(action, None)
        except Over:
            pass

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _session(self, client_req_id: str | None) -> Session:
        session = self._active.get(client_req_id)
        if session is None:
            raise Refusal(_NO_SESSION, PROTOCOL)
        return session

    def _end_input(self, client_req_id: str | None) -> None:
        is_goodbye = client_req_id is None and None not in self._active
        if is_goodbye and self._ended and not self._active:
            self._spawn(self.socket.close(1000))
            return
        self._session(client_req_id).end_input()

    async def _fail_quietly(self, refusal: Refusal) -> None:
        try:
            await self.refuse(refusal, None)
        except Over:
            pass

    def _watch(self, limit_s: float | None) -> None:
        """Start the clock of inactivity anew."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if limit_s is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(limit_s, self._be_inactive)

    def _be_inactive(self) -> None:
        self.start(self.rules.limits.at_inactivity)

    def _note(self, raw: str | bytes) -> None:
        if self.rules.limits.inactivity_s is not None and self._active:
            self._watch(self.rules.limits.inactivity_s)
        message: Received = raw
        try:
            parsed = json.loads(raw) if isinstance(raw, str) else raw
            message = parsed if isinstance(parsed, dict) else raw
        except ValueError:
            message = raw
        self.record.received.append((time.monotonic(), message))
        self.changes.notify()


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
