# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The local server says what the vendor's documents say.

`tests/data/wire/README.md` explains the transcripts.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

import gradium_sim
from gradium_sim import Fault, FaultPlan, GradiumSim, Limits, Point
from gradium_sim.probe import Closed, Probe, Received

WIRE = Path(__file__).parent / "data" / "wire"
NAMES = sorted(path.stem for path in WIRE.glob("*.jsonl"))

PATIENCE_S = 30.0

Line = dict[str, Any]


def lines_of(name: str) -> list[Line]:
    text = (WIRE / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def options_of(lines: list[Line]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for line in lines:
        for key, value in line.get("sim", {}).items():
            options[key] = value
    if "faults" in options:
        rows = [fault_of(row) for row in options["faults"]]
        options["faults"] = FaultPlan(*rows)
    if "limits" in options:
        options["limits"] = Limits(**options["limits"])
    return options


def fault_of(row: Line) -> Fault:
    ((name, fields),) = row["do"].items()
    action = getattr(gradium_sim, name)(**fields)
    return Fault(**{**row, "at": Point(row["at"]), "do": action})


def is_like(message: Received, wanted: Line) -> bool:
    if isinstance(message, Closed):
        return False
    return all(has_value(message, key, value) for key, value in wanted.items())


def has_value(message: Line, key: str, wanted: Any) -> bool:
    if wanted == "<absent>":
        return key not in message
    if key not in message:
        return False
    value = message[key]
    if wanted == "<any>":
        return True
    if wanted == "<string>":
        return isinstance(value, str) and value != ""
    if wanted == "<number>":
        return isinstance(value, float)
    if size := re.fullmatch(r"<base64 (\d+)>", str(wanted)):
        return len(base64.b64decode(value)) == int(size[1])
    if first := re.fullmatch(r"<first line: (.*)>", str(wanted)):
        return str(value).startswith(first[1] + "\n")
    return bool(value == wanted)


class Player:
    """Plays the client's part and checks the server's."""

    def __init__(self, sim: GradiumSim) -> None:
        self._sim = sim
        self._probe: Probe | None = None
        self._told: list[Line] = []

    async def play(self, line: Line) -> None:
        if "connect" in line:
            key = line["connect"].get("key")
            self._probe = await Probe(self._sim.url, key=key).__aenter__()
        elif "client" in line:
            await self.probe.send(line["client"])
        elif "meanwhile" in line:
            self._told.append(line["meanwhile"])
        elif "await" in line:
            await self._until(line["await"])
        elif "server" in line:
            message = await self._next(line["server"])
            assert is_like(message, line["server"]), message
        elif "closed" in line:
            closed = await self._next({})
            wanted = line["closed"]
            assert isinstance(closed, Closed), closed
            reason = wanted.get("reason", closed.reason)
            assert closed == Closed(wanted["code"], reason)

    @property
    def probe(self) -> Probe:
        assert self._probe is not None
        return self._probe

    async def leave(self) -> None:
        if self._probe is not None:
            await self._probe.__aexit__(None, None, None)

    async def _until(self, wanted: Line) -> None:
        while not is_like(message := await self.probe.receive(), wanted):
            assert not isinstance(message, Closed), f"closed before {wanted}"

    async def _next(self, wanted: Line) -> Received:
        """The next message that is wanted or was not told."""
        while True:
            message = await self.probe.receive()
            is_wanted = wanted and is_like(message, wanted)
            if is_wanted or not any(
                is_like(message, told) for told in self._told
            ):
                return message


@pytest.mark.parametrize("name", NAMES)
async def test_an_exchange_goes_as_it_is_written(name: str) -> None:
    lines = lines_of(name)
    async with GradiumSim(**options_of(lines)) as sim:
        player = Player(sim)
        try:
            for number, line in enumerate(lines, start=1):
                try:
                    await asyncio.wait_for(player.play(line), PATIENCE_S)
                except (AssertionError, asyncio.TimeoutError) as error:
                    raise AssertionError(f"line {number}: {line}") from error
        finally:
            await player.leave()


def test_there_are_transcripts() -> None:
    assert len(NAMES) >= 14
    assert all("source" in lines_of(name)[0] for name in NAMES)
