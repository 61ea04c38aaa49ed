# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a client costs: CPU, memory, start, bytes on the wire."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import parts
from lab import LIBRARY, Lab
from rows import Row

NAME = "cost"
BYTES_PER_S = 96_000
WORDS_ON_THE_WIRE = 20

Found = dict[tuple[str, str, str, str], list[float]]


def run(lab: Lab) -> Iterator[Row]:
    """Load each client with sessions at the pace of speech."""
    found: Found = defaultdict(list)
    for chunk_ms, is_tls in lab.plan.loads:
        _load(lab, found, chunk_ms, is_tls)
    _idle(lab, found)
    _memory(lab, found)
    _start_up(lab, found)
    _on_the_wire(lab, found)
    for (chart, row, unit, name), values in found.items():
        yield Row(NAME, chart, name, row, unit, values)
    if "extension" in lab.names():
        yield from parts.run(lab, NAME)


def _load(lab: Lab, found: Found, chunk_ms: int, is_tls: bool) -> None:
    plan = lab.plan
    wire = "TLS" if is_tls else "plain"
    row = f"{chunk_ms} ms chunks, {wire}"
    lab.say(f"cost: {row}, {plan.load_sessions} sessions")
    names = [*lab.names(is_load=True), LIBRARY]
    with lab.servers() as servers:
        target = servers.lean(chunk_s=chunk_ms / 1000, is_tls=is_tls)
        for name in lab.rounds(names, plan.load_rounds):
            result = lab.play(
                name,
                "load",
                target,
                sessions=plan.load_sessions,
                words=_words(plan.window_s, plan.calm_s),
                settle_s=plan.calm_s,
                window_s=plan.window_s,
            )
            servers.ask(poured=True)
            if not result or not result["heard_bytes"]:
                continue
            audio_s = result["heard_bytes"] / BYTES_PER_S
            messages = audio_s / (chunk_ms / 1000)
            cpu_s = result["cpu_s"]
            per_second = ("CPU for a second of audio", row, "ms", name)
            per_message = ("CPU for a message", row, "µs", name)
            found[per_second].append(cpu_s / audio_s * 1e3)
            found[per_message].append(cpu_s / messages * 1e6)


def _idle(lab: Lab, found: Found) -> None:
    """Leave sessions alone: what keeps their sockets costs something."""
    plan = lab.plan
    names = lab.names(is_load=True)
    lab.say(f"cost: {plan.load_sessions} idle sessions, {plan.quiet_s:g} s")
    with lab.servers() as servers:
        target = servers.sim(is_tls=True)
        for name in lab.rounds(names, 1):
            result = lab.play(
                name,
                "idle",
                target,
                sessions=plan.load_sessions,
                settle_s=plan.calm_s,
                window_s=plan.quiet_s,
            )
            if result:
                minutes = plan.load_sessions * plan.quiet_s / 60
                key = ("CPU of an idle session in a minute", "TLS", "ms", name)
                found[key].append(result["cpu_s"] * 1e3 / minutes)


def _memory(lab: Lab, found: Found) -> None:
    """Count what one more session takes, in a fresh process each.

    A first session comes before: what it brings along is no session's.
    """
    plan = lab.plan
    options = {
        "words": _words(plan.calm_s, plan.calm_s),
        "settle_s": plan.calm_s,
        "window_s": plan.calm_s,
    }
    with lab.servers() as servers:
        target = servers.lean()
        for name in lab.rounds(lab.names(is_load=True), 1):
            if not lab.restart(name):
                continue
            lab.play(name, "load", target, sessions=1, **options)
            result = lab.play(
                name, "load", target, sessions=plan.load_sessions, **options
            )
            if not result:
                continue
            before, *sizes = result["resident"]
            for state, size in zip(("idle", "speaking"), sizes, strict=True):
                key = ("memory of one more session", state, "kB", name)
                size_kb = (size - before) / plan.load_sessions / 1024
                found[key].append(max(0.0, size_kb))


def _words(window_s: float, settle_s: float) -> int:
    """Return a text that lasts longer than it is looked at."""
    return round((window_s + settle_s) / 0.32) + 20


def _start_up(lab: Lab, found: Found) -> None:
    """Import each client in a fresh interpreter."""
    for name in lab.rounds(lab.names(is_load=True), lab.plan.load_rounds):
        hello = lab.restart(name)
        if not hello:
            continue
        took = ("start", "import", "ms", name)
        size = ("memory after the import", "resident", "MB", name)
        found[took].append(hello["import_s"] * 1000)
        found[size].append(hello["resident_bytes"] / 2**20)


def _on_the_wire(lab: Lab, found: Found) -> None:
    """Count the bytes of one request, and of opening its sockets."""
    for is_tls in sorted({is_tls for _, is_tls in lab.plan.loads}):
        wire = "TLS" if is_tls else "plain"
        with lab.servers() as servers:
            target = servers.sim(is_tls=is_tls, speed=None)
            for name in lab.rounds(lab.names(is_load=True), 1):
                servers.ask(carried=True)
                options = {"words": WORDS_ON_THE_WIRE, "is_split": False}
                if lab.play(name, "long_text", target, **options) is None:
                    continue
                sizes = servers.ask(carried=True)
                chart = f"bytes of a request of {WORDS_ON_THE_WIRE} words"
                for direction in ("up", "down"):
                    key = (chart, f"{direction}, {wire}", "kB", name)
                    found[key].append(sizes[direction] / 1024)
