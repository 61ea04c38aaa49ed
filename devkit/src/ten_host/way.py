# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The way to a server, step by step: name, proxy, socket, encryption."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
import time
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

PATIENCE_S = 8.0
# The first connect may wait for more than the way.
_TRIES = 3


class WayError(Exception):
    """A step failed; the sentence says why, and what to do."""


@dataclass(frozen=True)
class Way:
    """Where a server is.

    Attributes:
        proxy: its URL; empty for none.
        ca_file: of trusted authorities; `None` for the system's.
    """

    host: str
    port: int
    is_encrypted: bool
    proxy: str = ""
    ca_file: str | None = None

    @classmethod
    def to(cls, url: str, proxy: str | None, ca_file: str | None) -> Way:
        """Return the way to a websocket's URL."""
        parts = urlsplit(url)
        host, is_encrypted = parts.hostname or "", parts.scheme == "wss"
        port = parts.port or (443 if is_encrypted else 80)
        found = proxy or _system_proxy(host, is_encrypted)
        return cls(host, port, is_encrypted, found, ca_file)

    @property
    def first(self) -> tuple[str, int]:
        """Host and port of whom this machine connects to."""
        if not self.proxy:
            return self.host, self.port
        parts = urlsplit(self.proxy)
        return parts.hostname or "", parts.port or 8080

    async def resolve(self) -> str:
        """Look the first name up.

        Raises:
            WayError: it has no address.
        """
        host, port = self.first
        loop = asyncio.get_running_loop()
        begin_s = time.monotonic()
        try:
            found = await asyncio.wait_for(
                loop.getaddrinfo(host, port, type=socket.SOCK_STREAM),
                PATIENCE_S,
            )
        except (OSError, asyncio.TimeoutError) as error:
            raise WayError(
                f"{host} has no address here ({_reason(error)}); connect this"
                " machine to the network, or set params.proxy"
            ) from None
        took_ms = (time.monotonic() - begin_s) * 1000
        return f"{host} is {found[0][4][0]} ({took_ms:.0f} ms)"

    def told_proxy(self) -> str:
        """Say which proxy is used, without what it may hold of secrets."""
        if not self.proxy:
            return "none"
        host, port = self.first
        return f"{urlsplit(self.proxy).scheme}://{host}:{port}"

    async def round_trip(self) -> str:
        """Connect a few times.

        Raises:
            WayError: nobody answers.
        """
        host, port = self.first
        took_s = []
        for _ in range(_TRIES):
            begin_s = time.monotonic()
            _, writer = await self._connect()
            took_s.append(time.monotonic() - begin_s)
            writer.transport.abort()
        to_proxy = ", to the proxy" if self.proxy else ""
        return f"{min(took_s) * 1000:.1f} ms{to_proxy}"

    async def encrypt(self) -> str:
        """Meet the server, through the proxy, and see its certificate.

        Raises:
            WayError: it cannot be met, or not be trusted.
        """
        if not self.is_encrypted:
            return "none: ws:// is not encrypted"
        context = self._context()
        reader, writer = await self._connect()
        try:
            if self.proxy:
                asked = self._ask_proxy(reader, writer)
                await asyncio.wait_for(asked, PATIENCE_S)
            met = self._handshake(writer, context)
            return await asyncio.wait_for(met, PATIENCE_S)
        except ssl.SSLCertVerificationError as error:
            raise WayError(
                f"the certificate of {self.host} is not trusted"
                f" ({error.verify_message}); set params.ca_file to your"
                " authorities' PEM file"
            ) from None
        except (OSError, EOFError, asyncio.TimeoutError) as error:
            raise WayError(
                f"{self.host} does not answer as a TLS server"
                f" ({_reason(error)}); see whether a firewall is between"
            ) from None
        finally:
            writer.transport.abort()

    async def _connect(
        self,
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = self.first
        try:
            return await asyncio.wait_for(
                asyncio.open_connection(host, port), PATIENCE_S
            )
        except (OSError, asyncio.TimeoutError) as error:
            raise WayError(
                f"nobody answers at {host}:{port} ({_reason(error)}); see"
                " whether it runs, and whether a firewall is between"
            ) from None

    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise WayError(
                f"params.ca_file {self.ca_file} is no PEM file that can be"
                f" read ({_reason(error)}); name another"
            ) from None

    async def _handshake(
        self, writer: asyncio.StreamWriter, context: ssl.SSLContext
    ) -> str:
        loop = asyncio.get_running_loop()
        begin_s = time.monotonic()
        transport = await loop.start_tls(
            writer.transport,
            writer.transport.get_protocol(),
            context,
            server_hostname=self.host,
        )
        took_ms = (time.monotonic() - begin_s) * 1000
        assert transport is not None
        met = transport.get_extra_info("ssl_object")
        until = (met.getpeercert() or {}).get("notAfter", "?")
        transport.abort()
        return f"{met.version()} ({took_ms:.0f} ms), trusted until {until}"

    async def _ask_proxy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        parts = urlsplit(self.proxy)
        if parts.scheme != "http":
            raise WayError(
                f"a proxy of the kind {parts.scheme} is not looked through"
                " here; the session below tells whether it works"
            )
        head = f"CONNECT {self.host}:{self.port} HTTP/1.1\r\n"
        head += f"Host: {self.host}:{self.port}\r\n"
        if parts.username:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            token = base64.b64encode(pair.encode()).decode()
            head += f"Proxy-Authorization: Basic {token}\r\n"
        writer.write(f"{head}\r\n".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        status = answer.split(b"\r\n")[0].decode(errors="replace")
        if " 200 " not in f"{status} ":
            raise WayError(
                f"the proxy does not let through to {self.host} ({status});"
                " ask who runs it"
            )


def _system_proxy(host: str, is_encrypted: bool) -> str:
    """Return what the environment or the system says, as websockets asks."""
    if proxy_bypass(host):
        return ""
    known = getproxies()
    names = ("wss", "socks", "https", "http")
    if not is_encrypted:
        names = ("ws", "socks", "https", "http")
    return next((known[name] for name in names if name in known), "")


def _reason(error: BaseException) -> str:
    if isinstance(error, asyncio.TimeoutError):
        return f"nothing within {PATIENCE_S:.0f} s"
    text = getattr(error, "strerror", None) or str(error)
    return text or type(error).__name__
