# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Random conversations over real sockets: nothing that was asked for is lost.

What was heard and what was not are, one after the other, the text as the
agent wrote it, whatever it looked like and wherever it was cut.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from gradium_sim import Fault, FaultPlan, GradiumSim, Point, Reset
from gradium_tts_python.core.text import is_speakable
from ten_host import AudioEnd, Event, ExtensionHost, FlushEnd, OtherData

StartHost = Callable[..., Awaitable[ExtensionHost]]

WORDS = (
    "the morning train leaves an old station at seven and nobody knows where"
    " it is going. $1,234.50 60% 1999 Dr. example.com https://x.org/a?b=c"
    " jo@x.org std::vector<int> a < b, naïve 你好。 <b>bold</b> **strong**"
    " *soft* `code` [a link](http://x.org/page) 😀 1️⃣ # - … ?! <flush>"
    ' <break time="0.1s"/> so\u200bft \u00adhy\u00adphen'
).split(" ")
SPACES = [" ", " ", " ", " ", "\n", "\n\n", "  ", "", "\xa0"]
# Long enough to be in the middle of a reply, short enough for many.
LONGEST_S = 0.25


def text_by_chance(rng: random.Random) -> str:
    count = rng.choice([1, 3, 10, 30])
    parts = [rng.choice(WORDS) + rng.choice(SPACES) for _ in range(count)]
    return "".join(parts)


def fragments_by_chance(rng: random.Random, text: str) -> list[str]:
    places = sorted(rng.choices(range(len(text) + 1), k=rng.randint(0, 8)))
    ends = [*places, len(text)]
    return [
        text[start:end] for start, end in zip([0, *ends], ends, strict=False)
    ]


def host_by_chance(
    rng: random.Random, start_host: StartHost
) -> Awaitable[ExtensionHost]:
    return start_host(
        {
            "allow_tags": rng.random() < 0.5,
            "clean_markdown": rng.random() < 0.5,
            "clean_emoji": rng.random() < 0.5,
            "idle_flush_ms": rng.choice([0, 20, 500]),
            "session_max_chars": rng.choice([0, 0, 40]),
            "resume": rng.random() < 0.8,
        },
        enable_words=rng.random() < 0.5,
    )


def faults_by_chance(rng: random.Random) -> FaultPlan:
    if rng.random() < 0.6:
        return FaultPlan()
    cut = Fault(Point.AUDIO, Reset(), after_words=rng.randint(1, 6))
    return FaultPlan(cut)


class Conversation:
    """Requests that are spoken one after the other, and one flush."""

    def __init__(
        self, rng: random.Random, host: ExtensionHost, name: str
    ) -> None:
        self.asked: dict[str, str] = {}
        self._rng = rng
        self._host = host
        self._name = name
        self._since = len(host.events())

    async def hold(self) -> None:
        """Have it."""
        while await self._is_said(f"{self._name}-{len(self.asked)}"):
            if self._rng.random() < 0.4:
                break
        await asyncio.sleep(self._rng.random() * LONGEST_S)
        await self._host.flush(self._name)

    def events(self) -> list[Event]:
        return self._host.events()[self._since :]

    def told(self) -> dict[str, dict[str, object]]:
        """What was told of each request, before the flush was over."""
        told: dict[str, dict[str, object]] = {}
        is_flushed = False
        for event in self.events():
            is_flushed |= isinstance(event, FlushEnd)
            if isinstance(event, OtherData) and event.name == "tts_heard":
                assert not is_flushed
                request_id = event.properties["request_id"]
                assert request_id not in told
                told[request_id] = event.properties
        return told

    async def _is_said(self, request_id: str) -> bool:
        """Ask for a text; gives whether all of it has been delivered."""
        text = text_by_chance(self._rng)
        is_ended = self._rng.random() < 0.7
        fragments = fragments_by_chance(self._rng, text)
        self.asked[request_id] = text
        for number, fragment in enumerate(fragments, start=1):
            is_last = is_ended and number == len(fragments)
            await self._host.send_text(request_id, fragment, end=is_last)
            if self._rng.random() < 0.2:
                await asyncio.sleep(self._rng.random() * 0.03)
        # What has not been handed over yet would be dropped by the base.
        await self._host.command("nothing")
        if not is_ended or self._rng.random() < 0.3:
            return False
        await self._host.until(
            lambda e: isinstance(e, AudioEnd) and e.request_id == request_id,
            since=self._since,
        )
        return True


async def converse(
    sim: GradiumSim, start_host: StartHost, seed: int, count: int
) -> Counter[str]:
    """Hold so many conversations; gives how they went."""
    rng = random.Random(seed)
    outcomes: Counter[str] = Counter()
    host = await host_by_chance(rng, start_host)
    for number in range(count):
        sim.speed = rng.choice([3.0, 25.0, None])
        sim.faults = faults_by_chance(rng)
        talk = Conversation(rng, host, f"{seed}-{number}")
        await talk.hold()
        told = talk.told()
        assert told.keys() <= talk.asked.keys()
        for request_id, text in talk.asked.items():
            if request_id not in told:
                assert not is_speakable(text)
                continue
            heard = told[request_id]
            shown = f"{heard['heard_text']}{heard['unheard_text']}"
            # What comes after a failure that was told of is left out.
            is_failed = heard["reason"] == 3
            assert shown == text or (is_failed and text.startswith(shown))
            outcomes[_outcome(heard)] += 1
    return outcomes


def _outcome(heard: dict[str, object]) -> str:
    if not heard["unheard_text"]:
        return "all"
    return "a part" if heard["heard_text"] else "nothing"


async def test_heard_and_unheard_are_what_was_asked_for(
    sim: GradiumSim, start_host: StartHost
) -> None:
    outcomes = await converse(sim, start_host, seed=1, count=6)

    assert outcomes.total() >= 6


@pytest.mark.thorough
async def test_500_conversations_lose_no_character(
    sim: GradiumSim,
    start_host: StartHost,
    record_property: Callable[[str, object], None],
) -> None:
    outcomes: Counter[str] = Counter()
    for seed in range(50):
        outcomes += await converse(sim, start_host, seed=seed, count=10)
        sim.sessions.clear()

    record_property("measured", str(dict(outcomes)))
    assert set(outcomes) == {"all", "a part", "nothing"}
