# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""How long it takes to the first audio, turn by turn of a conversation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from lab import Lab, Servers, Target
from partner import BenchError
from plan import Distance
from rows import Row

NAME = "first_audio"


def run(lab: Lab) -> Iterator[Row]:
    """Measure at each distance; rows are the kinds of turns."""
    for distance in lab.plan.distances:
        with lab.servers() as servers:
            yield from _at(lab, servers, distance)


def _at(lab: Lab, servers: Servers, distance: Distance) -> Iterator[Row]:
    lab.say(f"first audio at {distance}")
    target = servers.sim(
        rtt_s=distance.rtt_ms / 1000,
        is_tls=distance.is_tls,
        synthesis_s=distance.synthesis_ms / 1000,
    )
    names, plan = lab.names(), lab.plan
    calm_s = plan.calm_s + distance.handshake_s
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for name in lab.rounds(names, plan.rounds):
        rows = lab.play(
            name,
            "conversation",
            target,
            calm_s=calm_s,
            listen_s=plan.listen_s,
        )
        for row, ms in (rows or {}).items():
            found[row, name].append(ms)
    row = f"after {plan.idle_s:g} s idle"
    for number in range(plan.idle_rounds):
        lab.say(f"{row}, {number + 1} of {plan.idle_rounds}, all at once")
        for name, ms in _after_idle(lab, target).items():
            found[row, name].append(ms)
    for (row, name), values in found.items():
        yield Row(NAME, str(distance), name, row, "ms", values)


def _after_idle(lab: Lab, target: Target) -> dict[str, float]:
    """Leave all clients alone at the same time, to save it."""
    asked, found = [], {}
    for number, name in enumerate(lab.names()):
        order = {
            "scenario": "after_idle",
            "target": target.fields(),
            # They do not come back in the same moment.
            "idle_s": lab.plan.idle_s + number * min(1.0, lab.plan.idle_s),
        }
        try:
            lab.client(name).order(order)
            asked.append(name)
        except BenchError as error:
            lab.give_up(name, error)
    for name in asked:
        try:
            found[name] = float(lab.client(name).answer()["result"])
        except BenchError as error:
            lab.give_up(name, error)
    return found
