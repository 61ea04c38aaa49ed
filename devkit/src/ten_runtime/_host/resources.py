# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Remembers which sockets and files an extension opens.

Python tells an audit hook about each of them as it is made. What was made in
an extension's callbacks and tasks is noted for its node, what was made on the
executor of an extension loop for the loop.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import weakref
from pathlib import Path
from typing import Any
from weakref import WeakSet

from .ownership import OWNER

EXECUTOR_PREFIX = "ten-executor"


class Resources:
    """The sockets and the paths of files that one owner has opened."""

    def __init__(self) -> None:
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._paths: set[str] = set()

    def open_sockets(self) -> list[str]:
        """Those that are open still, named by their addresses."""
        alive = [s for s in list(self._sockets) if s.fileno() != -1]
        return sorted(_socket_name(s) for s in alive)

    def open_files(self) -> list[str]:
        """Those that are open still; none where there is no /proc."""
        if not self._paths:
            return []
        return sorted(self._paths & _open_paths())

    def note_socket(self, made: socket.socket) -> None:
        self._sockets.add(made)

    def note_file(self, path: str) -> None:
        self._paths.add(os.path.realpath(path))


_by_owner: weakref.WeakKeyDictionary[object, Resources] = (
    weakref.WeakKeyDictionary()
)


def resources_of(owner: object) -> Resources:
    return _by_owner.setdefault(owner, Resources())


class ExecutorOwner:
    """Stands for whatever the executor of extension loops has opened."""


EXECUTOR = ExecutorOwner()


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if event != "socket.__new__" and event != "open":
        return
    owner = OWNER.get()
    if owner is None:
        if not threading.current_thread().name.startswith(EXECUTOR_PREFIX):
            return
        owner = EXECUTOR
    if event == "open":
        if isinstance(args[0], str | bytes):
            resources_of(owner).note_file(os.fsdecode(args[0]))
    elif isinstance(args[0], socket.socket):
        resources_of(owner).note_socket(args[0])


def _open_paths() -> set[str]:
    folder = Path("/proc/self/fd")
    paths = set()
    for entry in os.listdir(folder) if folder.is_dir() else ():
        try:
            paths.add(os.readlink(folder / entry))
        except FileNotFoundError:
            # Closed since it was listed; the listing's own one always is.
            continue
    return paths


def _socket_name(opened: socket.socket) -> str:
    try:
        return f"{opened.getsockname()} -> {opened.getpeername()}"
    except OSError:
        return f"fd {opened.fileno()}, not connected"


sys.addaudithook(_hook)
