# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a host sees of an extension, in the lines of a trace.

A timeline can so be drawn of an extension that writes no trace of its own:
its texts and interruptions, its audio, words and ends, but no sockets.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .messages import Message

Json = dict[str, Any]


class Seen:
    """Takes down what is sent to an extension and what it sends.

    From any thread. Of audio only the size is kept.

    Attributes:
        is_wanted: whether it is; else nothing is kept, however long the run.
    """

    def __init__(self, *, is_wanted: bool = True) -> None:
        self.is_wanted = is_wanted
        self._lines: list[Json] = []

    def sent(self, name: str, fields: Mapping[str, Any]) -> None:
        """A message or a command is about to be sent to it."""
        line = {"ten": "in", "name": name, "fields": dict(fields)}
        self._take({"t": time.monotonic(), **line})

    def came(self, message: Message) -> None:
        """It has sent a message or a frame."""
        line: Json = {"t": message.time_s, "ten": "out", "name": message.name}
        if message.is_frame:
            line["bytes"] = len(message.pcm)
            line["sample_rate"] = message.sample_rate_hz
            line["timestamp_ms"] = message.timestamp_ms
        else:
            line["fields"] = message.fields
        self._take(line)

    def lines(self) -> list[Json]:
        """Return the lines so far, in the order of their times."""
        return sorted(self._lines, key=lambda line: float(line["t"]))

    def _take(self, line: Json) -> None:
        if self.is_wanted:
            self._lines.append(line)
