# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""How long a request waits, whatever hangs; on a virtual clock.

A server that is gone is an error after `retry_deadline_s`, one that is slow
is waited for, and of two sessions the one that speaks first is heard.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from speaking import Spoken, begin, carry, client_on, speak

from gradium_tts_python.core.actions import Pcm
from gradium_tts_python.core.endpoint import Endpoint
from gradium_tts_python.core.errors import ErrorKind
from gradium_tts_python.gradium_tts import GradiumTTSClient
from gradium_tts_python.graph.figures import latency_of
from gradium_tts_python.wire import race
from gradium_tts_python.wire.transport import Transport

from .properties.memory_transport import (
    RATE_HZ,
    Failure,
    MemoryServer,
    Plan,
    sound_of,
)
from .properties.virtual_loop import run_virtually

# No clock of a real loop is at 0, which stands for never.
BEGINS_S = 1.0

SAID = "alpha bravo charlie delta echo foxtrot golf hotel".split()
TEXT = " ".join(SAID)
# `ready`, then two pieces of audio and the word's time, eight times.
READY, FIRST_AUDIO, FOURTH_WORD = 0, 1, 10
FOREVER = 1000


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.fixture(autouse=True)
def connects_are_raced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(race, "STAGGER_S", 1.0)


@asynccontextmanager
async def in_memory(
    plans: list[Plan], **params: Any
) -> AsyncIterator[tuple[GradiumTTSClient, MemoryServer]]:
    """A client on a server that goes on like this, and its server."""
    server = MemoryServer(plans, lambda _: None)
    params = {"warm": "off", "sample_rate": RATE_HZ, **params}
    await asyncio.sleep(BEGINS_S)
    async with client_on(
        "ws://memory/", connect=server.connect, **params
    ) as client:
        yield client, server


def spoken_on(
    plans: list[Plan], text: str = TEXT, **params: Any
) -> tuple[Spoken, MemoryServer, float]:
    """Speak once; returns when it ended, too."""

    async def run() -> tuple[Spoken, MemoryServer, float]:
        async with in_memory(plans, **params) as (client, server):
            spoken = await speak(client, text)
            return spoken, server, now() - BEGINS_S

    return run_virtually(run())


def heard(*words: str) -> bytes:
    return b"".join(sound_of(word) for word in words)


# ------------------------------------------------------------------ one deadline

HANGS = {
    "connect": Plan(failure=Failure.NO_ANSWER),
    "refused": Plan(failure=Failure.REFUSED),
    "gone before ready": Plan(failure=Failure.HALF_OPEN),
    "mute before ready": Plan(failure=Failure.STALLED),
    "gone before audio": Plan(failure=Failure.HALF_OPEN, after_messages=1),
    "mute before audio": Plan(failure=Failure.STALLED, after_messages=1),
    "dropped before ready": Plan(failure=Failure.RESET),
    "dropped before audio": Plan(failure=Failure.CLOSED, after_messages=1),
    "slow to be refused": Plan(connect_s=4.0, failure=Failure.REFUSED),
}


@pytest.mark.parametrize("deadline_s", [2.0, 8.0, 20.0])
@pytest.mark.parametrize("hang", HANGS)
def test_nothing_is_heard_for_the_deadline_at_most(
    hang: str, deadline_s: float
) -> None:
    spoken, _, took_s = spoken_on(
        [HANGS[hang]] * FOREVER, retry_deadline_s=deadline_s
    )

    assert spoken.error is not None
    # The last pause of the retries may be too long for what is left.
    assert deadline_s - 2.0 <= took_s <= deadline_s + 0.2


@pytest.mark.parametrize("hang", ["mute before ready", "gone before audio"])
@pytest.mark.parametrize("broken", [Failure.STALLED, Failure.HALF_OPEN])
def test_the_deadline_runs_from_the_last_sound(
    hang: str, broken: Failure
) -> None:
    async def run() -> tuple[float, float]:
        plans = [Plan(failure=broken, after_messages=FOURTH_WORD)]
        plans += [HANGS[hang]] * FOREVER
        sounds_s = []

        async def perform(action: object) -> None:
            # What is shorter is the fade at a seam.
            if isinstance(action, Pcm) and len(action.pcm) > RATE_HZ // 20:
                sounds_s.append(now())

        async with in_memory(plans) as (client, _):
            spoken = begin(client)
            spoken.speech.push_fragment(TEXT)
            spoken.speech.end_input()
            with pytest.raises(Exception, match="memory"):
                await spoken.speech.run(perform)
            return sounds_s[-1], now()

    heard_at, ended_at = run_virtually(run())

    assert 6.0 <= ended_at - heard_at <= 8.2


@pytest.mark.parametrize("hang", HANGS)
def test_without_retries_the_first_failure_is_the_last(hang: str) -> None:
    spoken, server, took_s = spoken_on(
        [HANGS[hang]] * FOREVER, retry_deadline_s=0
    )

    assert spoken.error is not None
    # A connect that hangs is raced by a second one.
    assert len(server.connects_s) <= 2
    assert took_s <= 5.2


def test_an_end_that_comes_late_has_the_whole_deadline_before_it() -> None:
    """Nothing is owed while the agent thinks."""

    async def run() -> tuple[Spoken, float]:
        mute = Plan(failure=Failure.STALLED, after_messages=1)
        async with in_memory([mute] * FOREVER) as (client, _):
            spoken = begin(client)
            spoken.speech.push_fragment(TEXT + " ")
            running = asyncio.ensure_future(carry(spoken))
            await asyncio.sleep(60)
            assert not running.done()
            spoken.speech.end_input()
            await running
            return spoken, now()

    spoken, ended_at = run_virtually(run())

    assert spoken.error is not None
    assert 67.0 <= ended_at <= 69.2


# ------------------------------------------------------- slow, but not dead

SLOW = {
    "ready after 4 s": {READY: 4.0},
    "first audio after 7 s": {FIRST_AUDIO: 7.0},
    "both": {READY: 3.5, FIRST_AUDIO: 4.0},
}


@pytest.mark.parametrize("slow", SLOW)
def test_a_slow_server_speaks_too(slow: str) -> None:
    spoken, _, _ = spoken_on([Plan(waits_s=SLOW[slow])] * FOREVER)

    assert spoken.error is None
    assert spoken.pcm == heard(*SAID)


@pytest.mark.parametrize("slow", SLOW)
def test_the_session_that_waits_is_the_one_that_speaks(slow: str) -> None:
    """Where the second is as slow, it costs nothing but a connect."""
    _, server, took_s = spoken_on([Plan(waits_s=SLOW[slow])] * FOREVER)

    first, second = server.sessions
    assert (first.is_complete, second.is_complete) == (True, False)
    assert took_s < sum(SLOW[slow].values()) + 1.0
    assert not server.open


@pytest.mark.parametrize("after_messages", [READY, FIRST_AUDIO])
def test_a_session_that_is_mute_is_overtaken_by_a_second(
    after_messages: int,
) -> None:
    mute = Plan(failure=Failure.STALLED, after_messages=after_messages)
    spoken, server, took_s = spoken_on([mute])

    first, second = server.sessions
    assert spoken.error is None
    assert spoken.pcm == heard(*SAID)
    assert (first.words, second.words) == ([], SAID)
    # `ready_timeout_s` is 3 s, `audio_timeout_s` is 5 s.
    late_s = (3.0, 5.0)[after_messages]
    assert took_s == pytest.approx(late_s + 0.3, abs=0.2)
    assert not server.open


def test_what_was_heard_is_not_said_by_the_second() -> None:
    mute = Plan(failure=Failure.STALLED, after_messages=FOURTH_WORD)
    spoken, server, _ = spoken_on([mute])

    first, second = server.sessions
    assert spoken.error is None
    assert first.words == SAID[:3]
    assert second.words[-1] == SAID[-1]
    # Every word is there, in order.
    assert spoken.pcm.startswith(heard(*SAID[:2]))
    assert spoken.pcm.endswith(heard(*SAID[4:]))


def test_a_second_session_that_fails_is_forgotten() -> None:
    slow = Plan(waits_s={READY: 5.0})
    spoken, server, _ = spoken_on([slow, Plan(failure=Failure.ERROR)])

    assert spoken.error is None
    assert spoken.pcm == heard(*SAID)
    assert server.sessions[0].is_complete


def test_the_second_goes_on_where_the_first_breaks() -> None:
    """It is not opened again, though it has not spoken yet."""
    breaks = Plan(waits_s={READY: 3.5}, failure=Failure.RESET)
    slow = Plan(waits_s={READY: 2.0})
    spoken, server, _ = spoken_on([breaks, slow])

    assert spoken.error is None
    assert spoken.pcm == heard(*SAID)
    assert len(server.sessions) == 2


def test_an_interruption_leaves_no_second_session_behind() -> None:
    async def run() -> MemoryServer:
        mute = Plan(failure=Failure.STALLED)
        async with in_memory([mute] * FOREVER) as (client, server):
            running = asyncio.ensure_future(speak(client, TEXT))
            await asyncio.sleep(3.5)
            assert len(server.sessions) == 2
            before_s = now()
            running.cancel()
            await asyncio.wait({running})
            assert now() == before_s
            return server

    assert not run_virtually(run()).open


def test_a_request_without_a_free_slot_gets_no_second_session() -> None:
    slow = Plan(waits_s={READY: 5.0})
    spoken, server, _ = spoken_on([slow], max_sessions=1)

    assert spoken.error is None
    assert len(server.sessions) == 1


def test_all_that_is_missing_is_the_end() -> None:
    mute = Plan(failure=Failure.STALLED, after_messages=1 + 3 * len(SAID))
    spoken, server, took_s = spoken_on([mute])

    assert spoken.error is None
    assert spoken.pcm.startswith(heard(*SAID))
    # The last word has nothing behind it: it is not sure that it is whole.
    assert [session.words[-1] for session in server.sessions] == [SAID[-1]] * 2
    assert took_s < 6.0


def test_a_slot_that_is_not_free_teaches_nothing() -> None:
    """It is no refusal of the vendor's."""
    slow = Plan(waits_s={READY: 5.0})
    spoken_on([slow], max_sessions=1)

    _, server, _ = spoken_on([slow])

    assert len(server.sessions) == 2


# -------------------------------------------------------------- the connects


def test_a_connect_that_hangs_is_raced_by_a_second() -> None:
    spoken, server, took_s = spoken_on([Plan(connect_s=60.0)])

    assert spoken.error is None
    assert server.connects_s == [1.0, 2.0]
    assert took_s < 2.0


def test_the_first_connect_may_still_win() -> None:
    spoken, server, _ = spoken_on([Plan(connect_s=1.5), Plan(connect_s=1.5)])

    assert spoken.error is None
    assert server.connects_s == [1.0, 2.0]
    assert len(server.sessions) == 1
    assert not server.open


def test_a_reserve_that_hangs_keeps_no_request_waiting() -> None:
    async def run() -> tuple[Spoken, list[float]]:
        plans = [Plan(connect_s=60.0)]
        async with in_memory(plans, warm="socket") as (client, server):
            client.prewarm()
            await asyncio.sleep(0.5)
            spoken = await speak(client, TEXT)
            return spoken, server.connects_s

    spoken, connects_s = run_virtually(run())

    assert spoken.error is None
    assert connects_s[:2] == [1.0, 2.5]


# --------------------------------------------------------- a server that is down


async def errors_of(
    client: GradiumTTSClient, count: int, every_s: float
) -> list[float]:
    """Speak several times; returns how long each was tried in vain."""
    took_s = []
    for _ in range(count):
        before_s = now()
        spoken = await speak(client, TEXT)
        assert spoken.error is not None
        took_s.append(now() - before_s)
        await asyncio.sleep(every_s)
    return took_s


DOWN = ["connect", "refused", "gone before ready", "dropped before ready"]


@pytest.mark.parametrize("hang", DOWN)
def test_the_next_requests_know_of_an_outage(hang: str) -> None:
    async def run() -> list[float]:
        async with in_memory([HANGS[hang]] * FOREVER) as (client, _):
            return await errors_of(client, 4, every_s=10.0)

    first_s, *next_s = run_virtually(run())

    assert 6.0 <= first_s <= 8.2
    # A connect is given 2 s, a peer 2.6 s for a sign of life.
    assert max(next_s) < 3.0


@pytest.mark.parametrize("hang", DOWN)
def test_a_server_that_is_down_is_asked_a_few_times_a_minute(hang: str) -> None:
    async def run() -> int:
        plans = [HANGS[hang]] * FOREVER
        async with in_memory(plans, warm="socket") as (client, server):
            await errors_of(client, 1, every_s=0)
            before = len(server.connects_s)
            until_s = now() + 60
            while now() < until_s:
                await errors_of(client, 1, every_s=0.2)
            return len(server.connects_s) - before

    assert run_virtually(run()) <= 30


@pytest.mark.parametrize("hang", DOWN)
def test_a_server_that_is_back_is_found_by_the_next_request(hang: str) -> None:
    async def run() -> list[Spoken]:
        async with in_memory([HANGS[hang]] * FOREVER) as (client, server):
            await errors_of(client, 2, every_s=6.0)
            server.heal()
            spoken = [await speak(client, TEXT) for _ in range(2)]
            assert not client.is_server_down
            return spoken

    spoken = run_virtually(run())

    assert [each.error for each in spoken] == [None, None]


def test_a_server_that_answers_and_refuses_is_not_down() -> None:
    """It is asked again each time: the next text may be another matter."""
    refuses = Plan(failure=Failure.FINAL_ERROR, after_messages=1)

    async def run() -> int:
        async with in_memory([refuses] * FOREVER) as (client, server):
            await errors_of(client, 3, every_s=0)
            assert not client.is_server_down
            return len(server.sessions)

    assert run_virtually(run()) == 3


# ------------------------------------------------------------- a crowd


def crowd(
    urls: list[str], **params: Any
) -> tuple[list[Spoken], list[str], MemoryServer]:
    """Speak answers of 12 s with one key, two at a time, all at once.

    Returns:
        What came of each, and their names in the order of their ends.
    """

    async def run() -> tuple[list[Spoken], list[str], MemoryServer]:
        answers = [Plan(message_s=0.48)] * FOREVER
        server, ended = MemoryServer(answers, lambda _: None), []
        server.most_sessions = 2

        async def agent(number: int, url: str) -> Spoken:
            async with client_on(
                url,
                connect=server.connect,
                warm="off",
                sample_rate=RATE_HZ,
                **params,
            ) as client:
                spoken = await speak(client, TEXT, f"r{number}")
                ended.append(spoken.speech.ledger.request_id)
                return spoken

        await asyncio.sleep(BEGINS_S)
        agents = (agent(number, url) for number, url in enumerate(urls))
        return list(await asyncio.gather(*agents)), ended, server

    return run_virtually(run())


def test_a_crowd_in_one_process_speaks_in_turn() -> None:
    spoken, ended, server = crowd(["ws://crowd/"] * 5)

    assert [each.error for each in spoken] == [None] * 5
    # Those that came first; two at a time.
    assert set(ended[:2]) == {"r0", "r1"}
    assert set(ended[2:4]) == {"r2", "r3"}
    # Three at first, and then one every 10 s, to see whether more are free.
    assert server.refusals == 5


def test_a_crowd_that_knows_its_slots_is_refused_nothing() -> None:
    spoken, ended, server = crowd(["ws://gate/"] * 5, max_sessions=2)

    assert [each.error for each in spoken] == [None] * 5
    assert server.refusals == 0
    assert set(ended[:2]) == {"r0", "r1"}
    assert set(ended[2:4]) == {"r2", "r3"}
    waited_ms = [latency_of(each.speech)["slot_wait_ms"] for each in spoken]
    assert waited_ms[:2] == [0, 0]
    took_ms = waited_ms[2]
    assert took_ms > 1000
    # Each is let in as soon as one before it has ended.
    assert waited_ms[3:] == [
        pytest.approx(took_ms, abs=50),
        pytest.approx(2 * took_ms, abs=100),
    ]
    # The connect takes as long for who waited for a slot before.
    connects_ms = {latency_of(s.speech)["socket_wait_ms"] for s in spoken}
    assert connects_ms == {10}


def test_a_crowd_of_processes_speaks_too() -> None:
    spoken, _, _ = crowd([f"ws://process{number}/" for number in range(5)])

    assert [each.error for each in spoken] == [None] * 5


def test_a_wait_for_a_session_has_a_limit_of_its_own() -> None:
    spoken, _, _ = crowd(["ws://impatient/"] * 5, capacity_wait_s=4.0)

    errors = [each.error for each in spoken if each.error]
    assert len(errors) == 3
    assert {error.kind for error in errors} == {ErrorKind.CAPACITY}
    assert {str(error) for error in errors} == {
        "no session of this key was free for 3.9 s"
    }


# ------------------------------------------------------------- a key that changes


class Keys:
    """Notes with which key each socket was opened."""

    def __init__(self, server: MemoryServer) -> None:
        self._server = server
        self.seen: list[str] = []

    async def connect(self, endpoint: Endpoint, timeout_s: float) -> Transport:
        self.seen.append(dict(endpoint.headers)["x-api-key"])
        return await self._server.connect(endpoint, timeout_s)


def test_the_next_session_of_a_request_uses_the_new_key() -> None:
    async def run() -> tuple[Spoken, list[str]]:
        cut = Plan(failure=Failure.CLOSED, after_messages=FOURTH_WORD)
        keys = Keys(MemoryServer([cut], lambda _: None))
        async with client_on(
            "ws://memory/",
            connect=keys.connect,
            warm="off",
            sample_rate=RATE_HZ,
            api_key="old-key",
        ) as client:
            spoken = begin(client)
            spoken.speech.push_fragment(TEXT)
            spoken.speech.end_input()
            running = asyncio.ensure_future(carry(spoken))
            await asyncio.sleep(0.05)
            changed = client.config.params.model_copy(
                update={"api_key": "new-key", "speed": 2.0}
            )
            client.update_config(
                client.config.model_copy(update={"params": changed})
            )
            await running
            return spoken, keys.seen

    spoken, seen = run_virtually(run())

    assert spoken.error is None
    assert seen == ["old-key", "new-key"]
