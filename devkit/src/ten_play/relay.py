# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What an extension sends, as messages for a page."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from ten_host import (
    AudioEnd,
    AudioStart,
    Error,
    Event,
    FlushEnd,
    Frame,
    Metrics,
    TextResult,
)

Json = dict[str, Any]


def request_id_of(number: int) -> str:
    """Return the id of a page's request."""
    return f"answer-{number}"


def number_of(request_id: str) -> int:
    """Return the number of a page's request."""
    return int(request_id.rpartition("-")[2])


class Relay:
    """Passes events on.

    Attributes:
        speaking: the request whose audio comes just now, or "".
        delivered_s: how much of its audio has come.
    """

    def __init__(
        self, tell: Callable[[Json], None], play: Callable[[bytes], None]
    ) -> None:
        """
        Args:
            tell: given each message.
            play: given each frame: the number of its request and its rate in
                Hz, 4 bytes each, little-endian, then its samples.
        """
        self._tell = tell
        self._play = play
        self._base_ms = 0
        self.speaking = ""
        self.delivered_s = 0.0

    def take(self, event: Event) -> None:
        """Pass an event on."""
        if isinstance(event, Frame):
            self._take_frame(event)
        elif isinstance(event, AudioStart):
            self.speaking, self.delivered_s = event.request_id, 0.0
            self._tell({"type": "start", "request_id": event.request_id})
        elif isinstance(event, AudioEnd):
            self._take_end(event)
        elif isinstance(event, TextResult):
            self._take_words(event)
        elif isinstance(event, FlushEnd):
            self._tell({"type": "flush_end", "flush_id": event.flush_id})
        elif isinstance(event, Error):
            self._tell({"type": "error", "text": event.message})
        elif isinstance(event, Metrics) and "ttfb" in event.metrics:
            told = {**event.metadata, "ms": event.metrics["ttfb"]}
            self._tell({"type": "ttfb", **told})

    def _take_frame(self, frame: Frame) -> None:
        if not self.delivered_s:
            self._base_ms = frame.timestamp_ms
        self.delivered_s += frame.duration_s
        number = number_of(self.speaking)
        head = struct.pack("<II", number, frame.sample_rate_hz)
        self._play(head + frame.pcm)

    def _take_end(self, end: AudioEnd) -> None:
        self.speaking = ""
        self._tell(
            {
                "type": "end",
                "request_id": end.request_id,
                "reason": end.reason.name.lower(),
                "duration_s": end.duration_ms / 1000,
            }
        )

    def _take_words(self, result: TextResult) -> None:
        words = []
        for word in result.words:
            if not word.word.strip():
                continue  # the spaces between them
            start_s = (word.start_ms - self._base_ms) / 1000
            words.append(
                {
                    "text": word.word.strip(),
                    "start_s": start_s,
                    "stop_s": start_s + word.duration_ms / 1000,
                }
            )
        if words:
            request_id = result.request_id
            self._tell(
                {"type": "words", "request_id": request_id, "words": words}
            )
