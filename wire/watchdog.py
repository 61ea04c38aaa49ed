# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Notices a peer that owes something and keeps silent, or never ends.

A clock runs only while the client waits for a message and the peer owes one:
an LLM that thinks for minutes, or a slow consumer, is never an error.

A message costs a few stamps: one timer looks at them when it fires, and is
not set anew for each message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import TracebackType
from typing import Any

# A peer that is silent this long is asked for a sign of life, and has so long
# to give one: together under the 3 s in which a dead one must be noticed.
QUIET_S, PONG_S = 1.0, 1.5

# A loop that was blocked sees its timers before what has arrived meanwhile.
_GRACE_S = 0.05
_NEVER = float("inf")


@dataclass(frozen=True)
class Owed:
    """What the peer owes.

    Without limits: as long as the peer still answers pings.

    Attributes:
        what: names it, for messages.
        limit_s: how long to wait for the next message.
        asked_at: when it was asked for, on the loop's clock.
        ceiling_s: how long after that to wait at all, whatever comes; a
            pause in which no message was waited for comes on top.
        late_s: how long without a message is called late; that is told, and
            the wait goes on.
        by: until when to wait for the next message, on the loop's clock.
    """

    what: str
    limit_s: float = _NEVER
    asked_at: float = 0.0
    ceiling_s: float = _NEVER
    late_s: float = _NEVER
    by: float = _NEVER


class Watchdog:
    """Guards the waits of one stream, one at a time: `with watchdog: …`."""

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
        self._on_silence = on_silence
        # Called with what is late, once a wait, which goes on.
        self.on_late: Callable[[str], None] | None = None
        self._pings = _Pings(ping, self._answered)
        self._ceiling = _Ceiling()
        self._is_waiting = False
        self._is_over = False
        # The debt whose limits run; nothing runs without.
        self._debt: Owed | None = None
        self._limits = _Limits()
        self._heard_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def waited_s(self) -> float:
        """How long the last wait took, from its last sign of life on."""
        return self._ceiling.left_at - self._heard_at

    def __enter__(self) -> None:
        """Begin the wait for one message: a new limit, the same ceiling."""
        self._loop = self._loop or asyncio.get_running_loop()
        now = self._loop.time()
        self._is_waiting = not self._is_over
        self._heard_at = now
        before = self._debt
        debt = self._take_debt(now)
        if debt is not None and self._is_waiting:
            self._ceiling.resume(debt, now)
            # Of the same debt nothing is late sooner than it was before, so
            # the timer that is there will do, but for the ceiling.
            is_guarded = debt is before and self._timer is not None
            if not is_guarded or now >= self._ceiling.look_at:
                self._set_timer(debt, now)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End a wait; the timer stays for the next one, if one may come."""
        self._is_waiting = False
        # Not the running loop: a wait may be left when there is none.
        if self._loop:
            self._ceiling.pause(self._loop.time())
        self._pings.drop()
        if exc_type is not None:
            self._drop_timer()

    def owed_changed(self) -> None:
        """Look again at what is owed: something was asked of the peer.

        A new debt has its whole limit before it. The clock of the pings runs
        on, or a dead peer would go unnoticed as long as text is sent.
        """
        if not self._is_waiting:
            return
        if self._owed() == self._debt:
            return
        now = asyncio.get_running_loop().time()
        if self._debt is None:
            self._heard_at = now
        debt = self._take_debt(now)
        if debt is None:
            self._pings.drop()
        else:
            self._ceiling.set(debt)
            self._set_timer(debt, now)

    def stop(self) -> None:
        """Guard nothing any more, and leave no timer behind."""
        self._is_over, self._is_waiting = True, False
        self._pings.drop()
        self._drop_timer()

    # ------------------------------------------------------------- internal

    def _take_debt(self, now: float) -> Owed | None:
        """Note what is owed from now on; its limits begin to run."""
        self._debt = debt = self._owed()
        self._limits.begin(now, now + debt.late_s if debt else _NEVER)
        return debt

    def _set_timer(self, debt: Owed, now: float) -> None:
        """Look when the next thing may be late, or now if it is.

        A timer that fires too early sets itself again, so the one that is
        there nearly always does.
        """
        look_at = min(self._ceiling.look_at, self._next_look_at(debt))
        if look_at <= now:
            # Not by a timer: a flood of messages that are here already would
            # never let it fire in a wait.
            self._look()
        elif self._timer is None or self._timer.when() > look_at:
            self._drop_timer()
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(look_at, self._timer_fired)

    def _next_look_at(self, debt: Owed) -> float:
        if self._limits.grace_ends is not None:
            return self._limits.grace_ends
        return min(
            self._ends_at(debt),
            self._limits.late_at,
            self._pings.due_at or self._heard_at + QUIET_S,
        )

    def _ends_at(self, debt: Owed) -> float:
        return min(self._limits.since + debt.limit_s, debt.by)

    def _drop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _timer_fired(self) -> None:
        self._timer = None
        self._look()

    def _look(self) -> None:
        """Judge the wait, and set the timer for the next look at it."""
        debt = self._debt
        if debt is None or not self._is_waiting:
            return
        now = asyncio.get_running_loop().time()
        late = self._silence(debt, now)
        if late is None:
            self._limits.grace_ends = None
            if now >= self._heard_at + QUIET_S:
                self._pings.send(now)
        elif self._limits.grace_ends is None:
            self._limits.grace_ends = now + _GRACE_S
        elif now >= self._limits.grace_ends:
            self._complain(*late)
            return
        if self._ceiling.is_over(now):
            self._complain(debt.what, now - debt.asked_at)
            return
        if now >= self._limits.late_at:
            self._limits.late_at = _NEVER
            if self.on_late:
                self.on_late(debt.what)
        self._set_timer(debt, now)

    def _silence(self, debt: Owed, now: float) -> tuple[str, float] | None:
        """Return what should have come, and for how long it was waited for."""
        if now >= self._ends_at(debt):
            return debt.what, now - self._limits.since
        if self._pings.due_at and now >= self._pings.due_at:
            missing = f"answer to a ping, with {debt.what} owed,"
            return missing, now - self._heard_at
        return None

    def _complain(self, missing: str, waited_s: float) -> None:
        self.stop()
        self._on_silence(missing, waited_s)

    def _answered(self) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        self._limits.grace_ends = None
        self._look()


@dataclass
class _Limits:
    """The limits of one debt, in one wait.

    Attributes:
        since: when they began to run.
        late_at: when its lateness is to be told; never twice.
        grace_ends: until when what is too late may still arrive, once it is.
    """

    since: float = 0.0
    late_at: float = _NEVER
    grace_ends: float | None = None

    def begin(self, now: float, late_at: float) -> None:
        """Let them run from now on."""
        self.since = now
        self.late_at = late_at
        self.grace_ends = None


class _Ceiling:
    """When a peer that goes on and on must have come to its end.

    Its clock is its own: no message gives the peer another grace. What does
    not count is a pause in which no message was waited for, as when the
    consumer was slow; handling a message is no pause.

    Attributes:
        left_at: when the last wait ended.
    """

    def __init__(self) -> None:
        self._asked: tuple[float, float] | None = None
        self._ends_at = _NEVER
        self._grace_ends: float | None = None
        self.left_at = -_NEVER

    @property
    def look_at(self) -> float:
        """When to ask whether it is over."""
        return self._ends_at if self._grace_ends is None else self._grace_ends

    def set(self, debt: Owed) -> None:
        """Take what is owed now; the same ceiling runs on."""
        asked = (debt.asked_at, debt.ceiling_s)
        if asked != self._asked:
            self._asked = asked
            self._ends_at = debt.asked_at + debt.ceiling_s
            self._grace_ends = None

    def resume(self, debt: Owed, now: float) -> None:
        """Begin a wait."""
        self.set(debt)
        paused_s = now - max(self.left_at, debt.asked_at)
        if paused_s > _GRACE_S:
            self._ends_at += paused_s
            self._grace_ends = None

    def pause(self, now: float) -> None:
        """End a wait."""
        self.left_at = now

    def is_over(self, now: float) -> bool:
        """Whether to wait no more; starts the one grace when it is due."""
        if now < self._ends_at:
            return False
        if self._grace_ends is None:
            self._grace_ends = now + _GRACE_S
        return now >= self._grace_ends


class _Pings:
    """Asks a quiet peer for a sign of life, one ping at a time."""

    def __init__(
        self,
        ping: Callable[[], Coroutine[Any, Any, None]],
        on_answer: Callable[[], None],
    ) -> None:
        self._ping = ping
        self._on_answer = on_answer
        self._pong: asyncio.Task[None] | None = None
        self._sent_at = 0.0

    @property
    def due_at(self) -> float | None:
        """When the answer must be here; `None` where no ping is out."""
        return self._sent_at + PONG_S if self._pong else None

    def send(self, now: float) -> None:
        """Send a ping, unless one is out."""
        if self._pong is None:
            self._sent_at = now
            self._pong = asyncio.get_running_loop().create_task(
                self._ping(), name="gradium:ping"
            )
            self._pong.add_done_callback(self._answered)

    def drop(self) -> None:
        """Wait for no answer."""
        if self._pong:
            self._pong.cancel()
            self._pong = None

    def _answered(self, pong: asyncio.Task[None]) -> None:
        # A ping that failed is no sign of life; the wait fails by itself.
        if pong.cancelled() or pong.exception() or pong is not self._pong:
            return
        self._pong = None
        self._on_answer()
