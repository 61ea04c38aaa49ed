# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What the scenarios share: a tester that writes down what it receives."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ten_runtime import (
    AsyncTenEnvTester,
    Data,
    TenError,
    TenErrorCode,
)

from ..messages import Collector, Json, Message

FRAME = "pcm_frame"
START = "tts_audio_start"
END = "tts_audio_end"
FLUSH_END = "tts_flush_end"
TEXT_RESULT = "tts_text_result"
STATUS = "connection_status_changed"
METRICS = "metrics"
ERROR = "error"
# What TEN's interface of a text-to-speech extension sends.
OF_TEN = (FRAME, START, END, FLUSH_END, TEXT_RESULT, STATUS, METRICS, ERROR)

COMPLETE, INTERRUPTED, FAILED = 1, 2, 3
FATAL = -1000
LIMIT_S = 120.0
# What TEN's suite allows between the audio and its announced duration.
DURATION_TOLERANCE_MS = 50

# What TEN's metadata name a request by; an event may carry more.
NAMED_BY = ("session_id", "turn_id")

# Sixty words, none of which starts another one.
WORDS = (
    "apple bridge candle dragon engine forest garden hammer island jacket"
    " kettle ladder magnet needle orange pencil quartz ribbon saddle temple"
    " umbrella violin walnut xylophone yellow zebra anchor basket copper"
    " daisy eagle feather glacier harbor iron jungle kitten lemon mirror"
    " nickel oyster parrot quiver rocket silver tunnel urchin velvet window"
    " yogurt zipper almond blanket cactus dolphin ember falcon goblet hazel"
    " igloo"
).split()


@dataclass(frozen=True)
class Settings:
    """Which extension a scenario runs, and with what properties."""

    addon: str
    properties: Json

    def changed(self, **changes: Any) -> Settings:
        """Return them with other top-level properties."""
        return replace(self, properties={**self.properties, **changes})


class Load(Protocol):
    """Gives the settings of a file of `--ten-config`."""

    def __call__(self, name: str, **changes: Any) -> Settings: ...


def text_input(
    request_id: str,
    text: str,
    *,
    is_end: bool = False,
    metadata: Json | None = None,
) -> Data:
    """Return a `tts_text_input`, made property by property."""
    data = Data.create("tts_text_input")
    data.set_property_string("request_id", request_id)
    data.set_property_string("text", text)
    data.set_property_bool("text_input_end", is_end)
    if metadata is not None:
        data.set_property_from_json("metadata", json.dumps(metadata))
    return data


def flush(flush_id: str, metadata: Json | None = None) -> Data:
    """Return a `tts_flush`."""
    data = Data.create("tts_flush")
    data.set_property_string("flush_id", flush_id)
    if metadata is not None:
        data.set_property_from_json("metadata", json.dumps(metadata))
    return data


class Scenario(Collector):
    """Writes down all that comes; an `error` fails it unless expected.

    It decides in its callbacks what to send and when to stop, as TEN's suite
    does; a test with an `ExtensionHost` waits on a loop of its own instead,
    so that nothing would be at its place in between.
    """

    is_error_expected = False

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Message] = []
        self.started_s = 0.0
        # How much had come when the test was stopped; what the extension
        # still says while it is stopped comes after that.
        self.stopped_at: int | None = None

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        """Do what the scenario does about a message."""

    async def came(self, env: AsyncTenEnvTester, message: Message) -> None:
        self.messages.append(message)
        if message.name == ERROR and not self.is_error_expected:
            self.fail(env, f"an error came: {message.fields}")
        else:
            await self.saw(env, message)

    def stop(self, env: AsyncTenEnvTester) -> None:
        """End the test, passed as far as the callbacks can tell."""
        if self.stopped_at is None:
            self.stopped_at = len(self.messages)
            env.stop_test()

    def fail(self, env: AsyncTenEnvTester, why: str) -> None:
        """End the test, failed."""
        generic = TenErrorCode.ErrorCodeGeneric
        env.stop_test(TenError.create(generic, why))

    def run_on(
        self, settings: Settings, *, limit_s: float = LIMIT_S
    ) -> TenError | None:
        """Run; what came may be anything."""
        self.set_test_mode_single(
            settings.addon, json.dumps(settings.properties)
        )
        self.set_timeout(int(limit_s * 1_000_000))
        self.started_s = time.monotonic()
        return self.run()

    def play(self, settings: Settings) -> None:
        """Run, and hold what came against the rules of every scenario."""
        error = self.run_on(settings)

        assert error is None, f"{error.error_message()}: {self.names()}"
        broken = broken_rules(self.messages)
        assert not broken, "; ".join(broken)

    # ------------------------------------------------- looking at what came

    def names(self, *left_out: str) -> list[str]:
        """Return names in the order received, rows of frames as one.

        What is an extension's own comes when it likes and is left out.
        """
        names: list[str] = []
        for message in self.messages[: self.stopped_at]:
            is_next_frame = message.name == FRAME and names[-1:] == [FRAME]
            is_told = message.name in OF_TEN and message.name not in left_out
            if is_told and not is_next_frame:
                names.append(message.name)
        return names

    def audible(self) -> list[str]:
        """Return the names of what speech consists of, and of flushes."""
        return self.names(METRICS, STATUS, TEXT_RESULT)

    def named(self, name: str, request_id: str | None = None) -> list[Message]:
        """Return all messages of a name, or those of one request."""
        return [
            message
            for message in self.messages
            if message.name == name and request_id in (None, message.request_id)
        ]

    def one(self, name: str, request_id: str | None = None) -> Message:
        """Return the only message of this name."""
        found = self.named(name, request_id)
        of = f" of {request_id}" if request_id else ""
        assert len(found) == 1, f"{len(found)} times {name}{of}: {self.names()}"
        return found[0]

    def ends(self) -> list[str]:
        """Return the requests that ended, in order."""
        return [end.request_id for end in self.named(END)]

    def reason(self, request_id: str) -> int:
        """Return how a request ended, which it did once."""
        return int(self.one(END, request_id).fields["reason"])

    def frames(self, request_id: str) -> list[Message]:
        """Return what came between start and end of a request."""
        return frames_by_request(self.messages).get(request_id, [])

    def pcm(self, request_id: str) -> bytes:
        """Return the samples of a request."""
        return b"".join(frame.pcm for frame in self.frames(request_id))


# -------------------------------------------------- the rules of all scenarios


def frames_by_request(messages: Sequence[Message]) -> dict[str, list[Message]]:
    """Return frames by the request whose start came last; "" for strays."""
    found: dict[str, list[Message]] = {}
    active = ""
    for message in messages:
        if message.name == START:
            active = message.request_id
        elif message.name == END:
            active = ""
        elif message.name == FRAME:
            found.setdefault(active, []).append(message)
    return found


def broken_rules(messages: Sequence[Message]) -> list[str]:
    """Return what no sequence of messages may show, whatever is tested."""
    frames = frames_by_request(messages)
    broken = (
        [f"{len(strays)} frames of no request"]
        if (strays := frames.pop("", []))
        else []
    )
    active: Message | None = None
    ended: set[str] = set()
    for message in messages:
        if message.name == START:
            if active or message.request_id in ended:
                broken.append(f"start of {message.request_id} out of turn")
            active = message
        elif message.name == END:
            if active and active.request_id != message.request_id:
                broken.append(f"end of {message.request_id} out of turn")
            if message.request_id in ended:
                broken.append(f"second end of {message.request_id}")
            ended.add(message.request_id)
            broken += _broken_end(message, active, frames)
            active = None
    if active:
        broken.append(f"no end of {active.request_id}")
    return broken


def _broken_end(
    end: Message, start: Message | None, frames: Mapping[str, Sequence[Message]]
) -> list[str]:
    request_id = end.request_id
    own = frames.get(request_id, [])
    broken = []
    events = [start, *own, end] if start else [*own, end]
    if len({_naming(event) for event in events}) > 1:
        broken.append(f"the metadata of {request_id} differ")
    seconds = sum(f.samples / f.sample_rate_hz for f in own)
    told_ms = end.fields["request_total_audio_duration_ms"]
    if abs(told_ms - seconds * 1000) > DURATION_TOLERANCE_MS:
        broken.append(f"{request_id}: {told_ms} ms told, {seconds} s came")
    if any(len(f.pcm) != f.samples * f.sample_bytes for f in own):
        broken.append(f"a frame of {request_id} has another size than it says")
    return broken


def _naming(event: Message) -> str:
    return str({key: event.metadata.get(key) for key in NAMED_BY})
