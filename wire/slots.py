# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The vendor's session slots, shared by all that use one key in a process.

Small plans allow two sessions at a time. A gate lets requests wait for each
other in order, instead of being refused by the vendor.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class SlotGate:
    """A counter of sessions; callers may run on loops of several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used = 0
        self._waiting: deque[_Waiter] = deque()

    @asynccontextmanager
    async def slot(self, limit: int) -> AsyncIterator[None]:
        """Hold a slot, after those who came before; 0 is no limit.

        Cancelling while waiting gives the place in the queue up.
        """
        if not limit:
            yield
            return
        await self._acquire(limit)
        try:
            yield
        finally:
            self._release()

    async def _acquire(self, limit: int) -> None:
        waiter = _Waiter()
        with self._lock:
            if self._used < limit and not self._waiting:
                self._used += 1
                return
            self._waiting.append(waiter)
        try:
            await waiter.granted.wait()
        except BaseException:
            with self._lock:
                is_granted = waiter not in self._waiting
                if not is_granted:
                    self._waiting.remove(waiter)
            if is_granted:
                self._release()
            raise

    def _release(self) -> None:
        """Hand the slot to who has waited longest, or free it."""
        with self._lock:
            while self._waiting:
                if self._waiting.popleft().grant():
                    return
            self._used -= 1


class _Waiter:
    def __init__(self) -> None:
        self.granted = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def grant(self) -> bool:
        """Wake the waiter on its own loop; false if that loop is gone."""
        try:
            self._loop.call_soon_threadsafe(self.granted.set)
        except RuntimeError:
            return False
        return True


_gates: dict[str, SlotGate] = {}
_gates_lock = threading.Lock()


def gate_of(api_key: str) -> SlotGate:
    """Return the gate of a key; the key itself is not kept."""
    name = hashlib.sha256(api_key.encode()).hexdigest()
    with _gates_lock:
        return _gates.setdefault(name, SlotGate())
