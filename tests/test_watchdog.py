# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The watchdog on a virtual clock: what is noticed, when, and what is not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from virtual_clock import VirtualLoop, run

from gradium_tts_python.config import GradiumTTSConfig
from gradium_tts_python.core.protocol import Session, Setup
from gradium_tts_python.wire.debt import Debts, StreamTimes, Terms
from gradium_tts_python.wire.watchdog import PONG_S, QUIET_S, Owed, Watchdog

# A loop that was blocked gets this long to see what has arrived.
GRACE_S = 0.05
NEVER = float("inf")
LIMIT = Owed("answer to the setup", 3.0)
SIGN_OF_LIFE = Owed("audio")


@dataclass
class Peer:
    """The other side of one wait: what it owes and when it answers pings."""

    owed: Owed | None
    pong_after_s: float = 0.01
    ping_fails: bool = False
    pings: list[float] = field(default_factory=list)
    cancelled_pings: int = 0
    # When, what is missing, after how long.
    complaints: list[tuple[Any, str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.watchdog = Watchdog(
            lambda: self.owed, self._answer_ping, self._complain
        )
        self._is_over = asyncio.Event()

    async def _answer_ping(self) -> None:
        self.pings.append(now())
        if self.ping_fails:
            raise ConnectionError
        try:
            if self.pong_after_s == NEVER:
                await asyncio.Event().wait()
            await asyncio.sleep(self.pong_after_s)
        except asyncio.CancelledError:
            self.cancelled_pings += 1
            raise

    def _complain(self, missing: str, waited_s: float) -> None:
        self.complaints.append((now(), missing, waited_s))
        self._is_over.set()

    async def wait(self, *, at_most_s: float) -> None:
        """Wait for a message that does not come, until it is complained of."""
        with self.watchdog:
            try:
                await asyncio.wait_for(self._is_over.wait(), at_most_s)
            except asyncio.TimeoutError:
                pass

    async def message_after(self, delay_s: float) -> None:
        """Wait for a message that comes."""
        with self.watchdog:
            await asyncio.sleep(delay_s)

    def asks(self, owed: Owed | None) -> None:
        """The client asks for something else."""
        self.owed = owed
        self.watchdog.owed_changed()


def now() -> float:
    return asyncio.get_running_loop().time()


def on_virtual_clock(
    test: Callable[..., Awaitable[None]],
) -> Callable[..., None]:
    def running(*args: object, **kwargs: object) -> None:
        async def alone() -> None:
            await test(*args, **kwargs)
            others = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.sleep(0)
            assert not {task for task in others if not task.done()}

        run(alone())

    running.__name__ = test.__name__
    running.__doc__ = test.__doc__
    return running


@on_virtual_clock
async def test_a_peer_that_owes_nothing_may_be_silent_for_hours() -> None:
    peer = Peer(None, pong_after_s=NEVER)

    await peer.wait(at_most_s=36_000)

    assert peer.complaints == []
    assert peer.pings == []


@on_virtual_clock
async def test_a_peer_that_answers_pings_may_owe_audio_for_hours() -> None:
    peer = Peer(SIGN_OF_LIFE)

    await peer.wait(at_most_s=3600)

    assert peer.complaints == []
    # Once for every second of quiet: no more, no less.
    assert len(peer.pings) == int(3600 / (QUIET_S + peer.pong_after_s))


@on_virtual_clock
async def test_a_peer_that_is_gone_is_noticed_within_three_seconds() -> None:
    peer = Peer(SIGN_OF_LIFE, pong_after_s=NEVER)

    await peer.wait(at_most_s=60)

    noticed_s = QUIET_S + PONG_S + GRACE_S
    assert noticed_s < 3.0
    assert peer.pings == [QUIET_S]
    assert peer.complaints == [
        (
            pytest.approx(noticed_s),
            "answer to a ping, with audio owed,",
            pytest.approx(noticed_s),
        )
    ]


@pytest.mark.parametrize("lives_s", [0.0, 0.9, 1.0, 1.5, 2.6, 30.0])
def test_a_peer_that_goes_in_silence_is_noticed_in_time(lives_s: float) -> None:
    @on_virtual_clock
    async def test() -> None:
        peer = Peer(SIGN_OF_LIFE)
        died_s = now() + lives_s
        asyncio.get_running_loop().call_at(
            died_s, setattr, peer, "pong_after_s", NEVER
        )

        await peer.wait(at_most_s=60)

        [(noticed_s, _, _)] = peer.complaints
        assert noticed_s - died_s < 3.0

    test()


@on_virtual_clock
async def test_a_dead_peer_is_noticed_while_text_is_sent() -> None:
    peer = Peer(SIGN_OF_LIFE, pong_after_s=NEVER)

    async def send_text() -> None:
        while not peer.complaints:
            await asyncio.sleep(0.3)
            peer.watchdog.owed_changed()

    sending = asyncio.ensure_future(send_text())
    await peer.wait(at_most_s=60)
    await sending

    assert [at_s for at_s, _, _ in peer.complaints] == [
        pytest.approx(QUIET_S + PONG_S + GRACE_S)
    ]


@on_virtual_clock
async def test_the_limit_of_a_debt_is_kept_while_text_is_sent() -> None:
    peer = Peer(LIMIT)

    async def send_text() -> None:
        while not peer.complaints:
            await asyncio.sleep(0.3)
            peer.watchdog.owed_changed()

    sending = asyncio.ensure_future(send_text())
    await peer.wait(at_most_s=60)
    await sending

    late_s = pytest.approx(3.0 + GRACE_S)
    assert peer.complaints == [(late_s, "answer to the setup", late_s)]


@on_virtual_clock
async def test_a_new_debt_has_its_whole_limit() -> None:
    peer = Peer(SIGN_OF_LIFE)
    asyncio.get_running_loop().call_at(
        50.0, peer.asks, Owed("end of the audio", 5.0, 50.0, 100.0)
    )

    await peer.wait(at_most_s=600)

    assert peer.complaints == [
        (
            pytest.approx(55.0 + GRACE_S),
            "end of the audio",
            pytest.approx(5.0 + GRACE_S),
        )
    ]


@on_virtual_clock
async def test_a_new_debt_is_no_sign_of_life() -> None:
    peer = Peer(LIMIT, pong_after_s=NEVER)
    loop = asyncio.get_running_loop()
    for number in range(9):
        debt = Owed(f"answer {number}", 60.0)
        loop.call_at(0.5 + number / 2, peer.asks, debt)

    await peer.wait(at_most_s=600)

    assert [at_s for at_s, _, _ in peer.complaints] == [
        pytest.approx(QUIET_S + PONG_S, abs=0.6)
    ]


@on_virtual_clock
async def test_a_debt_that_is_paid_stops_the_clock() -> None:
    peer = Peer(LIMIT, pong_after_s=NEVER)
    asyncio.get_running_loop().call_at(1.2, peer.asks, None)

    await peer.wait(at_most_s=600)

    assert peer.complaints == []
    assert peer.pings == [QUIET_S]
    assert peer.cancelled_pings == 1


@on_virtual_clock
async def test_every_message_starts_the_limit_anew() -> None:
    peer = Peer(Owed("end of the audio", 5.0), pong_after_s=NEVER)

    for _ in range(100):
        await peer.message_after(0.9)
    await peer.wait(at_most_s=600)

    # 90 s of messages, no ping among them, then silence.
    assert peer.pings == [pytest.approx(90.0 + QUIET_S)]
    assert peer.complaints[0][0] == pytest.approx(
        90.0 + QUIET_S + PONG_S + GRACE_S
    )


@on_virtual_clock
async def test_a_stall_with_pongs_ends_at_the_limit() -> None:
    peer = Peer(Owed("end of the audio", 5.0))

    await peer.wait(at_most_s=600)

    late_s = pytest.approx(5.0 + GRACE_S)
    assert peer.complaints == [(late_s, "end of the audio", late_s)]
    # At 1.00, 2.01, 3.02 and 4.03 s; and none in the grace of the last one.
    assert len(peer.pings) == 4


@on_virtual_clock
async def test_a_dribble_ends_at_the_ceiling() -> None:
    peer = Peer(Owed("end of the audio", 5.0, 2.0, 30.0))

    while not peer.complaints:
        over = asyncio.ensure_future(peer.wait(at_most_s=1.0))
        await over

    assert peer.complaints == [
        (
            pytest.approx(32.0 + GRACE_S),
            "end of the audio",
            # Since it was asked for, not since the last drop.
            pytest.approx(30.0 + GRACE_S),
        )
    ]


@pytest.mark.parametrize("gap_ms", [1, 10, 27, 40, 100])
def test_messages_without_end_are_ended_at_the_ceiling(gap_ms: int) -> None:
    """However fast they come: none of them gives the peer another grace."""

    @on_virtual_clock
    async def test() -> None:
        peer = Peer(Owed("end of the audio", 5.0, 2.0, 30.0))

        while not peer.complaints and now() < 60.0:
            await peer.message_after(gap_ms / 1000)

        late_s = pytest.approx(30.0 + GRACE_S)
        assert peer.complaints == [
            (pytest.approx(32.0 + GRACE_S), "end of the audio", late_s)
        ]
        assert peer.pings == []

    test()


@on_virtual_clock
async def test_a_flood_that_lets_no_timer_fire_in_a_wait_is_ended() -> None:
    """Messages that are here already make waits that end at once."""
    peer = Peer(Owed("end of the audio", 5.0, 0.0, 30.0))

    while not peer.complaints and now() < 60.0:
        with peer.watchdog:
            pass
        await asyncio.sleep(0.01)

    assert peer.complaints == [
        (
            pytest.approx(30.0 + GRACE_S, abs=0.02),
            "end of the audio",
            pytest.approx(30.0 + GRACE_S, abs=0.02),
        )
    ]


@on_virtual_clock
async def test_the_ceiling_leaves_a_slow_consumer_out() -> None:
    """It was away for longer than the peer had."""
    peer = Peer(Owed("end of the audio", 5.0, 0.0, 30.0))

    for _ in range(10):
        await peer.message_after(0.02)
        await asyncio.sleep(20.0)
    for _ in range(29):
        await peer.message_after(1.0)
    assert peer.complaints == []
    await peer.message_after(2.0)

    [(_, missing, _)] = peer.complaints
    assert missing == "end of the audio"


@on_virtual_clock
async def test_more_text_has_a_ceiling_of_its_own() -> None:
    peer = Peer(Owed("audio", 5.0, 0.0, 10.0))
    asyncio.get_running_loop().call_at(
        9.0, peer.asks, Owed("end of the audio", 5.0, 9.0, 20.0)
    )

    while not peer.complaints and now() < 60.0:
        await peer.message_after(0.027)

    assert peer.complaints == [
        (
            pytest.approx(29.0 + GRACE_S),
            "end of the audio",
            pytest.approx(20.0 + GRACE_S),
        )
    ]


@on_virtual_clock
async def test_an_end_that_a_blocked_loop_sees_late_is_an_end() -> None:
    """The ceiling passes while the loop is blocked; all has arrived."""
    peer = Peer(Owed("end of the audio", 50.0, 0.0, 10.0))
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.call_at(9.0, loop.block, 30.0)

    await peer.message_after(9.5)
    peer.owed = None
    await asyncio.sleep(60)

    assert peer.complaints == []


@on_virtual_clock
async def test_a_pong_in_time_is_a_sign_of_life_however_late() -> None:
    peer = Peer(SIGN_OF_LIFE, pong_after_s=PONG_S - 0.01)

    await peer.wait(at_most_s=60)

    assert peer.complaints == []


@on_virtual_clock
async def test_a_message_cancels_the_ping_that_is_out() -> None:
    peer = Peer(SIGN_OF_LIFE, pong_after_s=NEVER)

    for _ in range(3):
        await peer.message_after(QUIET_S + 0.5)
    await asyncio.sleep(0)

    assert len(peer.pings) == peer.cancelled_pings == 3
    assert peer.complaints == []


@on_virtual_clock
async def test_a_ping_that_fails_is_no_sign_of_life() -> None:
    peer = Peer(SIGN_OF_LIFE, ping_fails=True)

    await peer.wait(at_most_s=60)

    assert peer.complaints[0][0] == pytest.approx(QUIET_S + PONG_S + GRACE_S)


@on_virtual_clock
async def test_nobody_is_blamed_while_the_loop_was_blocked() -> None:
    """What has arrived meanwhile is seen after the timers."""
    peer = Peer(LIMIT)
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    # A timer and the message are both due when the loop comes back.
    loop.call_at(2.0, loop.block, 10.0)

    await peer.message_after(2.9)

    assert peer.complaints == []


@on_virtual_clock
async def test_nothing_is_noticed_outside_a_wait() -> None:
    peer = Peer(LIMIT, pong_after_s=NEVER)

    await peer.message_after(0.5)
    peer.watchdog.owed_changed()
    await asyncio.sleep(60.0)

    assert peer.complaints == []
    assert peer.pings == []


def timers() -> int:
    """How many timers the loop has still to look at, cancelled ones too."""
    return len(asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]


@on_virtual_clock
async def test_a_thousand_messages_set_no_thousand_timers() -> None:
    peer = Peer(LIMIT)

    for _ in range(1000):
        with peer.watchdog:
            pass

    assert timers() == 1
    peer.watchdog.stop()


def test_what_is_owed_is_worked_out_anew_only_where_it_changes() -> None:
    config = GradiumTTSConfig.load({"params": {"api_key": "k"}})
    session, times = Session(Setup("pcm")), StreamTimes(opened_at=1.0)
    debts = Debts(config, session, Terms(silence_s=8.0), times)
    session.start()
    owed = []

    for step in (
        lambda: setattr(times, "slot_at", 2.0),
        lambda: setattr(times, "ready_at", 3.0),
        lambda: setattr(debts, "characters", 5),
        lambda: (session.end_input(), setattr(times, "input_ended_at", 4.0)),
        lambda: setattr(times, "audio_at", 5.0),
        lambda: setattr(times, "heard_at", 6.0),
    ):
        step()
        assert debts.owed() is debts.owed()
        owed.append(debts.owed())

    what = [debt.what if debt else None for debt in owed]
    assert what == [
        "answer to the setup",
        None,
        "audio",
        "audio",
        "end of the audio",
        "end of the audio",
    ]
    # The last step is only a message more.
    assert owed[-1] is owed[-2]
    assert owed[2] != owed[3]


@on_virtual_clock
async def test_a_watchdog_that_was_stopped_guards_nothing() -> None:
    peer = Peer(LIMIT, pong_after_s=NEVER)
    waiting = asyncio.ensure_future(peer.wait(at_most_s=60))
    await asyncio.sleep(QUIET_S + 0.5)

    peer.watchdog.stop()
    await waiting
    await peer.wait(at_most_s=60)

    assert peer.complaints == []
    assert len(peer.pings) == peer.cancelled_pings == 1


@on_virtual_clock
async def test_a_peer_is_complained_of_once() -> None:
    peer = Peer(LIMIT)

    await peer.wait(at_most_s=60)
    for _ in range(3):
        await peer.message_after(60)

    assert len(peer.complaints) == 1


@on_virtual_clock
async def test_a_wait_that_is_cancelled_leaves_nothing_behind() -> None:
    peer = Peer(LIMIT, pong_after_s=NEVER)
    waiting = asyncio.ensure_future(peer.wait(at_most_s=60))

    await asyncio.sleep(QUIET_S + 0.5)
    waiting.cancel()
    await asyncio.wait({waiting})
    await asyncio.sleep(60)

    assert peer.complaints == []
    assert peer.cancelled_pings == 1
