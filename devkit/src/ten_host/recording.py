# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A trace as a recording: what an extension was sent, and what it sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import events as kinds
from .events import Event, event_of
from .messages import Message

Json = Mapping[str, Any]

STOP = "stop"
"""The name of an input that is the end of the run."""


class TraceError(Exception):
    """The file is no trace; exit code 2."""


@dataclass(frozen=True)
class Input:
    """What the extension was sent.

    Attributes:
        at_s: when, in seconds from the start of the run.
        name: of the message or command; `stop` for the end of the run.
        fields: its properties.
        events_before: how many events the extension had sent until then.
    """

    at_s: float
    name: str
    fields: Json
    events_before: int


@dataclass(frozen=True)
class Recording:
    """One run of an extension, read from its trace.

    Attributes:
        settings: the first that were valid.
        inputs: what it was sent, in order.
        events: what it sent, as one line each, in order.
        wire: the lines about its sockets.
    """

    settings: Json
    inputs: list[Input] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    wire: list[Json] = field(default_factory=list)

    def events_until_stop(self) -> list[str]:
        """Return what it had sent when it was stopped; all if it was not."""
        stops = [one for one in self.inputs if one.name == STOP]
        return self.events[: stops[0].events_before] if stops else self.events


def read(text: str) -> Recording:
    """Read the last run of a trace.

    Raises:
        TraceError: it is not a trace, or has nothing that can be replayed.
    """
    lines = [_line(number, line) for number, line in _numbered(text)]
    starts = [i for i, line in enumerate(lines) if line.get("ten") == "start"]
    if not starts:
        raise TraceError("there is no start of a run in it")
    lines = lines[starts[-1] :]
    settings = [line["config"] for line in lines if line.get("ten") == "config"]
    if not settings:
        raise TraceError("the run has no valid settings to replay it with")
    recording = Recording(settings[0])
    for line in lines:
        _take(line, float(lines[0]["t"]), recording)
    return recording


def _numbered(text: str) -> list[tuple[int, str]]:
    numbered = enumerate(text.splitlines(), 1)
    return [(number, line) for number, line in numbered if line.strip()]


def _line(number: int, text: str) -> Json:
    try:
        line = json.loads(text)
        if isinstance(line, dict) and float(line["t"]) >= 0:
            return line
    except (ValueError, KeyError, TypeError):
        pass
    raise TraceError(f"line {number} is not one of a trace: {text:.60}")


def _take(line: Json, start_s: float, recording: Recording) -> None:
    """Put a line where it belongs."""
    if "wire" in line:
        recording.wire.append(line)
    elif line.get("ten") == "in":
        recording.inputs.append(
            Input(
                float(line["t"]) - start_s,
                str(line.get("name")),
                line.get("fields") or {},
                len(recording.events),
            )
        )
    elif line.get("ten") == "out":
        told = recorded_event(line)
        if told is not None:
            recording.events.append(told)


def recorded_event(line: Json) -> str | None:
    """Tell a sent message of a trace as `told` tells an event."""
    name = str(line.get("name"))
    if name == "pcm_frame":
        size, rate = int(line["bytes"]), int(line["sample_rate"])
        return told(kinds.Frame(bytes(size), rate))
    try:
        return told(event_of(Message(name, line.get("fields") or {})))
    except ValueError as error:
        raise TraceError(str(error)) from None


def told(event: Event) -> str | None:
    """Tell an event without what differs from run to run.

    Returns:
        One line; `None` for connects, whose place among other events is
        chance.
    """
    if isinstance(event, kinds.AudioStart):
        return f"audio start of {event.request_id}"
    if isinstance(event, kinds.Frame):
        return f"{len(event.pcm)} bytes at {event.sample_rate_hz} Hz"
    if isinstance(event, kinds.TextResult):
        status = event.metadata.get("turn_status")
        return f"text {event.text!r} of {event.request_id}, status {status}"
    if isinstance(event, kinds.AudioEnd):
        reason = event.reason.name.lower().replace("_", " ")
        length = f"{event.duration_ms} ms"
        return f"audio end of {event.request_id}: {reason}, {length}"
    if isinstance(event, kinds.FlushEnd):
        return f"flush end of {event.flush_id}"
    if isinstance(event, kinds.Error):
        vendor_code = event.vendor_info.get("code", "")
        return f"error {event.code} of {event.id!r}, vendor's {vendor_code!r}"
    if isinstance(event, kinds.ConnectionStatus):
        return f"{event.current}, code {event.code}"
    if isinstance(event, kinds.Metrics):
        return _told_metrics(event.metrics)
    return f"message {event.name}"


def _told_metrics(metrics: Json) -> str | None:
    if "ttfb" in metrics:
        return "ttfb"
    if "connect_delay" in metrics:
        return None
    # Not the characters: what left before an interruption is chance, too.
    audio_ms = round(float(metrics.get("recv_audio_duration") or 0))
    return f"usage, {audio_ms} ms of audio"
