# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The local server."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Callable, Collection
from types import TracebackType
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from . import rest
from .account import Account
from .actions import Action, Delay, HalfOpen, Over, Pause, Stall
from .audio import Voice
from .faults import ArmedFaults, FaultPlan, Progress
from .gates import Changes, Gates
from .limits import Limits
from .link import Link
from .points import Point
from .records import ConnectionRecord, Counters, SessionRecord, count
from .rules import Rules
from .scene import UpgradeScene
from .setup_rules import Known
from .tapped import TappedConnection
from .voices import voice_by_name

TTS_PATH = "/api/speech/tts"
VoiceName = Literal["tones", "espeak"]

_log = logging.getLogger("gradium_sim")
_quiet = logging.getLogger("gradium_sim.websockets")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


class GradiumSim:
    """A server that speaks Gradium's text-to-speech protocol.

    Use it as `async with GradiumSim() as sim`. It is an oracle for clients:
    it is strict, records what it saw, and breaks where a plan says so.

    Args:
        voice: who speaks.
        port: 0 for any that is free.
        faults: what goes wrong.
        limits: what is allowed.
        api_keys: keys that are good.
        first_audio_delay_s: from the first text that may be spoken to
            the first audio.
        ready_delay_s: from an accepted `setup` to `ready`.
        speed: pace of the audio, as a multiple of real time; `None` as
            fast as it can be made and the client reads.
        host: address to listen on.
        tokens: single-use tokens that are good for `?token=`.
        voice_ids: voices that exist besides the catalogue.
        pronunciation_ids: pronunciation dictionaries that exist.
        trailing_silence_s: silence after the last word.
        lag_words: last words that wait for further text.
        is_keeping_sound: whether records keep the audio.
        tls: speaks TLS with this context; `None` for a bare socket.
    """

    def __init__(
        self,
        voice: VoiceName | Voice = "tones",
        port: int = 0,
        faults: FaultPlan | None = None,
        limits: Limits | None = None,
        api_keys: Collection[str] = ("test-key",),
        first_audio_delay_s: float = 0.0,
        ready_delay_s: float = 0.0,
        speed: float | None = None,
        *,
        host: str = "127.0.0.1",
        tokens: Collection[str] = (),
        voice_ids: Collection[str] = (),
        pronunciation_ids: Collection[str] = (),
        trailing_silence_s: float = 0.5,
        lag_words: int = 2,
        is_keeping_sound: bool = True,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._api_keys = frozenset(api_keys)
        self._tokens = set(tokens)
        self._accounts: dict[str, Account] = {}
        self._servers: list[Server] = []
        self._held: socket.socket | None = None
        self._links: list[Link] = []
        self._sockets: set[TappedConnection] = set()
        self._changes = Changes()
        self._gates = Gates(self._changes)
        self.open_sockets = 0
        self.connections: list[ConnectionRecord] = []
        self._rules = Rules(
            voice=voice_by_name(voice) if isinstance(voice, str) else voice,
            limits=limits or Limits(),
            faults=ArmedFaults(faults or FaultPlan()),
            known=Known(voice_ids, pronunciation_ids),
            gates=self._gates,
            changes=self._changes,
            ready_delay_s=ready_delay_s,
            first_audio_delay_s=first_audio_delay_s,
            speed=speed,
            trailing_silence_s=trailing_silence_s,
            lag_words=lag_words,
            is_keeping_sound=is_keeping_sound,
            started_s=time.monotonic(),
        )

    @property
    def port(self) -> int:
        """Where it listens; stays the same while connections are refused."""
        return self._port

    @property
    def host(self) -> str:
        """Address it listens on."""
        return self._host

    @property
    def url(self) -> str:
        """Address of the text-to-speech socket."""
        scheme = "wss" if self._tls else "ws"
        return f"{scheme}://{self._host}:{self._port}{TTS_PATH}"

    @property
    def sessions(self) -> list[SessionRecord]:
        """One record for each `setup`, in the order received."""
        return self._rules.sessions

    @property
    def counters(self) -> Counters:
        """Characters over all sessions."""
        return count(self.sessions)

    @property
    def faults(self) -> FaultPlan:
        """What goes wrong. Setting it forgets what already happened."""
        return self._rules.faults.plan

    @faults.setter
    def faults(self, plan: FaultPlan) -> None:
        self._rules.faults = ArmedFaults(plan)

    @property
    def limits(self) -> Limits:
        """What is allowed. Setting it keeps what was spent."""
        return self._rules.limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._rules.limits = limits
        self._rules.started_s = time.monotonic()
        for account in self._accounts.values():
            account.limits = limits

    @property
    def free_slots(self) -> int | None:
        """Sessions that the busiest key may still start; `None`: any number."""
        if self.limits.sessions is None:
            return None
        taken = [len(one.slots) for one in self._accounts.values()]
        return self.limits.sessions - max(taken, default=0)

    def pause_at(self, point: Point | str, after_frames: int = 1) -> None:
        """Hold every session that comes to this point, until `resume`.

        Args:
            point: where.
            after_frames: with `Point.AUDIO`: after this many frames.
        """
        self._gates.pause_at(Point(point), after_frames)

    def resume(self, point: Point | str | None = None) -> None:
        """Let those held go on, and hold no one there any more."""
        self._gates.resume(None if point is None else Point(point))

    async def reached(self, point: Point | str, count: int = 1) -> None:
        """Wait until sessions have come to this point.

        Counted since `pause_at`; from the start where there was none.
        """
        await self._gates.reached(Point(point), count)

    async def until(self, is_true: Callable[[GradiumSim], bool]) -> None:
        """Wait until something is true of the records."""
        await self._changes.until(lambda: is_true(self))

    async def settled(self, turns: int = 200) -> None:
        """Give everything that can go on at once the time to do so.

        For tests that something does not happen: no clock is involved, only
        turns of the loop, in each of which all ready sockets are served.
        """
        for _ in range(turns):
            await asyncio.sleep(0)

    async def perform(self, action: Action, index: int = -1) -> None:
        """Let something happen now on a socket, outside its sessions.

        Returns when it has happened; what lasts has begun by then.

        Args:
            action: what.
            index: which of the sockets that were upgraded.
        """
        task = self._links[index].start(action)
        if not isinstance(action, (Delay, HalfOpen, Pause, Stall)):
            # The socket's end cancels what was done to it.
            await asyncio.wait([task])

    def add_token(self, token: str) -> None:
        """Make a token good for one connection."""
        self._tokens.add(token)

    async def refuse_connections(self) -> None:
        """Stop listening; sockets that are open stay so."""
        servers, self._servers = self._servers, []
        for server in servers:
            server.close(close_connections=False)
        # The listening socket is gone once its server had a turn.
        await asyncio.sleep(0)
        if servers:
            # The port stays taken, or another program gets it meanwhile.
            self._held = socket.socket()
            self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._held.bind((self._host, self._port))

    async def accept_connections(self) -> None:
        """Listen, on the same port as before."""
        self._let_go()
        listener = socket.create_server((self._host, self._port))
        self._port = listener.getsockname()[1]
        server = await serve(
            self._serve,
            sock=listener,
            ssl=self._tls,
            process_request=self._upgrade,
            create_connection=self._connection_class(),
            compression=None,
            open_timeout=None,
            ping_interval=None,
            close_timeout=2.0,
            max_size=2**24,
            # A reader that falls behind is the test's business, not the library's.
            max_queue=2**16,
            logger=_quiet,
        )
        self._servers.append(server)

    def _let_go(self) -> None:
        """Hold the port no longer."""
        if self._held:
            self._held.close()
            self._held = None

    async def __aenter__(self) -> GradiumSim:
        await self._rules.voice.start()
        await self.accept_connections()
        self._rules.started_s = time.monotonic()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        servers = list(self._servers)
        await self.refuse_connections()
        self._let_go()
        for one in list(self._sockets):
            one.transport.abort()
        for server in servers:
            await server.wait_closed()
        await self._changes.until(lambda: self.open_sockets == 0)
        await self._rules.voice.stop()

    def _connection_class(self) -> type[TappedConnection]:
        sim = self

        class Connection(TappedConnection):
            def counted(self, change: int) -> None:
                sim._count(self, change)

        return Connection

    def _count(self, connection: TappedConnection, change: int) -> None:
        self.open_sockets += change
        if change > 0:
            self._sockets.add(connection)
        else:
            self._sockets.discard(connection)
        self._changes.notify()

    async def _upgrade(
        self, connection: ServerConnection, request: Request
    ) -> Response | None:
        assert isinstance(connection, TappedConnection)
        address = urlsplit(request.path)
        headers = {
            name.lower(): value for name, value in request.headers.raw_items()
        }
        query = dict(parse_qsl(address.query))
        if address.path != TTS_PATH:
            key = headers.get("x-api-key")
            return rest.answer(address.path, key, self._account(key))
        record = ConnectionRecord(
            address.path, query, headers, time.monotonic()
        )
        connection.record = record
        self.connections.append(record)
        self._changes.notify()
        response = await self._meet_upgrade(connection)
        record.http_status = 101 if response is None else response.status_code
        return response

    async def _meet_upgrade(
        self, connection: TappedConnection
    ) -> Response | None:
        scene = UpgradeScene(connection, self._gates.resumed)
        progress = Progress()
        try:
            gate = self._gates.gate(Point.UPGRADE, progress)
            if gate is not None:
                await connection.unless_lost(gate)
            for action in self._rules.faults.due(Point.UPGRADE, None, progress):
                await action.perform(scene)
        except Over:
            return scene.response or connection.respond(503, "")
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        assert isinstance(connection, TappedConnection)
        record = connection.record
        assert record is not None
        key = record.headers.get("x-api-key")
        account = self._account(key) or self._token_account(record)
        link = Link(
            connection,
            record,
            self._rules,
            account or Account(self.limits, self._changes),
        )
        self._links.append(link)
        await link.serve(
            is_known=account is not None,
            is_anonymous=key is None and "token" not in record.query,
        )

    def _account(self, key: str | None) -> Account | None:
        if key is None or key not in self._api_keys:
            return None
        return self._open_account(key)

    def _token_account(self, record: ConnectionRecord) -> Account | None:
        token = record.query.get("token")
        if token is None or token not in self._tokens:
            return None
        self._tokens.remove(token)
        return self._open_account("")

    def _open_account(self, key: str) -> Account:
        if key not in self._accounts:
            self._accounts[key] = Account(self.limits, self._changes)
        return self._accounts[key]
