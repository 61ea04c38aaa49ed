# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a refusal of the vendor's tells all processes of a machine.

A small file says until when they hold back, and when the next may try. While
nothing was refused there is none, and looking for it is all that it costs.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from .waits import HOLD_S, TAUGHT_S


@dataclass(frozen=True)
class _Record:
    """What the file says; times in µs.

    Attributes:
        until: when all is forgotten.
        tries_at: when one may try, though none of ours has ended.
        used: how many of those that have ended let another one try.
    """

    until: int = 0
    tries_at: int = 0
    used: int = 0


class HoldBack:
    """The file; times are of a clock that all processes share, in s."""

    def __init__(self, path: str) -> None:
        """Look at a file, which need not exist yet."""
        self._path = path
        # A byte for each session that has ended meanwhile.
        self._ended_path = f"{path}-ended"

    def is_on(self, now: float) -> bool:
        """Whether all hold back."""
        return self._record(now) is not None

    def may_try(self, now: float) -> bool:
        """Whether the first in the line may try."""
        record = self._record(now)
        if record is None:
            return True
        return self._ended() > record.used or _us(now) >= record.tries_at

    def tried(self, now: float) -> None:
        """Note that somebody tries now, who may."""
        record = self._record(now)
        if record is None:
            return
        if self._ended() > record.used:
            self._write(replace(record, used=record.used + 1))
        else:
            self._write(replace(record, tries_at=_us(now + HOLD_S)))

    def refused(self, now: float) -> None:
        """Have all hold back; raises `OSError` where that cannot be written."""
        before = self._record(now)
        used = before.used if before else self._ended()
        record = _Record(_us(now + TAUGHT_S), _us(now + HOLD_S), used)
        self._write(record, os.O_CREAT)

    def freed(self, now: float) -> None:
        """Note that a session has ended: another one may try."""
        if self.is_on(now):
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
            file = os.open(self._ended_path, flags, 0o600)
            try:
                os.write(file, b".")
            finally:
                os.close(file)

    def _ended(self) -> int:
        try:
            return os.stat(self._ended_path).st_size
        except FileNotFoundError:
            return 0

    def _record(self, now: float) -> _Record | None:
        """Read the file; `None` where it holds nobody back."""
        record = self._read()
        left_us = record.until - _us(now)
        # After a restart of the machine its clock began anew.
        return record if 0 < left_us <= _us(TAUGHT_S) else None

    def _read(self) -> _Record:
        try:
            file = os.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return _Record()
        try:
            if os.fstat(file).st_uid != os.getuid():
                return _Record()  # a stranger's folder has nothing to say
            return _Record(*map(int, os.read(file, 100).split()))
        except (TypeError, ValueError):
            return _Record()
        finally:
            os.close(file)

    def _write(self, record: _Record, flags: int = 0) -> None:
        # Of one length, written in one go: never seen half.
        numbers = (record.until, record.tries_at, record.used)
        text = " ".join(f"{number:020d}" for number in numbers)
        file = os.open(self._path, os.O_WRONLY | flags, 0o600)
        try:
            os.write(file, text.encode())
        finally:
            os.close(file)


def _us(time_s: float) -> int:
    return round(time_s * 1e6)
