# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A TEN checkout on disk: where it is, what git holds, and changes to it."""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from errno import EISDIR
from pathlib import Path

from .edits import InstallError

EXTENSIONS = Path("agents/ten_packages/extension")
_SECRET_LINE = re.compile(r"^([ +-]\s*(?:export )?\w+\s*=).+", re.MULTILINE)
_SECRET_VALUE = re.compile(
    r'("\w*(?:key|secret|token|certificate|password|app_id)\w*"\s*:\s*)'
    r'"(?!\$\{env:)[^"\n]+"',
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Checkout:
    """TEN's `ai_agents` folder, and how its files are named to the user.

    Attributes:
        base: the folder `ai_agents`; all paths are relative to it.
        prefix: what leads there from the path that the user gave.
    """

    base: Path
    prefix: Path

    @classmethod
    def at(cls, path: Path) -> Checkout:
        """Take the root of a checkout, or its `ai_agents`.

        Raises:
            InstallError: it is neither.
        """
        for prefix in (Path("ai_agents"), Path()):
            if (path / prefix / EXTENSIONS).is_dir():
                return cls((path / prefix).resolve(), prefix)
        raise InstallError(
            f"{path} is no TEN checkout: it has neither ai_agents/{EXTENSIONS}"
            f" nor {EXTENSIONS}"
        )

    def read(self, path: Path) -> bytes | None:
        """Return a file's content; `None` if there is none.

        Raises:
            InstallError: it cannot be read.
        """
        whole = self.base / path
        try:
            return whole.read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise InstallError(f"{whole}: {error.strerror}") from None

    def committed(self, folder: Path) -> dict[Path, tuple[str, bool]]:
        """Return the blob and the executable bit of what git's HEAD holds."""
        command = ["ls-tree", "-r", "-z", "HEAD", "--", folder.as_posix()]
        files = {}
        for line in self._git(*command).decode(errors="replace").split("\0"):
            head, _, name = line.partition("\t")
            mode, _, rest = head.partition(" ")
            if name and rest.startswith("blob ") and mode.startswith("100"):
                files[Path(name)] = (rest.split()[1], mode == "100755")
        return files

    def blob(self, blob: str) -> bytes | None:
        """Return what git holds under an id; `None` if it is gone."""
        kind = self._git("cat-file", "-t", blob)
        return self._git("cat-file", "blob", blob) if kind else None

    def _git(self, *arguments: str) -> bytes:
        """Ask git; nothing where there is none."""
        elsewhere = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
        environment = {
            k: v for k, v in os.environ.items() if k not in elsewhere
        }
        try:
            done = subprocess.run(
                ["git", *arguments],
                cwd=self.base,
                env=environment,
                capture_output=True,
            )
        except OSError:
            return b""
        return done.stdout if done.returncode == 0 else b""


@dataclass(frozen=True)
class Change:
    """One file: its content before and after, `None` where it is absent.

    Attributes:
        is_executable: `None` leaves it as it is.
        is_private: whether only the user may read it.
    """

    path: Path
    before: bytes | None
    after: bytes | None
    is_executable: bool | None = None
    is_private: bool = False

    def diff(self, prefix: Path) -> str:
        """Show the change of a text, values of secrets left out."""
        name = (prefix / self.path).as_posix()
        old, new = (
            (side or b"").decode().splitlines(keepends=True)
            for side in (self.before, self.after)
        )
        lines = difflib.unified_diff(old, new, f"a/{name}", f"b/{name}")
        text = "".join(
            line if line.endswith("\n") else line + "\n" for line in lines
        )
        if self.path.name.startswith(".env"):
            text = _SECRET_LINE.sub(r"\1…", text)
        return _SECRET_VALUE.sub(r'\1"…"', text)


Rename = Callable[[Path, Path], None]


def apply(
    base: Path, changes: list[Change], rename: Rename = os.replace
) -> None:
    """Make all changes, or none.

    New contents are written beside their places first; what fails before the
    first rename has touched nothing, and what fails later is taken back.

    Raises:
        InstallError: it failed; the files are as they were.
    """
    under_way = _UnderWay([], [], [])
    try:
        for change in changes:
            if change.after is not None:
                under_way.stage(change, base)
        for temporary, place in under_way.staged:
            under_way.note(place)
            rename(temporary, place)
        for change in changes:
            if change.after is None:
                under_way.note(base / change.path)
                (base / change.path).unlink()
    except BaseException as error:
        under_way.take_back()
        if not isinstance(error, OSError):
            raise
        where = error.filename or base
        raise InstallError(
            f"{where}: {error.strerror}; nothing was changed"
        ) from None
    for change in changes:
        if change.after is None:
            _drop_empty((base / change.path).parent, base)


@dataclass(frozen=True)
class _UnderWay:
    """What has been done so far, and what it takes to undo it.

    Attributes:
        staged: written files and their places.
        made: folders that were not there.
        earlier: places with the content and mode that they had.
    """

    staged: list[tuple[Path, Path]]
    made: list[Path]
    earlier: list[tuple[Path, bytes | None, int]]

    def stage(self, change: Change, base: Path) -> None:
        """Write a file's new content beside its place."""
        assert change.after is not None
        # The file behind a link is changed, not the link.
        place = (base / change.path).resolve()
        if place.is_dir():
            raise IsADirectoryError(EISDIR, "is a folder", str(place))
        folders = [f for f in place.parents if not f.exists()]
        for folder in reversed(folders):
            folder.mkdir()
            self.made.append(folder)
        handle, name = tempfile.mkstemp(prefix=".put-", dir=place.parent)
        self.staged.append((Path(name), place))
        with os.fdopen(handle, "wb") as file:
            file.write(change.after)
        Path(name).chmod(_mode(change, place))

    def note(self, place: Path) -> None:
        """Keep what is at a place that will change."""
        if place.exists():
            mode = place.stat().st_mode & 0o777
            self.earlier.append((place, place.read_bytes(), mode))
        else:
            self.earlier.append((place, None, 0))

    def take_back(self) -> None:
        """Undo everything."""
        for place, content, mode in reversed(self.earlier):
            if content is None:
                place.unlink(missing_ok=True)
            else:
                place.write_bytes(content)
                place.chmod(mode)
        for temporary, _ in self.staged:
            temporary.unlink(missing_ok=True)
        for folder in reversed(self.made):
            with contextlib.suppress(OSError):
                folder.rmdir()


def _mode(change: Change, place: Path) -> int:
    if change.is_private:
        return 0o600
    mask = os.umask(0o022)
    os.umask(mask)
    mode = place.stat().st_mode & 0o777 if place.exists() else 0o666 & ~mask
    if change.is_executable is None:
        return mode
    return mode | 0o111 & ~mask if change.is_executable else mode & ~0o111


def _drop_empty(folder: Path, top: Path) -> None:
    """Remove folders that a change left empty, and Python's caches in them."""
    while folder != top and folder.is_dir() and folder.name != "extension":
        entries = list(folder.iterdir())
        if any(entry.name != "__pycache__" for entry in entries):
            return
        for entry in entries:
            for cached in entry.iterdir():
                cached.unlink()
            entry.rmdir()
        folder.rmdir()
        folder = folder.parent
