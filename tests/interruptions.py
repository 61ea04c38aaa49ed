# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The points at which a request may be cut short, and how peers behave then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gradium_sim import GradiumSim, HalfOpen, IgnoreClose, Point
from ten_host import ConnectionStatus, ExtensionHost, Frame

from .chessboard import chessboard

if TYPE_CHECKING:
    from _pytest.mark.structures import ParameterSet

StartHost = Callable[..., Awaitable[ExtensionHost]]

# Longer than a test waits for anything (`HANG_S`, as a host): what comes to
# an end while the server holds its answers has not waited for one.
HANG_S = 30.0
PATIENT: dict[str, Any] = {
    "connect_timeout_s": 60.0,
    "ready_timeout_s": 300.0,
    "audio_timeout_s": 300.0,
}

TEXT = "one two three four five six seven eight nine ten. "

# Audio messages until the server holds a session in the middle of them.
FRAMES = 2


@dataclass(frozen=True)
class Interruption:
    """A point on a request's way.

    Attributes:
        at: where the server holds the session.
        is_ended: whether the request's last text has been sent.
        seen: what the graph has seen of the request by then.
    """

    at: Point
    is_ended: bool
    seen: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.at.value}-{'ended' if self.is_ended else 'open'}"

    def story(self) -> list[str]:
        """What the graph sees of the request, with its interruption."""
        is_known = self.is_ended or self.seen
        end = ["end r1 interrupted"] if is_known else []
        return [*self.seen, *end]

    async def reach(
        self, sim: GradiumSim, start_host: StartHost
    ) -> ExtensionHost:
        """Start a host and bring its request `r1` here; gives the host."""
        sim.pause_at(self.at, after_frames=FRAMES)
        host = await start_host(PATIENT)
        await host.send_text("r1", TEXT, end=self.is_ended)
        await sim.reached(self.at)
        await host.until(lambda e: isinstance(e, ConnectionStatus))
        # The server is ahead of the graph.
        if self.at is Point.AUDIO:
            await host.until(lambda e: len(host.frames("r1")) == FRAMES)
        elif self.seen:
            await host.until(lambda e: isinstance(e, Frame))
        return host


STARTED = ("start r1", "audio")

INTERRUPTIONS = [
    Interruption(Point.UPGRADE, False),
    Interruption(Point.UPGRADE, True),
    Interruption(Point.SETUP, False),
    Interruption(Point.SETUP, True),
    Interruption(Point.READY, False),
    Interruption(Point.READY, True),
    Interruption(Point.FIRST_AUDIO, False),
    Interruption(Point.FIRST_AUDIO, True),
    Interruption(Point.AUDIO, False, STARTED),
    Interruption(Point.AUDIO, True, STARTED),
    Interruption(Point.LAST_AUDIO, True, STARTED),
    Interruption(Point.LAST_WORD, True, STARTED),
]


async def healthy(sim: GradiumSim, point: Interruption) -> None:
    """The peer answers everything."""


async def mute_on_close(sim: GradiumSim, point: Interruption) -> None:
    """The peer never answers a close."""
    if point.at is not Point.UPGRADE:
        await sim.perform(IgnoreClose(), index=0)


async def half_open(sim: GradiumSim, point: Interruption) -> None:
    """The peer is gone, and nobody says so."""
    if point.at is not Point.UPGRADE:
        await sim.perform(HalfOpen(), index=0)


Turn = Callable[[GradiumSim, Interruption], Awaitable[None]]
PEERS = [healthy, mute_on_close, half_open]


def cases(default: int) -> list[ParameterSet]:
    """Return each point with each peer; one in two needs `--thorough`.

    Args:
        default: 0 or 1, which of the two does not.
    """
    return chessboard(
        INTERRUPTIONS,
        PEERS,
        lambda point, turn: f"{point}-{turn.__name__}",
        default=default,
    )
