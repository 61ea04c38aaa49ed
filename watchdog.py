"""Notices a peer that owes something and keeps silent.

A clock runs only while the client waits for a message and the peer owes one:
an LLM that thinks for minutes, or a slow consumer, is never an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

# A peer that is silent this long is asked for a sign of life, and has so long
# to give one: together under the 3 s in which a dead one must be noticed.
QUIET_S, PONG_S = 1.0, 1.5

# A loop that was blocked sees its timers before what has arrived meanwhile.
_GRACE_S = 0.05


@dataclass(frozen=True)
class Owed:
    """What the peer owes, for how long one may wait, and until when at all.

    Without limits: as long as the peer still answers pings.
    """

    what: str
    limit_s: float = float("inf")
    ceiling_at: float = float("inf")


class Watchdog:
    """Guards the waits of one stream, one at a time."""

    def __init__(
        self,
        owed: Callable[[], Owed | None],
        ping: Callable[[], Coroutine[Any, Any, None]],
        on_silence: Callable[[str, float], None],
    ) -> None:
        """Guard a stream.

        Args:
            owed: what the peer owes now; asked again at every turn.
            ping: completes when the peer has answered a ping.
            on_silence: called once with what is missing and after how
                many seconds; it must end the wait.
        """
        self._owed = owed
        self._ping = ping
        self._on_silence = on_silence
        self._waiting_since: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pong: asyncio.Task[None] | None = None
        self._pinged_at = 0.0
        self._is_in_grace = False

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Guard the wait for one message."""
        self._restart(asyncio.get_running_loop().time())
        try:
            yield
        finally:
            self._restart(None)

    def owed_changed(self) -> None:
        """Start the clock anew: something was asked of the peer."""
        if self._waiting_since is not None:
            self._restart(asyncio.get_running_loop().time())

    def _restart(self, since: float | None) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._pong:
            self._pong.cancel()
            self._pong = None
        self._waiting_since = since
        self._is_in_grace = False
        if since is not None:
            self._tick()

    def _tick(self) -> None:
        """Judge the wait, and set the timer for the next look at it."""
        owed = self._owed()
        if owed is None or self._waiting_since is None:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        missing, next_at = self._judge(owed, self._waiting_since, now)
        if missing is None:
            self._timer = loop.call_at(next_at, self._tick)
        elif self._is_in_grace:
            self._on_silence(missing, now - self._waiting_since)
        else:
            self._is_in_grace = True
            self._timer = loop.call_later(_GRACE_S, self._tick)

    def _judge(
        self, owed: Owed, since: float, now: float
    ) -> tuple[str | None, float]:
        """Give what is missing, if too late; else when to look again."""
        limit_at = min(since + owed.limit_s, owed.ceiling_at)
        if now >= limit_at:
            return owed.what, now
        if self._pong is None:
            look_at = max(since, self._pinged_at) + QUIET_S
            if now >= look_at:
                self._pinged_at = now
                look_at = now + PONG_S
                self._pong = asyncio.get_running_loop().create_task(
                    self._ping(), name="gradium:ping"
                )
        elif self._pong.done():
            self._pong = None
            look_at = now + QUIET_S
        else:
            look_at = self._pinged_at + PONG_S
            if now >= look_at:
                return f"answer to a ping, with {owed.what} owed,", now
        return None, min(limit_at, look_at)
