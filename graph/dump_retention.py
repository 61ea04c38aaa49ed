# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Which dumps a folder keeps: nothing but dumps is ever removed."""

from __future__ import annotations

import contextlib
import hashlib
import re
import stat
import time
from dataclasses import dataclass
from pathlib import Path

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
_MOST_CHARACTERS = 80
# What `dump_name` makes, and what such a file is called before it is whole.
_DUMP = re.compile(
    r"gradium_dump_[\w-]{0,80}(\.[0-9a-f]{12})?\.(pcm|wav)", re.A
)
_PART = re.compile(rf"\.{_DUMP.pattern}\.[0-9a-f]{{16}}\.part", re.A)
# One that nobody has written to for so long was left by a crash.
_PART_MAX_AGE_S = 3600.0


def dump_name(request_id: str, suffix: str = "pcm") -> str:
    """Make a file name for a request id, whatever is in it.

    Ids of letters, digits, `-` and `_` stay readable; others are replaced
    and told apart by a hash, so that no two share a file.
    """
    safe = _UNSAFE.sub("_", request_id)[:_MOST_CHARACTERS]
    if safe != request_id:
        octets = request_id.encode("utf-8", "surrogatepass")
        # No readable id has a dot.
        safe += "." + hashlib.sha256(octets).hexdigest()[:12]
    return f"gradium_dump_{safe}.{suffix}"


@dataclass(frozen=True)
class Retention:
    """What is kept of the dumps in a folder; 0 is no limit.

    Attributes:
        max_files: how many.
        max_bytes: how much, all together.
        max_age_s: for how long after their last change.
    """

    max_files: int = 0
    max_bytes: int = 0
    max_age_s: float = 0.0

    @property
    def is_limited(self) -> bool:
        """Whether anything is ever removed."""
        return self != KEEP_ALL


KEEP_ALL = Retention()


@dataclass(frozen=True)
class _File:
    """A file of the folder."""

    path: Path
    changed_at_s: float
    size_bytes: int


def remove_surplus(newest: Path, kept: Retention) -> None:
    """Remove the dumps that are too many, and what a crash left.

    Args:
        newest: the dump that is kept in any case, its folder the one that is
            looked at. The clock of a file system may be coarse.

    Raises:
        OSError: one could not be removed; the others were.
    """
    folder, now_s = newest.parent, time.time()
    surplus = _surplus(_files_like(_DUMP, folder), newest, kept, now_s)
    surplus += [
        part
        for part in _files_like(_PART, folder)
        if part.changed_at_s < now_s - _PART_MAX_AGE_S
    ]
    failure: OSError | None = None
    for file in surplus:
        try:
            file.path.unlink(missing_ok=True)
        except OSError as error:
            failure = error
    if failure:
        raise failure


def _surplus(
    dumps: list[_File], newest: Path, kept: Retention, now_s: float
) -> list[_File]:
    """Return the dumps that go: the first that is too much, and all older."""
    others = [dump for dump in dumps if dump.path != newest]
    by_age = sorted(others, key=lambda d: (d.changed_at_s, d.path))[::-1]
    total_bytes = sum(d.size_bytes for d in dumps if d.path == newest)
    for index, dump in enumerate(by_age):
        total_bytes += dump.size_bytes
        is_kept = (
            _is_within(kept.max_files, index + 2)  # with the newest, from 1
            and _is_within(kept.max_bytes, total_bytes)
            and _is_within(kept.max_age_s, now_s - dump.changed_at_s)
        )
        if not is_kept:
            return by_age[index:]
    return []


def _is_within(limit: float, value: float) -> bool:
    return not limit or value <= limit


def _files_like(name: re.Pattern[str], folder: Path) -> list[_File]:
    """Return the files with such names: no links, no folders."""
    found = []
    for path in folder.iterdir():
        # Another request may just remove it.
        with contextlib.suppress(FileNotFoundError):
            status = path.lstat()
            if name.fullmatch(path.name) and stat.S_ISREG(status.st_mode):
                found.append(_File(path, status.st_mtime, status.st_size))
    return found
