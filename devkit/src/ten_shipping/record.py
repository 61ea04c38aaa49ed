# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What was put into a checkout: a few kilobytes, unknown to its git.

It lies in a folder of its own below `ai_agents`, with a `.gitignore` that
ignores the folder: unlike a line in `.git/info/exclude` that also holds in a
worktree, in a container that sees `ai_agents` only, and in a tree that comes
under git later, and it goes when the folder goes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .edits import Edit, InstallError

FOLDER = Path(".ten_shipping")
_VERSION = 1


@dataclass(frozen=True)
class Before:
    """A file that was replaced.

    Attributes:
        digest: what tells its content.
        blob: the id under which git holds it; `None` if a copy is kept.
        is_executable: whether it was.
    """

    digest: str
    blob: str | None = None
    is_executable: bool = False


@dataclass(frozen=True)
class Put:
    """A file of the extension: the digest of what was put there.

    Attributes:
        digest: `None` if a file of an older version was taken out.
        before: what stood there; `None` for nothing.
    """

    digest: str | None
    before: Before | None = None


@dataclass
class Record:
    """All that was put in, by its path below `ai_agents`."""

    files: dict[str, Put] = field(default_factory=dict)
    edits: dict[str, Edit] = field(default_factory=dict)

    def is_empty(self) -> bool:
        """Return whether nothing of it is left in the checkout."""
        return not self.files and not self.edits

    def dumped(self) -> bytes:
        """Return the content of the file."""
        files = {
            path: put.digest if put.before is None else asdict(put)
            for path, put in self.files.items()
        }
        edits = {path: asdict(edit) for path, edit in self.edits.items()}
        tree = {"version": _VERSION, "files": files, "edits": edits}
        return (json.dumps(tree, separators=(",", ":")) + "\n").encode()


def folder_of(name: str) -> Path:
    """Return the folder of an extension's record."""
    return FOLDER / name


def load(path: Path) -> Record | None:
    """Read a record; `None` if there is none.

    Raises:
        InstallError: it cannot be understood.
    """
    if not path.is_file():
        return None
    try:
        tree = json.loads(path.read_bytes())
        if tree["version"] != _VERSION:
            raise ValueError(f"version {tree['version']}")
        files = {p: _put(entry) for p, entry in tree["files"].items()}
        edits = {p: _edit(entry) for p, entry in tree["edits"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InstallError(
            f"{path} cannot be read ({error!r}); --force goes on without it"
        ) from None
    if any(Path(p).is_absolute() or ".." in Path(p).parts for p in files):
        raise InstallError(f"{path} names files outside of the checkout")
    return Record(files, edits)


def _put(entry: str | dict[str, Any]) -> Put:
    # Most files had none before them.
    if isinstance(entry, str):
        return Put(entry)
    return Put(entry["digest"], Before(**entry["before"]))


def _edit(entry: dict[str, Any]) -> Edit:
    start, stop, text = entry["undo"] or (0, 0, "")
    return Edit(
        put=entry["put"],
        before=entry["before"],
        others=tuple(entry["others"]),
        after=entry["after"],
        undo=(start, stop, text) if entry["undo"] else None,
        is_taken=entry["is_taken"],
    )
