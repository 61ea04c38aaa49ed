"""Whether the vendor can be reached, as one state and its changes.

The state is that of the service, not of a socket: sockets come and go with
every request, and an open one in reserve is no news. So it is `connected`
from the first socket on, until a request fails, and again when one gets
through.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Status(Enum):
    """The states, by the names that the graph sees."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"


@dataclass(frozen=True)
class StatusChange:
    """One step from `last` to `current`."""

    last: Status
    current: Status


class ConnectionStatus:
    """Remembers the state; tells each change once, in a legal order."""

    def __init__(self) -> None:
        self.current = Status.DISCONNECTED

    def move_to(self, wanted: Status) -> list[StatusChange]:
        """Give the steps to a state; none if it is reached already."""
        steps = []
        if (self.current, wanted) == (Status.DISCONNECTED, Status.CONNECTED):
            steps.append(self._step(Status.CONNECTING))
        if self.current is not wanted:
            steps.append(self._step(wanted))
        return steps

    def _step(self, wanted: Status) -> StatusChange:
        change = StatusChange(self.current, wanted)
        self.current = wanted
        return change
