# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The log: what it says, under which category, and never a secret."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from heard import WORDS
from key_scan import KEY, shows_key

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
from gradium_sim.faults import Action
from ten_host import EndReason, Error, ExtensionHost, Metrics

if TYPE_CHECKING:
    from conftest import StartHost

    from ten_host.testing.log import TenLog

pytestmark = [
    pytest.mark.usefixtures("debug_log"),
    # They read the lines as the stand-in writes them.
    pytest.mark.stand_in,
]

TWELVE = " ".join(WORDS[:12])
VENDOR_PREFIXES = (
    "vendor_status: ",
    "vendor_error: ",
    "send_text_to_tts_server: ",
    "receive_audio: ",
    "receive_words: ",
)
_LINE = re.compile(
    r"\S+ \S+ (?P<level>DEBUG|INFO|WARN|ERROR) \[gradium_tts_python\]"
    r"(?: \[(?P<category>\w+)\])? (?P<message>.*)"
)


@dataclass(frozen=True)
class Line:
    """One line of the extension's log."""

    level: str
    category: str | None
    message: str


class Log:
    """What the extension logged so far; nothing of it shows the key."""

    def __init__(
        self, ten_log: TenLog, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self._ten_log = ten_log
        self._capsys = capsys

    @property
    def lines(self) -> list[Line]:
        assert not shows_key("".join(self._capsys.readouterr()))
        text = self._ten_log.text()
        assert not shows_key(text)
        matches = (_LINE.fullmatch(line) for line in text.splitlines())
        return [Line(**match.groupdict()) for match in matches if match]

    def of(self, *, level: str = "", start: str = "") -> list[str]:
        """The messages of a level that start so."""
        return [
            line.message
            for line in self.lines
            if level in ("", line.level) and line.message.startswith(start)
        ]


@pytest.fixture
def log(ten_log: TenLog, capsys: pytest.CaptureFixture[str]) -> Log:
    """The log of the extensions of a test."""
    return Log(ten_log, capsys)


async def speak(
    host: ExtensionHost, request_id: str = "r1", text: str = TWELVE
) -> EndReason:
    await host.send_text(request_id, text, end=True)
    return (await host.ended(request_id)).reason


# ---------------------------------------------------------------- what it says


# Times and ids.
VARYING = r"\d+ ms|(?<=as )\S+|(?<=count=)\d+|(?<=_ms=)\d+|(?<=factor=)[\d.]+"


async def test_a_request_is_a_few_lines(
    host: ExtensionHost, sim: GradiumSim, log: Log
) -> None:
    await speak(host, text="Hello there, my world.")
    await sim.until(lambda s: len(s.connections) == 2)

    place = f"127.0.0.1:{sim.port}"
    own = [line for line in log.lines if line.level == "INFO"]
    shown = [re.sub(VARYING, "…", line.message) for line in own]
    assert [
        message
        for message in shown
        if message.startswith(("vendor_", "request="))
        and message != f"vendor_status: connected to {place} in …"
    ] == [
        "vendor_status: request=r1 session 1 on a socket opened ahead",
        "vendor_status: request=r1 accepted as …",
        "request=r1 request_end audio_s=0.87 words=4 characters_left=0"
        " sessions=1 is_cached=False stall_count=… stall_ms=…"
        " largest_gap_ms=… real_time_factor=… first_word_ms=…",
    ]


async def test_a_text_that_comes_too_late_is_one_line(
    host: ExtensionHost, sim: GradiumSim, log: Log
) -> None:
    sim.pause_at(Point.READY)
    await host.send_text("r1", "Hello there, ")
    await sim.reached(Point.READY)
    await host.flush()
    for text in ("my ", "  ", "world."):
        await host.send_text("r1", text)
    sim.resume()
    await speak(host, "r2")

    left_out = log.of(level="INFO", start="request=r1 has ended")
    assert left_out == [
        "request=r1 has ended, its text is left out: characters=3",
        "request=r1 has ended, its text is left out: characters=6",
    ]


async def test_each_connect_is_one_line(
    host: ExtensionHost, sim: GradiumSim, log: Log
) -> None:
    for request_id in ("r1", "r2", "r3"):
        await speak(host, request_id)
    # Each line is written before the metric is sent.
    await host.until(lambda _: connects(host) == 4)

    lines = log.of(level="INFO", start="vendor_status: connected to ")
    assert len(lines) == len(sim.connections) == 4


def connects(host: ExtensionHost) -> int:
    return sum(
        isinstance(event, Metrics) and "connect_delay" in event.metrics
        for event in host.events()
    )


async def test_categories_and_prefixes_are_those_of_the_contract(
    start_host: StartHost, sim: GradiumSim, log: Log
) -> None:
    sim.faults = FaultPlan(Fault(Point.AUDIO, Reset(), after_words=5))
    host = await start_host({"debug_log": True})

    await speak(host)

    vendor = [line for line in log.lines if line.category == "vendor"]
    assert {
        prefix
        for prefix in VENDOR_PREFIXES
        for line in vendor
        if line.message.startswith(prefix)
    } == set(VENDOR_PREFIXES)
    assert all(line.message.startswith(VENDOR_PREFIXES) for line in vendor)
    others = {line.category for line in log.lines} - {"vendor"}
    assert others <= {"key_point", None}
    for name in ("config: ", "request=r1 request_end "):
        assert [
            line.category for line in log.lines if line.message.startswith(name)
        ] == ["key_point"]


async def test_levels_tell_chunks_milestones_retries_and_failures(
    start_host: StartHost, sim: GradiumSim, log: Log
) -> None:
    sim.faults = FaultPlan(
        Fault(Point.READY, Reset()),
        Fault(Point.AUDIO, Reset(), 4),
    )
    host = await start_host({"resume": False, "debug_log": True})

    assert await speak(host) is EndReason.ERROR

    assert len(log.of(level="DEBUG", start="receive_audio: request=r1 ")) == 4
    assert len(log.of(level="DEBUG", start="send_text_to_tts_server: ")) >= 2
    (retry,) = log.of(level="WARN", start="vendor_error: ")
    assert re.fullmatch(
        r"vendor_error: request=r1 retry in 0\.\d\d s: .*", retry
    )
    (failure,) = log.of(level="ERROR", start="vendor_error: ")
    assert failure.startswith("vendor_error: request=r1 given up: ")
    sessions = log.of(level="INFO", start="vendor_status: request=r1 session ")
    assert len(sessions) == 2


async def test_chunks_are_told_by_request_and_size(
    start_host: StartHost, sim: GradiumSim, log: Log
) -> None:
    await speak(await start_host({"debug_log": True}))

    sizes = [
        int(message.split("bytes=")[1])
        for message in log.of(level="DEBUG", start="receive_audio: request=r1 ")
    ]
    assert sum(sizes) == len(sim.sessions[0].pcm)
    words = log.of(level="DEBUG", start="receive_words: request=r1 ")
    assert len(words) == 12


async def test_chunks_are_not_told_to_those_who_do_not_ask(
    host: ExtensionHost, log: Log
) -> None:
    await speak(host)

    assert log.of(level="DEBUG", start="") == []


# ------------------------------------------------------------ the user's text


@pytest.mark.parametrize("how", ["end", "drop", "interruption", "failure"])
async def test_the_users_text_stands_in_debug_lines_only(
    start_host: StartHost, sim: GradiumSim, log: Log, how: str
) -> None:
    drop = Fault(Point.AUDIO, Reset(), after_words=5)
    sim.faults = FaultPlan(*([] if how in ("end", "interruption") else [drop]))
    if how == "interruption":
        sim.pause_at(Point.AUDIO, after_frames=5)
    params = {"resume": how != "failure", "debug_log": True}
    host = await start_host(params, enable_words=True)

    await host.send_text("r1", TWELVE, end=True)
    if how == "interruption":
        await sim.reached(Point.AUDIO)
        await host.flush()
    await host.ended("r1")

    told = [line.message for line in log.lines if line.level != "DEBUG"]
    assert not [m for m in told if any(word in m for word in WORDS[:12])]
    hidden = [line.message for line in log.lines if line.level == "DEBUG"]
    assert [m for m in hidden if WORDS[0] in m]


# ------------------------------------------------------------- the settings


def configs(log: Log) -> list[dict[str, Any]]:
    """The settings that were logged."""
    return [json.loads(m[8:]) for m in log.of(level="INFO", start="config: ")]


async def test_the_settings_are_logged_once_and_when_they_change(
    start_host: StartHost, log: Log
) -> None:
    host = await start_host({"speed": 1.5})
    await speak(host, "r1")
    assert [c["params"]["speed"] for c in configs(log)] == [1.5]

    await host.command("update_configs", {"params": {"speed": 2.0}})
    await host.command("update_configs", {"params": {"speed": 20.0}})
    await speak(host, "r2")

    assert [c["params"]["speed"] for c in configs(log)] == [1.5, 2.0]


async def test_no_secret_of_the_settings_is_logged(
    start_host: StartHost, sim: GradiumSim, log: Log, tmp_path: Path
) -> None:
    url = sim.url.replace("ws://", "ws://me:pass-word@")
    host = await start_host(
        {
            "url": f"{url}?token=tokenvalue&x=1&api_key=keyvalue",
            "headers": {
                "Authorization": "Bearer bearervalue",
                "Cookie": "cookievalue",
                "x-plain": "shown",
            },
            "some_secret": "secretvalue",
            "credentials": {"user": "uservalue", "list": ["listvalue"]},
            "plain": "shown too",
        },
        headers={"x-auth-token": "headervalue"},
    )

    await speak(host)

    (config,) = configs(log)
    params = config["params"]
    assert params["api_key"] == "***"
    assert params["url"] == (
        sim.url.replace("ws://", "ws://***@") + "?token=***&x=1&api_key=***"
    )
    assert params["headers"] == {
        "Authorization": "***",
        "Cookie": "***",
        "x-plain": "shown",
    }
    assert params["some_secret"] == "***"
    assert params["credentials"] == {"user": "***", "list": ["***"]}
    assert params["plain"] == "shown too"
    assert config["headers"] == {"x-auth-token": "***"}
    everything = repr(log.lines) + repr(host.events())
    assert "pass-word" not in everything
    assert re.findall(r"\w+value", everything) == []


# --------------------------------------------------- what the vendor repeats

ECHOES: dict[str, tuple[Point, Action]] = {
    "in-band, retried": (Point.READY, SimError(f"Worker of {KEY} died", 1011)),
    "in-band, fatal": (Point.READY, SimError(f"Invalid api key {KEY}", 1008)),
    "in-band, later": (Point.AUDIO, SimError(f"Quota of {KEY} used up", 1008)),
    "close reason": (Point.READY, Close(1008, f"bad key {KEY}")),
    "close reason, later": (Point.AUDIO, Close(1011, f"bad key {KEY}")),
    "http body": (Point.UPGRADE, Http(401, f"no such key: {KEY}")),
    "http body, retried": (Point.UPGRADE, Http(503, f"no room for {KEY}")),
    "garbage": (Point.READY, Send(f"{{{KEY}")),
    "ready": (
        Point.READY,
        Send(f'{{"type": "ready", "sample_rate": "{KEY}"}}'),
    ),
    "another type": (Point.READY, Send(f'{{"type": "{KEY}"}}')),
    "audio": (Point.READY, Send(f'{{"type": "audio", "audio": "{KEY}*"}}')),
    "word": (
        Point.AUDIO,
        Send(f'{{"type": "text", "text": "a", "start_s": "{KEY}"}}'),
    ),
}


@pytest.mark.parametrize("name", ECHOES)
async def test_a_key_that_the_vendor_repeats_is_masked(
    start_host: StartHost,
    sim: GradiumSim,
    log: Log,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trace = tmp_path / "trace.jsonl"
    monkeypatch.setenv("GRADIUM_TTS_TRACE", str(trace))
    point, action = ECHOES[name]
    sim.faults = FaultPlan(Fault(point, action, after_frames=3))
    host = await start_host({"warm": "off"}, enable_words=True)

    await speak(host)

    assert sim.connections
    assert log.lines
    assert not shows_key(repr(log.lines))
    assert not shows_key(repr(host.events()))
    assert not shows_key(trace.read_text())


async def test_a_masked_message_keeps_the_rest(
    start_host: StartHost, sim: GradiumSim, log: Log
) -> None:
    refusal = SimError(f"Invalid api key {KEY} for this host", 1008)
    sim.faults = FaultPlan(Fault(Point.READY, refusal))
    host = await start_host()

    await speak(host)

    (error,) = [e for e in host.events() if isinstance(e, Error)]
    assert "Invalid api key *** for this host" in error.message
    first_line = error.vendor_info["message"].splitlines()[0]
    assert first_line == "Invalid api key *** for this host"
    (line,) = log.of(level="ERROR", start="vendor_error: ")
    assert "Invalid api key *** for this host" in line


@pytest.mark.sim(api_keys=(KEY, "gsk_another_good_key"))
async def test_a_key_that_was_replaced_is_still_masked(
    start_host: StartHost, sim: GradiumSim, log: Log
) -> None:
    sim.pause_at(Point.AUDIO, after_frames=3)
    host = await start_host()
    await host.send_text("r1", TWELVE, end=True)
    await sim.reached(Point.AUDIO)

    params = {"api_key": "gsk_another_good_key"}
    await host.command("update_configs", {"params": params})
    await sim.perform(SimError(f"key {KEY} was deleted", 1011), 0)
    sim.resume()
    await host.ended("r1")

    retries = log.of(level="WARN", start="vendor_error: ")
    assert any("key *** was deleted" in line for line in retries)
    assert "gsk_another" not in repr(log.lines) + repr(host.events())


async def test_libraries_that_log_at_debug_do_not_log_the_key(
    start_host: StartHost, caplog: pytest.LogCaptureFixture, sim: GradiumSim
) -> None:
    caplog.set_level(logging.DEBUG)
    # The server's side of it is not the extension's.
    caplog.set_level(logging.INFO, logger="gradium_sim.websockets")
    host = await start_host({"url": f"{sim.url}?token={KEY}"})

    await speak(host)

    assert caplog.text
    assert not shows_key(caplog.text)
