# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Video frames: pixels and how to read them."""

from __future__ import annotations

from enum import IntEnum

from ._host.property_tree import checked_int
from .buffer_msg import BufferMsg
from .msg import Body, valid_name


class PixelFmt(IntEnum):
    RGB24 = 1
    RGBA = 2
    BGR24 = 3
    BGRA = 4
    I422 = 5
    I420 = 6
    NV21 = 7
    NV12 = 8


class VideoFrame(BufferMsg):
    @classmethod
    def create(cls, name: str) -> VideoFrame:
        return cls._wrap(Body(valid_name(name)))

    def get_width(self) -> int:
        return self._body.numbers.get("width", 0)

    def set_width(self, width: int) -> None:
        self._body.numbers["width"] = checked_int(width)

    def get_height(self) -> int:
        return self._body.numbers.get("height", 0)

    def set_height(self, height: int) -> None:
        self._body.numbers["height"] = checked_int(height)

    def get_timestamp(self) -> int:
        return self._body.numbers.get("timestamp", 0)

    def set_timestamp(self, timestamp: int) -> None:
        self._body.numbers["timestamp"] = checked_int(timestamp)

    def get_pixel_fmt(self) -> PixelFmt:
        return PixelFmt(self._body.numbers.get("pixel_fmt", PixelFmt.RGBA))

    def set_pixel_fmt(self, pixel_fmt: PixelFmt) -> None:
        self._body.numbers["pixel_fmt"] = int(PixelFmt(pixel_fmt))

    def is_eof(self) -> bool:
        return bool(self._body.numbers.get("eof", 0))

    def set_eof(self, is_eof: bool) -> None:
        self._body.numbers["eof"] = int(bool(is_eof))
