# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The session slots of a key, shared by the machines of a fleet.

Redis keeps the line and who holds what, on its own clock. A holder says every
second that it is there, so that a lost process's lease ends within 5 s, and
that what Redis has forgotten, or did not see begin, counts again.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from .lease_scripts import (
    ASK,
    GIVE_BACK,
    KEEP,
    KEY_NAMES,
    LEAVE,
    REFUSED,
)
from .redis_link import PREFIX, LinkDown, RedisLink, Script, join
from .waits import HOLD_S, TAUGHT_S, none_was_free, pause

# How often a holder says that it is there, and how long it is believed. Who
# waits asks more often than that anyway.
BEAT_S, LEASE_S, PLACE_S = 1.0, 4.0, 2.0
# How often the first in the line asks for a slot.
LOOK_S = 0.02
# What is not given back by then will be found lost.
CLOSE_S = 0.2


class Fleet:
    """What one client shares with other machines, over one Redis."""

    def __init__(self, url: str, log: logging.Logger) -> None:
        """Join the running loop's link; connects to nothing yet."""
        self.link = join(url, log)
        self._gates: dict[str, FleetGate] = {}
        # No request waits for the first connect.
        self._opening = asyncio.create_task(self._open(), name="gradium:redis")

    def gate_of(self, name: str) -> FleetGate:
        """Return the gate of a key, by a name that tells nothing of it."""
        if name not in self._gates:
            self._gates[name] = FleetGate(self.link, name)
        return self._gates[name]

    async def aclose(self) -> None:
        """Wait until all is given back, and leave the link; see the gates."""
        self._opening.cancel()
        await asyncio.wait({self._opening})
        for gate in self._gates.values():
            await gate.aclose()
        await self.link.leave()

    async def _open(self) -> None:
        with suppress(LinkDown):
            await self.link.call("PING")


class FleetGate:
    """The slots of one key in a fleet, for the requests of one loop."""

    def __init__(self, link: RedisLink, name: str) -> None:
        """Know nobody yet.

        Args:
            name: of the key; it tells nothing of it.
        """
        self.link = link
        tag = f"{PREFIX}{{{name}}}:"
        self.keys = [tag + each for each in KEY_NAMES]
        self._held: set[str] = set()
        self._beating: asyncio.Task[None] | None = None
        self._errands: set[asyncio.Task[None]] = set()
        # A lease that is given back must not be kept by what was sent before.
        self.giving = asyncio.Lock()

    @asynccontextmanager
    async def slot(
        self, limit: int, *, ticket: int, by: float
    ) -> AsyncIterator[Lease]:
        """Hold a lease; cancelling while waiting gives the place up at once.

        Where Redis is no help there is none, and the others of this machine
        are asked: see `Lease.is_granted`. It counts all the same as soon as
        Redis is back.

        Args:
            limit: how many may be held at a time; 0 is any number.
            ticket: when it was asked for, in ns of the monotonic clock: the
                place in the line.
            by: until when to wait, on the loop's clock.

        Raises:
            ConnectError: none was free in time.
        """
        lease = Lease(self)
        try:
            await lease.take(limit, ticket, by)
            self._hold(lease.member)
            yield lease
        finally:
            self._held.discard(lease.member)
            self._run_errand(lease.end())

    async def aclose(self) -> None:
        """Wait until all is given back, `CLOSE_S` at most.

        Leases that are held all the same are lost soon.
        """
        left = set(self._errands)
        if left:
            _, left = await asyncio.wait(left, timeout=CLOSE_S)
        if self._beating:
            left.add(self._beating)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)

    async def run(self, script: Script, *arguments: str | int) -> Any:
        """Run a script on the keys of this gate; raises `LinkDown`."""
        return await self.link.run(script, self.keys, arguments)

    # --------------------------------------------------------------- internal

    def _hold(self, member: str) -> None:
        self._held.add(member)
        if self._beating is None:
            self._beating = asyncio.create_task(
                self._beat(), name="gradium:leases"
            )

    async def _beat(self) -> None:
        while self._held:
            await asyncio.sleep(BEAT_S)
            async with self.giving:
                await self._keep()
        self._beating = None

    async def _keep(self) -> None:
        if self._held:
            with suppress(LinkDown):
                await self.run(KEEP, _ms(LEASE_S), *sorted(self._held))

    def _run_errand(self, work: Coroutine[Any, Any, None]) -> None:
        """Do what nobody waits for, an interruption least of all."""
        errand = asyncio.create_task(work, name="gradium:lease")
        self._errands.add(errand)
        errand.add_done_callback(self._errands.discard)


class Lease:
    """A session's share: asked for, held, given back.

    Attributes:
        member: its name in Redis.
        is_granted: whether Redis has granted it; it did not answer otherwise.
    """

    def __init__(self, gate: FleetGate) -> None:
        """Ask for nothing yet."""
        self.member = uuid.uuid4().hex
        self.is_granted = False
        self._gate = gate
        self._is_refused = False
        self._asking: asyncio.Task[Any] | None = None

    async def take(self, limit: int, ticket: int, by: float) -> None:
        """Wait until it is granted, or Redis is no help; see `slot`."""
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        while True:
            try:
                ahead = await self._ask(limit, ticket)
            except LinkDown:
                return
            if ahead is None:
                self.is_granted = True
                return
            now = loop.time()
            if now >= by:
                raise none_was_free(now - started_at)
            await pause(ahead, LOOK_S, by - now)

    async def _ask(self, limit: int, ticket: int) -> int | None:
        """Return how many are before it in the line; `None` is granted."""
        age_us = (time.monotonic_ns() - ticket) // 1000
        # Not cut off by an interruption: `end` must come after it.
        asking = self._gate.run(
            ASK,
            self.member,
            limit,
            max(0, age_us),
            _ms(LEASE_S),
            _ms(PLACE_S),
            _ms(HOLD_S),
        )
        self._asking = asyncio.create_task(asking, name="gradium:lease")
        ahead = await asyncio.shield(self._asking)
        if not isinstance(ahead, int):
            raise LinkDown("whoever answers there is no Redis")
        return None if ahead < 0 else ahead

    def refused(self) -> None:
        """Have all hold back: the vendor refused its session."""
        self._is_refused = True

    async def end(self) -> None:
        """Give it back, or the place in the line."""
        if self._asking:
            await asyncio.wait({self._asking})
        async with self._gate.giving:
            with suppress(LinkDown):
                await self._give_back()

    async def _give_back(self) -> None:
        if self._is_refused:
            await self._gate.run(REFUSED, _ms(HOLD_S), _ms(TAUGHT_S))
        script = LEAVE if self._is_refused else GIVE_BACK
        await self._gate.run(script, self.member)


def _ms(time_s: float) -> int:
    return round(time_s * 1000)
