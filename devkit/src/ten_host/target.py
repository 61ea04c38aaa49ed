# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Which extension a command runs: `--addon --package --property --vendor`."""

from __future__ import annotations

import argparse
import importlib.util
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .package import PackageError, make_importable


class TargetError(ValueError):
    """There is no such extension; one sentence says why."""


@dataclass(frozen=True)
class Target:
    """An extension, its properties, and what runs its vendor if anything.

    `folder` is that of its package.
    """

    addon: str
    folder: Path
    properties: dict[str, Any] = field(default_factory=dict)
    vendor: str | None = None


def add_target_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name an extension."""
    group = parser.add_argument_group("another extension")
    add = group.add_argument
    add("--addon", metavar="NAME", help="its add-on, if it is importable")
    add(
        "--package",
        type=Path,
        metavar="PATH",
        help="the folder of its package, with its manifest.json",
    )
    add(
        "--property",
        type=Path,
        metavar="FILE",
        help="a JSON file with the properties of its node",
    )
    add(
        "--vendor",
        metavar="FILE.py:NAME",
        help="a context manager that runs its vendor and gives the"
        " environment variables that its properties name",
    )


def target_of(options: argparse.Namespace) -> Target | None:
    """Return the extension that the options name; None if they name none.

    The package can be imported by its name from then on.

    Raises:
        TargetError: it is not there, or its properties cannot be read.
    """
    addon, folder = options.addon, options.package
    if folder is not None:
        try:
            name = make_importable(folder)
        except PackageError as error:
            raise TargetError(f"--package: {error}") from None
        addon = addon or name
    if addon is not None and folder is None:
        folder = folder_of(addon)
    if addon is None:
        for option in ("property", "vendor"):
            if getattr(options, option) is not None:
                raise TargetError(
                    f"--{option} needs --addon NAME or --package PATH"
                )
        return None
    properties = _properties(options.property)
    return Target(addon, folder, properties, options.vendor)


def folder_of(addon: str) -> Path:
    """Return the folder of an importable package.

    Raises:
        TargetError: there is none of that name.
    """
    spec = importlib.util.find_spec(addon)
    if spec is None or spec.origin is None:
        raise TargetError(
            f"--addon: there is no package {addon}; --package PATH tells where"
            " it is"
        )
    return Path(spec.origin).parent


def _properties(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        properties = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise TargetError(f"--property: {path}: {error.strerror}") from None
    except ValueError as error:
        raise TargetError(f"--property: {path}: {error}") from None
    if not isinstance(properties, dict):
        raise TargetError(f"--property: {path}: it is no JSON object")
    return properties
