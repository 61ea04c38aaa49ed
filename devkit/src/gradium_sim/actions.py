# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What can go wrong: frozen dataclasses, and the scene they act on.

An action knows how to do its mischief through the `Scene` on which it is
performed; `faults` says where and how often that is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, Union

Json = dict[str, Any]
OWN: Final = "\0own"
"""Stands for the client_req_id of the session on which the fault falls."""


class Over(Exception):
    """The session, or its socket, is finished."""


class Scene(Protocol):
    """What an action can do; each method is one thing that can be seen."""

    async def pause(self) -> None:
        """Hold until the test resumes, or the socket is gone."""

    async def delay(self, duration_s: float) -> None:
        """Hold for a time, or until the socket is gone."""

    async def reject(self, status: int, body: str) -> None:
        """Answer the upgrade with this status; raises `Over`."""

    async def send(self, raw: str | bytes) -> None:
        """Put one message on the wire, text or binary."""

    async def error(
        self, message: str, code: int | None, client_req_id: str | None
    ) -> None:
        """Send an error message."""

    async def close(self, code: int, reason: str) -> None:
        """Close the socket with a close frame; raises `Over`."""

    async def drain_and_close(self, code: int) -> None:
        """Close once the socket's other sessions are done; raises `Over`."""

    async def reset(self, is_abrupt: bool) -> None:
        """Drop the TCP connection with RST; raises `Over`.

        Unless abrupt, the client has first read what it was sent.
        """

    async def fall_silent(self, is_deaf: bool) -> None:
        """Send nothing more, pongs apart; deaf: read nothing either."""

    async def ping(self) -> None:
        """Send a ping."""

    def ignore_close(self) -> None:
        """From now on a close frame of the client has no effect."""

    def delay_pongs(self, duration_s: float | None) -> None:
        """From now on answer pings late, or (`None`) never."""

    def alter(self, alteration: Alteration) -> None:
        """From now on change what goes out."""

    def own_id(self) -> str | None:
        """Return the client_req_id of the session."""

    def ready_message(self) -> Json:
        """Return the `ready` of the session."""


@dataclass(frozen=True)
class Alteration:
    """A lasting change to a session's messages.

    Attributes:
        dropped_fields: fields left out of messages of `message_type`.
        message_type: the type of message they are left out of.
        is_odd: audio is cut in the middle of samples.
    """

    dropped_fields: tuple[str, ...] = ()
    message_type: str = "audio"
    is_odd: bool = False


@dataclass(frozen=True)
class Pause:
    """Hold here until `resume`."""

    async def perform(self, scene: Scene) -> None:
        """Do it."""
        await scene.pause()


@dataclass(frozen=True)
class Delay:
    """Go on later."""

    duration_s: float

    async def perform(self, scene: Scene) -> None:
        """Do it."""
        await scene.delay(self.duration_s)


@dataclass(frozen=True)
class Http:
    """Refuse the upgrade with an HTTP status. Only at `Point.UPGRADE`."""

    status: int
    body: str = ""

    async def perform(self, scene: Scene) -> None:
        """Do it."""
        await scene.reject(self.status, self.body)


@dataclass(frozen=True)
class Error:
    """Send an error; the session is over.

    Attributes:
        message: its first line; a footer follows.
        code: its code; the close has the same one, or 1011 without.
        close: whether the socket is closed right after it.
        drain: whether it is closed when its other sessions are done.
        client_req_id: whom it names; `OWN` for the session it falls on.
    """

    message: str
    code: int | None = 1011
    close: bool = True
    drain: bool = False
    client_req_id: str | None = OWN

    async def perform(self, scene: Scene) -> None:
        """Do it."""
        named = self.client_req_id
        own = scene.own_id() if named == OWN else named
        await scene.error(self.message, self.code, own)
        closing = 1011 if self.code is None else self.code
        if self.drain:
            await scene.drain_and_close(closing)
        elif self.close:
            await scene.close(closing, self.message[:100])
        raise Over


@dataclass(frozen=True)
class Close:
    """Close the socket with this code."""

    code: int = 1000
    reason: str = ""

    async def perform(self, scene: Scene) -> None:
        """Do it."""
        await scene.close(self.code, self.reason)


@dataclass(frozen=True)
class Reset:
    """Drop the TCP connection: RST, no close frame.

    Attributes:
        is_abrupt: a reset overtakes what the client has not read yet, and
            some kernels throw that away. By default the server therefore
            makes sure, with a ping, that the client is up to date.
    """

    is_abrupt: bool = False

    async def perform(self, scene: Scene) -> None:
        """Do it."""
        await scene.reset(self.is_abrupt)


@dataclass(frozen=True)
class HalfOpen:
    """The peer is gone without a word: no data, no pongs, no replies."""

    async def perform(self, scene: Scene) -> None:
        """Do it."""
        await scene.fall_silent(is_deaf=True)


@dataclass(frozen=True)
class Stall:
    """No more messages, but the socket is alive and answers pings."""

    async def perform(self, scene: Scene) -> None:
        """Do it."""
        await scene.fall_silent(is_deaf=False)


@dataclass(frozen=True)
class Send:
    """Put something else on the wire, then go on.

    Attributes:
        raw: text or binary message; `{id}` in a text stands for the JSON
            form of the session's client_req_id.
    """

    raw: str | bytes = field(repr=False)

    async def perform(self, scene: Scene) -> None:
        """Do it."""
        raw = self.raw
        if isinstance(raw, str):
            raw = raw.replace("{id}", json.dumps(scene.own_id()))
        await scene.send(raw)


@dataclass(frozen=True)
class ReadyAgain:
    """Send the session's `ready` once more."""

    async def perform(self, scene: Scene) -> None:
        """Do it."""
        await scene.send(json.dumps(scene.ready_message()))


@dataclass(frozen=True)
class LeaveOut:
    """From here on leave fields out of all messages of a type."""

    fields: tuple[str, ...]
    message_type: str = "audio"

    async def perform(self, scene: Scene) -> None:
        """Do it."""
        scene.alter(Alteration(self.fields, self.message_type))


@dataclass(frozen=True)
class OddChunks:
    """From here on audio messages end in the middle of a sample."""

    async def perform(self, scene: Scene) -> None:
        """Do it."""
        scene.alter(Alteration(is_odd=True))


@dataclass(frozen=True)
class IgnoreClose:
    """From here on the client's close frame gets no reply."""

    async def perform(self, scene: Scene) -> None:
        """Do it."""
        scene.ignore_close()


@dataclass(frozen=True)
class Pongs:
    """From here on pings are answered late, or never.

    Attributes:
        delay_s: how late; `None` for never.
    """

    delay_s: float | None = None

    async def perform(self, scene: Scene) -> None:
        """Do it."""
        scene.delay_pongs(self.delay_s)


@dataclass(frozen=True)
class Ping:
    """Send a ping, wait for nothing."""

    async def perform(self, scene: Scene) -> None:
        """Do it."""
        await scene.ping()


Action = Union[
    Pause,
    Delay,
    Http,
    Error,
    Close,
    Reset,
    HalfOpen,
    Stall,
    Send,
    ReadyAgain,
    LeaveOut,
    OddChunks,
    IgnoreClose,
    Pongs,
    Ping,
]
