# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A setting that was given on the command line: `speed=1.2`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Wish:
    """A setting.

    Attributes:
        path: its name; within objects, one name for each.
    """

    path: tuple[str, ...]
    value: Any

    def put_into(self, tree: dict[str, Any]) -> None:
        """Put it into a property; by its mere name, among the `params`.

        The extension moves what belongs elsewhere to its place.
        """
        *folders, name = self.path
        folders = folders or ["params"]
        for folder in folders:
            below = tree.setdefault(folder, {})
            if not isinstance(below, dict):
                below = tree[folder] = {}
            tree = below
        tree[name] = self.value


def wish_of(text: str) -> Wish:
    """Read `NAME=VALUE`; the value is JSON, or else a text.

    Raises:
        ValueError: it is not of that form.
    """
    name, equals, raw = text.partition("=")
    path = tuple(name.strip().split("."))
    if not equals or not all(path):
        raise ValueError(f"must look like NAME=VALUE, not {text}")
    try:
        return Wish(path, json.loads(raw))
    except ValueError:
        return Wish(path, raw)
