# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Which authorities TLS trusts: read once for each file, in a thread.

It takes some 25 ms, in which the loop would serve nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from concurrent.futures import Future
from threading import Lock, Thread

from ..core.endpoint import Endpoint
from ..core.errors import ConnectError, ErrorKind

# So many files are kept; an app has one, or none.
_MOST_KEPT = 8

_kept: dict[str | None, Future[ssl.SSLContext]] = {}
_lock = Lock()


def read_ahead(endpoint: Endpoint) -> None:
    """Begin to read what an endpoint needs, if it needs anything."""
    if endpoint.url.startswith("wss://"):
        _reading(endpoint.ca_file)


async def context_of(endpoint: Endpoint) -> ssl.SSLContext | None:
    """Return the context of an endpoint; `None` where it needs none.

    Raises:
        ConnectError: its `ca_file` cannot be read.
    """
    if not endpoint.url.startswith("wss://"):
        return None
    reading = _reading(endpoint.ca_file)
    if not reading.done():
        await _until_done(reading)
    return reading.result()


def _reading(ca_file: str | None) -> Future[ssl.SSLContext]:
    """Return what becomes of a file; one that failed is read again."""
    with _lock:
        reading = _kept.get(ca_file)
        if reading is None or (reading.done() and reading.exception()):
            reading = Future()
            while len(_kept) >= _MOST_KEPT:
                del _kept[next(iter(_kept))]
            _kept[ca_file] = reading
            thread = Thread(
                target=_read,
                args=(ca_file, reading),
                name="gradium:tls",
                daemon=True,
            )
            thread.start()
        return reading


def _read(ca_file: str | None, reading: Future[ssl.SSLContext]) -> None:
    try:
        reading.set_result(ssl.create_default_context(cafile=ca_file))
    except OSError as error:
        why = error.strerror or str(error)
        reading.set_exception(
            ConnectError(f"ca_file {ca_file}: {why}", ErrorKind.CONFIG)
        )
    except BaseException as bug:  # who waits must not wait for ever
        reading.set_exception(bug)


async def _until_done(reading: Future[ssl.SSLContext]) -> None:
    """Wait without owning it: whoever is cancelled here stops nobody else."""
    loop = asyncio.get_running_loop()
    is_done = asyncio.Event()

    def wake(_: Future[ssl.SSLContext]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(is_done.set)

    reading.add_done_callback(wake)
    await is_done.wait()
