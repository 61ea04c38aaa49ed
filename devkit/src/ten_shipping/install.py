"""Puts the extension into a TEN checkout, and takes it out again.

A plan is made first, as a list of files with their bytes before and after;
nothing is touched unless all of it can be done. What was there before is kept
in a record beside the extension, so that removing gives it back exactly.
"""

from __future__ import annotations

import base64
import difflib
import hashlib
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .include import included_files, matching_files
from .json_text import set_element

EXTENSIONS = Path("ai_agents/agents/ten_packages/extension")
APP = Path("ai_agents/agents/examples/voice-assistant/tenapp")
RECORD = ".installed.json"
# What the acceptance suite needs besides what is shipped.
_FOR_TESTS = ["tests/**"]


class InstallError(Exception):
    """It cannot be done; one sentence for the user."""


@dataclass(frozen=True)
class Change:
    """One file: its bytes before and after, `None` where it is absent."""

    path: Path
    before: bytes | None
    after: bytes | None

    @property
    def verb(self) -> str:
        """What happens to the file."""
        if self.before is None:
            return "add"
        return "remove" if self.after is None else "change"

    def diff(self) -> str:
        """Show the change; binary files by name only."""
        try:
            old = (self.before or b"").decode().splitlines(keepends=True)
            new = (self.after or b"").decode().splitlines(keepends=True)
        except UnicodeDecodeError:
            return f"binary file {self.path}\n"
        name = self.path.as_posix()
        return "".join(
            difflib.unified_diff(
                old,
                new,
                f"a/{name}" if self.before is not None else "/dev/null",
                f"b/{name}" if self.after is not None else "/dev/null",
            )
        )


def plan_install(root: Path, checkout: Path) -> list[Change]:
    """Plan to install the extension at `root` into a checkout.

    Returns:
        The changes; none if it is installed as it is.

    Raises:
        InstallError: the tree is not known, or holds local changes.
    """
    _check_tree(checkout)
    name = name_of(root)
    original = _originals(checkout, name)
    wanted = _wanted(root, checkout, name, original)
    _check_unchanged(checkout, set(wanted) - set(original))
    before = {
        path: original.get(path, _read(checkout / path)) for path in wanted
    }
    wanted[EXTENSIONS / name / RECORD] = _record(before, wanted)
    return _changes(checkout, wanted)


def plan_remove(root: Path, checkout: Path) -> list[Change]:
    """Plan to give a checkout back what was there before.

    Raises:
        InstallError: nothing was installed, or it was changed since.
    """
    _check_tree(checkout)
    name = name_of(root)
    record = EXTENSIONS / name / RECORD
    if not (checkout / record).exists():
        raise InstallError(f"{name} was not installed into {checkout} by this")
    return _changes(checkout, {**_originals(checkout, name), record: None})


def name_of(root: Path) -> str:
    """Give the extension's name."""
    return str(json.loads((root / "manifest.json").read_text())["name"])


def apply(checkout: Path, changes: list[Change]) -> None:
    """Carry a plan out, and drop the folders that it leaves empty."""
    for change in changes:
        path = checkout / change.path
        if change.after is None:
            path.unlink()
            _drop_empty(path.parent, checkout / EXTENSIONS)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(change.after)
        if change.path.name == "start":
            path.chmod(0o755)


# -------------------------------------------------------------------- the plan


def _check_tree(checkout: Path) -> None:
    for path in (EXTENSIONS, APP / "manifest.json", APP / "property.json"):
        if not (checkout / path).exists():
            raise InstallError(
                f"{checkout} is no TEN checkout: it has no {path}"
            )


def _wanted(
    root: Path,
    checkout: Path,
    name: str,
    original: Mapping[Path, bytes | None],
) -> dict[Path, bytes | None]:
    """Give the files as they should be; `None` for those that must go."""
    target = EXTENSIONS / name
    wanted: dict[Path, bytes | None] = {}
    for path in _files_of(checkout, target):
        wanted[path] = None
    for path in original:
        wanted[path] = None
    for path in included_files(root) + matching_files(root, _FOR_TESTS):
        wanted[target / path] = (root / path).read_bytes()
    for path in (APP / "manifest.json", APP / "property.json"):
        source = original.get(path) or (checkout / path).read_bytes()
        wanted[path] = _edited(root, name, path, source.decode()).encode()
    return wanted


def _files_of(checkout: Path, folder: Path) -> list[Path]:
    return [
        path.relative_to(checkout)
        for path in (checkout / folder).rglob("*")
        if path.is_file()
        and path.name != RECORD
        and "__pycache__" not in path.parts
    ]


def _edited(root: Path, name: str, path: Path, text: str) -> str:
    """Give the app's manifest or property with the extension in it."""
    try:
        if path.name == "manifest.json":
            dependency = {"path": f"../../../ten_packages/extension/{name}"}
            return set_element(text, ("dependencies",), dependency)
        (example,) = root.glob("examples/*/property.json")
        (graph,) = json.loads(example.read_text())["ten"]["predefined_graphs"]
        # The app has a graph of its own that starts by itself.
        graph = {**graph, "auto_start": False}
        where = ("ten", "predefined_graphs")
        return set_element(text, where, graph, same_as="name")
    except (KeyError, ValueError) as error:
        raise InstallError(f"{path} is not as expected: {error!r}") from None


def _changes(
    checkout: Path, wanted: Mapping[Path, bytes | None]
) -> list[Change]:
    changes = (
        Change(path, _read(checkout / path), after)
        for path, after in sorted(wanted.items())
    )
    return [change for change in changes if change.before != change.after]


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _drop_empty(folder: Path, top: Path) -> None:
    while folder != top and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


# ------------------------------------------------------------- local changes


def _check_unchanged(checkout: Path, paths: set[Path]) -> None:
    """Refuse to touch what git knows as changed, or does not know at all."""
    present = sorted(path for path in paths if (checkout / path).exists())
    if not present:
        return
    try:
        status = subprocess.run(
            ["git", "status", "--porcelain", "--ignored", "--", *present],
            cwd=checkout,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        raise InstallError(
            f"{checkout} is not under git, so {present[0]} would be lost"
        ) from None
    if status:
        changed = status.splitlines()[0][3:]
        raise InstallError(
            f"{changed} has local changes: commit or remove them first"
        )


def _record(
    before: Mapping[Path, bytes | None], after: Mapping[Path, bytes | None]
) -> bytes:
    """Note what was there, and how to know what was put there."""
    entries = {
        path.as_posix(): {
            "before": None if old is None else base64.b64encode(old).decode(),
            "after": _digest(after[path]),
        }
        for path, old in sorted(before.items())
    }
    return (json.dumps(entries, indent=1) + "\n").encode()


def _originals(checkout: Path, name: str) -> dict[Path, bytes | None]:
    """Give what an earlier installation replaced; empty if there was none.

    Raises:
        InstallError: what it put there was changed since.
    """
    record = checkout / EXTENSIONS / name / RECORD
    if not record.exists():
        return {}
    originals: dict[Path, bytes | None] = {}
    for text, entry in json.loads(record.read_text()).items():
        path = Path(text)
        if _digest(_read(checkout / path)) != entry["after"]:
            raise InstallError(f"{path} was changed since it was installed")
        before = entry["before"]
        originals[path] = None if before is None else base64.b64decode(before)
    return originals


def _digest(content: bytes | None) -> str | None:
    return None if content is None else hashlib.sha256(content).hexdigest()
