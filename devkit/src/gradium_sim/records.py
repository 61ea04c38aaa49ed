# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What the server saw and did. All times are `time.monotonic()` seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
Side = Literal["client", "server"]
Received = Json | str | bytes
"""A message: its JSON object, or as it came when it holds none."""


@dataclass
class ConnectionRecord:
    """One TCP connection that asked for an upgrade.

    Attributes:
        path: path without the query.
        query: query parameters.
        headers: header values by lower-case name.
        opened_s: when the request had been read.
        received: what the client sent, with its time.
        sent_messages: number of messages sent.
        http_status: status of the answer; `None` until there is one.
        closed_by: who closed, `None` while it is open.
        close_code: code of the close frame, 1006 when there was none.
    """

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    opened_s: float
    received: list[tuple[float, Received]] = field(default_factory=list)
    sent_messages: int = 0
    http_status: int | None = None
    closed_by: Side | None = None
    close_code: int | None = None

    @property
    def messages(self) -> list[Received]:
        """What the client sent, without the times."""
        return [message for _, message in self.received]


@dataclass
class SessionTimes:
    """When things happened in a session; `None` when they have not.

    Attributes:
        frames_s: when each audio message went out.
    """

    setup_s: float
    ready_s: float | None = None
    first_text_s: float | None = None
    first_audio_s: float | None = None
    end_of_stream_s: float | None = None
    frames_s: list[float] = field(default_factory=list)


@dataclass
class SessionRecord:
    """One `setup` and all that followed from it.

    Attributes:
        setup: the message as it came.
        connection: the socket it came on.
        times: when things happened.
        request_id: the id that `ready` gives it.
        texts: the text of each message.
        is_ended: whether the client ended its input.
        is_complete: whether the server's end_of_stream went out.
        frames_sent: audio messages with samples.
        words: (text, start_s, stop_s) of each word message sent.
        error: message of the error it ended with, if any.
        chars_synthesised: characters that were made into samples.
        chars_delivered: characters of the words whose samples all went out.
    """

    setup: Json
    connection: ConnectionRecord
    times: SessionTimes
    request_id: str
    texts: list[str] = field(default_factory=list)
    is_ended: bool = False
    is_complete: bool = False
    frames_sent: int = 0
    words: list[tuple[str, float, float]] = field(default_factory=list)
    error: str | None = None
    chars_synthesised: int = 0
    chars_delivered: int = 0
    sound: bytearray = field(default_factory=bytearray, repr=False)

    @property
    def client_req_id(self) -> str | None:
        """The id under which the client knows it."""
        value = self.setup.get("client_req_id")
        return value if isinstance(value, str) else None

    @property
    def text(self) -> str:
        """All text, joined as the vendor does: one space between messages."""
        return " ".join(self.texts)

    @property
    def pcm(self) -> bytes:
        """The audio bytes sent so far, exactly as on the wire."""
        return bytes(self.sound)

    @property
    def chars_accepted(self) -> int:
        """Characters received."""
        return len(self.text)

    @property
    def closed_by(self) -> Side | None:
        """Who closed its socket."""
        return self.connection.closed_by

    @property
    def close_code(self) -> int | None:
        """With what code its socket was closed."""
        return self.connection.close_code


@dataclass(frozen=True)
class Counters:
    """Characters over all sessions: what billing might count."""

    accepted: int
    synthesised: int
    delivered: int


def count(sessions: list[SessionRecord]) -> Counters:
    """Add up the characters of these sessions."""
    return Counters(
        accepted=sum(one.chars_accepted for one in sessions),
        synthesised=sum(one.chars_synthesised for one in sessions),
        delivered=sum(one.chars_delivered for one in sessions),
    )
