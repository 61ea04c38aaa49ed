# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Where an extension's package lies, and how it can be imported from there.

A package is named by its manifest, whatever its folder is called; it has to
be imported under that name only, since a second import is a second add-on.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import json
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

MANIFEST = "manifest.json"


class PackageError(ValueError):
    """A folder is not an extension's package; one sentence says why."""


def package_name(folder: Path) -> str:
    """Return the name of the package in a folder.

    Raises:
        PackageError: the folder has no manifest of an extension, or no
            `__init__.py`.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    except OSError as error:
        raise PackageError(
            f"{folder} is no extension's package: {MANIFEST}: {error.strerror}"
        ) from None
    except ValueError as error:
        raise PackageError(f"{folder / MANIFEST}: {error}") from None
    name = manifest.get("name") if isinstance(manifest, dict) else None
    if not isinstance(name, str) or manifest.get("type") != "extension":
        raise PackageError(f"{folder / MANIFEST} is not an extension's")
    if not (folder / "__init__.py").is_file():
        raise PackageError(f"{folder} has no __init__.py")
    return name


def package_around(folder: Path) -> Path | None:
    """Return the folder of the package that a folder lies in, or None."""
    for candidate in (folder, *folder.parents):
        if (candidate / MANIFEST).is_file():
            try:
                package_name(candidate)
            except PackageError:
                return None
            return candidate
    return None


class PackageFinder(importlib.abc.MetaPathFinder):
    """Finds one package in its folder; nothing is imported before it is asked.

    Args:
        folder: the package's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.name = package_name(folder)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(
            self.name,
            self.folder / "__init__.py",
            submodule_search_locations=[str(self.folder)],
        )


def make_importable(folder: Path, *, wins: bool = True) -> str:
    """Let the package in a folder be imported under its name.

    Args:
        wins: before any other of that name; else only where there is none.

    Returns:
        The name.

    Raises:
        PackageError: it is no extension's package.
    """
    finder = PackageFinder(folder)
    if wins:
        sys.meta_path.insert(0, finder)
    else:
        sys.meta_path.append(finder)
    return finder.name


def import_addon(name: str) -> None:
    """Register the add-on by importing its package, where there is one.

    A runtime that does not find it registered looks for it elsewhere, so no
    package is no error here.
    """
    if importlib.util.find_spec(name) is not None:
        importlib.import_module(name)
