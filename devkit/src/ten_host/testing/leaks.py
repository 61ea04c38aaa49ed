# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a test leaves behind in its process: threads, sockets, files."""

from __future__ import annotations

import contextlib
import os
import threading
import time

GRACE_S = 10.0
"""How long what is on its way out may take to be gone."""

_POLL_S = 0.005
_FOLDER = "/proc/self/fd"


class ProcessLeaks:
    """Compares a process with what it had when this was made.

    Sockets, and files that are open for writing, are seen on Linux only.
    """

    def __init__(self) -> None:
        self._threads = set(threading.enumerate())
        self._files = _open_files()

    def now(self) -> list[str]:
        """Return what is there and was not before."""
        threads = set(threading.enumerate()) - self._threads
        return [
            *sorted(f"thread {thread.name}" for thread in threads),
            *sorted(_open_files() - self._files),
        ]

    def at_last(self, grace_s: float = GRACE_S) -> list[str]:
        """Return what is still there after a while; blocks until then."""
        deadline_s = time.monotonic() + grace_s
        while (left := self.now()) and time.monotonic() < deadline_s:
            time.sleep(_POLL_S)
        return left


def _open_files() -> set[str]:
    """Return the sockets and the named files that can be written to.

    What pytest and the libraries open for themselves lies elsewhere: deleted
    temporary files, pipes, devices, shared libraries.
    """
    found = set()
    with contextlib.suppress(FileNotFoundError):
        for number in os.listdir(_FOLDER):
            with contextlib.suppress(OSError):
                target = os.readlink(f"{_FOLDER}/{number}")
                if target.startswith("socket:"):
                    found.add(target)
                elif _is_file(target) and _is_for_writing(number):
                    found.add(f"file {target}")
    return found


def _is_file(target: str) -> bool:
    is_special = target.startswith(("/dev/", "/proc/"))
    is_gone = target.endswith(" (deleted)")
    return target.startswith("/") and not is_special and not is_gone


def _is_for_writing(number: str) -> bool:
    with open(f"/proc/self/fdinfo/{number}", encoding="ascii") as file:
        flags = next(line for line in file if line.startswith("flags:"))
    return int(flags.split()[1], 8) & (os.O_WRONLY | os.O_RDWR) != 0
