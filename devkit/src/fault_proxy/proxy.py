# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The proxy: listens, connects on, and breaks everything at once."""

from __future__ import annotations

import asyncio
import socket
from types import TracebackType
from urllib.parse import urlsplit, urlunsplit

from .log import WireLog
from .pipe import End, Pipe


class FaultProxy:
    """A TCP proxy between a client and one server.

    What is modelled:

    * Each direction takes half of `rtt_s`, in order, with no limit of
      bandwidth. A full reader slows the writer down.
    * The TCP handshake: the kernel accepts at once, so what the client
      sends is held as if it had left one `rtt_s` after the connect. The
      answer to its first bytes thus comes two round trips after `connect`,
      as over a real line.
    * The TLS handshake takes the round trips that it takes: the proxy passes
      it on like anything else, and holds no certificate.
    * Lost connectivity: nothing gets through in either direction and
      nothing is lost for good, as TCP repeats it. New connections are
      accepted by the kernel and hear nothing.
    * Refusal, RST, FIN, and a peer that is gone without a word.

    What is not: slow start, reordering, loss of single packets, a
    `connect` that hangs.
    """

    def __init__(
        self,
        host: str,
        port: int,
        rtt_s: float = 0.0,
        listen_host: str = "127.0.0.1",
    ) -> None:
        """
        Args:
            host, port: the server.
            rtt_s: round trip; may be changed for connections to come.
            listen_host: address to listen on; the port is any free one.
        """
        self._target = (host, port)
        self.rtt_s = rtt_s
        self._listen_host = listen_host
        self._listener: asyncio.AbstractServer | None = None
        self._pipes: list[Pipe] = []
        self._count = 0
        self._is_cut = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiters: set[asyncio.Future[None]] = set()
        self.port = 0
        self.log = WireLog()

    @property
    def open_connections(self) -> int:
        """Client sockets that are open."""
        return sum(pipe.is_open for pipe in self._pipes)

    @property
    def connections(self) -> int:
        """Connections so far, open or not."""
        return self._count

    def url_for(self, url: str) -> str:
        """Return the same address, by way of the proxy."""
        parts = urlsplit(url)
        netloc = f"{self._listen_host}:{self.port}"
        return urlunsplit(parts._replace(netloc=netloc))

    def change_rtt(self, rtt_s: float) -> None:
        """Change the round trip of open connections, and of those to come."""
        self.rtt_s = rtt_s
        for pipe in self._pipes:
            pipe.change_rtt(rtt_s)

    def lose_connectivity(self) -> None:
        """From now on nothing gets through."""
        self._is_cut = True
        for pipe in self._pipes:
            pipe.hold(True)

    def restore(self) -> None:
        """From now on everything gets through, first what was held."""
        self._is_cut = False
        for pipe in self._pipes:
            pipe.hold(False)

    def reset_all(self) -> None:
        """RST to both ends of every connection."""
        for pipe in list(self._pipes):
            pipe.reset()

    def half_open(self) -> None:
        """For every connection: the server is gone, the client not told.

        New connections are as good as ever.
        """
        for pipe in self._pipes:
            pipe.half_open()

    def close_all(self) -> None:
        """FIN to both ends of every connection, after what is on its way."""
        for pipe in self._pipes:
            pipe.close()

    async def refuse_connections(self) -> None:
        """New connections are refused; open ones stay."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    async def accept_connections(self) -> None:
        """Listen, on the same port as before."""
        listening = socket.create_server((self._listen_host, self.port))
        self.port = listening.getsockname()[1]
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            self._accepted, sock=listening
        )

    async def until_open(self, count: int) -> None:
        """Wait until so many client sockets are open."""
        while self.open_connections != count:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)

    async def __aenter__(self) -> FaultProxy:
        await self.accept_connections()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.refuse_connections()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for pipe in list(self._pipes):
            pipe.abort()
        await self.until_open(0)

    def _accepted(self) -> End:
        pipe = Pipe(self._count, self.rtt_s, self.log.add, self._changed)
        self._count += 1
        self._pipes.append(pipe)
        pipe.hold(self._is_cut)
        task = asyncio.get_running_loop().create_task(
            self._connect(pipe), name=f"fault_proxy:connect:{pipe.index}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return pipe.client

    async def _connect(self, pipe: Pipe) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: pipe.server, *self._target)
        except OSError:
            pipe.unreachable()

    def _changed(self, pipe: Pipe) -> None:
        if pipe.is_over and pipe in self._pipes:
            self._pipes.remove(pipe)
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
