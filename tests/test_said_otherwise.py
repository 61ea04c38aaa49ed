# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What is left out or said otherwise, from the graph to the wire and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from heard import WORDS, hear

from gradium_sim import Close, Fault, FaultPlan, GradiumSim, Point
from ten_host import AudioEnd, AudioStart, EndReason, Error, TextResult

if TYPE_CHECKING:
    from conftest import StartHost

RATE_HZ = 24000
WRITTEN = "Apples and SQL engine forest garden hammer. Well, New York gui too."
REPLACEMENTS = [
    {"from": "SQL", "to": " ".join(WORDS[2:4])},
    {"from": "gui", "to": " ".join(WORDS[11:13])},
    {"from": "Apples and", "to": " ".join(WORDS[:2])},
    {"from": "hammer. Well", "to": WORDS[7]},
    {"from": "new york", "to": " ".join(WORDS[8:11]), "ignore_case": True},
]
SAID = [*WORDS[:7], "hammer,", *WORDS[8:13], "too."]


@pytest.mark.sim(voice="tones")
@pytest.mark.parametrize("is_cut", [False, True], ids=["whole", "cut"])
async def test_what_is_replaced_is_resumed_and_told_as_it_is_spoken(
    sim: GradiumSim, start_host: StartHost, is_cut: bool
) -> None:
    if is_cut:
        sim.faults = FaultPlan(
            Fault(Point.AUDIO, Close(1011), after_words=4),
            Fault(Point.AUDIO, Close(1011), after_words=2, skip=1),
        )
    host = await start_host({"replacements": REPLACEMENTS}, enable_words=True)

    for at in range(0, len(WRITTEN), 3):
        await host.send_text("r1", WRITTEN[at : at + 3])
    await host.send_text("r1", "", end=True)
    await host.ended("r1")

    words = [
        event.words[-1].word
        for event in host.events("r1")
        if isinstance(event, TextResult) and event.words
    ]
    assert words == SAID
    assert not [e for e in host.events("r1") if isinstance(e, Error)]
    assert len(sim.sessions) == (3 if is_cut else 1)
    assert hear(host.pcm("r1"), RATE_HZ, SAID).is_all_of(len(SAID))


@pytest.mark.parametrize(
    "text",
    [
        "```python\nprint('hello, world')\n```",
        "<think>Nobody should hear this. Really.</think>",
        "<think>It never ends, ",
        "😀 **",
    ],
)
async def test_a_request_of_which_nothing_is_left_ends_without_a_session(
    sim: GradiumSim, start_host: StartHost, text: str
) -> None:
    host = await start_host()

    for at in range(0, len(text), 5):
        await host.send_text("r1", text[at : at + 5])
    await host.send_text("r1", "", end=True)
    end = await host.ended("r1")

    assert end.reason == EndReason.REQUEST_END
    assert [
        event
        for event in host.events("r1")
        if isinstance(event, (AudioStart, AudioEnd, Error))
    ] == [end]
    assert sim.sessions == []
