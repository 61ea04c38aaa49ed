# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The playback clock, against a player that works sample by sample."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradium_tts_python.core.playback import Playback, PlaybackClock, Stall

# Frames as (gap before it in ms, length in ms).
FRAMES = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 200)))


def listen(frames: list[tuple[int, int]], until_ms: int) -> tuple[int, int]:
    """Play ms by ms; gives how much was delivered and played by a moment."""
    arrivals, at_ms = [], 0
    for gap_ms, length_ms in frames:
        at_ms += gap_ms
        arrivals.append((at_ms, length_ms))
    delivered = played = buffered = 0
    for now_ms in range(until_ms):
        came = sum(length for at, length in arrivals if at == now_ms)
        delivered, buffered = delivered + came, buffered + came
        if buffered:
            buffered, played = buffered - 1, played + 1
    return delivered, played


@given(FRAMES, st.integers(0, 1500))
def test_the_clock_is_that_of_a_loudspeaker(
    frames: list[tuple[int, int]], until_ms: int
) -> None:
    clock, now_ms = PlaybackClock(), 0
    for gap_ms, length_ms in frames:
        now_ms += gap_ms
        if now_ms < until_ms:
            clock.deliver(length_ms / 1000, now_ms / 1000)

    delivered_ms, played_ms = listen(frames, until_ms)
    at_s = until_ms / 1000
    assert clock.delivered_s * 1000 == pytest.approx(delivered_ms)
    assert clock.played_s(at_s) * 1000 == pytest.approx(played_ms)
    assert clock.buffered_s(at_s) == pytest.approx(
        clock.delivered_s - clock.played_s(at_s)
    )


def test_a_flush_drops_what_was_not_played() -> None:
    clock = PlaybackClock()
    clock.deliver(2.0, 10.0)

    clock.flush(10.5)

    assert clock.delivered_s == clock.played_s(10.5) == 0.5
    assert clock.deliver(1.0, 10.6) == 10.6
    assert clock.played_s(11.0) == pytest.approx(0.9)


def test_a_flush_of_silence_changes_nothing() -> None:
    clock = PlaybackClock()
    clock.deliver(1.0, 10.0)

    clock.flush(12.0)

    assert (clock.delivered_s, clock.empty_at) == (1.0, 11.0)


def test_requests_play_one_behind_the_other() -> None:
    clock = PlaybackClock()
    one, two = Playback(clock), Playback(clock)
    for _ in range(3):
        one.deliver(1.0, 10.0)
    two.deliver(1.0, 10.0)

    assert (one.over_at, two.over_at) == (13.0, 14.0)
    times = [9.0, 10.5, 12.5, 13.0, 13.25, 20.0]
    assert [one.played_s(at) for at in times] == [0.0, 0.5, 2.5, 3.0, 3.0, 3.0]
    assert [two.played_s(at) for at in times] == [0.0, 0.0, 0.0, 0.0, 0.25, 1.0]
    assert two.heard_at(0.5) == 13.5
    assert (one.stalls, two.stalls) == ([], [])


def test_a_pause_between_two_requests_is_no_stall() -> None:
    clock = PlaybackClock()
    one, two = Playback(clock), Playback(clock)
    one.deliver(1.0, 10.0)
    two.deliver(1.0, 15.0)

    assert two.stalls == []
    assert two.largest_gap_s == 0.0
    assert two.heard_at(0.0) == 15.0


def test_silence_within_a_request_is_a_stall() -> None:
    playback = Playback(PlaybackClock())
    for at in (10.0, 10.25, 13.0, 14.25):
        playback.deliver(1.0, at)
    playback.break_off(16.0)

    assert playback.stalls == [
        Stall(2.0, 1.0),
        Stall(3.0, 0.25),
        Stall(4, 0.75),
    ]
    assert playback.stalled_s == 2.0
    assert playback.largest_gap_s == 2.75
    assert playback.real_time_factor == 4.25 / 3.0
    # Each place is heard after the silences before it.
    heard_at = [playback.heard_at(s) for s in (0.0, 1.75, 2.0, 3.5)]
    assert heard_at == [10.0, 11.75, 13.0, 14.75]


def test_silence_in_which_listening_ends_is_a_stall_too() -> None:
    playback = Playback(PlaybackClock())
    playback.deliver(1.0, 10.0)

    playback.stop(13.0)

    assert playback.stalls == [Stall(at_s=1.0, silence_s=2.0)]
    assert playback.played_s(20.0) == 1.0


def test_rounded_times_are_no_stall() -> None:
    playback = Playback(PlaybackClock())
    for frame in range(50):
        playback.deliver(0.08, 0.08 * frame + 0.0009 * (frame % 2))

    assert playback.stalls == []


def test_without_audio_there_is_nothing_to_hear() -> None:
    playback = Playback(PlaybackClock())
    playback.break_off(5.0)

    assert (playback.played_s(9.0), playback.stalls) == (0.0, [])
    assert playback.real_time_factor is None
    assert not playback.will_play(0.0)


def test_a_single_frame_has_no_pace() -> None:
    playback = Playback(PlaybackClock())
    playback.deliver(1.0, 5.0)

    assert playback.real_time_factor is None


def test_who_stops_listening_hears_no_more() -> None:
    clock = PlaybackClock()
    playback = Playback(clock)
    playback.deliver(3.0, 10.0)

    playback.stop(11.0)
    clock.flush(11.0)
    clock.deliver(5.0, 11.0)
    playback.stop(12.0)

    assert playback.is_stopped
    assert playback.played_s(11.0) == playback.played_s(20.0) == 1.0
    assert (playback.will_play(0.5), playback.will_play(1.5)) == (True, False)
