# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What the graph saw, as lines that a test can compare as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ten_host import AudioEnd, AudioStart, Error, Event, FlushEnd, Frame


def tell(events: Iterable[Event]) -> list[str]:
    """One line for each event, one for all frames in a row.

    Metrics, words and connection states are left out: they are no part of
    a request's frame of events.
    """
    return list(_without_repeated_frames(_lines(events)))


def _lines(events: Iterable[Event]) -> Iterator[str]:
    for event in events:
        if isinstance(event, AudioStart):
            yield f"start {event.request_id}"
        elif isinstance(event, Frame):
            yield "audio"
        elif isinstance(event, AudioEnd):
            yield f"end {event.request_id} {event.reason.name.lower()}"
        elif isinstance(event, FlushEnd):
            yield f"flushed {event.flush_id}"
        elif isinstance(event, Error):
            yield f"error {event.id}"


def _without_repeated_frames(lines: Iterable[str]) -> Iterator[str]:
    last = ""
    for line in lines:
        if not line == last == "audio":
            yield line
        last = line


def spoken(request_id: str) -> list[str]:
    """The lines of a request that nothing interrupts."""
    return [f"start {request_id}", "audio", f"end {request_id} request_end"]
