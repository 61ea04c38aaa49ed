# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What an interruption takes, what it wastes, and what is heard after it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from lab import Lab
from rows import Row

NAME = "interruption"
BYTES_PER_S = 96_000


def run(lab: Lab) -> Iterator[Row]:
    """Interrupt in the middle of a long text, at one distance."""
    plan = lab.plan
    distance = plan.distances[0]
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    with lab.servers() as servers:
        target = servers.sim(
            rtt_s=distance.rtt_ms / 1000, is_tls=distance.is_tls
        )
        for name in lab.rounds(lab.names(), plan.rounds):
            result = lab.play(
                name,
                "interruption",
                target,
                calm_s=plan.calm_s + distance.handshake_s,
                listen_s=plan.listen_s,
                linger_s=plan.linger_s,
            )
            if result is None:
                continue
            made = servers.ask(generated_after=result["at_s"])
            stale_ms = result["stale_bytes"] / BYTES_PER_S * 1000
            found["let go after", name].append(result["let_go_ms"])
            found["heard of it later", name].append(stale_ms)
            wasted_ms = made["generated_s"] * 1000
            found["generated in vain", name].append(wasted_ms)
    for (row, name), values in found.items():
        # Magnitudes apart: each has a chart of its own.
        chart = f"{row} ({distance})"
        unit = "ms" if row == "let go after" else "ms of audio"
        yield Row(NAME, chart, name, row, unit, values)
