# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The buffer calls that `Data`, `AudioFrame` and `VideoFrame` share."""

from __future__ import annotations

from .msg import Msg


class BufferMsg(Msg):
    """A message that carries bytes beside its properties."""

    def alloc_buf(self, size: int) -> None:
        """Make a new buffer; raises ValueError unless `size` > 0."""
        if not isinstance(size, int) or size <= 0:
            raise ValueError(f"size must be greater than 0, not {size!r}")
        self._body.buffer = bytearray(size)

    def lock_buf(self) -> memoryview:
        """Return a view to write to; it blocks sending until unlocked."""
        body = self._body
        if body.locked is not None:
            raise ValueError("the buffer is locked already")
        body.locked = memoryview(self._allocated())
        return body.locked

    def unlock_buf(self, buf: memoryview) -> None:
        """Give back the view that `lock_buf` returned."""
        body = self._body
        if body.locked is None or buf is not body.locked:
            raise ValueError("this is not the locked buffer")
        body.locked = None
        buf.release()

    def get_buf(self) -> bytearray:
        """Return a copy; raises SystemError when nothing was allocated."""
        return bytearray(self._allocated())

    def _allocated(self) -> bytearray:
        if self._body.buffer is None:
            raise SystemError("the message has no buffer")
        return self._body.buffer
