# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The first audio of a text that was said before, with and without a store."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lab import ON_HOST, Lab, Target
from rows import FLOOR, Row

NAME = "phrases"
EXTENSION = "extension"
# Before each request, besides a handshake.
_CALM_S = 0.05


@dataclass(frozen=True)
class Case:
    """One way in which a text may have been said before.

    Attributes:
        phrases: the setting.
        is_fresh: whether each is asked for by an extension of its own, as
            the first of a conversation.
        is_same: whether it is the same text each time.
    """

    name: str
    phrases: str = "off"
    is_fresh: bool = False
    is_same: bool = True


CASES = (
    Case("without a store"),
    Case("for the first time, with a store on disk", "disk", is_same=False),
    Case("again, from memory", "memory"),
    Case("first of a conversation, from disk", "disk", is_fresh=True),
)


def run(lab: Lab) -> Iterator[Row]:
    """Measure each case with what has a store; without, the floor besides."""
    distance = lab.plan.distances[0]
    for case in CASES:
        clients = (EXTENSION, ON_HOST)
        if case.phrases == "off":
            clients = (FLOOR, *clients)
        with lab.servers() as servers:
            target = servers.sim(
                rtt_s=distance.rtt_ms / 1000,
                is_tls=distance.is_tls,
                synthesis_s=distance.synthesis_ms / 1000,
            )
            for client in lab.names():
                if client in clients:
                    lab.say(f"{case.name}: {client}")
                    values = _measured(lab, client, target, case)
                    yield Row(
                        NAME, str(distance), client, case.name, "ms", values
                    )


def _measured(lab: Lab, client: str, target: Target, case: Case) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        found = lab.play(
            client,
            "repeated",
            replace(target, phrases=case.phrases, phrases_path=folder),
            times=lab.plan.repeats,
            calm_s=lab.plan.distances[0].handshake_s + _CALM_S,
            is_fresh=case.is_fresh,
            is_same=case.is_same,
        )
    return found or []
