# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a hostile or broken server says while it refuses, byte for byte."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
from collections.abc import Iterator

import pytest
from speaking import client_on

from gradium_tts_python.config import Endpoint
from gradium_tts_python.core.errors import (
    ConnectError,
    ConnectionLost,
    ErrorKind,
    StallError,
)
from gradium_tts_python.core.protocol import Audio
from gradium_tts_python.wire import debt
from gradium_tts_python.wire import transport as transport_module
from gradium_tts_python.wire.transport import open_websocket

from .raw_server import TEXT, Answer, close_frame, frame, page, serving, upgrade

AUTH, CONFIG, QUOTA = ErrorKind.AUTH, ErrorKind.CONFIG, ErrorKind.QUOTA
CAPACITY, TRANSIENT = ErrorKind.CAPACITY, ErrorKind.TRANSIENT
PROTOCOL = ErrorKind.PROTOCOL

KEY = "gsk_never_show_this_key_to_anybody"


def endpoint(port: int) -> Endpoint:
    return Endpoint(f"ws://127.0.0.1:{port}/tts", {"x-api-key": KEY})


def answering(answer: bytes) -> Answer:
    """Answer to the request for an upgrade with these bytes."""

    async def answer_it(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)

    return answer_it


async def refusal(answer: bytes) -> ConnectError:
    async with serving(answering(answer)) as port:
        with pytest.raises(ConnectError) as caught:
            await open_websocket(endpoint(port), 5.0)
    return caught.value


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        ("503 Service Unavailable", b"Quota service is down", TRANSIENT),
        ("500 Oops", b"Invalid or expired API key", TRANSIENT),
        ("429 Slow Down", b"60 requests per minute per API key", CAPACITY),
        ("401 Unauthorized", b"all workers are busy", AUTH),
        ("402 Payment Required", b"", QUOTA),
        ("404 Not Found", b"too many sessions", CONFIG),
        ("503 \xe9", b"\xff\xfe\x00", TRANSIENT),
    ],
)
async def test_the_status_of_a_refusal_counts_and_not_its_page(
    status: str, body: bytes, kind: ErrorKind
) -> None:
    error = await refusal(page(status, body))

    assert (error.kind, error.code) == (kind, status[:3])
    assert error.vendor_message == body.decode("utf-8", "replace")


@pytest.mark.parametrize("before", range(470, 505, 3))
async def test_a_key_that_the_cut_of_a_page_goes_through_is_masked(
    before: int,
) -> None:
    body = b"." * before + KEY.encode() + b" is no key" * 100

    error = await refusal(page("401 Unauthorized", body))

    assert error.kind is AUTH
    assert set(error.vendor_message) <= set(".*… isnokey")
    assert "gsk" not in error.vendor_message
    assert len(error.vendor_message) <= 500


@pytest.mark.parametrize(
    "answer",
    [b"", b"\r\n\r\n", b"HTTP/1.1", b"HTTP/1.1 101\r\n\r\n", bytes(9), b"\xff"],
)
async def test_an_answer_that_is_none_is_tried_again(answer: bytes) -> None:
    error = await refusal(answer)

    assert error.kind is TRANSIENT
    _, _, reason = str(error).partition(": not a websocket answer: ")
    assert any(character.isalpha() for character in reason)


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (1000, "", TRANSIENT),
        (1002, "", CONFIG),
        (1002, "Session already active (r1)", PROTOCOL),
        (1003, "unknown model", CONFIG),
        (1008, "No authentication provided.", AUTH),
        (1008, "No active subscription", QUOTA),
        (1008, "Maximum session time reached", CAPACITY),
        (1008, "we do not say why", TRANSIENT),
        (1008, "", TRANSIENT),
        (1011, "credit service did not answer", TRANSIENT),
        (1011, "Invalid or expired API key", TRANSIENT),
        (1013, "subscription required", TRANSIENT),
        (4001, "API key is revoked", TRANSIENT),
    ],
)
async def test_a_close_frame_is_read_by_its_code_first(
    code: int, reason: str, kind: ErrorKind
) -> None:
    async def close(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await upgrade(reader, writer)
        writer.write(close_frame(code, reason))
        await writer.drain()

    async with serving(close) as port:
        transport = await open_websocket(endpoint(port), 5.0)
        with pytest.raises(ConnectionLost) as caught:
            await transport.recv()
        await transport.aclose()

    error = caught.value
    assert (error.kind, error.code, error.vendor_message) == (
        kind,
        str(code),
        reason,
    )
    assert not str(error).endswith((":", ": "))


async def test_who_closes_and_does_not_hang_up_is_heard_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The library waits for the server to hang up; a broken one never does."""
    monkeypatch.setattr(transport_module, "CLOSE_S", 0.05)
    hung_up = asyncio.Event()

    async def close_only(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await upgrade(reader, writer)
        writer.write(frame(TEXT, b"the last words"))
        writer.write(close_frame(1008, "No authentication provided."))
        with contextlib.suppress(ConnectionError):
            await reader.read()
        hung_up.set()

    async with serving(close_only) as port:
        transport = await open_websocket(endpoint(port), 5.0)
        last = await transport.recv()
        with pytest.raises(ConnectionLost) as caught:
            await asyncio.wait_for(transport.recv(), 10.0)
        await asyncio.wait_for(hung_up.wait(), 10.0)

    assert last == "the last words"
    assert (caught.value.kind, caught.value.code) == (AUTH, "1008")


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        # A reserved opcode, a reserved bit, a frame without its end, a text
        # that is none, and one that is longer than allowed.
        b"\x83\x00",
        b"\xf1\x00",
        b"\x81\x7e\x00",
        b"\x81\x02\xff\xff",
        b"\x81\x7f\x00\x00\x00\x7f\xff\xff\xff\xff",
    ],
    ids=["end", "opcode", "bit", "half", "not utf-8", "too long"],
)
async def test_what_our_side_says_of_a_broken_frame_decides_nothing(
    broken: bytes,
) -> None:
    """The library closes with a code and words of its own: "exceeds limit"."""

    async def break_it(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await upgrade(reader, writer)
        writer.write(broken)
        await writer.drain()

    async with serving(break_it) as port:
        transport = await open_websocket(endpoint(port), 5.0)
        with pytest.raises(ConnectionLost) as caught:
            await transport.recv()
        await transport.aclose()

    error = caught.value
    assert (error.kind, error.code, error.vendor_message) == (TRANSIENT, "", "")
    assert str(error).startswith(f"the connection to 127.0.0.1:{port} broke")


# --------------------------------------------------------- audio without end

SILENCE = base64.b64encode(bytes(640)).decode()


def audio_frames() -> Iterator[bytes]:
    """Frames of 20 ms, numbered, for ever."""
    for number in itertools.count():
        message = {
            "type": "audio",
            "audio": SILENCE,
            "start_s": number * 0.02,
            "stop_s": (number + 1) * 0.02,
        }
        yield frame(TEXT, json.dumps(message).encode())


@pytest.mark.parametrize("gap_s", [0.0, 0.002, 0.02])
async def test_audio_that_never_ends_is_ended(
    gap_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The frames come faster than any grace that one of them could give."""
    monkeypatch.setattr(debt, "CEILING_S", 0.2)
    monkeypatch.setattr(debt, "CEILING_S_PER_CHARACTER", 0.0)

    async def speak_for_ever(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await upgrade(reader, writer)
        writer.write(frame(TEXT, b'{"type":"ready"}'))
        for audio in audio_frames():
            writer.write(audio)
            await writer.drain()
            await asyncio.sleep(gap_s)

    async with serving(speak_for_ever) as port:
        url = f"ws://127.0.0.1:{port}/tts"
        async with client_on(url, sample_rate=16000, warm="off") as client:
            frames = 0
            with pytest.raises(StallError, match="no end of the audio from "):
                async with client.open_stream() as stream:
                    await stream.send_text("Hello.")
                    await stream.end_input()
                    async for event in stream:
                        frames += isinstance(event, Audio)

    assert frames > 5
