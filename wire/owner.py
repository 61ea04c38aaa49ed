# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a stream and the client that made it know of each other."""

from __future__ import annotations

import logging
from typing import Protocol

from ..core.endpoint import Endpoint
from ..core.errors import GradiumError
from .gates import Gates
from .transport import Transport


class StreamOwner(Protocol):
    """What a stream needs of the client that made it."""

    log: logging.Logger
    gates: Gates

    def check_latch(self) -> None:
        """Raise where a request would be refused for certain."""

    async def take_transport(
        self, endpoint: Endpoint, by: float
    ) -> tuple[Transport, bool]:
        """Return a socket, and whether it had been opened ahead."""

    async def connected(self) -> None:
        """Learn that the server has accepted a session."""

    async def disconnected(
        self, error: GradiumError, endpoint: Endpoint, *, was_accepted: bool
    ) -> None:
        """Learn that a session failed, and whether it had been accepted."""

    def retire(self, transport: Transport) -> None:
        """Close a socket in the background."""

    def prewarm(self) -> None:
        """Open the next socket ahead."""

    def interrupted(self) -> None:
        """Learn that a session was cut off by whoever listens."""

    def text_sent(self) -> None:
        """Learn that the first text of a session has left."""

    def ignored(self, frame_type: str) -> None:
        """Learn of a frame that carried no news."""


class Left(Exception):
    """The stream was left for a reason of this side; nothing failed."""
