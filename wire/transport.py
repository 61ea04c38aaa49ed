# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A connected socket that carries messages; all that knows of websockets."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
)
from websockets.protocol import State

try:
    from websockets.exceptions import InvalidProxy, InvalidProxyStatus

    _KNOWS_PROXIES = True
except ImportError:  # websockets 14 knows no proxies
    _KNOWS_PROXIES = False

    class InvalidProxy(Exception):  # type: ignore[no-redef]
        """Never raised."""

    class InvalidProxyStatus(Exception):  # type: ignore[no-redef]
        """Never raised."""


from ..core.endpoint import Endpoint
from ..core.errors import (
    ConnectError,
    ConnectionLost,
    ConnectTimeout,
    ErrorKind,
    classify,
    with_reason,
)
from ..core.redact import Masker, host_of, secrets_in
from .tls import context_of

# The library logs what it sends at DEBUG, headers and the key among it.
_quiet = logging.getLogger("gradium_tts.websockets")
_quiet.setLevel(logging.INFO)
_NO_PROXIES = "proxy needs websockets 15 or newer; pip install -U websockets"
# Large enough for any message seen, small enough to bound the memory.
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
# So much of the page with which an upgrade is refused is kept.
PAGE_CHARACTERS = 500
# How long a socket that was left, or closed by the server, may take to be
# hung up before it is cut.
CLOSE_S = 0.5
# A peer that was silent for so long is asked by the system, and from then on
# every second; after so long without any answer it is gone.
PROBED_AFTER_S, GONE_AFTER_S = 5, 8
# Not every system has all of them; the first two are one, on Linux and macOS.
_SYSTEM_WATCH = {
    "TCP_KEEPIDLE": PROBED_AFTER_S,
    "TCP_KEEPALIVE": PROBED_AFTER_S,
    "TCP_KEEPINTVL": 1,
    "TCP_KEEPCNT": GONE_AFTER_S - PROBED_AFTER_S,
    "TCP_USER_TIMEOUT": GONE_AFTER_S * 1000,
}


class Transport(Protocol):
    """A connected socket that carries messages."""

    @property
    def is_open(self) -> bool:
        """Whether both sides may still send."""

    async def send(self, *messages: str) -> None:
        """Send text frames, in one packet; raises `ConnectionLost`."""

    async def recv(self) -> str | bytes:
        """Wait for a frame; raises `ConnectionLost`; safe to cancel."""

    async def ping(self) -> None:
        """Return once the peer has answered; raises `ConnectionLost`."""

    async def wait_closed(self) -> None:
        """Return once the connection is gone; safe to cancel."""

    def abort(self) -> None:
        """Cut the connection now; a pending `recv` raises."""

    async def aclose(self) -> None:
        """Close politely; waits for the peer."""


class WebSocketTransport:
    """A `Transport` on a connection of the websockets library."""

    def __init__(self, connection: ClientConnection, host: str) -> None:
        self._connection = connection
        self._host = host

    @property
    def is_open(self) -> bool:
        """Whether the closing handshake has not begun."""
        return self._connection.state is State.OPEN

    @property
    def close_code(self) -> int | None:
        """With what code it was closed, 1006 without a closing handshake."""
        return self._connection.close_code

    async def send(self, *messages: str) -> None:
        """Send text frames; safe to cancel, the frames go out whole."""
        connection = self._connection
        try:
            if len(messages) == 1 or not self.is_open:
                await connection.send(messages[-1])
                return
            # The library writes each frame by itself, and so in a packet of
            # its own. These are few and small: no flow control is needed.
            for message in messages:
                connection.protocol.send_text(message.encode())
            frames = connection.protocol.data_to_send()
            connection.transport.write(b"".join(frames))
        except ConnectionClosed as error:
            raise self._lost(error) from None

    async def recv(self) -> str | bytes:
        """Wait for a frame; cancelling loses nothing."""
        try:
            return await self._connection.recv()
        except ConnectionClosed as error:
            raise self._lost(error) from None

    async def ping(self) -> None:
        """Wait for the answer to a ping."""
        try:
            await (await self._connection.ping())
        except ConnectionClosed as error:
            raise self._lost(error) from None

    async def wait_closed(self) -> None:
        """Return once TCP is down, `CLOSE_S` after the server's close."""
        await self._connection.wait_closed()

    def abort(self) -> None:
        """Cut the TCP connection; sends nothing."""
        self._connection.transport.abort()

    async def aclose(self) -> None:
        """Do the closing handshake, up to the library's `close_timeout`."""
        await self._connection.close()

    def _lost(self, error: ConnectionClosed) -> ConnectionLost:
        if error.rcvd is None:
            # What the library has said to the peer is no vendor's word.
            what = f"the connection to {self._host} broke"
            reason = error.sent.reason if error.sent else ""
            return ConnectionLost(
                with_reason(what, reason), ErrorKind.TRANSIENT
            )
        code, reason = error.rcvd.code, error.rcvd.reason
        what = f"{self._host} closed the connection with code {code}"
        return ConnectionLost(
            with_reason(what, reason),
            classify(code=code, message=reason),
            str(code),
            reason,
        )


class _Connection(ClientConnection):
    """A connection that hangs up itself where the server has only closed.

    The library tells of a close when the server has hung up, too. One that
    does not would be taken for silent, and its code and reason be lost.
    """

    _hanging_up: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.protocol.close_rcvd and not self._hanging_up:
            self._hanging_up = asyncio.get_running_loop().call_later(
                CLOSE_S, self.transport.abort
            )

    def connection_lost(self, exc: Exception | None) -> None:
        if self._hanging_up:
            self._hanging_up.cancel()
        super().connection_lost(exc)


class _Connect(connect):
    """`connect` that follows no redirect: the key is for one host only."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


async def open_websocket(endpoint: Endpoint, timeout_s: float) -> Transport:
    """Open a websocket; the only lines that name the library's options.

    Raises:
        ConnectError: what went wrong, in one sentence, and its kind.
    """
    host = host_of(endpoint.url)
    options: dict[str, Any] = {
        "additional_headers": dict(endpoint.headers),
        "compression": None,
        "max_size": MAX_MESSAGE_BYTES,
        "open_timeout": timeout_s,
        "close_timeout": CLOSE_S,
        "create_connection": _Connection,
        # Only keeps middleboxes awake, of which many cut what is quiet for a
        # minute, as a session is while an LLM asks a tool. Who waits for
        # something pings by itself (`watchdog.py`), and who keeps a socket
        # (`reserve.py`); that the peer is there, the system sees.
        "ping_interval": 45.0,
        "ping_timeout": None,
        "logger": _quiet,
    }
    try:
        if context := await context_of(endpoint):
            options["ssl"] = context
        if endpoint.proxy and not _KNOWS_PROXIES:
            raise ConnectError(_NO_PROXIES, ErrorKind.CONFIG)
        if endpoint.proxy:
            options["proxy"] = endpoint.proxy
        elif endpoint.is_ipv4_only:
            options["family"] = socket.AF_INET
        connection = await _Connect(endpoint.url, **options)
    except Exception as error:
        raise _connect_error(error, endpoint, timeout_s) from error
    # There is none any more where the peer has closed it at once.
    if tcp := connection.transport.get_extra_info("socket"):
        _have_system_watch(tcp)
    return WebSocketTransport(connection, host)


def _have_system_watch(tcp: socket.socket) -> None:
    """Have the system notice a peer that is gone, and keep routers awake.

    It is known then after `GONE_AFTER_S` at the latest, and closed. That
    wakes no process at either end, and carries nothing that counts as data.
    """
    with contextlib.suppress(OSError):  # the peer may be gone already
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _SYSTEM_WATCH.items():
            if option := getattr(socket, name, None):
                tcp.setsockopt(socket.IPPROTO_TCP, option, value)


def _connect_error(
    error: Exception, endpoint: Endpoint, timeout_s: float
) -> ConnectError:
    """Say what failed while connecting, and what that means."""
    if isinstance(error, ConnectError):
        return error
    host = host_of(endpoint.url)
    if isinstance(error, InvalidStatus):
        return _refused(error, endpoint)
    what = f"cannot connect to {host}"
    if isinstance(error, InvalidProxyStatus):
        # The proxy's, not the vendor's: a 403 here is not about the key.
        status = error.response.status_code
        return ConnectError(
            f"{what}: {error}",
            ErrorKind.CONFIG if status < 500 else ErrorKind.TRANSIENT,
            str(status),
        )
    kind, why = ErrorKind.TRANSIENT, str(error) or type(error).__name__
    if isinstance(error, (TimeoutError, asyncio.TimeoutError)):
        return ConnectTimeout(f"{what}: no answer within {timeout_s:g} s", kind)
    elif isinstance(error, ssl.SSLError):
        # Only what the user can trust or not trust is the user's. An alert
        # or an end in mid-handshake is a server in trouble, or a proxy's.
        if isinstance(error, ssl.SSLCertVerificationError):
            kind = ErrorKind.CONFIG
        why = _tls_reason(error)
    elif isinstance(error, (InvalidURI, InvalidProxy)):
        kind = ErrorKind.CONFIG
    elif isinstance(error, OSError):
        why = _system_reason(error)
    elif isinstance(error, (InvalidHandshake, EOFError, ValueError)):
        why = f"not a websocket answer: {why}"
    else:
        # A proxy may need a package that is not installed.
        is_missing = isinstance(error, ImportError)
        kind = ErrorKind.CONFIG if is_missing else ErrorKind.INTERNAL
        why = f"{type(error).__name__}: {error}"
    return ConnectError(f"{what}: {why}", kind)


def _refused(error: InvalidStatus, endpoint: Endpoint) -> ConnectError:
    """Say with what status an upgrade was refused."""
    status = error.response.status_code
    page = (error.response.body or b"").decode("utf-8", "replace").strip()
    # A page may repeat the key, and a cut must not leave the half of it.
    masker = Masker(
        secrets_in([endpoint.headers, endpoint.url, endpoint.proxy])
    )
    return ConnectError(
        f"{host_of(endpoint.url)} refused the connection with HTTP status"
        f" {status}",
        classify(http_status=status),
        str(status),
        masker.head(page, PAGE_CHARACTERS),
    )


def _tls_reason(error: ssl.SSLError) -> str:
    """Return the library's words without the line of its own source."""
    reason = str(error).partition(" (_ssl.c:")[0]
    # Without words the tuple of its arguments is shown, which says nothing.
    has_words = any(character.isalpha() for character in reason)
    return reason if has_words else "the TLS handshake failed"


def _system_reason(error: OSError) -> str:
    """Return the system's words alone: asyncio's repeat the address."""
    number = error.errno or 0
    reason = os.strerror(number) if number > 0 else error.strerror
    if not reason and isinstance(error, ConnectionError):
        # asyncio has no words for an end in the middle of a handshake.
        return str(error) or "the connection was closed"
    return reason or str(error) or type(error).__name__


Connect = Callable[[Endpoint, float], Awaitable[Transport]]
