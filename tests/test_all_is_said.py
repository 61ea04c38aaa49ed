# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""All that was written is said, and said as it was written.

As a user of the extension sees it: texts that look like markup, through the
graph and a real socket; and an LLM that falls silent anywhere, on a virtual
clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gradium_sim import Fault, FaultPlan, GradiumSim, Point, Reset
from gradium_sim.tones import decode, listen
from gradium_tts_python.core.endpoint import Endpoint
from gradium_tts_python.wire.transport import Transport
from ten_host import Error, ExtensionHost, Metrics

from .properties.test_life_properties import (
    Player,
    Record,
    Script,
    Step,
    Wait,
    Write,
    Wrote,
    play,
)
from .properties.virtual_loop import run_virtually
from .story import spoken, tell

StartHost = Callable[..., Awaitable[ExtensionHost]]

RATE_HZ = 24000
# What README says of `idle_flush_ms`.
SILENCE_S = 0.5
FLUSH = "<flush>"


# ------------------------------------------------------- what looks like a tag


@pytest.mark.parametrize(
    ("fragments", "said"),
    [
        pytest.param(
            ["<- and -> ", "are the arrow keys."],
            "<- and -> are the arrow keys.",
            id="arrows",
        ),
        pytest.param(["< hello there > "], "< hello there >", id="alone"),
        pytest.param(
            ["Use std::vector<int>"], "Use std::vector< int>", id="type"
        ),
        pytest.param(
            ["if a <", "b and c> d then."],
            "if a < b and c> d then.",
            id="compared",
        ),
    ],
)
async def test_what_only_looks_like_a_tag_is_said(
    sim: GradiumSim, host: ExtensionHost, fragments: list[str], said: str
) -> None:
    for fragment in fragments:
        await host.send_text("r1", fragment)
    await host.send_text("r1", "", end=True)
    await host.ended("r1")

    assert tell(host.events()) == spoken("r1")
    assert [session.text for session in sim.sessions] == [said]
    assert decode(host.pcm("r1"), RATE_HZ) == said.split()


@pytest.mark.parametrize("cut_after", range(1, 9))
async def test_a_cut_among_brackets_goes_on_at_the_right_word(
    start_host: StartHost, sim: GradiumSim, cut_after: int
) -> None:
    text = "we need a < b and b > c"
    sim.faults = FaultPlan(Fault(Point.AUDIO, Reset(), after_words=cut_after))
    # At some pace, or a reset takes back all that was sent in one go.
    sim.speed = 40.0
    host = await start_host()
    await host.send_text("r1", text, end=True)
    await host.ended("r1")

    words = text.split()
    [cut, after] = sim.sessions
    delivered_s = len(cut.pcm) / 2 / RATE_HZ
    # What is over for sure: its times may run early.
    known = sum(stop_s + 0.1 <= delivered_s for _, _, stop_s in cut.words)
    whole = sum(word.is_complete for word in listen(cut.pcm, RATE_HZ))
    heard = [w.text for w in listen(host.pcm("r1"), RATE_HZ) if w.is_complete]
    assert tell(host.events()) == spoken("r1")
    assert (cut.text, after.text) == (text, " ".join(words[known:]))
    # What was whole when the line was cut, and all of what was said then.
    assert heard == words[:whole] + words[known:]


# ------------------------------------------------------------ an LLM that thinks


def written(*steps: Step) -> list[tuple[str, float]]:
    """What the server is told of these steps, and when."""
    script = Script((*steps, Wait(20.0)), is_stopped_early=True)
    return [
        (entry.text, round(entry.at_s, 6))
        for entry in play(script).entries
        if isinstance(entry, Wrote)
    ]


def texts(*steps: Step) -> list[str]:
    """What the server is told, its flushes left out."""
    return [text for text, _ in written(*steps) if text != FLUSH]


@pytest.mark.parametrize("silence_s", [0.4, 0.7, 0.9])
@pytest.mark.parametrize(
    ("parts", "said"),
    [
        pytest.param(
            ["It costs $1,", "234.50 today."],
            "It costs $1,234.50 today.",
            id="number",
        ),
        pytest.param(["For the exam", "ple."], "For the example.", id="word"),
        pytest.param(
            ["Pi is 3.", "14 or so."], "Pi is 3.14 or so.", id="point"
        ),
        pytest.param(
            ["See https://x.org/", "a now."],
            "See https://x.org/a now.",
            id="address",
        ),
    ],
)
def test_a_silence_breaks_no_word(
    parts: list[str], said: str, silence_s: float
) -> None:
    first, second = parts

    told = texts(
        Write("r1", first), Wait(silence_s), Write("r1", second, is_end=True)
    )

    assert " ".join(told) == said


def test_what_visibly_goes_on_waits_however_long_it_takes() -> None:
    told = texts(
        Write("r1", "It costs $1,"), Wait(60.0), Write("r1", "234 now.", True)
    )

    assert told == ["It costs", "$1,234", "now."]


def test_what_is_whole_is_flushed_after_the_documented_silence() -> None:
    told = written(Wait(1.0), Write("r1", "alpha bravo charlie "))

    assert told == [
        ("alpha bravo", 1.0),
        # The last word may go on, with a comma or a stop.
        ("charlie", 1.0 + SILENCE_S),
        (FLUSH, 1.0 + SILENCE_S),
    ]


def test_a_word_without_an_ending_leaves_after_twice_the_silence() -> None:
    told = written(Wait(1.0), Write("r1", "alpha bravo exam"))

    assert told == [
        ("alpha bravo", 1.0),
        (FLUSH, 1.0 + SILENCE_S),
        ("exam", 1.0 + 2 * SILENCE_S),
        (FLUSH, 1.0 + 2 * SILENCE_S),
    ]


def test_each_fragment_begins_the_silence_anew() -> None:
    told = written(
        Wait(1.0),
        Write("r1", "alpha "),
        Wait(0.4),
        Write("r1", "bravo "),
        Wait(0.4),
        Write("r1", "charlie "),
    )

    assert [at_s for text, at_s in told if text == FLUSH] == [1.8 + SILENCE_S]


def test_the_end_of_input_needs_no_silence() -> None:
    told = written(Wait(1.0), Write("r1", "alpha bravo exam", is_end=True))

    assert told == [("alpha bravo", 1.0), ("exam", 1.0)]


@pytest.mark.parametrize("empty", ["", " ", "\n"])
def test_empty_fragments_add_at_most_one_flush(empty: str) -> None:
    steps = [Write("r1", empty), Wait(2.0)] * 5

    told = written(Write("r1", "alpha bravo "), Wait(2.0), *steps)

    assert [text for text, _ in told] == ["alpha", "bravo", FLUSH]


def test_silences_before_the_first_word_add_no_flush() -> None:
    steps = [Write("r1", ""), Wait(2.0)] * 3

    assert written(*steps, Write("r1", "alpha.", is_end=True)) == [
        ("alpha.", 6.0)
    ]


# ------------------------------------------------------- what is told of it


async def test_a_flush_counts_as_no_text(
    sim: GradiumSim, start_host: StartHost
) -> None:
    host = await start_host({"idle_flush_ms": 20})
    await host.send_text("r1", "alpha bravo charlie ")
    await sim.until(lambda s: bool(s.sessions) and FLUSH in s.sessions[0].texts)
    await host.send_text("r1", "delta.", end=True)
    await host.ended("r1")

    sent = ["alpha bravo", "charlie", FLUSH, "delta."]
    assert sim.sessions[0].texts == sent
    (used,) = [
        event.metrics["output_characters"]
        for event in host.events()
        if isinstance(event, Metrics) and "output_characters" in event.metrics
    ]
    assert used == sum(len(text) for text in sent if text != FLUSH)


async def fail_to_open(endpoint: Endpoint, timeout_s: float) -> Transport:
    """A bug of ours."""
    raise RuntimeError("not a failure of the network")


def test_a_bug_is_reported_as_one() -> None:
    async def speak() -> Record:
        player = Player(Script(()))
        player.extension.connect = fail_to_open
        async with player.running():
            await player.do(Write("r1", "alpha bravo.", is_end=True))
            await asyncio.sleep(20.0)
        return player.record

    record = run_virtually(speak())

    assert tell(record.events()) == ["error r1", "end r1 error"]
    (error,) = [e for e in record.events() if isinstance(e, Error)]
    assert error.vendor_info["code"] == "internal"
