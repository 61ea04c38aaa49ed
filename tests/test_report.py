# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What was heard and what was not is said: to the graph and in the log."""

from __future__ import annotations

import re
from typing import Any

import pytest
from heard import WORDS, hear

from gradium_sim import (
    Close,
    Error,
    Fault,
    FaultPlan,
    GradiumSim,
    Point,
)
from ten_host import (
    AudioEnd,
    EndReason,
    ExtensionHost,
    TextResult,
)
from ten_host import Error as ErrorEvent
from ten_host.testing.log import TenLog

SAID = WORDS[:12]
TEXT = " ".join(SAID)
RATE_HZ = 24000


# They read the lines as the stand-in writes them.
pytestmark = pytest.mark.stand_in


@pytest.fixture(autouse=True)
def info_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the stand-in log what is no warning, too."""
    monkeypatch.setenv("TEN_HOST_LOG", "info")


def host_on(sim: GradiumSim, **params: Any) -> ExtensionHost:
    params = {"url": sim.url, "api_key": "test-key", **params}
    return ExtensionHost(
        "gradium_tts_python", {"params": params, "enable_words": True}
    )


def logged(output: str, name: str = "r1") -> dict[str, str]:
    """The fields of the log line with which a request ends."""
    [line] = re.findall(rf"request={name} (\w+ audio_s=.*)", output)
    reason, *fields = line.split()
    return {
        "reason": reason,
        **dict(field.split("=", 1) for field in fields),
    }


def announced(host: ExtensionHost, name: str = "r1") -> list[str]:
    """The words of the request's text results."""
    return [
        event.words[-1].word
        for event in host.events(name)
        if isinstance(event, TextResult) and event.words
    ]


def check_accounts(
    host: ExtensionHost, fields: dict[str, str], text: str = TEXT
) -> int:
    """Heard plus unspoken is the text; gives how many words were heard."""
    words = announced(host)
    left = " ".join(text.split()[len(words) :])
    assert words == text.split()[: len(words)]
    assert int(fields["words"]) == len(words)
    assert int(fields["characters_left"]) == len(left)
    [end] = [e for e in host.events("r1") if isinstance(e, AudioEnd)]
    audio_s = len(host.pcm("r1")) / 2 / RATE_HZ
    assert float(fields["audio_s"]) == pytest.approx(audio_s, abs=0.006)
    assert end.duration_ms == round(audio_s * 1000)
    return len(words)


def check_closing(host: ExtensionHost, status: int) -> None:
    """The last text result is empty and says how the turn ended."""
    results = [e for e in host.events("r1") if isinstance(e, TextResult)]
    assert [result.is_end for result in results] == [False] * (
        len(results) - 1
    ) + [True]
    assert results[-1].text == ""
    assert results[-1].metadata["turn_status"] == status


async def test_a_request_that_was_heard_leaves_nothing(
    sim: GradiumSim, ten_log: TenLog
) -> None:
    async with host_on(sim) as host:
        await host.send_text("r1", TEXT, end=True)
        await host.ended("r1")

    fields = logged(ten_log.text())
    assert check_accounts(host, fields) == 12
    assert (fields["reason"], fields["sessions"]) == ("request_end", "1")
    check_closing(host, status=1)


@pytest.mark.parametrize("frames", [2, 6, 11])
async def test_an_interruption_says_what_was_heard(
    sim: GradiumSim, ten_log: TenLog, frames: int
) -> None:
    sim.pause_at(Point.AUDIO, after_frames=frames)
    async with host_on(sim) as host:
        await host.send_text("r1", TEXT, end=True)
        await sim.reached(Point.AUDIO)
        await host.until(lambda e: len(host.frames("r1")) == frames)
        await host.flush()

    fields = logged(ten_log.text())
    count = check_accounts(host, fields)
    assert fields["reason"] == "interrupted"
    # All that was heard, but the one whose time comes with the next one.
    whole = len(hear(host.pcm("r1"), RATE_HZ, SAID).order)
    assert whole - 1 <= count <= whole
    check_closing(host, status=2)


async def test_an_interruption_before_any_audio_leaves_all(
    sim: GradiumSim, ten_log: TenLog
) -> None:
    sim.pause_at(Point.READY)
    async with host_on(sim) as host:
        await host.send_text("r1", TEXT, end=True)
        await sim.reached(Point.READY)
        await host.flush()

    fields = logged(ten_log.text())
    assert check_accounts(host, fields) == 0
    assert not [e for e in host.events("r1") if isinstance(e, TextResult)]


async def test_an_interruption_while_the_llm_speaks_counts_what_it_said(
    sim: GradiumSim, ten_log: TenLog
) -> None:
    sim.pause_at(Point.AUDIO, after_frames=2)
    async with host_on(sim) as host:
        await host.send_text("r1", " ".join(SAID[:6]) + " ")
        await sim.reached(Point.AUDIO)
        await host.until(lambda e: len(host.frames("r1")) == 2)
        # Its word comes after the audio.
        await host.until(lambda e: isinstance(e, TextResult))
        await host.flush()

    fields = logged(ten_log.text())
    assert check_accounts(host, fields, " ".join(SAID[:6])) == 1


@pytest.mark.parametrize(
    "failure",
    [Error("worker lost", 1011), Close(1002)],
    ids=["error", "close"],
)
async def test_an_error_says_what_is_left(
    sim: GradiumSim,
    ten_log: TenLog,
    failure: Error | Close,
) -> None:
    sim.faults = FaultPlan(Fault(Point.AUDIO, failure, after_words=6))
    async with host_on(sim, resume=False) as host:
        await host.send_text("r1", TEXT, end=True)
        await host.ended("r1")

    fields = logged(ten_log.text())
    count = check_accounts(host, fields)
    assert fields["reason"] == "error"
    assert 5 <= count <= 7
    [error] = [e for e in host.events("r1") if isinstance(e, ErrorEvent)]
    left = fields["characters_left"]
    words = TEXT.split()[count:]
    shown = (
        " ".join(words)
        if len(words) <= 6
        else f"{' '.join(words[:3])} … {' '.join(words[-3:])}"
    )
    assert error.message.endswith(
        f' ({left} characters were not spoken): "{shown}"'
    )
    logged_lines = ten_log.text().splitlines()
    assert not [line for line in logged_lines if words[-1] in line]
    # First the error, then the turn's end, then the audio's.
    kinds = [type(event) for event in host.events("r1")][-3:]
    assert kinds == [ErrorEvent, TextResult, AudioEnd]
    check_closing(host, status=2)


async def test_giving_up_says_what_is_left(
    sim: GradiumSim, ten_log: TenLog
) -> None:
    sim.faults = FaultPlan(
        Fault(Point.AUDIO, Close(1011), after_words=6),
        Fault(Point.READY, Close(1011), skip=1, times=None),
    )
    async with host_on(sim, retry_deadline_s=2.0) as host:
        await host.send_text("r1", TEXT, end=True)
        end = await host.ended("r1")

    fields = logged(ten_log.text())
    check_accounts(host, fields)
    assert end.reason == EndReason.ERROR
    assert int(fields["sessions"]) > 2
    check_closing(host, status=2)


async def test_a_resumed_request_counts_every_word_once(
    sim: GradiumSim, ten_log: TenLog
) -> None:
    sim.faults = FaultPlan(
        Fault(Point.AUDIO, Close(1011), after_words=4),
        Fault(Point.AUDIO, Close(1011), after_words=2, skip=1),
    )
    async with host_on(sim) as host:
        await host.send_text("r1", TEXT, end=True)
        await host.ended("r1")

    fields = logged(ten_log.text())
    assert check_accounts(host, fields) == 12
    assert fields["sessions"] == "3"
    check_closing(host, status=1)
