# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Results as pictures: one for each bench, with a panel for each chart."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.axes import Axes
from rows import Results, Row, charts

COLOURS = {
    "floor": "#9a9a9a",
    "library": "#c9b458",
    "client": "#7fb2e5",
    "extension": "#1f6fb4",
    "extension on the host": "#0b3d66",
    "livekit": "#e07b39",
    "pipecat": "#b04a8b",
    "sdk": "#5aa469",
    "gate of the machine": "#1f6fb4",
    "gate of the fleet (Redis)": "#5aa469",
    "no gate, refusals are shared": "#c9b458",
    "no gate, each finds out by itself": "#e07b39",
}
OTHERS = ("#444444", "#777777", "#aaaaaa")
WIDTH_INCHES, BAR_INCHES, CURVE_INCHES = 9.0, 0.17, 2.8
# What does not fit on it is in the tables.
MOST_INCHES = 32.0


def draw(results: Results, bench: str, folder: Path) -> list[Path]:
    """Draw a bench as PNG and SVG; returns the files."""
    panels, heights = _fitting(list(charts(results.of_bench(bench))))
    figure, grid = pyplot.subplots(
        len(panels),
        1,
        figsize=(WIDTH_INCHES, sum(heights)),
        height_ratios=heights,
        squeeze=False,
    )
    for (title, rows), axes in zip(panels, grid[:, 0], strict=True):
        axes.set_title(title, fontsize=10, loc="left")
        if any(row.x is not None for row in rows):
            _curves(axes, rows)
        else:
            _bars(axes, rows)
    figure.suptitle(_caption(results, bench), fontsize=8, color="#555555")
    # Once: otherwise each file would lay it out again, which takes longest.
    figure.tight_layout()
    paths = [folder / f"{bench}.png", folder / f"{bench}.svg"]
    # The same results give the same file.
    matplotlib.rcParams["svg.hashsalt"] = bench
    matplotlib.rcParams["svg.fonttype"] = "none"
    figure.savefig(paths[0], dpi=110)
    figure.savefig(paths[1], metadata={"Date": None})
    pyplot.close(figure)
    return paths


def _fitting(
    panels: list[tuple[str, list[Row]]],
) -> tuple[list[tuple[str, list[Row]]], list[float]]:
    """Return the first panels, and their heights, that a picture can hold."""
    heights: list[float] = []
    for _, rows in panels:
        height = _height(rows)
        if heights and sum(heights) + height > MOST_INCHES:
            break
        heights.append(height)
    return panels[: len(heights)], heights


def _caption(results: Results, bench: str) -> str:
    about = results.about
    return f"{bench} · {about.get('date', '')} · {about.get('machine', '')}"


def _height(rows: list[Row]) -> float:
    if any(row.x is not None for row in rows):
        return CURVE_INCHES
    names = {row.name for row in rows}
    return 0.9 + BAR_INCHES * (len(rows) + len(names))


def _bars(axes: Axes, rows: list[Row]) -> None:
    """Draw a group of bars for each name, a bar for each client."""
    at = 0.0
    ticks, labels, known = [], [], set()
    for name in dict.fromkeys(row.name for row in rows):
        group = [row for row in rows if row.name == name]
        ticks.append(at + (len(group) - 1) / 2)
        labels.append(f"{name} ({group[0].unit})")
        for row in group:
            low, high = row.spread
            # Names that two share would be two entries of the legend.
            label = "" if row.client in known else row.client
            known.add(row.client)
            axes.barh(
                at,
                row.median,
                color=_colour(row.client),
                xerr=[
                    [max(0.0, row.median - low)],
                    [max(0.0, high - row.median)],
                ],
                error_kw={"elinewidth": 0.8},
                label=label or "_",
            )
            axes.text(
                max(row.median, high),
                at,
                f" {row.median:.4g}",
                va="center",
                fontsize=6,
            )
            at += 1
        at += 1
    axes.set_yticks(ticks, labels, fontsize=7)
    axes.invert_yaxis()
    axes.margins(x=0.08, y=0.02)
    axes.tick_params(axis="x", labelsize=7)
    axes.legend(fontsize=6, loc="best")


def _curves(axes: Axes, rows: list[Row]) -> None:
    """Draw a curve for each client and name."""
    names = list(dict.fromkeys(row.name for row in rows))
    for name, style in zip(names, ("-", "--", ":", "-.") * 3, strict=False):
        for client in dict.fromkeys(row.client for row in rows):
            curve = [r for r in rows if (r.name, r.client) == (name, client)]
            axes.plot(
                [row.x for row in curve],
                [row.median for row in curve],
                style,
                marker=".",
                color=_colour(client),
                label=client if len(names) == 1 else f"{client}, {name}",
            )
    axes.set_xlabel(names[0] if len(names) == 1 else "", fontsize=7)
    axes.set_ylabel(rows[0].unit, fontsize=7)
    axes.set_ylim(bottom=0)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=6, loc="best")


def _colour(client: str) -> str:
    return COLOURS.get(client) or OTHERS[len(client) % len(OTHERS)]
