# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What an extension sends while it stops, which nobody hears.

TEN ends the tester and the extension at the same time, so that the last
events reach no tester. The extension's own trace has them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ten_host import Event, ExtensionHost
from ten_host.events import event_of
from ten_host.messages import Message


def farewell(trace: Path) -> list[Event]:
    """The data that the traced extension sent from its `on_stop` on."""
    lines = [json.loads(line) for line in trace.read_text().splitlines()]
    stops = [
        index
        for index, line in enumerate(lines)
        if line.get("ten") == "in" and line["name"] == "stop"
    ]
    return [
        event_of(Message(line["name"], line["fields"], time_s=line["t"]))
        for line in lines[stops[-1] :]
        if line.get("ten") == "out" and "fields" in line
    ]


class Whole:
    """A host that has ended, with the farewell among its events."""

    def __init__(self, host: ExtensionHost, trace: Path) -> None:
        self._host = host
        self._farewell = farewell(trace)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._host, name)

    def events(self) -> list[Event]:
        """All of them; on TEN the tester may get some of the last."""
        heard = self._host.events()
        return [*heard, *(e for e in self._farewell if e not in heard)]
