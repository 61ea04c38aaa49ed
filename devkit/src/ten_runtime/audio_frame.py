# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Audio frames: PCM bytes and how to read them."""

from __future__ import annotations

from enum import IntEnum

from ._host.property_tree import checked_int
from .buffer_msg import BufferMsg
from .msg import Body, valid_name


class AudioFrameDataFmt(IntEnum):
    INTERLEAVE = 1
    NON_INTERLEAVE = 2


class AudioFrame(BufferMsg):
    @classmethod
    def create(cls, name: str) -> AudioFrame:
        return cls._wrap(Body(valid_name(name)))

    def get_sample_rate(self) -> int:
        """In Hz."""
        return self._number("sample_rate")

    def set_sample_rate(self, sample_rate: int) -> None:
        self._set_number("sample_rate", sample_rate)

    def get_samples_per_channel(self) -> int:
        return self._number("samples_per_channel")

    def set_samples_per_channel(self, samples_per_channel: int) -> None:
        self._set_number("samples_per_channel", samples_per_channel)

    def get_bytes_per_sample(self) -> int:
        return self._number("bytes_per_sample")

    def set_bytes_per_sample(self, size: int) -> None:
        self._set_number("bytes_per_sample", size)

    def get_number_of_channels(self) -> int:
        return self._number("number_of_channels")

    def set_number_of_channels(self, number: int) -> None:
        self._set_number("number_of_channels", number)

    def get_line_size(self) -> int:
        return self._number("line_size")

    def set_line_size(self, line_size: int) -> None:
        self._set_number("line_size", line_size)

    def get_timestamp(self) -> int:
        """Milliseconds since the epoch, by convention; 0 when not set."""
        return self._number("timestamp")

    def set_timestamp(self, timestamp: int) -> None:
        self._set_number("timestamp", timestamp)

    def get_data_fmt(self) -> AudioFrameDataFmt:
        number = self._body.numbers.get("data_fmt", 1)
        return AudioFrameDataFmt(number)

    def set_data_fmt(self, data_fmt: AudioFrameDataFmt) -> None:
        self._set_number("data_fmt", int(AudioFrameDataFmt(data_fmt)))

    def is_eof(self) -> bool:
        return bool(self._number("eof"))

    def set_eof(self, is_eof: bool) -> None:
        self._body.numbers["eof"] = int(bool(is_eof))

    def _number(self, name: str) -> int:
        return self._body.numbers.get(name, 0)

    def _set_number(self, name: str, value: int) -> None:
        self._body.numbers[name] = checked_int(value)
