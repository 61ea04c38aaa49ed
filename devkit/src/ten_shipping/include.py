# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Which files of an extension TEN ships: the globs of `package.include`.

In TEN's globs `*` and `**` stop at a folder's border, unless `**` stands for
whole path components: `**.py` is the top folder only, `docs/**` is all below.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path

# Never shipped, whatever the globs say.
_JUNK = {"__pycache__", ".venv", ".git", ".ten"}


def included_files(root: Path) -> list[Path]:
    """List the files to ship, relative to the extension's root, sorted."""
    manifest = json.loads((root / "manifest.json").read_text())
    return matching_files(root, manifest["package"]["include"])


def matching_files(root: Path, patterns: list[str]) -> list[Path]:
    """List the files that match one of the globs, relative and sorted."""
    expressions = [_expression(pattern) for pattern in patterns]
    return sorted(
        path
        for path in _files_below(root, Path())
        if any(e.fullmatch(path.as_posix()) for e in expressions)
    )


def _files_below(root: Path, folder: Path) -> list[Path]:
    found = []
    for entry in (root / folder).iterdir():
        path = folder / entry.name
        if entry.name in _JUNK or entry.name.startswith(".venv"):
            continue
        if entry.is_dir():
            found += _files_below(root, path)
        else:
            found.append(path)
    return found


@lru_cache
def _expression(pattern: str) -> re.Pattern[str]:
    parts = pattern.removeprefix("./").split("/")
    expression = ""
    for index, part in enumerate(parts):
        is_last = index == len(parts) - 1
        if part == "**":
            expression += ".*" if is_last else "(?:[^/]+/)*"
            continue
        expression += "".join(map(_piece, re.split(r"(\*+|\?)", part)))
        expression += "" if is_last else "/"
    return re.compile(expression, re.DOTALL)


def _piece(text: str) -> str:
    if text.startswith("*"):
        return "[^/]*"
    return "[^/]" if text == "?" else re.escape(text)
