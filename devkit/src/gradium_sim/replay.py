# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A server that answers as a trace says it was answered once.

A trace is a file of JSON lines, of which those with a `wire` member are read
here: for each socket what was sent, received and lost, in order, with the
time of a monotonic clock. The first connection gets what the first recorded
one got, and so on.

    async with ReplayServer(recorded_sockets(lines)) as server:
        ...  # connect a client to server.url, with any key
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import numpy as np
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from .server import TTS_PATH
from .tapped import TappedConnection

Json = Mapping[str, Any]

# How much longer than recorded a client may take to say its next message.
_GRACE_S = 3.0
_CATCH_UP_S = 0.25
_FOUND_LATER_S = 0.5

# What silence is in a byte; in all other formats it is 0.
_SILENCE = {"ulaw_8000": 0xFF, "mulaw_8000": 0xFF, "alaw_8000": 0xD5}

_quiet = logging.getLogger("gradium_sim.websockets")


@dataclass(frozen=True)
class Step:
    """One thing that was recorded on a socket.

    Attributes:
        at_s: when.
        what: `out` from the client, `in` to it, `lost`, or what else it did.
        line: all that was recorded.
    """

    at_s: float
    what: str
    line: Json


@dataclass
class RecordedSocket:
    """What became of one attempt to connect.

    Attributes:
        asked_s: when the client asked for it.
        answered_s: when it was open, or refused; `None`: never.
        refusal: how it was refused, `None` if it was not.
        steps: what passed through it.
    """

    asked_s: float
    answered_s: float | None = None
    refusal: Json | None = None
    steps: list[Step] = field(default_factory=list)


def recorded_sockets(lines: Iterable[Json]) -> list[RecordedSocket]:
    """Sort the wire's lines of a trace by socket.

    Raises:
        ValueError: they are not those of a trace.
    """
    sockets: dict[int, RecordedSocket] = {}
    for line in lines:
        what = line.get("wire")
        if what is None:
            continue
        try:
            number, at_s = int(line["socket"]), float(line["t"])
            if what == "connect":
                sockets[number] = RecordedSocket(at_s)
                continue
            one = sockets[number]
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"not a line of a trace: {line!r:.80}") from None
        if what in ("open", "refused"):
            one.answered_s = at_s
            one.refusal = line if what == "refused" else None
        else:
            one.steps.append(Step(at_s, str(what), line))
    return [sockets[number] for number in sorted(sockets)]


class _PlayedConnection(TappedConnection):
    """A connection, and what it plays; `None`: nothing was recorded."""

    recorded: RecordedSocket | None = None


class ReplayServer:
    """Plays recorded sockets back, in the order of the connections.

    A message is never sent before the client has said what it had said
    before it in the recording; else the recorded times hold, counted from
    the client's last message. Audio is a tone of the recorded size.
    """

    def __init__(self, sockets: list[RecordedSocket]) -> None:
        self._sockets = list(sockets)
        self._next = 0
        self._open: set[TappedConnection] = set()
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """Where to connect to."""
        assert self._server is not None
        port = next(iter(self._server.sockets)).getsockname()[1]
        return f"ws://127.0.0.1:{port}{TTS_PATH}"

    async def __aenter__(self) -> ReplayServer:
        replay = self

        class Connection(_PlayedConnection):
            def counted(self, change: int) -> None:
                if change > 0:
                    replay._open.add(self)
                else:
                    replay._open.discard(self)

        self._server = await serve(
            self._serve,
            "127.0.0.1",
            0,
            process_request=self._upgrade,
            create_connection=Connection,
            compression=None,
            open_timeout=None,
            ping_interval=None,
            max_queue=None,
            close_timeout=1.0,
            logger=_quiet,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close(close_connections=False)
        for one in list(self._open):
            one.transport.abort()
        await self._server.wait_closed()

    async def _upgrade(
        self, connection: ServerConnection, request: Request
    ) -> Response | None:
        assert isinstance(connection, _PlayedConnection)
        if self._next == len(self._sockets):
            return None
        recorded = self._sockets[self._next]
        self._next += 1
        connection.recorded = recorded
        if recorded.answered_s is None:
            await connection.lost.wait()
            return None
        took_s = recorded.answered_s - recorded.asked_s
        await _pass_time(connection, took_s)
        if recorded.refusal is None:
            return None
        code = str(recorded.refusal.get("code") or "")
        if code.isdecimal():
            body = str(recorded.refusal.get("vendor_message") or "")
            return connection.respond(int(code), body)
        connection.reset()
        return connection.respond(503, "")

    async def _serve(self, connection: ServerConnection) -> None:
        assert isinstance(connection, _PlayedConnection)
        try:
            if connection.recorded is not None:
                await _play(connection, connection.recorded)
            await connection.wait_closed()
        except ConnectionClosed:
            pass


async def _play(connection: TappedConnection, recorded: RecordedSocket) -> None:
    assert recorded.answered_s is not None
    late_s = time.monotonic() - recorded.answered_s
    unanswered = _unanswered_ping(recorded.steps)
    output_format = _output_format(recorded.steps)
    for index, step in enumerate(recorded.steps):
        if step.what in ("abort", "close"):
            return
        if index == unanswered:
            connection.pong_delay_s = None
        elif step.what == "out":
            late_s = await _hear(connection, step, late_s)
        elif step.what in ("in", "lost"):
            # Which side closes a socket that is not read is found out later.
            early_s = _FOUND_LATER_S if step.line.get("is_late") else 0.0
            due_s = step.at_s - early_s + late_s
            await asyncio.sleep(due_s - time.monotonic())
            if step.what == "lost":
                await _lose(connection, step.line)
                return
            await connection.send(message_of(step.line, output_format))


async def _hear(
    connection: TappedConnection, step: Step, late_s: float
) -> float:
    """Wait for the client's next message; return how late it is."""
    due_s = step.at_s + late_s - time.monotonic()
    try:
        await asyncio.wait_for(connection.recv(), max(due_s, 0.0) + _GRACE_S)
    except asyncio.TimeoutError:
        # It goes another way now, which the events will show.
        return late_s
    return time.monotonic() - step.at_s


def _unanswered_ping(steps: list[Step]) -> int | None:
    """Return the step of the first ping that no pong follows."""
    pings = [i for i, step in enumerate(steps) if step.what == "ping"]
    pongs = sum(step.what == "pong" for step in steps)
    return pings[pongs] if len(pings) > pongs else None


async def _pass_time(connection: TappedConnection, duration_s: float) -> None:
    """Let time pass, or the connection be lost."""
    waiting = asyncio.ensure_future(connection.lost.wait())
    await asyncio.wait({waiting}, timeout=max(duration_s, 0.0))
    waiting.cancel()


async def _lose(connection: TappedConnection, line: Json) -> None:
    """End a connection as it had ended."""
    code = str(line.get("code") or "")
    # 1006 stands for the lack of a code, and cannot be sent.
    if code.isdecimal() and code != "1006":
        await connection.close(int(code), str(line.get("reason") or ""))
        return
    # A reset overtakes what the client has not read yet.
    try:
        await asyncio.wait_for(await connection.ping(), _CATCH_UP_S)
    except asyncio.TimeoutError:
        pass
    connection.reset()


def _output_format(steps: list[Step]) -> str:
    """Return the format that the client's setup asks for."""
    for step in steps:
        message = step.line.get("message")
        if isinstance(message, Mapping) and "output_format" in message:
            return str(message["output_format"])
    return ""


def message_of(line: Json, output_format: str = "") -> str | bytes:
    """Return what was sent, its audio as a tone of the recorded size."""
    message = line["message"]
    if not isinstance(message, Mapping):
        return json.dumps(message)
    message = dict(message)
    kind = message.get("type")
    if kind == "?binary":
        return bytes(int(message["bytes"]))
    if kind == "?unreadable":
        return "{" * int(message["characters"])
    if kind == "audio" and isinstance(message.get("bytes"), int):
        size, sound = message.pop("bytes"), message.pop("sound", 0)
        message["audio"] = base64.b64encode(
            _audio(size, sound, _SILENCE.get(output_format))
        ).decode("ascii")
    return json.dumps(message)


def _audio(size: int, sound: int, silence: int | None) -> bytes:
    """Some sound, then silence; with a byte for it, in G.711."""
    if silence is not None:
        return bytes([silence ^ 0x40]) * sound + bytes([silence]) * (
            size - sound
        )
    times = np.arange(sound // 2)
    wave = np.round(3000 * np.sin(times * 0.11)).astype("<i2")
    wave[np.abs(wave) < 100] = 100
    samples: bytes = wave.tobytes()
    return samples + b"\x10" * (sound % 2) + bytes(size - sound)
