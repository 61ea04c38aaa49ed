# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Registration of add-ons: what a node's `addon` field refers to."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from .ten_env import TenEnv


class Addon:
    """Makes the instances of one kind of extension."""

    def on_create_instance(
        self, ten_env: TenEnv, name: str, context: Any
    ) -> None:
        """Build the extension `name`, then call `on_create_instance_done`.

        Runs on the runtime's thread, where no event loop is running.
        """
        raise NotImplementedError


_A = TypeVar("_A", bound=type[Addon])


class RegisteredAddon:
    """An add-on class and the folder of its manifest.json."""

    def __init__(self, addon_class: type[Addon], base_dir: Path) -> None:
        self.addon_class = addon_class
        self.base_dir = base_dir


class _AddonManager:
    """The process-wide registry; a later registration replaces an earlier."""

    _registry: dict[str, RegisteredAddon] = {}

    @classmethod
    def register(cls, name: str, addon: RegisteredAddon) -> None:
        cls._registry[name] = addon

    @classmethod
    def find(cls, name: str) -> RegisteredAddon | None:
        return cls._registry.get(name)


def register_addon_as_extension(
    name: str, base_dir: str | None = None
) -> Callable[[_A], _A]:
    """Class decorator that registers an `Addon` under `name`.

    Args:
        name: what a graph's nodes call it.
        base_dir: a file in the add-on's folder (`__file__`); by default the
            file that uses the decorator.
    """
    file = base_dir or sys._getframe(1).f_code.co_filename
    folder = Path(file).resolve().parent

    def register(addon_class: _A) -> _A:
        _AddonManager.register(name, RegisteredAddon(addon_class, folder))
        return addon_class

    return register
