# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What the development kit costs, in ms: tests stand on it.

    ./dev python bench/stand_ins.py [TIMES]

* a run: one extension is started by the stand-in for TEN, speaks a word of a
  local server, and is stopped. The budget is 50 ms.
* first audio: from `setup` to the local server's first audio, in real speech.
  The budget is 30 ms.

1 is returned where a median is above its budget.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
from time import perf_counter

from gradium_sim import GradiumSim
from gradium_sim.probe import Probe
from ten_host import ExtensionHost

RUN_BUDGET_MS, FIRST_AUDIO_BUDGET_MS = 50.0, 30.0
FOX = "The quick brown fox jumps over the lazy dog."


async def runs(times: int) -> list[float]:
    """Start, speak, stop; gives ms."""
    took_ms = []
    async with GradiumSim(api_keys=("test-key",)) as sim:
        params = {"url": sim.url, "api_key": "test-key"}
        for _ in range(times):
            began_s = perf_counter()
            host = ExtensionHost("gradium_tts_python", {"params": params})
            async with host:
                await host.send_text("r1", "hello", end=True)
                await host.ended("r1")
            took_ms.append((perf_counter() - began_s) * 1000)
    return took_ms


async def first_audio(times: int) -> list[float]:
    """Ask the server itself for speech; gives ms."""
    took_ms = []
    async with GradiumSim(voice="espeak") as sim:
        for _ in range(times):
            async with Probe(sim.url) as probe:
                await probe.speak(FOX)
            log = sim.sessions[-1].times
            assert log.first_audio_s is not None
            took_ms.append((log.first_audio_s - log.setup_s) * 1000)
    return took_ms


def main() -> int:
    """Print the table; 1 if a median is above its budget."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    is_above = False
    print(f"{'':12} {'median':>7} {'p99':>7} {'max':>7} {'budget':>7}")
    for name, measure, budget_ms in (
        ("a run", runs, RUN_BUDGET_MS),
        ("first audio", first_audio, FIRST_AUDIO_BUDGET_MS),
    ):
        took_ms = asyncio.run(measure(times))
        cuts = statistics.quantiles(took_ms, n=100, method="inclusive")
        is_above |= cuts[49] > budget_ms
        print(
            f"{name:12} {cuts[49]:7.2f} {cuts[98]:7.2f} {max(took_ms):7.2f}"
            f" {budget_ms:7g}"
        )
    return int(is_above)


if __name__ == "__main__":
    sys.exit(main())
