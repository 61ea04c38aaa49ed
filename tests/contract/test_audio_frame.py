# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""§1.4: frames and their buffers."""

from __future__ import annotations

from typing import Any

import pytest

from ten_runtime import AudioFrame, AudioFrameDataFmt, Data

NUMBERS = [
    "sample_rate",
    "samples_per_channel",
    "bytes_per_sample",
    "number_of_channels",
    "line_size",
    "timestamp",
]


@pytest.fixture(params=[AudioFrame, Data])
def message(request: pytest.FixtureRequest) -> Any:
    return request.param.create("x")


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_is_0_until_it_is_set(name: str) -> None:
    frame = AudioFrame.create("pcm_frame")
    assert getattr(frame, f"get_{name}")() == 0

    getattr(frame, f"set_{name}")(24000)

    assert getattr(frame, f"get_{name}")() == 24000


def test_a_timestamp_has_64_bits() -> None:
    frame = AudioFrame.create("pcm_frame")

    frame.set_timestamp(1_790_000_000_000)

    assert frame.get_timestamp() == 1_790_000_000_000


def test_samples_are_interleaved_unless_told_otherwise() -> None:
    frame = AudioFrame.create("pcm_frame")
    assert frame.get_data_fmt() == AudioFrameDataFmt.INTERLEAVE

    frame.set_data_fmt(AudioFrameDataFmt.NON_INTERLEAVE)

    assert frame.get_data_fmt() == AudioFrameDataFmt.NON_INTERLEAVE


def test_a_frame_is_not_the_last_until_told_so() -> None:
    frame = AudioFrame.create("pcm_frame")
    assert frame.is_eof() is False

    frame.set_eof(True)

    assert frame.is_eof() is True


def test_bytes_are_written_through_the_locked_view(message: Any) -> None:
    message.alloc_buf(4)
    view = message.lock_buf()
    view[:] = b"abcd"
    message.unlock_buf(view)

    assert message.get_buf() == bytearray(b"abcd")


def test_the_view_has_the_size_of_the_buffer(message: Any) -> None:
    message.alloc_buf(4)
    view = message.lock_buf()

    assert (len(view), view.readonly) == (4, False)
    with pytest.raises(ValueError):
        view[:] = b"too long"


def test_bytes_can_be_read_through_the_locked_view(message: Any) -> None:
    message.alloc_buf(2)
    view = message.lock_buf()
    view[:] = b"hi"
    message.unlock_buf(view)

    again = message.lock_buf()

    assert bytes(again) == b"hi"
    message.unlock_buf(again)


def test_get_buf_gives_a_copy(message: Any) -> None:
    message.alloc_buf(2)

    message.get_buf()[:] = b"xy"

    assert message.get_buf() != b"xy"


def test_a_frame_without_a_buffer_has_none_to_get() -> None:
    with pytest.raises(SystemError):
        AudioFrame.create("x").get_buf()


def test_data_without_a_buffer_have_an_empty_one() -> None:
    assert Data.create("x").get_buf() == b""


@pytest.mark.parametrize("size", [0, -1])
def test_a_buffer_needs_a_size(message: Any, size: int) -> None:
    with pytest.raises(ValueError):
        message.alloc_buf(size)


def test_a_clone_has_a_buffer_of_its_own() -> None:
    frame = AudioFrame.create("pcm_frame")
    frame.set_sample_rate(16000)
    frame.alloc_buf(2)
    view = frame.lock_buf()
    view[:] = b"ab"
    frame.unlock_buf(view)

    copy = frame.clone()

    assert (copy.get_sample_rate(), copy.get_buf()) == (16000, b"ab")
    view = copy.lock_buf()
    view[:] = b"cd"
    copy.unlock_buf(view)
    assert frame.get_buf() == b"ab"
