# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a client tells about its sockets, and to whom."""

from __future__ import annotations

from typing import Protocol

from ..core.errors import GradiumError


class ClientObserver(Protocol):
    """What a client tells about its sockets.

    `connecting`, `connected` and `disconnected` speak of requests, as often
    as it happens; `socket_opened` of every socket, those opened ahead
    included. None of them may wait.
    """

    async def connecting(self) -> None:
        """A request needs a socket."""

    async def connected(self) -> None:
        """The server has accepted a request's session."""

    async def disconnected(self, error: GradiumError) -> None:
        """A request's session failed."""

    async def socket_opened(self, took_s: float) -> None:
        """A socket was opened."""

    async def refused(self, error: GradiumError) -> None:
        """The server refuses the key or the settings, before any request."""


class NoObserver:
    """An observer that does nothing with what it learns."""

    async def connecting(self) -> None:
        pass

    async def connected(self) -> None:
        pass

    async def disconnected(self, error: GradiumError) -> None:
        pass

    async def socket_opened(self, took_s: float) -> None:
        pass

    async def refused(self, error: GradiumError) -> None:
        pass
