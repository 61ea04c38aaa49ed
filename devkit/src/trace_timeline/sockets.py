# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The lane of the sockets: opened, in reserve, in use, and how they end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .marks import Mark

Json = Mapping[str, Any]


@dataclass
class _Socket:
    """A socket and what it is just now; `open_s` is when it was open."""

    number: int
    row: int
    state: Mark
    states: int = 1
    open_s: float = 0.0


class Sockets:
    """Follows each socket from its connect to its end."""

    def __init__(self) -> None:
        self._open: dict[int, _Socket] = {}

    def take(self, line: Json) -> list[Mark]:
        """Return the marks that a line about a socket makes or changes."""
        number, at_s = int(line["socket"]), float(line["t"])
        what = str(line["wire"])
        if what == "connect":
            return [self._connect(number, at_s, str(line.get("host", "")))]
        socket = self._open.get(number)
        if socket is None:
            return []
        if what == "open":
            socket.open_s = at_s
            return self._turn(socket, "reserve", at_s, "open, no session yet")
        if what == "refused" or (
            what == "lost" and socket.state.kind != "done"
        ):
            return self._fail(socket, line)
        if what in ("abort", "close", "lost"):
            return self._end(socket, at_s)
        if what in ("in", "out"):
            return self._message(socket, line, at_s)
        return []

    def open_s(self, number: int) -> float:
        """When a socket was open; 0 where it is not known."""
        socket = self._open.get(number)
        return socket.open_s if socket else 0.0

    def _message(self, socket: _Socket, line: Json, at_s: float) -> list[Mark]:
        message = line.get("message")
        kind = message.get("type") if isinstance(message, Mapping) else None
        if (line["wire"], kind) == ("out", "setup"):
            return self._turn(socket, "setup", at_s, "setup sent")
        if (line["wire"], kind) == ("in", "ready"):
            return self._turn(socket, "session", at_s, "session accepted")
        if (line["wire"], kind) == ("in", "end_of_stream"):
            return self._turn(socket, "done", at_s, "all was said")
        if (line["wire"], kind) == ("in", "error"):
            said = str(message.get("message", "")) if message else ""
            return [self._moment(socket, "refused", at_s, said)]
        return []

    def _connect(self, number: int, at_s: float, host: str) -> Mark:
        taken = {socket.row for socket in self._open.values()}
        row = next(row for row in range(len(taken) + 1) if row not in taken)
        text = f"socket {number}"
        mark = Mark(
            f"socket-{number}-0",
            "sockets",
            "connecting",
            at_s,
            None,
            text,
            f"opening {host}",
            row,
        )
        self._open[number] = _Socket(number, row, mark)
        return mark

    def _turn(
        self, socket: _Socket, kind: str, at_s: float, detail: str
    ) -> list[Mark]:
        """End what it is, begin what it is from now on."""
        over = replace(socket.state, stop_s=at_s)
        socket.state = Mark(
            f"socket-{socket.number}-{socket.states}",
            "sockets",
            kind,
            at_s,
            None,
            f"socket {socket.number}",
            detail,
            socket.row,
        )
        socket.states += 1
        return [over, socket.state]

    def _end(self, socket: _Socket, at_s: float) -> list[Mark]:
        del self._open[socket.number]
        return [replace(socket.state, stop_s=at_s)]

    def _fail(self, socket: _Socket, line: Json) -> list[Mark]:
        what, at_s = str(line["wire"]), float(line["t"])
        reason = str(line.get("error") or line.get("reason") or "")
        code = str(line.get("code") or "")
        told = " ".join(part for part in (what, code, reason) if part)
        moment = self._moment(socket, what, at_s, told)
        return [*self._end(socket, at_s), moment]

    def _moment(
        self, socket: _Socket, kind: str, at_s: float, detail: str
    ) -> Mark:
        name = f"socket-{socket.number}-{kind}-{at_s:.6f}"
        text = f"socket {socket.number}"
        return Mark(name, "sockets", kind, at_s, at_s, text, detail, socket.row)
