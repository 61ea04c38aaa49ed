# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`GRADIUM_TTS_TRACE`: one line for whatever passes, and no secret."""

from __future__ import annotations

import json
import os
import platform
import time
from datetime import datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from heard import WORDS
from key_scan import KEY, shows_key
from story import spoken, tell

from gradium_sim import (
    Close,
    Fault,
    FaultPlan,
    GradiumSim,
    Http,
    Point,
    Reset,
    Send,
)
from gradium_sim import Error as SimError
from gradium_tts_python.wire import trace as trace_module
from ten_host import (
    AudioEnd,
    AudioStart,
    ConnectionStatus,
    EndReason,
    Error,
    Event,
    ExtensionHost,
    FlushEnd,
    Frame,
    Metrics,
    TextResult,
)
from ten_host.testing.log import TenLog

if TYPE_CHECKING:
    from conftest import StartHost

pytestmark = pytest.mark.usefixtures("debug_log")

ROOT = Path(__file__).resolve().parent.parent
TEXT = "Hello there, my world."
TWELVE = " ".join(WORDS[:12])
NAMES: dict[type[Event], str] = {
    AudioStart: "tts_audio_start",
    AudioEnd: "tts_audio_end",
    ConnectionStatus: "connection_status_changed",
    Error: "error",
    FlushEnd: "tts_flush_end",
    Frame: "pcm_frame",
    Metrics: "metrics",
    TextResult: "tts_text_result",
}


@pytest.fixture
def trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that extensions trace into."""
    path = tmp_path / "trace.jsonl"
    monkeypatch.setenv("GRADIUM_TTS_TRACE", str(path))
    return path


def lines_of(trace: Path, **wanted: Any) -> list[dict[str, Any]]:
    """The lines that have these members."""
    lines = [json.loads(line) for line in trace.read_text().splitlines()]
    return [line for line in lines if wanted.items() <= line.items()]


def started(sim: GradiumSim, **params: Any) -> ExtensionHost:
    """An extension that a test stops itself."""
    params = {"url": sim.url, "api_key": KEY, **params}
    properties = {"enable_words": True, "params": params}
    return ExtensionHost("gradium_tts_python", properties)


async def test_without_the_variable_nothing_is_written(
    sim: GradiumSim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with started(sim) as host:
        await host.send_text("r1", TEXT, end=True)
        await host.ended("r1")

    assert list(tmp_path.iterdir()) == []


async def test_each_event_is_a_line_in_the_order_sent(
    sim: GradiumSim, trace: Path
) -> None:
    sim.faults = FaultPlan(Fault(Point.AUDIO, Reset(), after_words=5))
    async with started(sim) as host:
        await host.send_text("r1", TWELVE, end=True)
        await host.ended("r1")

    events = host.events()
    lines = lines_of(trace, ten="out")
    # The trace goes on where the graph hears nothing any more: at the stop.
    lines, unheard = lines[: len(events)], lines[len(events) :]
    assert {line["name"] for line in unheard} == {"metrics"}
    assert [line["name"] for line in lines] == [NAMES[type(e)] for e in events]
    for line, event in zip(lines, events, strict=True):
        if isinstance(event, Frame):
            assert line["bytes"] == len(event.pcm)
            assert line["timestamp_ms"] == event.timestamp_ms
            assert line["sample_rate"] == event.sample_rate_hz
        elif isinstance(event, TextResult):
            assert line["fields"]["text"] == event.text
            assert line["fields"]["start_ms"] == event.start_ms
            assert line["fields"]["metadata"] == event.metadata
        elif isinstance(event, AudioEnd):
            assert line["fields"]["reason"] == event.reason


async def test_each_message_of_a_socket_is_a_line(
    sim: GradiumSim, trace: Path
) -> None:
    async with started(sim, warm="off") as host:
        await host.send_text("r1", TEXT, end=True)
        await host.ended("r1")

    on_wire = lines_of(trace, socket=1)
    sent = [line["message"] for line in on_wire if line["wire"] == "out"]
    came = [line["message"] for line in on_wire if line["wire"] == "in"]
    assert sent == sim.connections[0].messages
    assert len(came) == sim.connections[0].sent_messages
    kinds = [line["wire"] for line in on_wire]
    assert kinds[:2] == ["connect", "open"]
    assert kinds[-1] == "close"
    words = [m["text"] for m in came if m["type"] == "text"]
    assert words == TEXT.split()
    sizes = [m["bytes"] for m in came if m["type"] == "audio"]
    assert sum(sizes) == len(sim.sessions[0].pcm)
    assert {m["audio"] for m in came if m["type"] == "audio"} == {None}
    silence = sum(m["bytes"] - m["sound"] for m in came if m["type"] == "audio")
    # Half a second in the end, and gaps at the ends of frames.
    assert 24000 <= silence < 24000 + 2000


async def test_times_are_those_of_the_monotonic_clock(
    sim: GradiumSim, trace: Path
) -> None:
    before_s = time.monotonic()
    async with started(sim) as host:
        await host.send_text("r1", TEXT, end=True)
        await host.ended("r1")
    after_s = time.monotonic()

    times = [line["t"] for line in lines_of(trace)]
    assert times == sorted(times)
    assert before_s - 0.001 <= times[0]
    assert times[-1] <= after_s + 0.001


async def test_what_comes_from_the_graph_is_a_line(
    sim: GradiumSim, trace: Path
) -> None:
    sim.pause_at(Point.AUDIO, after_frames=2)
    async with started(sim) as host:
        metadata = {"session_id": "s", "turn_id": 2}
        await host.send_text("r1", "Hello there, ", metadata=metadata)
        await host.send_text("r1", "my world. And", metadata=metadata)
        await host.until(lambda e: isinstance(e, Frame))
        await host.flush("f1", {"session_id": "s"})
        await host.command("update_configs", {"params": {"speed": 1.5}})

    assert [
        (line["name"], line.get("fields")) for line in lines_of(trace, ten="in")
    ] == [
        (
            "tts_text_input",
            {
                "request_id": "r1",
                "text": "Hello there, ",
                "text_input_end": False,
                "metadata": metadata,
            },
        ),
        (
            "tts_text_input",
            {
                "request_id": "r1",
                "text": "my world. And",
                "text_input_end": False,
                "metadata": metadata,
            },
        ),
        ("tts_flush", {"flush_id": "f1", "metadata": {"session_id": "s"}}),
        ("update_configs", {"params": {"speed": 1.5}}),
        ("stop", None),
    ]
    ends = [line["wire"] for line in lines_of(trace, socket=1)][-2:]
    assert ends == ["abort", "close"]


async def test_settings_are_lines_whenever_they_change(
    sim: GradiumSim, trace: Path
) -> None:
    async with started(sim) as host:
        wishes = {"speed": 1.5, "voce_id": "x"}
        await host.command("update_configs", {"params": wishes})
        await host.command("update_configs", {"params": {"speed": 15}})

    lines = lines_of(trace, ten="config")
    params = [line["config"]["params"] for line in lines]
    assert [one.get("speed") for one in params] == [None, 1.5]
    assert {one["api_key"] for one in params} == {"***"}
    (first, second) = (line["warnings"] for line in lines)
    assert first == [] and "did you mean params.voice_id?" in second[0]


@pytest.mark.sim(
    faults=FaultPlan(
        Fault(Point.UPGRADE, Http(503, "no room")),
        Fault(Point.READY, Close(1012, "restart")),
        Fault(Point.AUDIO, Reset(), after_frames=3),
    )
)
async def test_failures_tell_how_the_socket_ended(
    sim: GradiumSim, trace: Path
) -> None:
    async with started(sim, warm="off") as host:
        await host.send_text("r1", TWELVE, end=True)
        end = await host.ended("r1")

    assert end.reason is EndReason.REQUEST_END
    (refused,) = lines_of(trace, wire="refused")
    assert (refused["socket"], refused["code"]) == (1, "503")
    assert refused["vendor_message"] == "no room"
    # Nobody reads after the end of the stream: that is found out late.
    lost = lines_of(trace, wire="lost")
    closed, reset = [line for line in lost if not line.get("is_late")]
    assert (closed["socket"], closed["code"]) == (2, "1012")
    assert closed["reason"] == "restart"
    assert (reset["socket"], reset["code"]) == (3, "")


async def test_a_socket_in_reserve_that_the_server_closed_is_told(
    sim: GradiumSim, trace: Path
) -> None:
    async with started(sim) as host:
        await sim.until(lambda s: s.open_sockets == 1)
        await host.until(lambda e: isinstance(e, Metrics))
        await sim.perform(Close(1001, "idle"), 0)
        # Noticed, since it is replaced.
        await sim.until(lambda s: len(s.connections) == 2)

    kinds = [line["wire"] for line in lines_of(trace, socket=1)]
    assert kinds == ["connect", "open", "lost", "close"]
    (lost,) = lines_of(trace, wire="lost")
    assert (lost["code"], lost["reason"]) == ("1001", "idle")


async def test_messages_that_are_none_are_told_by_their_size(
    sim: GradiumSim, trace: Path
) -> None:
    odd = (Send(b"\0" * 5), Send("{{{"), Send('{"type":"audio","audio":"%%%"}'))
    sim.faults = FaultPlan(*(Fault(Point.FIRST_AUDIO, one) for one in odd))
    async with started(sim) as host:
        await host.send_text("r1", TEXT, end=True)
        await host.ended("r1")

    came = [line["message"] for line in lines_of(trace, wire="in", socket=1)]
    assert came[1:4] == [
        {"type": "?binary", "bytes": 5},
        {"type": "?unreadable", "characters": 3},
        {"type": "audio", "audio": "?3 characters"},
    ]


async def test_no_secret_is_in_a_trace(sim: GradiumSim, trace: Path) -> None:
    refusal = SimError(f"Internal error with key {KEY}", 1011)
    sim.faults = FaultPlan(
        Fault(Point.READY, refusal), Fault(Point.READY, Close(1012, KEY))
    )
    url = sim.url.replace("ws://", "ws://me:pass-word@") + f"?token={KEY}"
    secrets = {
        "url": url,
        "headers": {"authorization": f"Bearer {KEY}2"},
        "auth_token": f"{KEY}3",
        "deep": {"client_secret": [f"{KEY}4"]},
    }
    async with started(sim, **secrets) as host:
        await host.send_text("r1", TEXT, end=True)
        await host.ended("r1")
        await host.command(
            "update_configs",
            {"params": {"api_key": KEY[::-1], "other_key": "opensesame"}},
        )
        await host.command(
            "update_configs", {"params": {"api_key": "gsk_refused", "speed": 9}}
        )

    text = trace.read_text()
    assert not shows_key(text)
    for secret in (KEY[::-1], "pass-word", "opensesame", "gsk_refused"):
        assert secret not in text
    assert "with key ***" in text


async def test_runs_follow_each_other_in_a_file(
    sim: GradiumSim, trace: Path
) -> None:
    for _ in range(2):
        async with started(sim) as host:
            await host.send_text("r1", TEXT, end=True)
            await host.ended("r1")

    starts = lines_of(trace, ten="start")
    assert [line["extension"] for line in starts] == ["gradium_tts_python"] * 2
    (versions, same) = (line["versions"] for line in starts)
    manifest = json.loads((ROOT / "manifest.json").read_text())
    assert versions == same
    assert versions["package"] == manifest["version"]
    assert versions["python"] == platform.python_version()
    assert versions["websockets"] == metadata.version("websockets")
    assert versions["pydantic"] == metadata.version("pydantic")
    assert set(versions) >= {"ten_runtime", "ten_ai_base"}
    at = [datetime.fromisoformat(line["at"]) for line in starts]
    assert at[0] < at[1] and at[0].utcoffset() == timedelta(0)
    assert len(lines_of(trace, wire="out", socket=1)) == 2 * len(
        sim.connections[0].messages
    )


@pytest.mark.parametrize("path", ["/nowhere/trace.jsonl", "/dev/full", "/"])
async def test_a_file_that_cannot_be_written_stops_nothing(
    start_host: StartHost,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GRADIUM_TTS_TRACE", path)
    host = await start_host()

    await host.send_text("r1", TEXT, end=True)
    end = await host.ended("r1")

    assert end.reason is EndReason.REQUEST_END
    assert not [e for e in host.events() if isinstance(e, Error)]
    # Once, and where whoever set the variable looks.
    told = capfd.readouterr().err.splitlines()
    assert len([x for x in told if x.startswith("GRADIUM_TTS_TRACE: ")]) == 1


@pytest.mark.parametrize("is_refused", [False, True])
async def test_a_key_of_an_update_is_masked_wherever_it_stands(
    sim: GradiumSim, trace: Path, is_refused: bool
) -> None:
    new_key = "gsk_of_an_update"
    params = {
        "api_key": new_key,
        "comment": f"was changed to {new_key} today",
        "speed": 20.0 if is_refused else 2.0,
    }
    async with started(sim) as host:
        result = await host.command("update_configs", {"params": params})

    assert result.is_ok == (not is_refused)
    (line,) = lines_of(trace, name="update_configs")
    assert line["fields"]["params"]["comment"] == "was changed to *** today"
    assert new_key not in trace.read_text()


# ------------------------------------------------------------------- the file


async def test_a_trace_is_its_owners_only(sim: GradiumSim, trace: Path) -> None:
    trace.touch(0o644)
    async with started(sim) as host:
        await host.send_text("r1", TEXT, end=True)
        await host.ended("r1")

    assert trace.stat().st_mode & 0o777 == 0o600
    assert lines_of(trace, ten="out")


async def test_a_link_is_no_trace(
    sim: GradiumSim, trace: Path, ten_log: TenLog
) -> None:
    precious = trace.with_name("precious")
    precious.write_text("untouched")
    trace.symlink_to(precious)
    async with started(sim) as host:
        await host.send_text("r1", TEXT, end=True)
        end = await host.ended("r1")

    assert end.reason is EndReason.REQUEST_END
    assert precious.read_text() == "untouched"
    assert "no trace: " in ten_log.text()


async def test_a_pipe_that_nobody_reads_holds_nothing_up(
    sim: GradiumSim, trace: Path
) -> None:
    os.mkfifo(trace)
    async with started(sim) as host:
        await host.send_text("r1", TEXT, end=True)
        end = await host.ended("r1")

    assert end.reason is EndReason.REQUEST_END


async def test_a_trace_has_a_largest_size_and_says_so(
    sim: GradiumSim, trace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace_module, "MOST_BYTES", 5000)
    async with started(sim) as host:
        await host.send_text("r1", TWELVE, end=True)
        end = await host.ended("r1")

    assert end.reason is EndReason.REQUEST_END
    *others, last = lines_of(trace)
    assert last["ten"] == "cut" and 4000 < last["bytes"] <= 5000
    assert not [line for line in others if line.get("ten") == "cut"]
    assert trace.stat().st_size < 5000 + 100


async def test_a_full_trace_takes_no_more(
    sim: GradiumSim,
    trace: Path,
    monkeypatch: pytest.MonkeyPatch,
    ten_log: TenLog,
) -> None:
    monkeypatch.setattr(trace_module, "MOST_BYTES", 5000)
    trace.write_text("x" * 5000)
    async with started(sim) as host:
        await host.send_text("r1", TEXT, end=True)
        await host.ended("r1")

    assert trace.read_text() == "x" * 5000
    assert "no trace: " in ten_log.text() and "is full" in ten_log.text()


# ------------------------------------------------- it never changes what happens


def nested(levels: int) -> Any:
    """Lists in lists."""
    tree: Any = "core"
    for _ in range(levels):
        tree = [tree]
    return tree


async def events_with(
    sim: GradiumSim, metadata: dict[str, Any], *, is_traced: bool
) -> list[str]:
    """Speak twice, the first time with this metadata; tell what came."""
    variable = os.environ.get("GRADIUM_TTS_TRACE")
    if not is_traced:
        os.environ.pop("GRADIUM_TTS_TRACE")
    try:
        async with started(sim) as host:
            await host.send_text("r1", TEXT, end=True, metadata=metadata)
            await host.send_text("r2", TEXT, end=True)
            await host.ended("r2")
            return tell(host.events())
    finally:
        os.environ["GRADIUM_TTS_TRACE"] = variable or ""


@pytest.mark.parametrize("levels", [50, 190, 700])
async def test_deep_metadata_has_the_same_events_with_a_trace(
    sim: GradiumSim, trace: Path, levels: int
) -> None:
    metadata = {"session_id": "s", "deep": nested(levels)}

    plain = await events_with(sim, metadata, is_traced=False)
    traced = await events_with(sim, metadata, is_traced=True)

    assert traced == plain
    (line, _) = lines_of(trace, ten="in", name="tts_text_input")
    assert ("too deep" in json.dumps(line)) == (levels > 64)


@pytest.mark.parametrize("levels", [50, 700, 20_000])
async def test_a_deep_message_has_the_same_events_with_a_trace(
    sim: GradiumSim, trace: Path, levels: int
) -> None:
    # Not by `json`, whose own recursion ends before.
    deep = "[" * levels + "]" * levels
    message = Send(f'{{"type":"deep","x":{deep}}}')

    sim.faults = FaultPlan(Fault(Point.FIRST_AUDIO, message))
    plain = await events_with(sim, {}, is_traced=False)
    sim.faults = FaultPlan(Fault(Point.FIRST_AUDIO, message))
    traced = await events_with(sim, {}, is_traced=True)

    assert traced == plain == [*spoken("r1"), *spoken("r2")]
    came = [line["message"] for line in lines_of(trace, wire="in")]
    (line,) = (m for m in came if m["type"] in ("deep", "?unreadable"))
    assert ("too deep" in json.dumps(line)) == (levels == 700)
