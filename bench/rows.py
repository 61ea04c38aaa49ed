# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a measurement found, as values that can be kept and read again.

A file of results holds one JSON object a line: first what it was measured on,
then one for each row.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FLOOR = "floor"


@dataclass(frozen=True)
class Row:
    """All values of one client in one place of one chart.

    Attributes:
        bench: which bench found them.
        chart: which of its charts they are in.
        client: whose they are.
        name: what was measured: a group of bars, or a curve's axis.
        unit: of the values.
        values: one for each measurement.
        x: where on the axis, in a chart of curves.
    """

    bench: str
    chart: str
    client: str
    name: str
    unit: str
    values: list[float]
    x: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """Return the range that holds the middle half of the values."""
        if len(self.values) < 3:
            return min(self.values), max(self.values)
        low, _, high = statistics.quantiles(self.values, method="inclusive")
        return low, high

    @property
    def place(self) -> tuple[str, str, str, float | None]:
        """Return what rows of several clients have in common."""
        return self.bench, self.chart, self.name, self.x


class Results:
    """Rows, and what they were measured on."""

    def __init__(self, about: dict[str, Any], rows: list[Row]) -> None:
        self.about = about
        self.rows = rows

    def of_bench(self, bench: str) -> list[Row]:
        return [row for row in self.rows if row.bench == bench]

    @property
    def benches(self) -> list[str]:
        """Return the names of the benches, in order."""
        return list(dict.fromkeys(row.bench for row in self.rows))

    def ratio(self, row: Row) -> float | None:
        """Say how many times the floor's median this is, if that is known."""
        for other in self.rows:
            if other.client == FLOOR and other.place == row.place:
                return row.median / other.median if other.median else None
        return None

    def save(self, path: Path) -> None:
        """Write the file."""
        lines = [{"about": self.about}, *(asdict(row) for row in self.rows)]
        text = "".join(f"{json.dumps(line)}\n" for line in lines)
        path.write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Results:
        """Read a file.

        Raises:
            ValueError: it is none of ours.
        """
        try:
            first, *rest = path.read_text(encoding="utf-8").splitlines()
            about = json.loads(first)["about"]
            rows = [Row(**json.loads(line)) for line in rest]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} holds no results: {error}") from error
        return cls(about, rows)


def charts(rows: Iterable[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Give the rows of each chart, in order."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.chart, []).append(row)
    yield from found.items()
