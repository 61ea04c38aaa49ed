# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Phrases on disk: a file each, in a folder that all processes share.

A file appears whole, by being renamed, and is never written to again; so a
process that is killed leaves nothing but a part that nobody reads. Its time is
that of its last use. Every call may wait for the disk: none belongs on an
event loop.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..core.phrases import DamagedPhrase, Phrase, decode_phrase, encode_phrase

# In the folder of the settings; whatever else is there is none of ours.
FOLDER = "gradium_phrases"
_NAME = re.compile(r"[0-9a-f]{64}\.phrase")
_PART = re.compile(r"\.[0-9a-f]{16}\.part")
_LEAD = "preload.lock"
# What opening says of a link, and of a file that was made somebody else's.
_STRANGE = {errno.ELOOP, errno.EACCES, errno.EPERM}
# No write takes as long; what is left of one is swept away after that.
_PART_S = 600.0


@dataclass(frozen=True)
class _File:
    """A file of ours; one that `is_part` was not complete when it was seen."""

    path: Path
    size_bytes: int
    used_at: float
    is_part: bool


class PhraseFiles:
    """The files of one folder."""

    def __init__(self, folder: Path, most_bytes: int, ttl_s: float) -> None:
        """Use a folder; nothing is opened yet.

        Args:
            folder: has, or gets, a folder of ours in it.
            most_bytes: of all files; the least recently used go first.
            ttl_s: how long after it was spoken one may be used; 0 is for
                ever.
        """
        self._folder = folder / FOLDER
        self._most_bytes = most_bytes
        self._ttl_s = ttl_s

    def open(self, most_bytes: int) -> dict[str, Phrase]:
        """Make the folder, and sweep it.

        Returns:
            What was used last, up to a size; this is no use of it.

        Raises:
            OSError: it cannot be used.
        """
        self._prepare()
        self._sweep()
        recent = {}
        for file in sorted(self._listed(), key=_used_at, reverse=True):
            most_bytes -= file.size_bytes
            if most_bytes < 0:
                break
            key = file.path.stem
            if not file.is_part and (phrase := self._intact(key)):
                recent[key] = phrase
        return recent

    def read(self, key: str) -> Phrase | None:
        """Return what was written; an old or a damaged file is removed.

        Raises:
            OSError: the disk fails; a file that is not there is `None`.
        """
        phrase = self._intact(key)
        if phrase:
            with contextlib.suppress(OSError):
                os.utime(self._path(key))
        return phrase

    def write(self, key: str, phrase: Phrase) -> None:
        """Keep a phrase, and remove what there is no more room for.

        Raises:
            OSError: it cannot be kept.
        """
        self._prepare()
        path = self._path(key)
        part = self._folder / f".{secrets.token_hex(8)}.part"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        try:
            with open(os.open(part, flags, 0o600), "wb") as file:
                file.write(encode_phrase(key, phrase))
            if path.is_dir() and not path.is_symlink():
                self._remove(path)
            os.replace(part, path)
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink()
            raise
        self._sweep()

    def take_lead(self) -> BinaryIO | None:
        """Be the process that fills the folder ahead, if there is no other.

        Returns:
            A file; whoever closes it leaves the lead, and so does a process
            that ends, however that happens.

        Raises:
            OSError: there can be no such process here.
        """
        import fcntl  # not on every system that Python runs on

        self._prepare()
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        lead = open(os.open(self._folder / _LEAD, flags, 0o600), "r+b")
        try:
            fcntl.flock(lead, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lead.close()
            if isinstance(error, BlockingIOError):
                return None
            raise
        return lead

    # ------------------------------------------------------------- internal

    def _intact(self, key: str) -> Phrase | None:
        path = self._path(key)
        try:
            phrase = decode_phrase(key, self._content(path))
            if phrase.is_old(time.time(), self._ttl_s):
                raise DamagedPhrase("it is old")
        except FileNotFoundError:
            return None
        except DamagedPhrase:
            self._remove(path)
            return None
        return phrase

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.phrase"

    def _content(self, path: Path) -> bytes:
        # Whatever stands there, neither is it followed nor waited for.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            file = os.open(path, flags)
        except OSError as error:
            if error.errno in _STRANGE:
                raise DamagedPhrase(str(error)) from None
            raise
        try:
            about = os.fstat(file)
            is_ours = stat.S_ISREG(about.st_mode) and (
                about.st_uid == os.geteuid()
            )
            if not is_ours or about.st_size > self._most_bytes:
                raise DamagedPhrase("it is none of our files")
            with open(file, "rb", closefd=False) as stream:
                return stream.read()
        finally:
            os.close(file)

    def _prepare(self) -> None:
        """Make the folder, or see that nobody else can use it.

        Raises:
            OSError: it is somebody else's.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = self._folder.lstat()
        if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid():
            raise PermissionError(f"{self._folder} is not a folder of ours")
        if stat.S_IMODE(about.st_mode) != 0o700:
            self._folder.chmod(0o700)

    def _sweep(self) -> None:
        """Remove what is old, left over, or more than there is room for."""
        files, now = self._listed(), time.time()
        room_bytes = self._most_bytes
        for file in sorted(files, key=_used_at, reverse=True):
            unused_s = now - file.used_at
            if file.is_part:
                is_kept = unused_s < _PART_S
            else:
                room_bytes -= file.size_bytes
                is_old = 0 < self._ttl_s < unused_s
                is_kept = room_bytes >= 0 and not is_old
            if not is_kept:
                self._remove(file.path)

    def _listed(self) -> list[_File]:
        files = []
        with os.scandir(self._folder) as entries:
            for entry in entries:
                is_part = _PART.fullmatch(entry.name) is not None
                if not (is_part or _NAME.fullmatch(entry.name)):
                    continue
                with contextlib.suppress(FileNotFoundError):
                    about = entry.stat(follow_symlinks=False)
                    files.append(
                        _File(
                            Path(entry.path),
                            about.st_size,
                            about.st_mtime,
                            is_part,
                        )
                    )
        return files

    @staticmethod
    def _remove(path: Path) -> None:
        with contextlib.suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()


def _used_at(file: _File) -> float:
    return file.used_at
