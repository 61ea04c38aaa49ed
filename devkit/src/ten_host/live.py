# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Prints a request while it runs: events with their times, and a bar."""

from __future__ import annotations

import io
import sys
from typing import Any, TextIO

from .events import (
    AudioEnd,
    AudioStart,
    ConnectionStatus,
    Error,
    Event,
    Frame,
    Metrics,
    TextResult,
)
from .order import STDOUT, Order
from .spoken import Spoken
from .wire_story import WireStory

BAR_WIDTH = 30

# A rough pace of speech, for the bar's scale only.
SECONDS_PER_CHARACTER = 0.07


class Live:
    """One line an event; below them, on a terminal, the bar of audio."""

    def __init__(self, order: Order) -> None:
        self._order = order
        # The sound has stdout for itself.
        is_sound = order.output == STDOUT
        self._out: TextIO = sys.stderr if is_sound else sys.stdout
        self._has_bar = self._out.isatty()
        if isinstance(self._out, io.TextIOWrapper):
            # The user's text may have letters that this terminal lacks.
            self._out.reconfigure(errors="replace")
        self._is_brief = order.repeat > 1
        self._spoken: Spoken | None = None
        self._wire = WireStory()
        self._audio_s = 0.0
        if order.is_local:
            self.line(
                "local server with espeak-ng's voice (no GRADIUM_API_KEY)"
            )

    def begin(self, spoken: Spoken) -> None:
        """A new request begins."""
        self._spoken = spoken
        self._audio_s = 0.0

    def show_text(self, time_s: float, text: str, is_end: bool) -> None:
        """A text is being sent."""
        if not self._is_brief:
            shown = text if len(text) <= 60 else text[:59] + "…"
            end = ", end of input" if is_end else ""
            self._event(time_s, "text in", f'"{shown}"{end}')

    def show(self, event: Event) -> None:
        """An event came."""
        if isinstance(event, Frame):
            self._show_frame(event)
        elif isinstance(event, AudioEnd):
            self._show_end(event)
        elif not self._is_brief:
            for name, text in self._described(event):
                self._event(event.time_s, name, text)

    def show_trace(self, lines: list[dict[str, Any]]) -> None:
        """The trace has these lines more."""
        for line in lines:
            for time_s, name, text in self._wire.take(line):
                if not self._is_brief:
                    self._event(time_s, name, text)

    def line(self, text: str) -> None:
        """Print a line above the bar."""
        clear = "\r\x1b[K" if self._has_bar else ""
        self._out.write(f"{clear}{text}\n")
        self._draw_bar()
        self._out.flush()

    def close(self) -> None:
        """Take the bar away."""
        if self._has_bar:
            self._out.write("\r\x1b[K")
            self._out.flush()
        self._has_bar = False

    def _described(self, event: Event) -> list[tuple[str, str]]:
        if isinstance(event, AudioStart):
            return [("audio start", event.request_id)]
        if isinstance(event, ConnectionStatus):
            return [(event.current, event.message)]
        if isinstance(event, Metrics):
            if "ttfb" not in event.metrics:
                return []
            told = f"{event.metrics['ttfb']:.0f} ms"
            # Not every extension says so.
            if event.metadata.get("is_cached"):
                told += ", from the store"
            elif (is_warm := event.metadata.get("is_warm")) is not None:
                told += ", reserve socket" if is_warm else ", own socket"
            return [("TTFB", told)]
        if isinstance(event, Error):
            return [("error", event.message)]
        if isinstance(event, TextResult) and self._spoken is not None:
            return [
                ("word", f"{word.start_s:6.2f} s  {word.text}")
                for word in self._spoken.heard_in(event)
            ]
        return []

    def _show_frame(self, frame: Frame) -> None:
        if self._audio_s == 0.0 and not self._is_brief:
            self._event(frame.time_s, "first audio", f"{len(frame.pcm)} bytes")
        self._audio_s += frame.duration_s
        self._draw_bar()

    def _show_end(self, end: AudioEnd) -> None:
        reason = end.reason.name.lower().replace("_", " ")
        text = f"{end.duration_ms / 1000:.2f} s of audio, {reason}"
        if self._is_brief and self._spoken is not None and self._spoken.frames:
            ttfb_ms = self._spoken.ttfb_ms
            text = f"{end.request_id}: TTFB {ttfb_ms:.0f} ms, {text}"
            self.line(text)
        else:
            self._event(end.time_s, "audio end", text)

    def _event(self, time_s: float, name: str, text: str) -> None:
        at = ""  # before there is a request, there is no clock
        if self._spoken is not None:
            at = f"{time_s - self._spoken.start_s:8.3f} s"
        self.line(f"{at:<10}  {name:<12} {text}".rstrip())

    def _draw_bar(self) -> None:
        if not self._has_bar or self._audio_s == 0.0:
            return
        expected_s = len(self._order.text) * SECONDS_PER_CHARACTER
        done = min(1.0, self._audio_s / max(expected_s, self._audio_s))
        bar = ("█" * round(done * BAR_WIDTH)).ljust(BAR_WIDTH, "░")
        self._out.write(f"\r\x1b[K{bar} {self._audio_s:.1f} s of audio")
        self._out.flush()
