# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A line of processes: a locked file for each place, named by its order."""

from __future__ import annotations

import itertools
import os

from .file_locks import FileLock, try_lock

# Who waits asks many times a second; a process that is stopped does not, and
# must not stop all behind it.
AWAY_S = 2.0

_serials = itertools.count()


class Line:
    """All who wait on this machine for the same; see `Place`."""

    def __init__(self, folder: str) -> None:
        """Look at a folder, which need not exist yet."""
        self.folder = folder

    def places(self) -> list[str]:
        """Return the names of all places in their order."""
        try:
            return sorted(os.listdir(self.folder))
        except FileNotFoundError:
            return []


class Place:
    """A place in a line, from its making to `leave`."""

    def __init__(self, line: Line, ticket: int) -> None:
        """Take a place.

        Args:
            ticket: lower ones are served first.

        Raises:
            OSError: no file can be made.
        """
        self._line = line
        os.makedirs(line.folder, 0o700, exist_ok=True)
        self._name = f"{ticket:020d}-{os.getpid()}-{next(_serials)}"
        self._lock = self._locked()

    def ahead(self) -> int:
        """Return how many are before it; 0 is none.

        Asking says that it is waited for. Those whose process is gone are
        cleared away from the front, and those who have not asked for a while
        are passed over, until they do.
        """
        now_s = self._lock.touch()
        before = [n for n in self._line.places() if n < self._name]
        for gone, name in enumerate(before):
            if self._is_there(name, now_s):
                return len(before) - gone
        return 0

    def leave(self) -> None:
        """Give the place up."""
        self._lock.release(remove=True)

    def _locked(self) -> FileLock:
        while True:
            # Whoever clears up may hold it for a moment, and remove it.
            lock = try_lock(os.path.join(self._line.folder, self._name))
            if lock:
                return lock

    def _is_there(self, name: str, now_s: float) -> bool:
        """Whether somebody waits in a place; removes one that nobody holds."""
        path = os.path.join(self._line.folder, name)
        try:
            if lock := try_lock(path, create=False):
                lock.release(remove=True)
                return False
            return now_s - os.stat(path).st_mtime < AWAY_S
        except FileNotFoundError:
            return False
