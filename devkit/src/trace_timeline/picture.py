# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A timeline as a picture: the lanes of the page, on rows of some seconds."""

from __future__ import annotations

import logging
import math
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

from .marks import Mark, lanes_of

matplotlib.use("Agg")

from matplotlib import font_manager, pyplot

# A row is as long as that, unless it were more rows than can be looked at.
ROW_S = 12.0
MOST_ROWS = 40
WIDTH_IN = 13.0
FONT_PT = 7.5
# From a lane's unit of height to inches.
_UNIT_IN = 0.011
_HEIGHTS = {
    "text": 26,
    "sockets": 40,
    "ttfb": 46,
    "frames": 22,
    "words": 40,
    "buffer": 48,
    "events": 34,
}
_SOCKET_ROW = 18
_SCRIPTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "Droid Sans Fallback",
    "Noto Sans Arabic",
    "Noto Sans Devanagari",
)

INK, SOFT, EDGE = "#191b2a", "#5d6178", "#e3e5f0"
_FAILURE, _SETUP, _SESSION, _DONE = "#d2334c", "#f0b64c", "#12a899", "#c3c7da"
_COLOURS = {
    "text": "#5b4be8",
    "end": "#5b4be8",
    "settings": "#5b4be8",
    "connecting": "#c3c7da",
    "reserve": "#b9dcd8",
    "setup": _SETUP,
    "wait": _SETUP,
    "retry": _SETUP,
    "session": _SESSION,
    "round_trip": _SESSION,
    "synthesis": "#6d5dfc",
    "frame": "#3f8ad8",
    "level": "#3f8ad8",
    "word": "#3b3f58",
    "ttfb": "#3b3f58",
    "resume": "#0c8f82",
    **dict.fromkeys(
        ("cut", "lost", "refused", "error", "flush", "silent"), _FAILURE
    ),
}
_STATES = {
    "connecting": "opens",
    "reserve": "in reserve",
    "setup": "setup",
    "session": "session",
    "done": "done",
}


def draw(marks: Sequence[Mark], path: Path) -> None:
    """Write the picture; the format follows the file name's ending."""
    sheet = _Sheet.of(marks)
    with _fonts():
        figure, rows = pyplot.subplots(
            sheet.rows,
            1,
            figsize=(WIDTH_IN, sheet.rows * (sheet.height * _UNIT_IN + 0.35)),
            squeeze=False,
            constrained_layout=True,
        )
        for index, axes in enumerate(rows[:, 0]):
            _Row(sheet, axes, index).draw()
        rows[-1, 0].set_xlabel(
            "seconds since the first text", color=SOFT, fontsize=FONT_PT + 1
        )
        figure.savefig(path, dpi=130)
        pyplot.close(figure)


@contextmanager
def _fonts() -> Iterator[None]:
    """Use the machine's fonts for other scripts; a lack of them is silent."""
    _add_new_fonts()
    there = set(font_manager.get_font_names())
    families = ["DejaVu Sans", *(one for one in _SCRIPTS if one in there)]
    log = logging.getLogger("matplotlib.font_manager")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with (
            warnings.catch_warnings(),
            matplotlib.rc_context({"font.family": families}),
        ):
            # Of glyphs, and of scripts that it cannot join.
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        log.setLevel(level)


def _add_new_fonts() -> None:
    """Let matplotlib know fonts that came after it had made its list."""
    fonts = font_manager.fontManager
    known = {font.fname for font in fonts.ttflist}
    for path in font_manager.findSystemFonts():
        if path not in known:
            # Of a kind that it cannot read, or gone by now.
            with suppress(OSError, RuntimeError):
                fonts.addfont(path)


@dataclass(frozen=True)
class _Sheet:
    """What all rows have in common.

    Attributes:
        begin_s: of the first row.
        zero_s: where the clock of the picture begins.
        tops: each lane's upper edge and its height.
        most_s: the fullest that the buffer is.
    """

    marks: Sequence[Mark]
    begin_s: float
    end_s: float
    zero_s: float
    row_s: float
    rows: int
    tops: dict[str, tuple[float, float]]
    most_s: float

    @classmethod
    def of(cls, marks: Sequence[Mark]) -> _Sheet:
        """Lay the marks out.

        Raises:
            ValueError: there are none.
        """
        if not marks:
            raise ValueError("there is nothing to draw")
        begin_s = min(mark.start_s for mark in marks)
        end_s = max(max(m.start_s, m.stop_s or 0.0) for m in marks)
        asked = [m.start_s for m in marks if m.lane == "text"]
        length_s = max(end_s - begin_s, 0.05) * 1.01
        rows = min(MOST_ROWS, math.ceil(length_s / ROW_S))
        return cls(
            marks,
            begin_s,
            end_s,
            asked[0] if asked else begin_s,
            length_s / rows,
            rows,
            _tops(marks),
            max([m.value for m in marks if m.lane == "buffer"], default=1.0),
        )

    @property
    def height(self) -> float:
        """Of a row, in units."""
        return sum(height for _, height in self.tops.values())


def _tops(marks: Sequence[Mark]) -> dict[str, tuple[float, float]]:
    tops, top = {}, 0.0
    for lane in lanes_of(marks):
        height = float(_HEIGHTS[lane.name])
        if lane.name == "sockets":
            rows = [mark.row for mark in marks if mark.lane == "sockets"]
            height = max(height, (max(rows, default=0) + 1) * _SOCKET_ROW + 6)
        tops[lane.name] = (top, height)
        top += height
    return tops


class _Row:
    """Some seconds of all lanes."""

    def __init__(self, sheet: _Sheet, axes: Any, index: int) -> None:
        self._sheet = sheet
        self._axes = axes
        self._from_s = sheet.begin_s + index * sheet.row_s
        self._to_s = self._from_s + sheet.row_s
        # So many seconds are a point of the font.
        self._point_s = sheet.row_s / ((WIDTH_IN - 1.2) * 72)

    def draw(self) -> None:
        """Draw the row."""
        zero_s, axes = self._sheet.zero_s, self._axes
        axes.set_xlim(self._from_s - zero_s, self._to_s - zero_s)
        axes.set_ylim(self._sheet.height, 0)
        middles = [
            top + height / 2 for top, height in self._sheet.tops.values()
        ]
        lanes = lanes_of(self._sheet.marks)
        axes.set_yticks(middles, [lane.title for lane in lanes])
        axes.tick_params(length=0, labelsize=FONT_PT, labelcolor=SOFT)
        axes.grid(axis="x", color=EDGE, linewidth=0.6)
        axes.set_axisbelow(True)
        for spine in axes.spines.values():
            spine.set_color(EDGE)
        drawers = {
            "sockets": self._sockets,
            "ttfb": self._first_audio,
            "frames": self._frames,
            "words": self._words,
            "buffer": self._buffer,
        }
        for lane in lanes:
            top, height = self._sheet.tops[lane.name]
            axes.axhline(top + height, color=EDGE, linewidth=0.6)
            drawers.get(lane.name, self._moments)(
                self._visible(lane.name), top, height
            )

    def _visible(self, lane: str) -> list[Mark]:
        found = [
            mark
            for mark in self._sheet.marks
            if mark.lane == lane
            and mark.start_s <= self._to_s
            and self._stop_s(mark) >= self._from_s
        ]
        return sorted(found, key=lambda mark: mark.start_s)

    def _stop_s(self, mark: Mark) -> float:
        return self._sheet.end_s if mark.stop_s is None else mark.stop_s

    def _span(self, mark: Mark) -> tuple[float, float]:
        """Begin and end on the picture's clock, within the row."""
        zero_s = self._sheet.zero_s
        begin_s = max(mark.start_s, self._from_s)
        end_s = min(max(self._stop_s(mark), begin_s), self._to_s)
        return begin_s - zero_s, end_s - zero_s

    def _bar(self, mark: Mark, top: float, height: float) -> None:
        begin_s, end_s = self._span(mark)
        colour = _COLOURS.get(mark.kind, _DONE)
        length_s = max(end_s - begin_s, self._point_s)
        self._axes.broken_barh(
            [(begin_s, length_s)], (top, height), facecolors=colour
        )

    def _label(
        self, text: str, at_s: float, room_s: float, y: float, colour: str
    ) -> None:
        """Write what fits into so many seconds; nothing where little does."""
        room_pt = room_s / self._point_s - 4
        shown = text
        while shown and _width_pt(shown) > room_pt:
            shown = shown[:-2].rstrip() + "…" if len(shown) > 2 else ""
        if len(shown) < min(3, len(text)):
            return
        self._axes.text(
            at_s + 2 * self._point_s,
            y,
            # Not a formula, however many dollars it has.
            shown.replace("$", r"\$"),
            fontsize=FONT_PT,
            color=colour,
            va="center",
            clip_on=True,
        )

    def _sockets(self, marks: list[Mark], top: float, height: float) -> None:
        for mark in marks:
            y = top + 4 + mark.row * _SOCKET_ROW
            if mark.kind in _STATES:
                self._bar(mark, y, _SOCKET_ROW - 4)
                begin_s, end_s = self._span(mark)
                text, room_s = _STATES[mark.kind], end_s - begin_s
                self._label(text, begin_s, room_s, y + 7, INK)
            else:
                at_s = mark.start_s - self._sheet.zero_s
                self._axes.plot([at_s], [y + 7], "x", color=_FAILURE)

    def _first_audio(
        self, marks: list[Mark], top: float, height: float
    ) -> None:
        middle = top + height / 2 + 6
        for index, mark in enumerate(marks):
            if mark.kind != "ttfb":
                self._bar(mark, middle + 3, 8)
                continue
            begin_s, end_s = self._span(mark)
            self._axes.plot(
                [begin_s, begin_s, end_s, end_s],
                [middle, middle - 5, middle - 5, middle],
                color=_COLOURS["ttfb"],
                linewidth=1,
            )
            later = [m for m in marks[index + 1 :] if m.kind == "ttfb"]
            until_s = later[0].start_s if later else self._to_s
            room_s = until_s - self._sheet.zero_s - begin_s
            self._label(mark.text, begin_s, room_s, middle - 13, INK)

    def _frames(self, marks: list[Mark], top: float, height: float) -> None:
        at_s = [mark.start_s - self._sheet.zero_s for mark in marks]
        self._axes.vlines(
            at_s,
            top + 4,
            top + height - 4,
            color=_COLOURS["frame"],
            linewidth=0.8,
        )

    def _words(self, marks: list[Mark], top: float, height: float) -> None:
        for index, mark in enumerate(marks):
            y = top + 5 + 17 * (int(mark.id.rpartition("-")[2]) % 2)
            self._bar(mark, y + 11, 2.5)
            begin_s, end_s = self._span(mark)
            after = marks[index + 2] if index + 2 < len(marks) else None
            next_s = (
                self._span(after)[0] if after else end_s + self._point_s * 80
            )
            room_s = max(next_s, end_s) - begin_s + 6 * self._point_s
            colour = _FAILURE if mark.kind == "cut" else INK
            self._label(mark.text, begin_s, room_s, y + 4, colour)

    def _buffer(self, marks: list[Mark], top: float, height: float) -> None:
        # The level between two marks passes through rows that have none.
        levels = sorted(
            (m for m in self._sheet.marks if m.lane == "buffer"),
            key=lambda mark: mark.start_s,
        )
        scale = (height - 8) / max(self._sheet.most_s, 0.1)
        floor = top + height - 3
        for request in dict.fromkeys(mark.text for mark in levels):
            own = [mark for mark in levels if mark.text == request]
            at_s = [mark.start_s - self._sheet.zero_s for mark in own]
            y = [floor - mark.value * scale for mark in own]
            colour = _COLOURS["level"]
            self._axes.plot(at_s, y, color=colour, linewidth=1)
            self._axes.fill_between(at_s, y, floor, color=colour, alpha=0.15)
        most = f"{self._sheet.most_s:.1f} s"
        begin_s = self._from_s - self._sheet.zero_s
        self._label(most, begin_s, self._sheet.row_s, top + 7, SOFT)

    def _moments(self, marks: list[Mark], top: float, height: float) -> None:
        is_staggered = bool(marks) and marks[0].lane == "events"
        step = 2 if is_staggered else 1
        for index, mark in enumerate(marks):
            at_s = self._span(mark)[0]
            colour = _COLOURS.get(mark.kind, _DONE)
            self._axes.vlines(
                at_s, top + 3, top + height - 3, color=colour, linewidth=1.2
            )
            after = marks[index + step] if index + step < len(marks) else None
            end_s = self._to_s - self._sheet.zero_s
            next_s = self._span(after)[0] if after else end_s
            is_lower = is_staggered and index % 2
            y = top + height - 9 if is_lower else top + 10
            text = mark.text or ("end" if mark.kind == "end" else "")
            self._label(text, at_s, next_s - at_s, y, SOFT)


def _width_pt(text: str) -> float:
    """How wide a text is about: ideographs take twice as much."""
    wide = sum(unicodedata.east_asian_width(one) in "WF" for one in text)
    return FONT_PT * (wide * 1.02 + (len(text) - wide) * 0.6)
