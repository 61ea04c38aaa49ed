# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Locks on files that the kernel keeps: a killed process holds none.

`flock`, because it belongs to an open file: two loops of one process exclude
each other as two processes do.
"""

from __future__ import annotations

import os
import stat

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

HAS_LOCKS = fcntl is not None
_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0)

# Those of this process; a child that is forked would keep them locked.
_open_files: set[int] = set()


class FileLock:
    """A locked file, from `try_lock` to `release`."""

    def __init__(self, path: str, file: int) -> None:
        """Own an open file that is locked."""
        self._path = path
        self._file = file
        _open_files.add(file)

    def touch(self) -> float:
        """Note that its holder is there; returns the time of the files, in s.

        Clocks of processes may differ, that of their files does not.
        """
        os.utime(self._file)
        return os.fstat(self._file).st_mtime

    def release(self, *, remove: bool = False) -> None:
        """Give the lock up, and remove the file first if asked to."""
        _open_files.discard(self._file)
        try:
            if remove:
                os.unlink(self._path)
        except FileNotFoundError:
            pass
        finally:
            # Closing is not enough where a child shares the open file.
            fcntl.flock(self._file, fcntl.LOCK_UN)
            os.close(self._file)


def try_lock(path: str, *, create: bool = True) -> FileLock | None:
    """Lock a file; `None` while somebody else holds it.

    Args:
        create: whether it is made if it is not there.

    Raises:
        OSError: it cannot be opened; `FileNotFoundError` without `create`.
    """
    flags = _FLAGS | (os.O_CREAT if create else 0)
    while True:
        file = os.open(path, flags, 0o600)
        is_ours = False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # One that was removed before it was locked is nobody's.
            is_ours = os.fstat(file).st_nlink > 0
            if is_ours:
                # What tidies a folder up looks for files nobody uses.
                os.utime(file)
                return FileLock(path, file)
        except BlockingIOError:
            return None
        finally:
            if not is_ours:
                os.close(file)


def make_private(folder: str) -> None:
    """Make a folder of this user's own, or find that it is one.

    Raises:
        OSError: it is somebody else's, or open to others.
    """
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    found = os.lstat(folder)
    is_own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    if not is_own or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is not a folder of this user alone")


def _forget_in_child() -> None:
    # Closed, not unlocked: the parent goes on holding them.
    for file in _open_files:
        os.close(file)
    _open_files.clear()


if HAS_LOCKS:
    os.register_at_fork(after_in_child=_forget_in_child)
