"""Data messages."""

from __future__ import annotations

from .buffer_msg import BufferMsg
from .msg import Body, valid_name


class Data(BufferMsg):
    @classmethod
    def create(cls, name: str) -> Data:
        return cls._wrap(Body(valid_name(name)))
