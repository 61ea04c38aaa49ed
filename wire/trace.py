# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Writes what happens on the wire and in the graph into a JSON lines file.

With `GRADIUM_TTS_TRACE=FILE.jsonl` in the environment every message and
event becomes one line, so that a bug report can carry what really happened
and `./dev replay FILE.jsonl` can play it again. The lines:

    {"t": 0.0, "ten": "start", "extension": …, "at": …, "versions": {…}}
                                          a run begins, at this time of the day
    {"t": 0.0, "ten": "config", "config": {…}, "warnings": […]}
                                          the settings from now on
    {"t": 0.1, "ten": "in", "name": …, "fields": {…}} graph → extension
    {"t": 0.2, "ten": "out", "name": …, "fields": {…}} extension → graph
    {"t": 0.2, "ten": "out", "name": "pcm_frame", "bytes": …, …}
    {"t": 0.1, "wire": "connect", "socket": 1, …}     then open or refused
    {"t": 0.1, "wire": "out", "socket": 1, "message": {…}}
    {"t": 0.2, "wire": "in", "socket": 1, "message": {…}}
    {"t": 0.3, "wire": "lost", "socket": 1, …}        the peer's end of it, in
                                          time, or late: found when we closed it
    {"t": 0.3, "wire": "abort", "socket": 1}          ours, or close; ping, pong
    {"t": 0.3, "ten": "cut", "bytes": …}      the file is full: nothing follows

`t` is seconds of a monotonic clock. Audio stands there as its size only:
`bytes`, and `sound` of them before the silence in which they end. No secret
ever does; the user's text does, and so the file is its owner's only. What is
nested deeper than `MOST_LEVELS` stands there as "too deep".
"""

from __future__ import annotations

import base64
import contextlib
import errno
import json
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, BinaryIO

from ..core.audio import silence_at, to_pcm
from ..core.errors import GradiumError
from .transport import Transport
from .versions import versions

VARIABLE = "GRADIUM_TTS_TRACE"
# A file that is that large takes no more: almost three hours of speech.
MOST_BYTES = 64 * 2**20
# No message of TEN's or the vendor's comes near; Python's own recursion, which
# masking needs, ends at some 300.
MOST_LEVELS = 64


class Trace:
    """A trace file; without one, nothing is written."""

    def __init__(self, mask: Callable[[Any], Any] = lambda tree: tree) -> None:
        """Make a trace that writes nothing yet.

        Args:
            mask: returns a JSON-like tree without secrets.
        """
        self._mask = mask
        self._file: BinaryIO | None = None
        self._sockets = 0

    def open_from_environment(self) -> None:
        """Open the file that the environment names, if it names one.

        Raises:
            OSError: it cannot be opened, is a symbolic link, or full.
        """
        path = os.environ.get(VARIABLE)
        if not path:
            return
        try:
            self._file = _opened(path)
        except OSError as error:
            _tell(f"no trace: {error}")
            raise

    def start(self, extension: str) -> None:
        """Write down that a run begins: when, and of which versions."""
        if self._file is not None:
            at = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
            told = {"at": at, "versions": versions()}
            self.write(ten="start", extension=extension, **told)

    @property
    def is_open(self) -> bool:
        """Whether anything is written."""
        return self._file is not None

    def write(self, **fields: Any) -> None:
        """Write one line; a full disk or file ends the trace, nothing else."""
        if self._file is None:
            return
        line = _line_of(self._mask(_bounded(fields)))
        try:
            # Others may write to the same file.
            size = os.fstat(self._file.fileno()).st_size
            if size + len(line) <= MOST_BYTES:
                self._file.write(line)
                return
            if size < MOST_BYTES:
                self._file.write(_line_of({"ten": "cut", "bytes": size}))
        except OSError as error:
            _tell(f"the trace ends here: {error}")
        self.close()

    # --------------------------------------------------------------- sockets

    def connecting(self, host: str) -> int:
        """Write down that a socket is being opened; returns its number."""
        self._sockets += 1
        self.write(wire="connect", socket=self._sockets, host=host)
        return self._sockets

    def refused(self, socket: int, error: GradiumError) -> None:
        """Write down that it could not be opened."""
        self.write(
            wire="refused",
            socket=socket,
            code=error.code,
            error=str(error),
            vendor_message=error.vendor_message,
        )

    def opened(self, socket: int, transport: Transport) -> Transport:
        """Trace what passes through a transport from now on."""
        if self._file is None:
            return transport
        self.write(wire="open", socket=socket)
        return _TracedTransport(transport, self, socket)

    def close(self) -> None:
        """Close the file; what a full disk did not take is lost."""
        file, self._file = self._file, None
        if file:
            with contextlib.suppress(OSError):
                file.close()


def _tell(sentence: str) -> None:
    """Tell who asked for a trace; TEN's log may be anywhere."""
    print(f"{VARIABLE}: {sentence}", file=sys.stderr)


def _opened(path: str) -> BinaryIO:
    """Open a file that only its owner reads, to append to.

    A link is not followed: who may make one in its folder would choose what
    we write to. Not buffered: what matters is what came before a crash.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    # A pipe that nobody reads would hold the process up.
    descriptor = os.open(path, flags | os.O_NONBLOCK, 0o600)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            os.fchmod(descriptor, 0o600)
        if status.st_size >= MOST_BYTES:
            raise OSError(errno.EFBIG, "the file is full", path)
        return open(descriptor, "ab", 0)
    except BaseException:
        os.close(descriptor)
        raise


def _line_of(fields: Mapping[str, Any]) -> bytes:
    line = {"t": round(time.monotonic(), 6), **fields}
    return json.dumps(line, ensure_ascii=True).encode("ascii") + b"\n"


def _bounded(tree: Any, levels: int = MOST_LEVELS) -> Any:
    """Copy a JSON-like tree down to so many levels."""
    if not isinstance(tree, (Mapping, list, tuple)):
        return tree
    if not levels:
        return "too deep"
    if isinstance(tree, Mapping):
        return {key: _bounded(tree[key], levels - 1) for key in tree}
    return [_bounded(one, levels - 1) for one in tree]


class _TracedTransport:
    """A `Transport` that writes down what passes through it."""

    def __init__(self, inner: Transport, trace: Trace, socket: int) -> None:
        self._inner = inner
        self._trace = trace
        self._socket = socket
        self._output_format = "pcm"
        self._is_over = False

    @property
    def is_open(self) -> bool:
        return self._inner.is_open

    async def send(self, *messages: str) -> None:
        for message in messages:
            told = summary(message, self._output_format)
            self._note("out", message=told)
            if isinstance(told, Mapping) and told.get("type") == "setup":
                self._output_format = str(told.get("output_format"))
        with self._noting_loss():
            await self._inner.send(*messages)

    async def recv(self) -> str | bytes:
        with self._noting_loss():
            raw = await self._inner.recv()
        self._note("in", message=summary(raw, self._output_format))
        return raw

    async def ping(self) -> None:
        self._note("ping")
        with self._noting_loss():
            await self._inner.ping()
        self._note("pong")

    async def wait_closed(self) -> None:
        await self._inner.wait_closed()

    def abort(self) -> None:
        self._note("abort")
        self._is_over = True
        self._inner.abort()

    async def aclose(self) -> None:
        if not self._is_over and not self._inner.is_open:
            # It was closed by the peer while nothing was being read.
            code = getattr(self._inner, "close_code", None)
            self._note("lost", code=str(code or ""), is_late=True)
        self._note("close")
        await self._inner.aclose()

    @contextlib.contextmanager
    def _noting_loss(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if not self._is_over:
                self._note("lost", **_lost(error))
            self._is_over = True
            raise

    def _note(self, what: str, **fields: Any) -> None:
        self._trace.write(wire=what, socket=self._socket, **fields)


def _lost(error: Exception) -> dict[str, str]:
    """Tell how a connection ended: with a close frame's code, or none."""
    return {
        "code": getattr(error, "code", ""),
        "reason": getattr(error, "vendor_message", ""),
        "error": str(error),
    }


def summary(raw: str | bytes, output_format: str = "pcm") -> Any:
    """Return a message as JSON, audio of this format as its size in bytes."""
    if isinstance(raw, bytes):
        return {"type": "?binary", "bytes": len(raw)}
    try:
        message = json.loads(raw)
    except (ValueError, RecursionError):
        return {"type": "?unreadable", "characters": len(raw)}
    if isinstance(message, Mapping) and isinstance(message.get("audio"), str):
        return {**message, **_audio_summary(message["audio"], output_format)}
    return message


def _audio_summary(encoded: str, output_format: str) -> dict[str, Any]:
    try:
        chunk = base64.b64decode(encoded, validate=True)
    except ValueError:
        return {"audio": f"?{len(encoded)} characters"}
    pcm = to_pcm(chunk, output_format)
    sound = silence_at(pcm[: len(pcm) // 2 * 2])
    if pcm is not chunk:
        sound //= 2  # a byte of G.711 is a sample
    return {"audio": None, "bytes": len(chunk), "sound": sound}
