# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The gates that a session passes: of the fleet, the machine, the process.

Each counts what the one before it counts, over less. So one that is of no use
is passed by, and what is left is the next best: without Redis the machine's
processes wait for each other, without locks the requests of one process.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack

from ..config import GradiumTTSConfig
from ..core.errors import ConnectError
from ..fleet.file_locks import HAS_LOCKS
from ..fleet.leases import Fleet, Lease
from ..fleet.machine_slots import MachineGate, MachineSlot, home_of_user
from ..fleet.waits import none_was_free
from .slots import gate_of, name_of, next_ticket

NO_LOCKS = "this system has no file locks"


class Gates:
    """The gates of one client; those of its process and machine are shared."""

    def __init__(self, log: logging.Logger) -> None:
        """Open nothing yet; needs no running loop."""
        self._log = log
        self._fleets: dict[str, Fleet] = {}
        self._is_told = False

    def open(self, config: GradiumTTSConfig) -> None:
        """Connect ahead to what is shared with other machines, if anything."""
        self.fleet_of(config.params.shared_url)

    def slot_for(self, config: GradiumTTSConfig) -> SessionSlot:
        """Return what a session with these settings has to hold."""
        return SessionSlot(self, config)

    def fleet_of(self, shared_url: str | None) -> Fleet | None:
        """Return what is shared there; `None` without a URL."""
        if shared_url and shared_url not in self._fleets:
            self._fleets[shared_url] = Fleet(shared_url, self._log)
        return self._fleets[shared_url] if shared_url else None

    def machine_is_of_no_use(self, why: object) -> None:
        """Say once that processes do not know of each other."""
        if not self._is_told:
            self._is_told = True
            self._log.warning(
                "the processes of this machine count their sessions, and learn"
                " of refusals, each by itself: %s",
                why,
            )

    async def aclose(self) -> None:
        """Leave what is shared with other machines; waits for no one long."""
        while self._fleets:
            _, fleet = self._fleets.popitem()
            await fleet.aclose()


class SessionSlot:
    """One session's place at all gates, from `take` to `give_back`."""

    def __init__(self, gates: Gates, config: GradiumTTSConfig) -> None:
        """Hold nothing yet."""
        self._gates = gates
        self._limit = config.params.max_sessions
        self._shared_url = config.params.shared_url
        self._key = (config.endpoint().url, config.params.api_key)
        self._held = AsyncExitStack()
        # Those that share what a refusal teaches.
        self._shares: list[Lease | MachineSlot] = []
        self._is_taken = False

    async def take(self, *, ticket: int, by: float) -> None:
        """Wait for it; cancelling gives everything back at once.

        Args:
            ticket: the place in the line, kept over several tries; 0 is the
                last.
            by: until when to wait, on the loop's clock.

        Raises:
            ConnectError: none was free in time.
        """
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        try:
            await self._pass_all(ticket or next_ticket(), by)
        except ConnectError:
            raise none_was_free(loop.time() - started_at) from None
        self._is_taken = True

    def refused(self) -> None:
        """Learn that the vendor refused the session for want of a slot."""
        # Without a slot it was not the vendor who refused.
        if self._is_taken:
            gate_of(*self._key).refused()
            for share in self._shares:
                share.refused()

    async def give_back(self) -> None:
        """Give back what is held; waits for nobody."""
        await self._held.aclose()

    async def _pass_all(self, ticket: int, by: float) -> None:
        is_granted = await self._pass_fleet(ticket, by)
        try:
            await self._pass_machine(ticket, by, holds_back=not is_granted)
        except OSError as error:
            self._gates.machine_is_of_no_use(error)
        await self._held.enter_async_context(
            gate_of(*self._key).slot(self._limit, ticket=ticket, by=by)
        )

    async def _pass_fleet(self, ticket: int, by: float) -> bool:
        """Return whether Redis has let it in; it is passed by where not."""
        fleet = self._gates.fleet_of(self._shared_url)
        if fleet is None:
            return False
        gate = fleet.gate_of(name_of(*self._key))
        lease = await self._held.enter_async_context(
            gate.slot(self._limit, ticket=ticket, by=by)
        )
        self._shares.append(lease)
        return lease.is_granted

    async def _pass_machine(
        self, ticket: int, by: float, *, holds_back: bool
    ) -> None:
        if not HAS_LOCKS:
            if self._limit:
                self._gates.machine_is_of_no_use(NO_LOCKS)
            return
        gate = MachineGate(home_of_user(), name_of(*self._key))
        slot = await self._held.enter_async_context(
            gate.slot(self._limit, ticket=ticket, by=by, holds_back=holds_back)
        )
        self._shares.append(slot)
