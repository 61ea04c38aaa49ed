# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Results as tables: on the terminal, and in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from rows import Results, Row, charts

Table = list[list[str]]


def tables(results: Results, bench: str) -> Iterator[tuple[str, Table]]:
    """Give title and cells of each table of a bench, headings first."""
    for chart, rows in charts(results.of_bench(bench)):
        has_curves = any(row.x is not None for row in rows)
        table = _curves(rows) if has_curves else _bars(results, rows)
        yield chart, table


def as_text(table: Table) -> str:
    """Return a table with its columns aligned."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if index < 2 else cell.rjust(width)
            for index, (cell, width) in enumerate(
                zip(line, widths, strict=True)
            )
        ).rstrip()
        for line in table
    ]
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)


def as_markdown(table: Table) -> str:
    """Return a table in Markdown."""
    head, *body = [f"| {' | '.join(line)} |" for line in table]
    rule = "|" + "---|" * 2 + "---:|" * (len(table[0]) - 2)
    return "\n".join([head, rule, *body])


def _bars(results: Results, rows: list[Row]) -> Table:
    table = [["", "client", "median", "middle half", "n", "floor ×"]]
    name = ""
    for row in sorted(rows, key=_place_in(rows)):
        low, high = row.spread
        ratio = results.ratio(row)
        shown = "" if row.name == name else f"{row.name} ({row.unit})"
        name = row.name
        table.append(
            [
                shown,
                row.client,
                number(row.median),
                f"{number(low)} – {number(high)}",
                str(len(row.values)),
                "" if ratio is None else f"{ratio:.2f}",
            ]
        )
    return table


def _place_in(rows: list[Row]):  # type: ignore[no-untyped-def]
    names = list(dict.fromkeys(row.name for row in rows))
    return lambda row: names.index(row.name)


def _curves(rows: list[Row]) -> Table:
    clients = list(dict.fromkeys(row.client for row in rows))
    by_place = {(row.x, row.name, row.client): row for row in rows}
    table = [["", "unit", *clients]]
    for x, name in dict.fromkeys((row.x, row.name) for row in rows):
        found = [by_place.get((x, name, client)) for client in clients]
        unit = next(row.unit for row in found if row)
        cells = [number(row.median) if row else "" for row in found]
        table.append([f"{x:,.0f} {name}", unit, *cells])
    return table


def number(value: float) -> str:
    """Return a number with three digits that count."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
