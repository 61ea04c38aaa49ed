# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""How many sessions a core carries, and what many requests leave behind."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from lab import Lab, Servers, Target
from partner import Json
from rows import Row

NAME = "scale"
CHUNK_S = 0.08
CHUNK_BYTES = 7680
LATE_MS = 50.0
# Once chunks are this late, more sessions need not be tried.
HOPELESS_MS = 400.0
LATENESS = "p99 lateness of chunks, sessions at the pace of speech on one core"
CAPACITY = f"sessions before the p99 lateness exceeds {LATE_MS:g} ms"


def run(lab: Lab) -> Iterator[Row]:
    """Draw a curve for each client, then let each make many requests."""
    with lab.servers() as servers:
        yield from _lateness(lab, servers)
    with lab.servers() as servers:
        yield from _growth(lab, servers.lean(is_paced=False))


def _lateness(lab: Lab, servers: Servers) -> Iterator[Row]:
    target = servers.lean(chunk_s=CHUNK_S)
    curves: dict[str, list[tuple[int, float]]] = {}
    hopeless: set[str] = set()
    for sessions in lab.plan.scale:
        found: dict[str, list[float]] = {}
        lab.say(f"scale: {sessions} sessions")
        names = [n for n in lab.names(is_load=True) if n not in hopeless]
        for name in lab.rounds(names, lab.plan.scale_rounds):
            late_ms = _late(lab, servers, target, name, sessions)
            if late_ms:
                found.setdefault(name, []).append(
                    late_ms[len(late_ms) * 99 // 100]
                )
        for name, values in found.items():
            yield Row(NAME, LATENESS, name, "sessions", "ms", values, sessions)
            curves.setdefault(name, []).append((sessions, median(values)))
            if median(values) > HOPELESS_MS:
                hopeless.add(name)
    for name, curve in curves.items():
        sessions, is_crossed = carried(curve)
        row = "about" if is_crossed else "at least"
        yield Row(NAME, CAPACITY, name, row, "sessions", [sessions])


def _late(
    lab: Lab, servers: Servers, target: Target, name: str, sessions: int
) -> list[float]:
    """Return how late each chunk reached its caller, in ms, sorted."""
    plan = lab.plan
    result = lab.play(
        name,
        "load",
        target,
        sessions=sessions,
        words=round((plan.window_s + 2 * plan.calm_s) / 0.32) + 30,
        settle_s=plan.calm_s + sessions * 0.005,
        window_s=plan.window_s,
    )
    sent = servers.ask(poured=True)["sent_s"]
    return sorted(lateness_ms(result, sent)) if result else []


def lateness_ms(result: Json, sent: dict[str, list[float]]) -> Iterator[float]:
    """Match what was written with what arrived, by the count of bytes."""
    begin_s, end_s = result["begin_s"], result["end_s"]
    for number, arrivals in enumerate(result["arrivals"]):
        written_s = sent.get(f"session{number}", [])
        at = 0
        for index, sent_s in enumerate(written_s):
            if not begin_s <= sent_s < end_s:
                continue
            wanted = (index + 1) * CHUNK_BYTES
            while at < len(arrivals) and arrivals[at][1] < wanted:
                at += 1
            # What had not come when the window closed is at least as late.
            came_s = arrivals[at][0] if at < len(arrivals) else end_s
            yield max(0.0, came_s - sent_s) * 1000


def carried(curve: list[tuple[int, float]]) -> tuple[float, bool]:
    """Say where a curve crosses the limit, and whether it does."""
    before = (0, 0.0)
    for sessions, late_ms in curve:
        if late_ms > LATE_MS:
            share = (LATE_MS - before[1]) / (late_ms - before[1])
            return before[0] + share * (sessions - before[0]), True
        before = (sessions, late_ms)
    return float(before[0]), False


def _growth(lab: Lab, target: Target) -> Iterator[Row]:
    plan = lab.plan
    for name in lab.rounds(lab.names(is_load=True), 1):
        kept = lab.play(
            name,
            "growth",
            target,
            requests=plan.growth_requests,
            samples=plan.growth_samples,
        )
        for look in kept or []:
            for what, key, unit, size in (
                ("memory", "resident_bytes", "MB", 2**20),
                ("file descriptors", "descriptors", "open", 1),
                ("tasks", "tasks", "running", 1),
            ):
                yield Row(
                    NAME,
                    f"{what} after so many requests",
                    name,
                    "requests",
                    unit,
                    [look[key] / size],
                    look["requests"],
                )
