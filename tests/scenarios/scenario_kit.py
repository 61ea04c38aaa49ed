# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What the scenarios share: a tester that writes down what it receives.

The scenarios are written as TEN's acceptance suite is: each one is an
`AsyncExtensionTester` in single mode whose callbacks send texts and stop the
test, and which is looked at when `run()` is over. They use the public names
of `ten_runtime` only, so they run on TEN's own runtime, too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from gradium_sim import tones
from ten_runtime import (
    AsyncExtensionTester,
    AsyncTenEnvTester,
    AudioFrame,
    Data,
    TenError,
    TenErrorCode,
)

ADDON = "gradium_tts_python"
FRAME = "pcm_frame"
START = "tts_audio_start"
END = "tts_audio_end"
FLUSH_END = "tts_flush_end"
TEXT_RESULT = "tts_text_result"
STATUS = "connection_status_changed"
METRICS = "metrics"
ERROR = "error"

COMPLETE, INTERRUPTED, FAILED = 1, 2, 3
FATAL = -1000
LIMIT_S = 60.0
# What TEN's suite allows between the audio and its announced duration.
DURATION_TOLERANCE_MS = 50

Json = Mapping[str, Any]


class Load(Protocol):
    """Gives the properties of a file of tests/configs."""

    def __call__(self, name: str, **changes: Any) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Event:
    """A message that came to the tester.

    Attributes:
        fields: its properties; of a frame only `metadata`.
        at_s: when, monotonic.
    """

    name: str
    fields: Json
    at_s: float
    pcm: bytes = field(default=b"", repr=False)
    sample_rate_hz: int = 0
    samples: int = 0
    timestamp_ms: int = 0

    @property
    def request_id(self) -> str:
        """The request it names; frames name none."""
        return str(self.fields.get("request_id", ""))

    @property
    def metadata(self) -> Json:
        found: Json = self.fields.get("metadata", {})
        return found


def text_input(
    request_id: str,
    text: str,
    *,
    is_end: bool = False,
    metadata: Json | None = None,
) -> Data:
    """A `tts_text_input`, made property by property."""
    data = Data.create("tts_text_input")
    data.set_property_string("request_id", request_id)
    data.set_property_string("text", text)
    data.set_property_bool("text_input_end", is_end)
    if metadata is not None:
        data.set_property_from_json("metadata", json.dumps(metadata))
    return data


def flush(flush_id: str, metadata: Json | None = None) -> Data:
    """A `tts_flush`."""
    data = Data.create("tts_flush")
    data.set_property_string("flush_id", flush_id)
    if metadata is not None:
        data.set_property_from_json("metadata", json.dumps(metadata))
    return data


class Guarder(AsyncExtensionTester):
    """Writes down all that comes; an `error` fails it unless expected."""

    is_error_expected = False

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.started_s = 0.0
        # How much had come when the test was stopped; what the extension
        # still says while it is stopped comes after that.
        self.stopped_at: int | None = None

    async def saw(self, env: AsyncTenEnvTester, event: Event) -> None:
        """Do what the scenario does about an event."""

    async def on_data(
        self, ten_env_tester: AsyncTenEnvTester, data: Data
    ) -> None:
        text, _ = data.get_property_to_json("")
        event = Event(data.get_name(), json.loads(text), time.monotonic())
        self.events.append(event)
        if event.name == ERROR and not self.is_error_expected:
            self.fail(ten_env_tester, f"an error came: {event.fields}")
        else:
            await self.saw(ten_env_tester, event)

    async def on_audio_frame(
        self, ten_env_tester: AsyncTenEnvTester, audio_frame: AudioFrame
    ) -> None:
        text, _ = audio_frame.get_property_to_json("metadata")
        event = Event(
            FRAME,
            {"metadata": json.loads(text)} if text else {},
            time.monotonic(),
            bytes(audio_frame.get_buf()),
            audio_frame.get_sample_rate(),
            audio_frame.get_samples_per_channel(),
            audio_frame.get_timestamp(),
        )
        self.events.append(event)
        await self.saw(ten_env_tester, event)

    def stop(self, env: AsyncTenEnvTester) -> None:
        """End the test, passed as far as the callbacks can tell."""
        self.stopped_at = len(self.events)
        env.stop_test()

    def fail(self, env: AsyncTenEnvTester, why: str) -> None:
        """End the test, failed."""
        generic = TenErrorCode.ErrorCodeGeneric
        env.stop_test(TenError.create(generic, why))

    def run_on(
        self, properties: Json, *, limit_s: float = LIMIT_S
    ) -> TenError | None:
        """Run; what came may be anything."""
        self.set_test_mode_single(ADDON, json.dumps(properties))
        self.set_timeout(int(limit_s * 1_000_000))
        self.started_s = time.monotonic()
        return self.run()

    def play(self, properties: Json) -> None:
        """Run, and hold what came against the rules of every scenario."""
        error = self.run_on(properties)

        assert error is None, f"{error.error_message()}: {self.names()}"
        assert broken_rules(self.events) == []

    # ------------------------------------------------- looking at what came

    def names(self, *left_out: str) -> list[str]:
        """Names in the order received, rows of frames as one."""
        names: list[str] = []
        for event in self.events[: self.stopped_at]:
            is_next_frame = event.name == FRAME and names[-1:] == [FRAME]
            if event.name not in left_out and not is_next_frame:
                names.append(event.name)
        return names

    def named(self, name: str, request_id: str | None = None) -> list[Event]:
        return [
            event
            for event in self.events
            if event.name == name and request_id in (None, event.request_id)
        ]

    def one(self, name: str, request_id: str | None = None) -> Event:
        """The only event of this name."""
        (event,) = self.named(name, request_id)
        return event

    def reason(self, request_id: str) -> int:
        """How a request ended, which it did once."""
        return int(self.one(END, request_id).fields["reason"])

    def frames(self, request_id: str) -> list[Event]:
        """What came between start and end of a request."""
        return frames_by_request(self.events).get(request_id, [])

    def pcm(self, request_id: str) -> bytes:
        return b"".join(frame.pcm for frame in self.frames(request_id))

    def heard(self, request_id: str) -> list[str]:
        """The words of its audio; the sign `…` marks a word that was cut."""
        frames = self.frames(request_id)
        if not frames:
            return []
        return tones.decode(self.pcm(request_id), frames[0].sample_rate_hz)


# -------------------------------------------------- the rules of all scenarios


def frames_by_request(events: Sequence[Event]) -> dict[str, list[Event]]:
    """Frames by the request whose start came last; "" for strays."""
    found: dict[str, list[Event]] = {}
    active = ""
    for event in events:
        if event.name == START:
            active = event.request_id
        elif event.name == END:
            active = ""
        elif event.name == FRAME:
            found.setdefault(active, []).append(event)
    return found


def broken_rules(events: Sequence[Event]) -> list[str]:
    """What no sequence of events may show, whatever is tested."""
    frames = frames_by_request(events)
    broken = (
        [f"{len(strays)} frames of no request"]
        if (strays := frames.pop("", []))
        else []
    )
    active: Event | None = None
    ended: set[str] = set()
    for event in events:
        if event.name == START:
            if active or event.request_id in ended:
                broken.append(f"start of {event.request_id} out of turn")
            active = event
        elif event.name == END:
            if active and active.request_id != event.request_id:
                broken.append(f"end of {event.request_id} out of turn")
            if event.request_id in ended:
                broken.append(f"second end of {event.request_id}")
            ended.add(event.request_id)
            broken += _broken_end(event, active, frames)
            active = None
    if active:
        broken.append(f"no end of {active.request_id}")
    return broken


def _broken_end(
    end: Event, start: Event | None, frames: Mapping[str, Sequence[Event]]
) -> list[str]:
    request_id = end.request_id
    own = frames.get(request_id, [])
    broken = []
    if start and {str(f.metadata) for f in [start, *own, end]} != {
        str(start.metadata)
    }:
        broken.append(f"the metadata of {request_id} differ")
    if start and not own:
        broken.append(f"{request_id} started without audio")
    seconds = sum(f.samples / f.sample_rate_hz for f in own)
    told_ms = end.fields["request_total_audio_duration_ms"]
    if abs(told_ms - seconds * 1000) > DURATION_TOLERANCE_MS:
        broken.append(f"{request_id}: {told_ms} ms told, {seconds} s came")
    if any(len(f.pcm) != f.samples * 2 for f in own):
        broken.append(f"a frame of {request_id} has another size than it says")
    return broken
