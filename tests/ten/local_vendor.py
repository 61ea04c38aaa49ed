# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A small server that speaks Gradium's websocket protocol, for these tests.

It says every word as soon as it has it, as samples of a level that no other
word has, so that a test can read the words off the audio. What it is to do
wrong is put into its attributes before the run.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

# Like a real key, and like nothing else in what a run prints.
KEY = "gsk_4Tq8xN1vZw6LbR3pYc9Ms2Ke"

# Of these, a word sounds and is silent.
SOUND_S, SILENCE_S = 0.07, 0.01
WORD_S = SOUND_S + SILENCE_S
_LEVEL_STEP = 400


class _Cut(Exception):
    """The connection is dropped, without a goodbye."""


@dataclass
class VendorSession:
    """What came and went after one `setup`.

    Attributes:
        setup: the client's first message.
        key: the header that it authenticates with.
        texts: what it wants to have said, message by message.
        pcm: what it was sent, 16-bit samples.
        is_complete: whether it was sent `end_of_stream`.
    """

    setup: dict[str, Any]
    key: str
    texts: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    pcm: bytearray = field(default_factory=bytearray)
    is_complete: bool = False


class LocalVendor:
    """The server; `with running_vendor() as vendor` starts and ends it.

    Attributes:
        url: where it listens.
        sessions: one for each `setup` that has come, in order.
        refusals: for the next sessions, in order: the error they get in
            place of `ready`, as (message, code).
        drop_after: for the next sessions, in order: after how many words the
            connection is dropped; `None` for never.
        hold_after: after how many words of a session it says nothing more
            until `go_on` is set; `None` for never.
        held: set once it keeps silent so.
    """

    def __init__(self) -> None:
        self.url = ""
        self.sessions: list[VendorSession] = []
        self.refusals: list[tuple[str, int]] = []
        self.drop_after: list[int | None] = []
        self.hold_after: int | None = None
        self.held = threading.Event()
        self.go_on = threading.Event()
        self._levels: dict[str, int] = {}

    def heard_words(self, pcm: bytes) -> list[str]:
        """Read the words off samples, one as often as it sounds."""
        words = {level: word for word, level in self._levels.items()}
        samples = memoryview(bytes(pcm)).cast("h")
        # A fade at a cut is a row of levels that last one sample each.
        runs = (
            (level, sum(1 for _ in run))
            for level, run in itertools.groupby(samples)
        )
        return [words[level] for level, length in runs if level and length > 50]

    def serve_connection(self, connection: ServerConnection) -> None:
        """Answer one connection until it ends."""
        with contextlib.suppress(ConnectionClosed):
            try:
                self._serve_session(connection)
            except _Cut:
                # What was sent is still delivered, as closing at once would
                # not grant while there is something left to read.
                connection.socket.shutdown(socket.SHUT_WR)
                for _ in connection:
                    pass

    # ------------------------------------------------------------ one session

    def _serve_session(self, connection: ServerConnection) -> None:
        setup = json.loads(connection.recv())
        assert connection.request is not None
        key = connection.request.headers.get("x-api-key", "")
        session = VendorSession(setup, key)
        self.sessions.append(session)
        refusal = self._refusal(session)
        if refusal is not None:
            message, code = refusal
            _send(connection, "error", message=message, code=code)
            connection.close(code)
            return
        drop_after = self.drop_after.pop(0) if self.drop_after else None
        _send(connection, "ready", request_id="local", model_name="local")
        if drop_after == 0:
            raise _Cut
        for raw in connection:
            message = json.loads(raw)
            if message["type"] == "end_of_stream":
                session.is_complete = True
                _send(connection, "end_of_stream")
                connection.close()
            elif message["type"] == "text":
                session.texts.append(message["text"])
                for word in message["text"].split():
                    self._say(connection, session, word)
                    if len(session.words) == drop_after:
                        raise _Cut

    def _refusal(self, session: VendorSession) -> tuple[str, int] | None:
        if session.key != KEY:
            return "Invalid or expired API key", 1008
        return self.refusals.pop(0) if self.refusals else None

    def _say(
        self, connection: ServerConnection, session: VendorSession, word: str
    ) -> None:
        if word == "<flush>":  # it has said everything already
            return
        if len(session.words) == self.hold_after:
            self.held.set()
            self.go_on.wait()
        start_s = len(session.words) * WORD_S
        span = {"start_s": start_s, "stop_s": start_s + SOUND_S}
        _send(connection, "text", text=word, **span)
        pcm = self._samples(word, _rate_hz(session.setup))
        session.words.append(word)
        session.pcm += pcm
        span = {"start_s": start_s, "stop_s": start_s + WORD_S}
        encoded = base64.b64encode(pcm).decode()
        _send(connection, "audio", audio=encoded, **span)

    def _samples(self, word: str, rate_hz: int) -> bytes:
        level = _LEVEL_STEP * (len(self._levels) + 1)
        level = self._levels.setdefault(word, level)
        sound = level.to_bytes(2, "little") * round(rate_hz * SOUND_S)
        return sound + bytes(2 * round(rate_hz * SILENCE_S))


def _rate_hz(setup: dict[str, Any]) -> int:
    return int(setup["output_format"].rpartition("_")[2])


def _send(connection: ServerConnection, kind: str, **fields: Any) -> None:
    connection.send(json.dumps({"type": kind, **fields}))


@contextlib.contextmanager
def running_vendor() -> Iterator[LocalVendor]:
    """Run a server on a free port of this machine."""
    vendor = LocalVendor()
    with serve(
        vendor.serve_connection, "127.0.0.1", 0, compression=None
    ) as server:
        port = server.socket.getsockname()[1]
        vendor.url = f"ws://127.0.0.1:{port}/api/speech/tts"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield vendor
        finally:
            vendor.go_on.set()
            server.shutdown()
            thread.join()
