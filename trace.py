"""Writes what happens on the wire and in the graph into a JSON lines file.

With `GRADIUM_TTS_TRACE=FILE.jsonl` in the environment every message and
event becomes one line, so that a bug report can carry what really happened
and `./dev replay FILE.jsonl` can play it again. The lines:

    {"t": 0.0, "ten": "in", "name": "tts_text_input", …}   graph → extension
    {"t": 0.1, "ten": "out", "name": "tts_audio_start", …} extension → graph
    {"t": 0.1, "wire": "open", "socket": 1, "host": …}     also close, abort,
    {"t": 0.1, "wire": "out", "socket": 1, "message": {…}} in, out, lost

`t` is seconds of a monotonic clock. Audio stands there as its size only, and
no secret ever does; the user's text does.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from .gradium_tts import Transport

VARIABLE = "GRADIUM_TTS_TRACE"


class Trace:
    """A trace file; without one, nothing is written."""

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file
        self._sockets = 0

    def open_from_environment(self) -> None:
        """Open the file that the environment names, if it names one.

        Raises:
            OSError: it cannot be opened.
        """
        path = os.environ.get(VARIABLE)
        if path:
            # Line by line: what matters is what came before a crash.
            self._file = open(path, "a", 1, "utf-8")

    def write(self, **fields: Any) -> None:
        """Write one line; a full disk ends the trace, nothing else."""
        if self._file is None:
            return
        line = {"t": round(time.monotonic(), 6), **fields}
        try:
            self._file.write(json.dumps(line, ensure_ascii=True) + "\n")
        except OSError:
            self.close()

    def wrap(self, transport: Transport, host: str) -> Transport:
        """Trace what passes through a transport from now on."""
        if self._file is None:
            return transport
        self._sockets += 1
        self.write(wire="open", socket=self._sockets, host=host)
        return _TracedTransport(transport, self, self._sockets)

    def close(self) -> None:
        """Close the file."""
        file, self._file = self._file, None
        if file:
            file.close()


class _TracedTransport:
    """A `Transport` that writes down what passes through it."""

    def __init__(self, inner: Transport, trace: Trace, socket: int) -> None:
        self._inner = inner
        self._trace = trace
        self._socket = socket

    @property
    def is_open(self) -> bool:
        return self._inner.is_open

    async def send(self, message: str) -> None:
        self._note("out", message=summary(message))
        await self._inner.send(message)

    async def recv(self) -> str | bytes:
        try:
            raw = await self._inner.recv()
        except Exception as error:
            self._note("lost", error=str(error))
            raise
        self._note("in", message=summary(raw))
        return raw

    async def ping(self) -> None:
        await self._inner.ping()

    def abort(self) -> None:
        self._note("abort")
        self._inner.abort()

    async def aclose(self) -> None:
        self._note("close")
        await self._inner.aclose()

    def _note(self, what: str, **fields: Any) -> None:
        self._trace.write(wire=what, socket=self._socket, **fields)


def summary(raw: str | bytes) -> Any:
    """Give a message as JSON, audio as the number of its bytes."""
    if isinstance(raw, bytes):
        return {"type": "?binary", "bytes": len(raw)}
    try:
        message = json.loads(raw)
    except ValueError:
        return {"type": "?unreadable", "characters": len(raw)}
    if isinstance(message, Mapping) and isinstance(message.get("audio"), str):
        size = len(message["audio"].rstrip("=")) * 3 // 4
        return {**message, "audio": None, "bytes": size}
    return message
