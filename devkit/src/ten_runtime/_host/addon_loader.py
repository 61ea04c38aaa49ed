# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Finds an add-on: in the registry, or by importing its package."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from pathlib import Path

from ..addon import RegisteredAddon, _AddonManager


class AddonNotFound(Exception):
    """No package registers the add-on that a node asks for."""


def load_addon(name: str) -> RegisteredAddon:
    """Return the add-on `name`, imported if it is not yet.

    A package that is imported already is never imported again under another
    name: patches would then hit a copy that does not run.

    Raises:
        AddonNotFound: no package of that name, or it registers nothing.
        Exception: whatever the package's own import raises.
    """
    if "ten_packages" not in sys.modules:
        _put_app_folder_on_path()
    tried = []
    for module in (f"ten_packages.extension.{name}", name):
        if (addon := _AddonManager.find(name)) is not None:
            return addon
        _import_if_present(module)
        tried.append(module)
    if _AddonManager.find(name) is None:
        _import_from_folder_above(name)
    if (addon := _AddonManager.find(name)) is not None:
        return addon
    raise AddonNotFound(
        f"no add-on {name!r}: not registered, and imports of "
        f"{' and '.join(tried)} do not register it"
    )


def _import_if_present(module: str) -> None:
    """Import `module`; that it does not exist is no error."""
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise


def _put_app_folder_on_path() -> None:
    for folder in (Path.cwd(), Path.cwd() / ".ten" / "app"):
        if (folder / "ten_packages").is_dir():
            if str(folder) not in sys.path:
                sys.path.insert(0, str(folder))
                importlib.invalidate_caches()
            return


def _import_from_folder_above(name: str) -> None:
    """Import the extension in whose folder the process was started."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        if _manifest_name(folder) == name:
            spec = importlib.util.spec_from_file_location(
                name,
                folder / "__init__.py",
                submodule_search_locations=[str(folder)],
            )
            if spec is not None and spec.loader is not None:
                module = importlib.util.module_from_spec(spec)
                sys.modules[name] = module
                spec.loader.exec_module(module)
            return


def _manifest_name(folder: Path) -> str | None:
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    name = manifest.get("name") if isinstance(manifest, dict) else None
    return name if isinstance(name, str) else None
