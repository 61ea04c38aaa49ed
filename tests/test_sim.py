# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The local server: handshake, setup, one session, records."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import struct
from typing import Any

import pytest

from gradium_sim import (
    Delay,
    Fault,
    FaultPlan,
    GradiumSim,
    Limits,
    Point,
    tones,
)
from gradium_sim.g711 import decode_alaw, decode_ulaw
from gradium_sim.probe import Closed, Probe, kinds, pcm_of


async def speak(sim: GradiumSim, *texts: str, **fields: Any) -> list[Any]:
    async with Probe(sim.url) as probe:
        return await probe.speak(*texts, **fields)


async def test_a_session_is_spoken_word_by_word_and_ends_with_1000() -> None:
    async with GradiumSim() as sim:
        got = await speak(sim, "Good morning,", "how can I help?")
        await sim.until(lambda sim: sim.open_sockets == 0)

    ready, *_, last_word, end, closed = got
    assert ready["type"] == "ready"
    assert last_word["text"] == "help?"
    assert end == {"type": "end_of_stream", "client_req_id": None}
    assert closed == Closed(1000)
    words = [one["text"] for one in got[1:-2] if one["type"] == "text"]
    assert words == ["Good", "morning,", "how", "can", "I", "help?"]
    assert tones.decode(pcm_of(got), 24000) == words
    session = sim.sessions[0]
    assert session.text == "Good morning, how can I help?"
    assert session.pcm == pcm_of(got)
    assert (session.is_ended, session.is_complete) == (True, True)
    assert (session.closed_by, session.close_code) == ("server", 1000)
    assert [word for word, _, _ in session.words] == words


async def test_frames_follow_each_other_and_words_follow_their_audio() -> None:
    async with GradiumSim() as sim:
        got = await speak(sim, "one two three four five six seven eight")

    delivered_s = 0.0
    for message in got[1:-1]:
        if message["type"] == "audio":
            size = len(base64.b64decode(message["audio"]))
            assert message["start_s"] == pytest.approx(delivered_s)
            delivered_s = message["stop_s"]
            assert size == round((delivered_s - message["start_s"]) * 48000)
            assert (message["stream_id"], message["audio_tokens"]) == (0, [])
        elif message["type"] == "text":
            assert message["stop_s"] <= delivered_s
    frames = [one for one in got[1:-1] if one["type"] == "audio"]
    assert all(
        one["stop_s"] - one["start_s"] == pytest.approx(0.08)
        for one in frames[:-1]
    )
    last_word = got[-3]
    assert 0.5 <= frames[-1]["stop_s"] - last_word["stop_s"] <= 1.0


async def test_ready_has_every_field_that_strict_clients_require() -> None:
    async with GradiumSim() as sim:
        got = await speak(
            sim, "a", output_format="pcm_16000", client_req_id="r"
        )

    ready = got[0]
    assert ready.pop("request_id") == sim.sessions[0].request_id
    assert ready == {
        "type": "ready",
        "model_name": "default",
        "model_ext": "local@1",
        "sample_rate": 16000,
        "frame_size": 1280,
        "audio_stream_names": ["audio"],
        "text_stream_names": ["text"],
        "client_req_id": "r",
        "residency": "none",
    }


@pytest.mark.parametrize(
    ("name", "rate_hz", "frame_bytes", "header_bytes"),
    [
        ("wav", 48000, 7680, 44),
        (None, 48000, 7680, 44),
        ("pcm", 48000, 7680, 0),
        ("pcm_48000", 48000, 7680, 0),
        ("pcm_44100", 44100, 7056, 0),
        ("pcm_24000", 24000, 3840, 0),
        ("pcm_22050", 22050, 3528, 0),
        ("pcm_16000", 16000, 2560, 0),
        ("pcm_8000", 8000, 1280, 0),
        ("ulaw_8000", 8000, 640, 0),
        ("mulaw_8000", 8000, 640, 0),
        ("alaw_8000", 8000, 640, 0),
    ],
)
async def test_every_format_has_frames_of_80_ms_that_can_be_read(
    name: str | None, rate_hz: int, frame_bytes: int, header_bytes: int
) -> None:
    text = "The naïve owner's 42 ways"
    async with GradiumSim() as sim:
        got = await speak(sim, text, output_format=name)

    sizes = [
        len(base64.b64decode(one["audio"]))
        for one in got[1:-1]
        if one["type"] == "audio"
    ]
    assert sizes[0] == frame_bytes + header_bytes
    assert set(sizes[1:-1]) == {frame_bytes}
    assert sizes[-1] <= frame_bytes
    assert (got[0]["sample_rate"], got[0]["frame_size"]) == (
        rate_hz,
        rate_hz * 8 // 100,
    )
    sound = pcm_of(got)[header_bytes:]
    if name in ("ulaw_8000", "mulaw_8000"):
        sound = decode_ulaw(sound).tobytes()
    elif name == "alaw_8000":
        sound = decode_alaw(sound).tobytes()
    assert tones.decode(sound, rate_hz) == text.split()


async def test_a_wav_header_has_placeholder_lengths() -> None:
    async with GradiumSim() as sim:
        header = pcm_of(await speak(sim, "a", output_format="wav"))[:44]

    assert (header[:4], header[8:16], header[36:40]) == (
        b"RIFF",
        b"WAVEfmt ",
        b"data",
    )
    layout = struct.unpack("<HHIIHH", header[20:36])
    assert layout == (1, 1, 48000, 96000, 2, 16)
    assert header[4:8] == header[40:44] == b"\xff\xff\xff\xff"


async def test_a_bad_key_is_told_in_band_whatever_was_sent() -> None:
    async with GradiumSim() as sim, Probe(sim.url, key="wrong") as probe:
        got: list[Any] = await probe.until_closed()

    assert kinds(got) == ["error", "close 1008"]
    message, footer = got[0]["message"].split("\n")
    assert message == "Invalid or expired API key"
    assert footer
    assert (got[0]["code"], got[0]["client_req_id"]) == (1008, None)
    assert sim.connections[0].http_status == 101
    assert sim.sessions == []


async def test_without_a_key_there_is_only_a_close() -> None:
    async with GradiumSim() as sim, Probe(sim.url, key=None) as probe:
        got: list[Any] = await probe.until_closed()

    assert got == [Closed(1008, "No authentication provided.")]


async def test_a_token_is_good_for_one_connection() -> None:
    async with GradiumSim(tokens=("t",)) as sim:
        url = sim.url + "?token=t"
        async with Probe(url, key=None) as probe:
            first = await probe.speak("a")
        async with Probe(url, key=None) as probe:
            second: list[Any] = await probe.until_closed()

    assert first[-1] == Closed(1000)
    assert kinds(second) == ["error", "close 1008"]


async def test_connections_are_recorded_with_headers_and_messages() -> None:
    async with GradiumSim() as sim:
        async with Probe(sim.url, headers={"x-api-source": "me"}) as probe:
            await probe.speak("a b", "c")
        await sim.until(lambda sim: sim.open_sockets == 0)

    record = sim.connections[0]
    assert record.path == "/api/speech/tts"
    assert record.headers["x-api-key"] == "test-key"
    assert record.headers["x-api-source"] == "me"
    messages: list[Any] = record.messages
    assert [one["type"] for one in messages] == [
        "setup",
        "text",
        "text",
        "end_of_stream",
    ]
    times = [time_s for time_s, _ in record.received]
    assert times == sorted(times)


SETUP_ERRORS = [
    ({"output_format": "mp3"}, "Unsupported output format: mp3"),
    ({"output_format": "opus"}, "opus is not offered by this local server"),
    ({"voice_id": "nobody"}, "Embeddings not found for nobody."),
    ({"voice_id": 7}, "Invalid setup: voice_id should be a string"),
    (
        {"pronunciation_id": "p"},
        "Pronunciation dictionary p not found.",
    ),
    (
        {"json_config": {"cfg_coef": 0.5}},
        "cfg_coef should be between 1.0 and 10.0",
    ),
    ({"json_config": '{"temp": 1.6}'}, "temp should be between 0.0 and 1.5"),
    (
        {"json_config": {"padding_bonus": -6}},
        "padding_bonus should be between -5.0 and 5.0",
    ),
    ({"json_config": {"temp": "hot"}}, "temp should be a number"),
    ({"json_config": {"temp": True}}, "temp should be a number"),
    ({"json_config": "{"}, "Invalid json_config: not valid JSON"),
    ({"json_config": [1]}, "Invalid json_config: should be an object"),
    (
        {"json_config": {"rewrite_rules": 1}},
        "rewrite_rules should be a string",
    ),
    (
        {"close_ws_on_eos": "no"},
        "Invalid setup: close_ws_on_eos should be a boolean",
    ),
    ({"retry_for_s": "1"}, "Invalid setup: retry_for_s should be a number"),
]


@pytest.mark.parametrize(("fields", "message"), SETUP_ERRORS)
async def test_a_bad_setup_is_refused_with_1008(
    fields: dict[str, Any], message: str
) -> None:
    async with GradiumSim() as sim:
        got = await speak(sim, "a", **fields)

    assert kinds(got) == ["error", "close 1008"]
    assert got[0]["message"].split("\n")[0] == message
    assert got[0]["code"] == 1008
    assert sim.sessions[0].error == message
    assert sim.counters.synthesised == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"json_config": {"temp": 0, "cfg_coef": 10, "padding_bonus": None}},
        {"json_config": '{"temp": 1.5, "padding_bonus": -5}'},
        {"json_config": {"max_padding": 3, "rewrite_rules": "en"}},
        {"voice": None, "model_name": "gradium-tts-beta", "retry_for_s": 0},
        {"voice_id": None, "pronunciation_id": "known"},
        {"voice_id": "mine"},
        {"voice_id": "cLONiZ4hQ8VpQ4Sz", "some_field": 1},
    ],
)
async def test_a_good_setup_is_accepted(fields: dict[str, Any]) -> None:
    async with GradiumSim(
        voice_ids=("mine",), pronunciation_ids=("known",)
    ) as sim:
        got = await speak(sim, "a", **fields)

    assert kinds(got)[0] == "ready"
    assert got[-1] == Closed(1000)


PROTOCOL_ERRORS: list[tuple[list[Any], str]] = [
    ([{"type": "text", "text": "a"}], "Session not found. Send setup first"),
    ([{"type": "end_of_stream"}], "Session not found. Send setup first"),
    (["{"], "Invalid JSON"),
    (["[]"], "A message should be a JSON object"),
    ([b"{}"], "Binary messages are not supported"),
    ([{"type": "cancel"}], "Unknown message type: cancel"),
    ([{"type": "setup"}, {"type": "text"}], "text should be a string"),
    (
        [{"type": "setup", "client_req_id": 1}],
        "client_req_id should be a string",
    ),
    (
        [{"type": "setup", "client_req_id": "a"}] * 2,
        "Session already active (a)",
    ),
    (
        [
            {"type": "setup"},
            {"type": "end_of_stream"},
            {"type": "text", "text": "late"},
        ],
        "Session input already ended",
    ),
]


@pytest.mark.parametrize(("messages", "text"), PROTOCOL_ERRORS)
async def test_what_breaks_the_protocol_is_answered_with_1002(
    messages: list[Any], text: str
) -> None:
    async with GradiumSim() as sim, Probe(sim.url) as probe:
        sim.pause_at(Point.READY)
        for message in messages:
            await probe.send(message)
        got: list[Any] = await probe.until_closed()

    assert kinds(got) == ["error", "close 1002"]
    assert got[0]["message"].split("\n")[0] == text


async def test_text_sent_before_ready_is_not_lost() -> None:
    async with GradiumSim() as sim, Probe(sim.url) as probe:
        sim.pause_at(Point.SETUP)
        await probe.setup()
        await probe.text("one two")
        await probe.text("three")
        await probe.end()
        await sim.until(lambda sim: len(sim.connections[0].received) == 4)
        assert sim.sessions[0].times.ready_s is None
        sim.resume()
        got: list[Any] = await probe.until_closed()

    assert tones.decode(pcm_of(got), 24000) == ["one", "two", "three"]


async def test_the_last_words_wait_for_more_text_or_the_end() -> None:
    async with GradiumSim(lag_words=3) as sim, Probe(sim.url) as probe:
        await probe.setup()
        await probe.text("one two three four")
        await sim.until(lambda sim: sim.counters.synthesised == 3)
        await probe.text("five six")
        await sim.until(lambda sim: sim.counters.synthesised == 13)
        await probe.end()
        got: list[Any] = await probe.until_closed()

    assert (
        tones.decode(pcm_of(got), 24000)
        == "one two three four five six".split()
    )
    assert sim.counters.accepted == sim.counters.delivered == 27


async def test_a_flush_brings_out_what_was_held_back() -> None:
    async with (
        GradiumSim(trailing_silence_s=0.0) as sim,
        Probe(sim.url) as probe,
    ):
        await probe.setup()
        await probe.text("one two <flush> three")
        await sim.until(lambda sim: sim.counters.synthesised == 7)
        await probe.end()
        got: list[Any] = await probe.until_closed()

    assert tones.decode(pcm_of(got), 24000) == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("tag", "pause_s"),
    [
        ('<break time="1.5s" />', 1.5),
        ('<break time="0.2s"/>', 0.2),
        ('<break time="9s" />', 2.0),
        ('<break time="0.01s" />', 0.1),
    ],
)
async def test_a_break_is_silence(tag: str, pause_s: float) -> None:
    async with GradiumSim(trailing_silence_s=0.0) as sim:
        plain = pcm_of(await speak(sim, "one two"))
        got = pcm_of(await speak(sim, f"one {tag} two"))

    assert tones.decode(got, 24000) == ["one", "two"]
    assert len(got) - len(plain) == round(pause_s * 48000)


async def test_other_tags_and_glued_breaks_are_read_as_text() -> None:
    async with GradiumSim() as sim:
        got = await speak(sim, '<b>bold</b> a<break time="1s"/> end')

    heard = tones.decode(pcm_of(got), 24000)
    assert heard == ["<b>bold</b>", "a<break", 'time="1s"/>', "end"]


@pytest.mark.parametrize("texts", [(), ("",), ("  ",)])
async def test_no_text_ends_without_audio(texts: tuple[str, ...]) -> None:
    async with GradiumSim() as sim:
        got = await speak(sim, *texts)

    assert kinds(got) == ["ready", "end_of_stream", "close 1000"]


async def test_padding_bonus_changes_the_duration() -> None:
    async with GradiumSim(trailing_silence_s=0.0) as sim:
        lengths = [
            len(
                pcm_of(
                    await speak(
                        sim, "a b c d", json_config={"padding_bonus": n}
                    )
                )
            )
            for n in (0, 2, 4)
        ]

    assert lengths == sorted(set(lengths))


async def test_the_same_text_gives_the_same_bytes_however_it_is_cut() -> None:
    async with GradiumSim() as sim:
        whole = pcm_of(await speak(sim, "one two three four five"))
        pieces = pcm_of(await speak(sim, "one", "two three", "four", "five"))

    assert whole == pieces


async def test_closing_stops_the_synthesis() -> None:
    async with GradiumSim() as sim:
        async with Probe(sim.url) as probe:
            await probe.setup()
            await probe.text(" ".join(f"word{n}" for n in range(5000)))
            await probe.end()
            await sim.reached(Point.AUDIO, count=3)
        await sim.until(lambda sim: sim.open_sockets == 0)
        counters = sim.counters

    assert counters.delivered <= counters.synthesised < counters.accepted
    assert sim.connections[0].closed_by == "client"
    assert not sim.sessions[0].is_complete


async def test_a_client_that_does_not_read_holds_the_server_back() -> None:
    text = " ".join(f"word{n}" for n in range(600))
    async with GradiumSim(is_keeping_sound=False) as sim:
        async with Probe(sim.url, max_queue=1) as probe:
            await probe.setup(output_format="pcm_48000")
            await probe.text(text)
            await probe.end()
            await sim.reached(Point.AUDIO, count=50)
            await sim.settled()
            held = sim.counters.synthesised
            got: list[Any] = await probe.until_closed()

    assert held < len(text)
    assert tones.decode(pcm_of(got), 48000) == text.split()


async def test_a_pace_is_kept() -> None:
    async with GradiumSim(speed=200.0) as sim:
        await speak(sim, " ".join(["one two three"] * 50))
        times, pcm = sim.sessions[0].times, sim.sessions[0].pcm

    assert times.end_of_stream_s is not None
    assert times.first_audio_s is not None
    took_s = times.end_of_stream_s - times.first_audio_s
    duration_s = len(pcm) / 2 / 24000
    assert duration_s > 10
    # The pace counts from just before the first frame is noted; the upper
    # limit is the pace of real time, some ten seconds away.
    assert duration_s / 400 < took_s < duration_s


async def test_delays_stand_before_ready_and_before_the_first_audio() -> None:
    async with GradiumSim(ready_delay_s=0.03, first_audio_delay_s=0.04) as sim:
        await speak(sim, "one")
        times = sim.sessions[0].times

    assert times.ready_s is not None
    assert times.first_audio_s is not None
    assert times.ready_s - times.setup_s >= 0.03
    assert times.first_audio_s - times.ready_s >= 0.04


async def test_a_busy_worker_is_waited_for_when_retry_for_s_allows() -> None:
    async with GradiumSim(limits=Limits(worker_busy_s=30.0)) as sim:
        refused = await speak(sim, "a", retry_for_s=0)
        sim.limits = Limits(worker_busy_s=0.03)
        accepted = await speak(sim, "a", retry_for_s=30)

    assert kinds(refused) == ["error", "close 1011"]
    assert accepted[-1] == Closed(1000)


async def test_pauses_hold_at_every_point_until_resumed() -> None:
    async with GradiumSim() as sim:
        for point in list(Point)[2:]:
            sim.pause_at(point)
            async with Probe(sim.url) as probe:
                await probe.setup()
                await probe.text("one two")
                await probe.end()
                await sim.reached(point)
                before = sim.connections[-1].sent_messages
                await sim.settled()
                assert sim.connections[-1].sent_messages == before
                sim.resume(point)
                got: list[Any] = await probe.until_closed()
            assert got[-1] == Closed(1000), point


async def test_a_slow_upgrade_is_slow() -> None:
    async with GradiumSim() as sim:
        sim.faults = FaultPlan(Fault(at=Point.UPGRADE, do=Delay(0.03)))
        got = await speak(sim, "a")

    assert got[-1] == Closed(1000)
    waited_s = sim.sessions[0].times.setup_s - sim.connections[0].opened_s
    assert waited_s >= 0.03


async def test_refused_connections_are_accepted_again() -> None:
    async with GradiumSim() as sim:
        await sim.refuse_connections()
        with pytest.raises(ConnectionRefusedError):
            await speak(sim, "a")
        await sim.accept_connections()
        got = await speak(sim, "a")

    assert got[-1] == Closed(1000)


async def test_messages_are_json_in_text_frames() -> None:
    async with GradiumSim() as sim, Probe(sim.url) as probe:
        await probe.setup()
        raw = await probe.socket.recv()

    assert isinstance(raw, str)
    assert json.loads(raw)["type"] == "ready"


async def test_a_server_that_refuses_keeps_its_port() -> None:
    async with GradiumSim() as sim:
        await sim.refuse_connections()

        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", sim.port))
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", sim.port)

        await sim.accept_connections()
        _, writer = await asyncio.open_connection("127.0.0.1", sim.port)
        writer.close()
