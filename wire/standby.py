# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A session that is begun ahead: its setup is sent, its text is to come.

It shows whether the key and the settings are good, and who comes soon need
not wait for the setup; it holds a slot of the account meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ..core.errors import ErrorKind, GradiumError
from ..core.pace import Pace
from .stream import Stream

# So long a session waits for its first text. The vendor's patience is not
# known; other clients give up sessions that are ready after 25 s.
STANDBY_S = 20.0
# A slot is worth more than the setup, once it is known that that is good.
CHECK_S = 3.0
# A full account is asked again after so long: requests come first.
FULL_S = 5.0


class Standby:
    """Opens a session ahead and keeps it for a while, once or for ever."""

    def __init__(
        self,
        open_stream: Callable[[], Stream],
        failed: Callable[[GradiumError], Awaitable[None]],
        pace: Pace,
        *,
        is_once: bool,
    ) -> None:
        """Begin to open it.

        Args:
            open_stream: makes a stream; called for each session.
            failed: told what ends it for good.
            pace: says when a server may be asked that does not answer.
            is_once: whether one session is enough, for a short while.
        """
        self._open_stream = open_stream
        self._failed = failed
        self._pace = pace
        self._is_once = is_once
        self._stream: Stream | None = None
        self._is_entered = asyncio.Event()
        self._task = asyncio.create_task(self._keep(), name="gradium:standby")

    async def take(self) -> Stream | None:
        """Hand over the session, `ready` or not; `None` where none is open.

        Waits for one that is being opened. Nothing is kept after this.
        Cancelling leaves it here, or leaves the session.
        """
        if self._stream:
            await self._is_entered.wait()
        stream, self._stream = self._stream, None
        try:
            await self.aclose()
        except BaseException:
            if stream:
                await stream.leave()
            raise
        return stream

    async def aclose(self) -> None:
        """Stop keeping, and leave the session that was not handed over."""
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(max(0.0, self._pace.wait_s(loop.time())))
            error = await self._keep_one()
            is_full = error is not None and error.kind is ErrorKind.CAPACITY
            if error and not error.kind.is_retryable:
                await self._failed(error)
                return
            if is_full:
                await asyncio.sleep(FULL_S)
            elif self._is_once:
                return
            elif error:
                self._pace.failed(loop.time())

    async def _keep_one(self) -> GradiumError | None:
        """Open a session, and leave it when it is stale; returns its error."""
        self._stream = stream = self._open_stream()
        self._is_entered.clear()
        try:
            await stream.__aenter__()
            self._is_entered.set()
            await stream.__anext__()
            self._pace.answered()
            await stream.wait_closed(CHECK_S if self._is_once else STANDBY_S)
        except GradiumError as error:
            return error
        finally:
            # Unless it was handed over.
            if self._stream is stream:
                self._stream = None
                await stream.leave()
            self._is_entered.set()
        return None
