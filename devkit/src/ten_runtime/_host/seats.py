# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Puts extensions into their nodes: with an environment and a runner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..async_extension import AsyncExtension
from ..async_ten_env import AsyncTenEnv
from ..extension import Extension
from ..ten_env import TenEnv
from .addon_loader import load_addon
from .loop_thread import EXTENSION_LOOPS
from .node import Node
from .runners import LoopRunner, WorkerRunner

_JOIN_S = 2.0


class Workers:
    """The threads of synchronous extensions, one per extension group."""

    def __init__(self) -> None:
        self._by_group: dict[str, WorkerRunner] = {}

    def runner(self, node: Node) -> WorkerRunner:
        if node.group not in self._by_group:
            name = f"ten-{node.group}"
            self._by_group[node.group] = WorkerRunner(node, name)
        return self._by_group[node.group]

    def end(self, *, is_given_up: bool) -> None:
        """End the threads; one that is given up may be blocked for ever."""
        for runner in self._by_group.values():
            runner.end()
            runner.thread.join(0.0 if is_given_up else _JOIN_S)


def create_instance(node: Node, addon_name: str) -> Path:
    """Let the add-on make its extension; return its folder."""
    registered = load_addon(addon_name)
    addon = registered.addon_class()
    addon.on_create_instance(TenEnv(node), node.name, None)
    return registered.base_dir


def seat_extension(node: Node, instance: Any, workers: Workers) -> None:
    """Raises TypeError when `instance` is not an extension."""
    if isinstance(instance, AsyncExtension):
        thread = EXTENSION_LOOPS.acquire()
        node.env = AsyncTenEnv(node)
        node.runner = LoopRunner(thread, node, node.name)
    elif isinstance(instance, Extension):
        node.env = TenEnv(node)
        node.runner = workers.runner(node)
    else:
        kind = type(instance).__name__
        raise TypeError(f"{kind} is not an extension of {node.name}")
    node.instance = instance
