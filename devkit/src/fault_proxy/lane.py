# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""One direction of a connection."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Literal

from .log import Direction

# Kernel buffers hold more than this; a peer that must wait for a reader
# shall notice it soon.
_HELD_BYTES = 256 * 1024

Item = bytes | Literal["eof", "reset"]


class Lane:
    """One direction: what goes in comes out later, in order.

    While it is `is_held` nothing comes out; nothing is lost either, as TCP
    would send it again.
    """

    def __init__(
        self,
        direction: Direction,
        delay_s: float,
        deliver: Callable[[Item], None],
        back_off: Callable[[bool], None],
    ) -> None:
        """
        Args:
            direction: for the log.
            delay_s: how long everything takes; may be changed for what
                comes later, which never overtakes.
            deliver: gets what comes out.
            back_off: told to stop (`True`) and to go on sending.
        """
        self.direction = direction
        self.delay_s = delay_s
        self._deliver = deliver
        self._back_off = back_off
        self._loop = asyncio.get_running_loop()
        self._items: deque[tuple[float, Item]] = deque()
        self._held_bytes = 0
        self._is_held = False
        self._is_backed_off = False
        self._is_ended = False
        self._not_before_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def delay_until(self, loop_time_s: float) -> None:
        """Nothing leaves the sender before this time."""
        self._not_before_s = loop_time_s

    def put(self, item: Item) -> None:
        """Send something on its way; after "eof" only "reset" may follow."""
        if self._is_ended and item != "reset":
            return
        self._is_ended = not isinstance(item, bytes)
        left_s = max(self._loop.time(), self._not_before_s)
        self._items.append((left_s + self.delay_s, item))
        self._held_bytes += len(item) if isinstance(item, bytes) else 0
        if self._held_bytes > _HELD_BYTES and not self._is_backed_off:
            self._is_backed_off = True
            self._back_off(True)
        self._advance()

    def hold(self, is_held: bool) -> None:
        """Let nothing come out, or let it come out again."""
        self._is_held = is_held
        self._advance()

    def clear(self) -> None:
        """Lose everything that is on its way."""
        self._items.clear()
        self._held_bytes = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _advance(self) -> None:
        while self._items and not self._is_held:
            due_s, item = self._items[0]
            if due_s > self._loop.time():
                self._wake_at(due_s)
                break
            self._items.popleft()
            self._held_bytes -= len(item) if isinstance(item, bytes) else 0
            self._deliver(item)
        if self._is_backed_off and self._held_bytes <= _HELD_BYTES // 2:
            self._is_backed_off = False
            self._back_off(False)

    def _wake_at(self, due_s: float) -> None:
        if self._timer is None:
            self._timer = self._loop.call_at(due_s, self._awake)

    def _awake(self) -> None:
        self._timer = None
        self._advance()
