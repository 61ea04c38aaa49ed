# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What TEN refuses in an extension's files, asked of the stand-in's rules."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

# Found by its place: where a real TEN is on the path, `ten_runtime` is that.
_RULES = Path(__file__).resolve().parents[1] / "ten_runtime/_host/ten_files"

_SKIPPED = {".git", ".ten", "node_modules", "__pycache__"}


def refusals(root: Path) -> list[str]:
    """The manifest and property files below a folder that TEN refuses.

    Returns:
        One sentence for each, with the first reason.
    """
    return [
        f"{path.relative_to(root)}: {reason}"
        for path in sorted(_files(root))
        if (reason := refusal(path)) is not None
    ]


def refusal(path: Path) -> str | None:
    """Why TEN refuses a manifest.json or a property.json, if it does."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        return f"it is no JSON: {error}"
    rule: Callable[[object], str | None] = getattr(
        _rules(), f"problem_with_{path.stem}"
    )
    return rule(document)


def _files(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        name = entry.name
        if entry.is_dir():
            if name not in _SKIPPED and not name.startswith(".venv"):
                yield from _files(entry)
        elif name in ("manifest.json", "property.json"):
            yield entry


def _rules() -> ModuleType:
    name = "ten_shipping_rules"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            name,
            _RULES / "__init__.py",
            submodule_search_locations=[str(_RULES)],
        )
        assert spec and spec.loader
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]
