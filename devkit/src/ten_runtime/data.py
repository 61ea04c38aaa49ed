# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Data messages."""

from __future__ import annotations

from .buffer_msg import BufferMsg
from .msg import Body, valid_name


class Data(BufferMsg):
    def get_buf(self) -> bytearray:
        """Return a copy; empty when nothing was allocated."""
        return bytearray(self._body.buffer or b"")

    @classmethod
    def create(cls, name: str) -> Data:
        return cls._wrap(Body(valid_name(name)))
