# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Frames of a session that cannot be read: some are borne with."""

from __future__ import annotations

import logging

from ..core.errors import ErrorKind, SynthesisError
from ..core.protocol import RemoteProtocolError

# More unreadable frames in a row than this, and the session is given up; so
# many of a session are told in the log.
MAX_GARBAGE_FRAMES = 16


class Garbage:
    """Counts the unreadable frames of one session."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._in_all = 0
        self._in_a_row = 0

    def end_row(self) -> None:
        """Learn that a frame could be read."""
        self._in_a_row = 0

    def add(self, error: RemoteProtocolError, host: str) -> None:
        """Leave a frame out.

        Raises:
            SynthesisError: there were too many in a row.
        """
        self._in_all += 1
        self._in_a_row += 1
        if self._in_all <= MAX_GARBAGE_FRAMES:
            self._log.warning(
                "vendor_error: unreadable frame left out: %s", error
            )
        if self._in_a_row > MAX_GARBAGE_FRAMES:
            raise SynthesisError(
                f"{host} sent {self._in_a_row} unreadable frames in a row",
                ErrorKind.PROTOCOL,
            )
