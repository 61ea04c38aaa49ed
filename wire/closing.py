# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What is closing in the background: sockets, and connects not needed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from .race import Attempt
from .transport import CLOSE_S, Transport


class Closing:
    """The tasks that see sockets off, politely but not for long."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        # Whether nothing is opened any more.
        self.is_all = False

    def retire(self, transport: Transport) -> None:
        """Close a socket."""
        self.begin(_close(transport))

    def abandon(self, attempt: Attempt) -> None:
        """Give up a connect that is not needed any more."""
        attempt.cancel()
        self.begin(_see_off(attempt))

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something else to close what is not needed."""
        task = asyncio.create_task(work, name="gradium:closing")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def wait(self) -> None:
        """Return once all is closed; at most `CLOSE_S` for a slow peer."""
        while self._tasks:
            await asyncio.wait(self._tasks)


async def _see_off(attempt: Attempt) -> None:
    await asyncio.wait({attempt})
    if not attempt.cancelled() and not attempt.exception():
        if transport := attempt.result():
            await _close(transport)


async def _close(transport: Transport) -> None:
    closing = asyncio.ensure_future(transport.aclose())
    try:
        await asyncio.wait({closing}, timeout=CLOSE_S)
    finally:
        if not closing.done():
            transport.abort()
            closing.cancel()
            await asyncio.wait({closing}, timeout=CLOSE_S)
