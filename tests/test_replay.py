# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`./dev replay`: a trace that was just recorded, played again."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from heard import WORDS
from key_scan import KEY

from gradium_sim import (
    Close,
    Fault,
    FaultPlan,
    GradiumSim,
    Http,
    Point,
    Reset,
)
from gradium_sim import Error as SimError
from ten_host import AudioEnd, ExtensionHost
from ten_host.recording import TraceError, read, told
from ten_host.replay import first_difference

if TYPE_CHECKING:
    from collections.abc import Sequence

TWELVE = " ".join(WORDS[:12])


@dataclass(frozen=True)
class Outcome:
    """What a run of the command left."""

    code: int
    out: str
    err: str

    @property
    def last_line(self) -> str:
        return self.out.strip().splitlines()[-1]


async def replay(*arguments: str) -> Outcome:
    """Run the command as a user does: in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ten_host",
        "replay",
        *arguments,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), 240)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    return Outcome(process.returncode, out.decode(), err.decode())


@pytest.fixture
def trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that extensions trace into."""
    path = tmp_path / "trace.jsonl"
    monkeypatch.setenv("GRADIUM_TTS_TRACE", str(path))
    return path


async def record(sim: GradiumSim, **params: Any) -> ExtensionHost:
    """Three requests: one is dropped, one interrupted, one long."""
    params = {"url": sim.url, "api_key": KEY, "sample_rate": 16000, **params}
    properties = {"enable_words": True, "params": params}
    async with ExtensionHost("gradium_tts_python", properties) as host:
        sim.faults = FaultPlan(
            Fault(Point.AUDIO, Reset(), after_words=5),
            Fault(Point.READY, Close(1012, "restart"), skip=1),
        )
        await host.send_text("r1", TWELVE + ".", end=True, metadata=turn(1))
        await host.ended("r1")

        sim.pause_at(Point.AUDIO, after_frames=5)
        await host.send_text("r2", TWELVE, metadata=turn(2))
        await host.until(lambda _: len(host.frames("r2")) == 5)
        await host.flush("f1", turn(2))
        sim.resume()

        await host.command("update_configs", {"params": {"speed": 1.5}})
        for piece in (TWELVE[:20], TWELVE[20:30], TWELVE[30:]):
            await host.send_text("r3", piece, metadata=turn(3))
        await host.send_text("r3", "", end=True)
        await host.ended("r3")
    return host


def turn(turn_id: int) -> dict[str, Any]:
    return {"session_id": "s", "turn_id": turn_id}


def lines_of(host: ExtensionHost) -> list[str]:
    """All events of a host, told."""
    return [line for e in host.events() if (line := told(e)) is not None]


async def test_a_recorded_run_is_played_again(
    sim: GradiumSim, trace: Path
) -> None:
    host = await record(sim)
    # As the page saves a trace: with lines of its own, of what was heard.
    lines = trace.read_text().splitlines()
    at_s = json.loads(lines[-1])["t"]
    for page in ("played", "silent", "refused_settings"):
        note = {"t": at_s, "page": page, "request_id": "r1", "played_s": 0.1}
        lines.insert(len(lines) // 2, json.dumps(note))
    trace.write_text("\n".join(lines))

    outcome = await replay(str(trace))

    # The stop is recorded, too, which no tester hears of.
    count = len(read(trace.read_text()).events)
    assert outcome.last_line == f"replay: the same {count} events as recorded"
    assert (outcome.code, outcome.err) == (0, "")
    for line in lines_of(host):
        assert f" s  {line}\n" in outcome.out
    ends = [e.reason.name for e in host.events() if isinstance(e, AudioEnd)]
    assert ends == ["REQUEST_END", "INTERRUPTED", "REQUEST_END"]
    assert len(sim.sessions) == 5


async def test_a_run_over_sessions_ended_for_their_size_is_played_again(
    sim: GradiumSim, trace: Path
) -> None:
    await record(sim, session_max_chars=30, warm="off")

    outcome = await replay(str(trace))

    assert outcome.code == 0, outcome.out
    assert " events as recorded" in outcome.last_line


async def test_refusals_are_played_again(sim: GradiumSim, trace: Path) -> None:
    sim.faults = FaultPlan(
        Fault(Point.UPGRADE, Http(503), times=2),
        Fault(Point.READY, SimError("Insufficient credits", 1008)),
    )
    params = {"url": sim.url, "api_key": KEY, "warm": "off"}
    async with ExtensionHost("gradium_tts_python", {"params": params}) as host:
        for request_id in ("r1", "r2"):
            await host.send_text(request_id, TWELVE, end=True)
            await host.ended(request_id)

    outcome = await replay(str(trace))

    assert outcome.code == 0, outcome.out
    assert "error -1000 of 'r1', vendor's '1008'" in outcome.out


def doctored(trace: Path, name: str) -> list[str]:
    """The lines of a trace, of which one event is another."""
    lines = [json.loads(line) for line in trace.read_text().splitlines()]
    out = [line for line in lines if line.get("name") == name]
    line = out[len(out) // 2]
    if name == "pcm_frame":
        line["bytes"] += 2
    elif name == "tts_text_result":
        line["fields"]["text"] = " banana"
    else:
        line["fields"]["reason"] = 3
    return [json.dumps(line) for line in lines]


async def test_a_doctored_trace_is_told_from_the_replay(
    sim: GradiumSim, trace: Path
) -> None:
    await record(sim)

    trace.write_text("\n".join(doctored(trace, "tts_audio_end")))
    outcome = await replay(str(trace))

    assert outcome.code == 1
    assert "different from the recording at event " in outcome.last_line
    assert "recorded audio end of r2: error, 400 ms" in outcome.last_line
    assert "replayed audio end of r2: interrupted" in outcome.last_line


@pytest.mark.parametrize("name", ["pcm_frame", "tts_text_result"])
async def test_what_was_doctored_is_a_difference(
    sim: GradiumSim, trace: Path, name: str
) -> None:
    host = await record(sim)

    recorded = read("\n".join(doctored(trace, name)))

    assert read(trace.read_text()).events_until_stop() == lines_of(host)
    assert first_difference(recorded.events, lines_of(host)) is not None


DIFFERENCES: dict[str, tuple[Sequence[str], Sequence[str], str | None]] = {
    "none": (["a", "b"], ["a", "b"], None),
    "other": (["a", "b"], ["a", "c"], "event 2: recorded b; replayed c"),
    "less": (["a", "b"], ["a"], "event 2: recorded b; replayed nothing"),
    "more": ([], ["a"], "event 1: recorded nothing; replayed a"),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_the_first_difference_is_told(name: str) -> None:
    recorded, replayed, difference = DIFFERENCES[name]

    assert first_difference(recorded, replayed) == difference


NO_TRACES = {
    "text": ("hello", "line 1 is not one of a trace: hello"),
    "json": ('{"a": 1}', 'line 1 is not one of a trace: {"a": 1}'),
    "nothing": ("", "there is no start of a run in it"),
    "no settings": (
        '{"t": 1.0, "ten": "start"}',
        "the run has no valid settings to replay it with",
    ),
}


@pytest.mark.parametrize("name", NO_TRACES)
def test_what_is_no_trace_is_refused(name: str) -> None:
    text, sentence = NO_TRACES[name]

    with pytest.raises(TraceError) as caught:
        read(text)

    assert str(caught.value) == sentence


async def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "nothing.jsonl"

    outcome = await replay(str(path))

    assert outcome.code == 2
    assert outcome.err == (
        f"replay: cannot read {path}: No such file or directory\n"
    )


@pytest.mark.thorough
async def test_a_text_that_was_repeated_is_repeated(
    sim: GradiumSim, trace: Path, tmp_path: Path
) -> None:
    params = {"phrases": "disk", "phrases_path": str(tmp_path)}
    properties = {"params": {"url": sim.url, "api_key": KEY, **params}}
    async with ExtensionHost("gradium_tts_python", properties) as host:
        for number in (1, 2):
            await host.send_text(f"r{number}", TWELVE, end=True)
            await host.ended(f"r{number}")
    assert len(sim.sessions) == 1

    done = await replay(str(trace))

    assert (done.code, done.err) == (0, "")
