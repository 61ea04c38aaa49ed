# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The vendor's session slots, shared by all that use one key in a process.

Small plans allow two sessions at a time. A gate lets requests wait for each
other in the order in which they came, instead of being refused by the vendor;
where a number is not set, the vendor's refusals teach it for a while.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..fleet.waits import LEAST_WAIT_S, TAUGHT_S, none_was_free


class _Tickets:
    """Gives out the time, and no time twice."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        with self._lock:
            self._last = max(self._last + 1, time.monotonic_ns())
            return self._last


_tickets = _Tickets()


def next_ticket() -> int:
    """Return a place in the line, behind all that were given out before.

    It is the time in ns of the clock that the processes of a machine share,
    so that it is a place among theirs, too.
    """
    return _tickets.next()


class SlotGate:
    """A counter of sessions; callers may run on loops of several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used = 0
        self._waiting: list[_Waiter] = []
        self._taught = math.inf
        self._taught_until = 0.0

    @asynccontextmanager
    async def slot(
        self, limit: int, *, ticket: int = 0, by: float = math.inf
    ) -> AsyncIterator[None]:
        """Hold a slot; cancelling while waiting gives the place up.

        Args:
            limit: how many may be held at a time; 0 is as many as the vendor
                is known to allow.
            ticket: the place in the line, kept over several tries; 0 is the
                last.
            by: until when to wait, on the loop's clock.

        Raises:
            ConnectError: none was free in time.
        """
        await self._acquire(_Waiter(limit or math.inf, ticket), by)
        try:
            yield
        finally:
            self._release()

    def refused(self) -> None:
        """Learn that the vendor refused one of the sessions held here."""
        with self._lock:
            self._taught = max(1, self._used - 1)
            self._taught_until = _now() + TAUGHT_S

    async def _acquire(self, waiter: _Waiter, by: float) -> None:
        with self._lock:
            self._waiting.append(waiter)
            self._waiting.sort(key=lambda each: each.ticket)
            self._let_in()
        started_at = _now()
        try:
            while not waiter.is_let_in.is_set():
                if _now() >= by:
                    raise none_was_free(_now() - started_at)
                await self._wait(waiter, by)
        except BaseException:
            self._leave(waiter)
            raise

    async def _wait(self, waiter: _Waiter, by: float) -> None:
        """Wait until it is let in, until then, or until more may be free."""
        with self._lock:
            wake_at = by
            if self._taught < math.inf:
                wake_at = min(by, self._taught_until)
        most_s = None
        if wake_at < math.inf:
            # Never so short that the clock stands still.
            most_s = max(LEAST_WAIT_S, wake_at - _now())
        try:
            await asyncio.wait_for(waiter.is_let_in.wait(), most_s)
        except asyncio.TimeoutError:
            with self._lock:
                self._let_in()

    def _leave(self, waiter: _Waiter) -> None:
        with self._lock:
            is_waiting = waiter in self._waiting
            if is_waiting:
                self._waiting.remove(waiter)
        if not is_waiting:
            self._release()

    def _release(self) -> None:
        with self._lock:
            self._used -= 1
            self._let_in()

    def _let_in(self) -> None:
        """Hand what is free to those who came first."""
        if (late_s := _now() - self._taught_until) >= 0:
            more = late_s // TAUGHT_S + 1
            self._taught += more
            self._taught_until += more * TAUGHT_S
        while self._waiting:
            first = self._waiting[0]
            if self._used >= min(first.limit, self._taught):
                return
            del self._waiting[0]
            self._used += first.wake()


class _Waiter:
    def __init__(self, limit: float, ticket: int) -> None:
        self.limit = limit
        self.ticket = ticket or next_ticket()
        self.is_let_in = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def wake(self) -> bool:
        """Let it in, on its own loop; false if that loop is gone."""
        if self._loop is asyncio.get_running_loop():
            self.is_let_in.set()
            return True
        try:
            self._loop.call_soon_threadsafe(self.is_let_in.set)
        except RuntimeError:
            return False
        return True


def _now() -> float:
    return asyncio.get_running_loop().time()


_gates: dict[str, SlotGate] = {}
_gates_lock = threading.Lock()


def gate_of(url: str, api_key: str) -> SlotGate:
    """Return the gate of a key at a server; the key itself is not kept."""
    name = name_of(url, api_key)
    with _gates_lock:
        return _gates.get(name) or _gates.setdefault(name, SlotGate())


def name_of(url: str, api_key: str) -> str:
    """Name a key at a server, without telling either."""
    return hashlib.sha256(f"{url}\n{api_key}".encode()).hexdigest()[:32]
