# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The session slots of a key, shared by this user's processes on a machine.

A slot is a file that is locked while it is held, in a folder of the user's
own. Who finds none free waits in a line, first come, first served.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from .file_locks import FileLock, make_private, try_lock
from .hold_back import HoldBack
from .line import Line, Place
from .waits import none_was_free, pause

# How often the first in the line looks for a slot.
LOOK_S = 0.01
# Names the folder; containers that share a key may mount a common one.
HOME_VARIABLE = "GRADIUM_TTS_SLOTS"


def home_of_user() -> str:
    """Return the folder of all locks of this user.

    Not a temporary folder by the environment, which differs from one service
    to the next.
    """
    return os.environ.get(HOME_VARIABLE) or f"/tmp/gradium_tts-{os.getuid()}"


class MachineGate:
    """The slots of one key; any number of loops and processes."""

    def __init__(self, home: str, name: str) -> None:
        """Look at a folder, which is made when it is needed.

        Args:
            home: of all keys.
            name: of this one; it tells nothing of it.
        """
        self._home = home
        self._folder = os.path.join(home, name)
        self._line = Line(os.path.join(self._folder, "line"))
        self.hold_back = HoldBack(os.path.join(self._folder, "full"))

    @asynccontextmanager
    async def slot(
        self, limit: int, *, ticket: int, by: float, holds_back: bool = True
    ) -> AsyncIterator[MachineSlot]:
        """Hold a slot; cancelling while waiting gives the place up at once.

        Without a limit nothing is locked, and nobody waits unless the vendor
        has refused somebody not long ago.

        Args:
            limit: how many may be held at a time; 0 is any number.
            ticket: the place in the line; lower ones are served first.
            by: until when to wait, on the loop's clock.
            holds_back: whether the vendor's refusals are waited for here.

        Raises:
            ConnectError: none was free in time.
            OSError: the folder is of no use.
        """
        slot = await self._take(limit, ticket, by, holds_back)
        try:
            yield slot
        finally:
            slot.give_back()

    async def _take(
        self, limit: int, ticket: int, by: float, holds_back: bool
    ) -> MachineSlot:
        if not limit and not (holds_back and self.hold_back.is_on(_now())):
            return MachineSlot(self, None)
        self.make_folder()
        if not self._line.places():
            if slot := self._try(limit, holds_back):
                return slot
        started_at = _now()
        place = Place(self._line, ticket)
        try:
            while True:
                ahead = place.ahead()
                if not ahead and (slot := self._try(limit, holds_back)):
                    return slot
                now = _now()
                if now >= by:
                    raise none_was_free(now - started_at)
                await pause(ahead, LOOK_S, by - now)
        finally:
            place.leave()

    def _try(self, limit: int, holds_back: bool) -> MachineSlot | None:
        """Take one that is free, if anybody may try now."""
        now = _now()
        if holds_back and not self.hold_back.may_try(now):
            return None
        lock = None
        if limit and not (lock := self._lock_one(limit)):
            return None
        if holds_back:
            self.hold_back.tried(now)
        return MachineSlot(self, lock)

    def _lock_one(self, limit: int) -> FileLock | None:
        for number in range(limit):
            path = os.path.join(self._folder, f"slot-{number}")
            if lock := try_lock(path):
                return lock
        return None

    def make_folder(self) -> None:
        """Make the folder if need be; raises `OSError`."""
        make_private(self._home)
        os.makedirs(self._folder, 0o700, exist_ok=True)


class MachineSlot:
    """A slot that is held; without a limit there is nothing to hold."""

    def __init__(self, gate: MachineGate, lock: FileLock | None) -> None:
        """Own a lock."""
        self._gate = gate
        self._lock = lock
        self._is_refused = False

    def refused(self) -> None:
        """Have all hold back: the vendor refused its session."""
        self._is_refused = True
        with suppress(OSError):
            self._gate.make_folder()
            self._gate.hold_back.refused(_now())

    def give_back(self) -> None:
        """Let the next one have it; never fails."""
        with suppress(OSError):
            if self._lock:
                self._lock.release()
        with suppress(OSError):
            # A session that was refused made no room for another.
            if not self._is_refused:
                self._gate.hold_back.freed(_now())


def _now() -> float:
    return asyncio.get_running_loop().time()
