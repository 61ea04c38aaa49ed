# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The extension's own files in a checkout, each of them one element."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .checkout import EXTENSIONS, Change, Checkout
from .edits import InstallError, digest
from .include import included_files
from .old_record import path_of
from .record import Before, Put, folder_of

_COPIED = (
    "replaced {}, which git does not hold as it was: --remove gives it back"
)
_EDIT = "kept your edit of {}"
_REMOVAL = "kept your removal of {} (--force puts it in again)"
# How many files of a kind are told of one by one.
_MOST_LINES = 3


@dataclass
class FilePlan:
    """Which files change, what is noted of them, and what to tell.

    Attributes:
        copies: contents to be kept, by their digest.
        told: sentences with a gap for a file.
    """

    changes: list[Change] = field(default_factory=list)
    noted: dict[str, Put] = field(default_factory=dict)
    copies: dict[str, bytes] = field(default_factory=dict)
    told: list[tuple[str, Path]] = field(default_factory=list)

    def notes(self, prefix: Path) -> list[str]:
        """Return one line for each file, or for many of a kind."""
        by_sentence: dict[str, list[Path]] = {}
        for sentence, path in self.told:
            by_sentence.setdefault(sentence, []).append(prefix / path)
        lines = []
        for sentence, paths in by_sentence.items():
            if len(paths) > _MOST_LINES:
                shown = f"{len(paths)} files ({paths[0]}, …)"
                lines.append(sentence.format(shown))
            else:
                lines += [sentence.format(path) for path in paths]
        return lines


@dataclass(frozen=True)
class Target:
    """The extension's folder in a checkout.

    Args:
        root: the extension's root, where its files come from.
        checkout: where they go.
        name: the extension's name.
        noted: what was put there, by its path below `ai_agents`.
        copies: contents that are noted as copies, and are none yet.
    """

    root: Path
    checkout: Checkout
    name: str
    noted: Mapping[str, Put]
    copies: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The folder, below `ai_agents`."""
        return EXTENSIONS / self.name

    def check(self) -> None:
        """Refuse a folder that is a link.

        Raises:
            InstallError: what is behind it would be overwritten.
        """
        folder = self.checkout.base / self.folder
        if folder.is_symlink() or folder.resolve() == self.root.resolve():
            raise InstallError(
                f"{folder} leads to {folder.resolve()}, which would be"
                " overwritten; put it out of the way first"
            )

    def plan_put(self, force: bool) -> FilePlan:
        """Plan to put the files there; edits since the last time stay."""
        plan = FilePlan()
        present = self._present()
        committed = self.checkout.committed(self.folder)
        ours = self._ours()
        # A folder that is gone was meant to go whole.
        force = force or not present
        for path in sorted({*ours, *present, *map(Path, self.noted)}):
            now, new = self.checkout.read(path), ours.get(path)
            put = self.noted.get(path.as_posix())
            if put is None:
                self._put_first(plan, path, now, new, committed.get(path))
                continue
            is_edited = now != new and _digest(now) != put.digest
            is_kept = is_edited and not (force and new is not None)
            if is_kept:
                plan.told.append((_REMOVAL if now is None else _EDIT, path))
            else:
                self._change(plan, path, now, new)
            if new is not None or put.before is not None or is_kept:
                known = put.digest if is_kept else _digest(new)
                plan.noted[path.as_posix()] = Put(known, put.before)
        return plan

    def plan_take_out(self, force: bool) -> FilePlan:
        """Plan to take out what is as it was put there."""
        plan = FilePlan()
        for name, put in sorted(self.noted.items()):
            path = Path(name)
            now = self.checkout.read(path)
            if _digest(now) != put.digest and now is not None and not force:
                plan.told.append(("left {}: you changed it", path))
                plan.noted[name] = put
                continue
            before, is_executable = None, False
            if put.before is not None:
                before, is_executable = self._earlier(put.before)
                if before is None:
                    gone = "what {} was before is lost: git no longer has it"
                    plan.told.append((gone, path))
            self._change(plan, path, now, before, is_executable)
        return plan

    def _put_first(
        self,
        plan: FilePlan,
        path: Path,
        now: bytes | None,
        new: bytes | None,
        committed: tuple[str, bool] | None,
    ) -> None:
        """Put a file of which nothing is noted."""
        is_held = (
            committed is not None
            and now is not None
            and _blob_id(now, committed[0]) == committed[0]
        )
        if new is None:
            # An older version's file goes; what git does not hold stays, and
            # so does everything that came after the first time.
            if is_held and not self.noted:
                self._change(plan, path, now, None)
                plan.noted[path.as_posix()] = Put(
                    None, self._kept(plan, path, now, committed)
                )
            else:
                plan.told.append(("kept {}: none of ours", path))
            return
        before = None
        if now is not None and now != new:
            held = committed if is_held else None
            before = self._kept(plan, path, now, held)
            if held is None:
                plan.told.append((_COPIED, path))
        elif committed is not None and not is_held and now == new:
            # Put there by an attempt that was killed.
            old = self.checkout.blob(committed[0])
            if old is not None:
                before = Before(digest(old), *committed)
        elif is_held:
            before = self._kept(plan, path, now, committed)
        self._change(plan, path, now, new)
        plan.noted[path.as_posix()] = Put(_digest(new), before)

    def _kept(
        self,
        plan: FilePlan,
        path: Path,
        content: bytes | None,
        committed: tuple[str, bool] | None,
    ) -> Before:
        """Make sure that a content can be given back."""
        assert content is not None
        key = digest(content)
        if committed is not None:
            return Before(key, *committed)
        plan.copies[key] = content
        mode = (self.checkout.base / path).stat().st_mode
        return Before(key, None, bool(mode & 0o100))

    def _earlier(self, before: Before) -> tuple[bytes | None, bool]:
        if before.blob is not None:
            content = self.checkout.blob(before.blob)
        else:
            copy = folder_of(self.name) / "before" / before.digest
            content = self.copies.get(before.digest)
            if content is None:
                content = self.checkout.read(copy)
        return content, before.is_executable

    def _change(
        self,
        plan: FilePlan,
        path: Path,
        now: bytes | None,
        new: bytes | None,
        is_executable: bool | None = None,
    ) -> None:
        if now == new:
            return
        if is_executable is None:
            source = self.root / path.relative_to(self.folder)
            is_executable = source.exists() and bool(
                source.stat().st_mode & 0o100
            )
        plan.changes.append(Change(path, now, new, is_executable))

    def _ours(self) -> dict[Path, bytes]:
        return {
            self.folder / path: (self.root / path).read_bytes()
            for path in included_files(self.root)
        }

    def _present(self) -> list[Path]:
        """List the files there; caches and what links lead to are not ours."""
        paths = []
        for folder, folders, names in os.walk(
            self.checkout.base / self.folder, followlinks=False
        ):
            folders[:] = [
                n for n in folders if n != "__pycache__" and n[0] != "."
            ]
            below = Path(folder).relative_to(self.checkout.base)
            paths += [below / name for name in names]
        return [path for path in paths if path != path_of(self.name)]


def _digest(content: bytes | None) -> str | None:
    return None if content is None else digest(content)


def _blob_id(content: bytes, like: str) -> str:
    """Return the id under which git holds a content."""
    kind = "sha1" if len(like) == 40 else "sha256"
    head = b"blob %d\0" % len(content)
    return hashlib.new(kind, head + content, usedforsecurity=False).hexdigest()
