# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""How long an interruption takes: `tts_flush` to `tts_flush_end`, in ms.

    ./dev python bench/flush.py [FLUSHES]

Each row is a peer and a moment; the request is fresh each time. It is all on
this machine, with its real sockets and TEN's two threads, so that on an idle
one what remains is the extension's own share. The budget is 20 ms, whatever the
peer does; 1 is returned where a median is above it.
"""

from __future__ import annotations

import asyncio
import statistics
import sys

from gradium_sim import GradiumSim, HalfOpen, IgnoreClose, Point
from ten_host import ExtensionHost, Frame

BUDGET_MS = 20.0
TEXT = "one two three four five six seven eight nine ten."
PEERS = {
    "answers": None,
    "does not answer a close": IgnoreClose(),
    "is gone": HalfOpen(),
}
MOMENTS = (Point.UPGRADE, Point.READY, Point.AUDIO)


async def flush_once(
    sim: GradiumSim, host: ExtensionHost, number: int, at: Point, peer: str
) -> float:
    """Interrupt a request at a point; gives ms."""
    action, since = PEERS[peer], len(host.events())
    sim.pause_at(at)
    await host.send_text(f"r{number}", TEXT, end=True)
    await sim.reached(at)
    if at is Point.AUDIO:  # the server is ahead of the graph
        await host.until(lambda e: isinstance(e, Frame), since=since)
    if action and at is not Point.UPGRADE:
        await sim.perform(action, index=len(sim.sessions) - 1)
    took_s = await host.flush()
    sim.resume()
    return took_s * 1000


async def measure(at: Point, peer: str, flushes: int) -> list[float]:
    """Interrupt so many requests; gives ms."""
    async with GradiumSim(api_keys=("test-key",)) as sim:
        # Each request opens its own socket where that is the moment.
        warm = "off" if at is Point.UPGRADE else "socket"
        params = {"url": sim.url, "api_key": "test-key", "warm": warm}
        host = ExtensionHost("gradium_tts_python", {"params": params})
        async with host:
            return [
                await flush_once(sim, host, number, at, peer)
                for number in range(flushes)
            ]


def main() -> int:
    """Print the table; 1 if a median is above the budget."""
    flushes = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    worst = 0.0
    print(f"{'moment':9} {'the peer':24} {'median':>7} {'p99':>7} {'max':>7}")
    for at in MOMENTS:
        for peer in PEERS:
            if at is Point.UPGRADE and PEERS[peer]:
                continue  # nothing has been answered anyhow
            took_ms = asyncio.run(measure(at, peer, flushes))
            cuts = statistics.quantiles(took_ms, n=100, method="inclusive")
            worst = max(worst, cuts[49])
            print(
                f"{at.value:9} {peer:24} {cuts[49]:7.2f} {cuts[98]:7.2f}"
                f" {max(took_ms):7.2f}"
            )
    print(f"worst median: {worst:.2f} ms (budget {BUDGET_MS:g})")
    return int(worst > BUDGET_MS)


if __name__ == "__main__":
    sys.exit(main())
