# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a server may send without doing harm, and when it is too much."""

from __future__ import annotations

import base64
import json
import logging
import tracemalloc

import pytest
from chessboard import chessboard
from heard import WORDS, Hearing, hear
from speaking import Spoken, client_on, speak

from gradium_sim import (
    Fault,
    FaultPlan,
    GradiumSim,
    LeaveOut,
    OddChunks,
    Point,
    ReadyAgain,
    Send,
    garbage,
)
from gradium_tts_python.core.errors import (
    ConnectionLost,
    ConnectTimeout,
    ErrorKind,
    SynthesisError,
)
from gradium_tts_python.core.protocol import Audio, Ready, Word
from gradium_tts_python.wire import transport as transport_module
from gradium_tts_python.wire.garbage import MAX_GARBAGE_FRAMES
from gradium_tts_python.wire.transport import MAX_MESSAGE_BYTES

SAID = WORDS[:12]
RATE_HZ = 24000
ONCE = Hearing(tuple(range(12)), 0)
# In the middle, and where nothing but the end is expected.
POINTS = (Point.READY, Point.FIRST_AUDIO, Point.AUDIO, Point.LAST_WORD)


async def spoken_with(sim: GradiumSim, *faults: Fault) -> Spoken:
    sim.faults = FaultPlan(*faults)
    async with client_on(sim.url, enable_words=True, warm="off") as client:
        return await speak(client, " ".join(SAID))


def check(spoken: Spoken) -> None:
    """All was heard as if nothing had been, in one session."""
    assert spoken.error is None
    assert spoken.speech.usage.sessions == 1
    assert hear(spoken.pcm, RATE_HZ, SAID) == ONCE
    assert spoken.words == SAID


# Words of no text would be announced as such; see below.
HARMLESS: dict[str, Send | ReadyAgain] = {
    **{
        name: message
        for name, message in garbage.ALL.items()
        if name not in ("word_without_times", "other_stream_id")
    },
    "ready again": ReadyAgain(),
    "2 MiB of nothing": garbage.large(),
    "other times": Send('{"type":"audio","audio":"","start_s":1e300}'),
    "times that are no numbers": Send(
        '{"type":"audio","audio":"","start_s":"now"}'
    ),
    "times without end": Send('{"type":"audio","audio":"","stop_s":NaN}'),
    "a number too large": Send(
        '{"type":"audio","audio":"","stop_s":' + "9" * 400 + "}"
    ),
    "deep JSON": Send('{"type":"ready","x":' + "[" * 50_000),
    "lone surrogate": Send('{"type":"text","text":7,"x":"\\ud800"}'),
}


# By default each at every other point, and so each point with half of them.
HARMLESS_CASES = chessboard(
    HARMLESS, POINTS, lambda name, point: f"{name}-{point.name}"
)


@pytest.mark.parametrize(("name", "point"), HARMLESS_CASES)
async def test_a_message_that_means_nothing_does_no_harm(
    sim: GradiumSim, name: str, point: Point
) -> None:
    message = HARMLESS[name]
    if point is Point.READY and message == ReadyAgain():
        point = Point.FIRST_AUDIO

    check(await spoken_with(sim, Fault(point, message)))


async def test_empty_words_are_words_without_letters(sim: GradiumSim) -> None:
    spoken = await spoken_with(
        sim,
        Fault(Point.AUDIO, garbage.WORD_WITHOUT_TIMES),
        Fault(Point.AUDIO, garbage.OTHER_STREAM_ID, after_frames=3),
    )

    assert spoken.error is None
    assert hear(spoken.pcm, RATE_HZ, SAID) == ONCE
    assert [word for word in spoken.words if word] == SAID


async def test_unknown_messages_are_no_errors(sim: GradiumSim) -> None:
    unknown = (
        garbage.UNKNOWN_TYPE,
        garbage.FLUSHED,
        garbage.NEED_MORE_TEXT,
        garbage.large(),
    )
    # As many as there may be: they are no errors.
    sim.faults = FaultPlan(
        *(Fault(Point.FIRST_AUDIO, one) for one in unknown * 10)
    )
    async with client_on(sim.url) as client, client.open_stream() as stream:
        await stream.send_text("Hello.")
        await stream.end_input()
        messages = [message async for message in stream]

    assert isinstance(messages[0], Ready)
    assert {type(message) for message in messages[1:]} == {Audio, Word}


@pytest.mark.parametrize(
    "faults",
    [
        (LeaveOut(("start_s", "stop_s"), "audio"),),
        (LeaveOut(("stream_id", "client_req_id", "audio_tokens"), "audio"),),
        (LeaveOut(("stream_id", "client_req_id"), "text"),),
        (LeaveOut(("stop_s",), "text"),),
        (
            LeaveOut(
                (
                    "request_id",
                    "model_name",
                    "model_ext",
                    "sample_rate",
                    "frame_size",
                    "audio_stream_names",
                    "text_stream_names",
                    "client_req_id",
                    "residency",
                ),
                "ready",
            ),
        ),
    ],
    ids=["audio times", "audio extras", "word extras", "word end", "ready"],
)
async def test_fields_that_are_missing_do_no_harm(
    sim: GradiumSim, faults: tuple[LeaveOut, ...]
) -> None:
    check(
        await spoken_with(sim, *(Fault(Point.SETUP, fault) for fault in faults))
    )


async def test_chunks_that_end_in_the_middle_of_a_sample_are_joined(
    sim: GradiumSim,
) -> None:
    spoken = await spoken_with(sim, Fault(Point.SETUP, OddChunks()))

    check(spoken)
    whole = sim.sessions[0].pcm
    assert spoken.pcm == whole[: len(whole) - len(whole) % 2]
    assert len(spoken.pcm) % 2 == 0


async def test_one_large_chunk_of_audio_is_audio(sim: GradiumSim) -> None:
    """A minute in one message: 3.8 MB on the wire."""
    minute = garbage.large_audio(60.0, RATE_HZ)

    spoken = await spoken_with(sim, Fault(Point.LAST_AUDIO, minute))

    check(spoken)
    assert len(spoken.pcm) == len(sim.sessions[0].pcm) + 60 * RATE_HZ * 2


async def test_a_message_without_bounds_is_not_read(sim: GradiumSim) -> None:
    """The connection ends instead, and the request goes on on another."""
    sim.faults = FaultPlan(
        Fault(Point.AUDIO, garbage.large(MAX_MESSAGE_BYTES + 1), after_words=6)
    )
    async with client_on(sim.url, enable_words=True, warm="off") as client:
        spoken = await speak(client, " ".join(SAID))

    assert spoken.error is None
    assert hear(spoken.pcm, RATE_HZ, SAID).is_all_of(12)
    assert spoken.speech.usage.sessions == 2
    assert sim.connections[0].close_code == 1009


async def test_a_message_without_bounds_for_ever_is_one_error(
    sim: GradiumSim, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 16 MiB would take longer than the deadline on a busy machine.
    most_bytes = 2**16
    monkeypatch.setattr(transport_module, "MAX_MESSAGE_BYTES", most_bytes)
    sim.faults = FaultPlan(
        Fault(Point.READY, garbage.large(most_bytes + 1), times=None)
    )
    async with client_on(sim.url, warm="off", retry_deadline_s=1.0) as client:
        spoken = await speak(client, "Hello.")

    # A last try may have got too little time, and says it then.
    assert isinstance(spoken.error, (ConnectionLost, ConnectTimeout))
    assert f"127.0.0.1:{sim.port}" in str(spoken.error)
    assert str(most_bytes) in str(spoken.error)


async def test_a_server_that_sends_nothing_else_is_given_up(
    sim: GradiumSim,
) -> None:
    sim.faults = FaultPlan(
        *[Fault(Point.AUDIO, garbage.NOT_JSON)] * (MAX_GARBAGE_FRAMES + 1)
    )

    spoken = await spoken_with(sim, *sim.faults.faults)

    assert isinstance(spoken.error, SynthesisError)
    assert spoken.error.kind is ErrorKind.PROTOCOL
    assert str(spoken.error) == (
        f"127.0.0.1:{sim.port} sent {MAX_GARBAGE_FRAMES + 1} unreadable frames"
        " in a row"
    )


async def test_some_unreadable_frames_are_left_out(sim: GradiumSim) -> None:
    check(
        await spoken_with(
            sim,
            *[Fault(Point.AUDIO, garbage.NOT_JSON)] * MAX_GARBAGE_FRAMES,
        )
    )


async def test_unreadable_frames_all_along_do_not_end_a_session(
    sim: GradiumSim,
) -> None:
    """What counts is how many come in a row, not how many there were."""
    faults = [
        Fault(Point.AUDIO, garbage.NOT_JSON, after_frames=frames)
        for frames in range(1, 12)
        for _ in range(MAX_GARBAGE_FRAMES // 2)
    ]

    check(await spoken_with(sim, *faults))

    told = sum(connection.sent_messages for connection in sim.connections)
    assert told > len(faults) > 5 * MAX_GARBAGE_FRAMES


@pytest.mark.parametrize("time", ['"soon"', "1e9", "null", "{}"])
async def test_a_word_without_times_is_a_word(
    sim: GradiumSim, time: str
) -> None:
    """It holds nothing back, and is over with the one before it."""
    word = f'{{"type":"text","text":"","start_s":{time},"stop_s":{time}}}'

    spoken = await spoken_with(sim, Fault(Point.AUDIO, Send(word)))

    assert spoken.error is None
    assert hear(spoken.pcm, RATE_HZ, SAID) == ONCE
    assert [word for word in spoken.words if word] == SAID
    assert len(spoken.words) == len(SAID) + 1


async def test_text_and_no_audio_is_an_error(sim: GradiumSim) -> None:
    """The server says it is done, and was never heard."""
    end = Send(json.dumps({"type": "end_of_stream"}))
    sim.faults = FaultPlan(Fault(Point.FIRST_AUDIO, end))
    async with client_on(sim.url, warm="off") as client:
        spoken = await speak(client, "Hello there.")

    assert isinstance(spoken.error, SynthesisError)
    assert str(spoken.error) == (
        f"no audio came from 127.0.0.1:{sim.port} for 12 characters"
    )
    assert spoken.speech.ledger.undelivered_text() == "Hello there."


async def test_empty_audio_is_no_audio(sim: GradiumSim) -> None:
    sim.faults = FaultPlan(
        Fault(Point.FIRST_AUDIO, garbage.EMPTY_AUDIO),
        Fault(Point.FIRST_AUDIO, garbage.PRIMING_AUDIO),
        Fault(Point.FIRST_AUDIO, Send('{"type":"end_of_stream"}')),
    )
    async with client_on(sim.url, warm="off") as client:
        spoken = await speak(client, "Hello there.")

    assert isinstance(spoken.error, SynthesisError)
    assert spoken.actions == []


async def test_nothing_is_negotiated_that_costs_memory(
    sim: GradiumSim,
) -> None:
    """No compression: 16 MiB on the wire are 16 MiB in memory."""
    await spoken_with(sim)

    offered = sim.connections[0].headers
    assert "sec-websocket-extensions" not in offered


async def test_frames_after_the_end_are_not_heard(sim: GradiumSim) -> None:
    noise = base64.b64encode(b"\x11\x22" * 1920).decode()
    late = Send(json.dumps({"type": "audio", "audio": noise}))

    spoken = await spoken_with(sim, Fault(Point.CLOSE, late))

    check(spoken)
    assert spoken.pcm == sim.sessions[0].pcm


class Lines(logging.Handler):
    """The lines of a logger."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


async def test_what_is_left_out_is_told_once_for_each_type(
    sim: GradiumSim,
) -> None:
    unknown = (garbage.UNKNOWN_TYPE, garbage.FLUSHED, ReadyAgain())
    sim.faults = FaultPlan(
        *(Fault(Point.FIRST_AUDIO, one, times=2) for one in unknown * 3)
    )
    handler = Lines()
    async with client_on(sim.url) as client:
        client.log.addHandler(handler)
        for name in ("r1", "r2"):
            await speak(client, " ".join(SAID), name)

    told = [line for line in handler.lines if "left out" in line]
    assert told == [
        f"vendor_status: frames of type {name!r} are left out"
        for name in ("weather_report", "flushed", "Ready")
    ]


async def test_of_endless_types_only_some_are_told(sim: GradiumSim) -> None:
    types = [Send(json.dumps({"type": f"{n}" * 1000})) for n in range(99)]
    sim.faults = FaultPlan(*(Fault(Point.FIRST_AUDIO, one) for one in types))
    handler = Lines()
    async with client_on(sim.url) as client:
        client.log.addHandler(handler)
        await speak(client, " ".join(SAID))

    told = [line for line in handler.lines if "left out" in line]
    assert len(told) == 32
    assert max(map(len, told)) < 150


async def test_a_flood_of_unknown_messages_takes_no_memory(
    sim: GradiumSim,
) -> None:
    flood = [Fault(Point.FIRST_AUDIO, garbage.large(2**18))] * 100
    tracemalloc.start()
    try:
        check(await spoken_with(sim, *flood))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # 25 MiB went by; what is kept are buffers of both ends.
    assert peak_bytes < 15 * 2**20
