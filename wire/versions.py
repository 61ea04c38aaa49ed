# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What runs here, for the first line of a trace."""

from __future__ import annotations

import json
import platform
import sys
from importlib import metadata
from pathlib import Path

_OWN = Path(__file__).resolve().parent.parent
_LIBRARIES = ("websockets", "pydantic")
# As tman lays them out: ten_runtime_python/interface/ten_runtime/__init__.py.
_TEN = ("ten_runtime", "ten_ai_base")


def versions() -> dict[str, str]:
    """Return the version of each part; "unknown" where none is told."""
    return {
        "package": _in_manifest(_OWN),
        "python": platform.python_version(),
        **{name: _of_library(name) for name in _LIBRARIES},
        **{name: _of_ten(name) for name in _TEN},
    }


def _of_library(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "unknown"


def _of_ten(name: str) -> str:
    path = getattr(sys.modules.get(name), "__file__", None)
    parents = Path(path).resolve().parents if path else ()
    return _in_manifest(parents[2]) if len(parents) > 2 else "unknown"


def _in_manifest(folder: Path) -> str:
    try:
        tree = json.loads((folder / "manifest.json").read_text("utf-8"))
        return str(tree["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return "unknown"
