# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Reads a trace: while it is being written, or when it is done."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .marks import Mark
from .model import Timeline

Json = dict[str, Any]


class TraceTail:
    """The lines that come to a trace.

    Args:
        path: of a file that need not be there yet.
        begin_bytes: what comes before is not read.
    """

    def __init__(self, path: Path, begin_bytes: int = 0) -> None:
        self._path = path
        self._begin_bytes = self._read_bytes = begin_bytes

    def again(self) -> TraceTail:
        """Return one that begins where this one began."""
        return TraceTail(self._path, self._begin_bytes)

    def lines(self) -> list[Json]:
        """Return the lines that have come since this was asked last."""
        # Opened each time: a file that stays open while an extension runs
        # would count as one that it left behind.
        try:
            with self._path.open("rb") as file:
                file.seek(self._read_bytes)
                whole, newline, _ = file.read().rpartition(b"\n")
        except FileNotFoundError:
            return []
        self._read_bytes += len(whole) + len(newline)
        return [json.loads(line) for line in whole.splitlines()]


def lines_of(text: str) -> list[Json]:
    """Return the lines of a whole trace.

    Raises:
        ValueError: it is none.
    """
    lines = [json.loads(line) for line in text.splitlines() if line.strip()]
    if not all(isinstance(line, dict) for line in lines):
        raise ValueError("a line is no object")
    return lines


def marks_of(lines: Sequence[Mapping[str, Any]]) -> list[Mark]:
    """Return the marks of the last run in a trace, each as it became."""
    starts = [i for i, line in enumerate(lines) if line.get("ten") == "start"]
    timeline = Timeline()
    marks: dict[str, Mark] = {}
    for line in lines[starts[-1] if starts else 0 :]:
        for mark in timeline.take(line):
            # What is told again comes after what was told with it.
            marks.pop(mark.id, None)
            marks[mark.id] = mark
    return list(marks.values())
