# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`tts_text_result`: the vendor's word times, on the clock of the frames."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from heard import RATES_HZ, WORDS

from gradium_sim import (
    Fault,
    FaultPlan,
    GradiumSim,
    LeaveOut,
    Point,
    Reset,
    Send,
    Stall,
    tones,
)
from ten_host import (
    AudioEnd,
    AudioStart,
    EndReason,
    ExtensionHost,
    FlushEnd,
    Frame,
    Metrics,
    TextResult,
    Word,
)

if TYPE_CHECKING:
    from conftest import StartHost

pytestmark = pytest.mark.usefixtures("debug_log")

RATE_HZ = 24000
TWELVE = " ".join(WORDS[:12])


def results(host: ExtensionHost, request_id: str = "r1") -> list[TextResult]:
    """The text results of a request, in order."""
    return [e for e in host.events(request_id) if isinstance(e, TextResult)]


def spoken(host: ExtensionHost, request_id: str = "r1") -> str:
    """The text of all results."""
    return "".join(result.text for result in results(host, request_id))


def story(host: ExtensionHost, request_id: str = "r1") -> list[str]:
    """What was sent of a request, each event in a word."""
    names = {AudioStart: "start", Frame: "frame", AudioEnd: "end"}
    return [
        f"text {e.text!r}" if isinstance(e, TextResult) else names[type(e)]
        for e in host.events(request_id)
    ]


def offset_ms(host: ExtensionHost, request_id: str = "r1") -> int:
    """Unix time of the first sample."""
    return host.frames(request_id)[0].timestamp_ms


def audio_ms(host: ExtensionHost, request_id: str = "r1") -> float:
    """Milliseconds of sound in all frames."""
    frames = host.frames(request_id)
    return sum(frame.duration_s for frame in frames) * 1000


def check_well_formed(found: list[TextResult], status: int) -> None:
    """The rules that hold for the results of every request."""
    *words, closing = found
    starts = [result.start_ms for result in found]
    assert starts == sorted(set(starts)), "starts ascend strictly"
    numbers = [result.metadata["turn_seq_id"] for result in found]
    assert numbers == list(range(len(found)))
    assert {result.metadata["turn_status"] for result in words} <= {0}
    assert not any(result.is_end for result in words)
    assert closing.metadata["turn_status"] == status
    assert (closing.text, closing.words, closing.duration_ms) == ("", (), 0)
    assert closing.is_end
    for result in found:
        assert "".join(word.word for word in result.words) == result.text
        spaces = [word for word in result.words if word.word.isspace()]
        assert all(word.duration_ms == 0 for word in spaces)
        assert all(word.duration_ms >= 0 for word in result.words)


def check_where_heard(host: ExtensionHost, rate_hz: int = RATE_HZ) -> None:
    """Every word is timed where the samples have it, each that they have.

    A word that was heard whole before its time came is said, and timed, once
    more after a drop.
    """
    heard = [
        word
        for word in tones.listen(host.pcm("r1"), rate_hz)
        if word.is_complete
    ]
    timed = [
        word for r in results(host) for word in r.words if word.word != " "
    ]
    assert {word.word for word in timed} == {word.text for word in heard}
    for word in timed:
        start_ms = word.start_ms - offset_ms(host)
        stop_ms = start_ms + word.duration_ms
        assert [
            one
            for one in heard
            if one.text == word.word
            and abs(one.start_s * 1000 - start_ms) <= 1
            and abs(one.stop_s * 1000 - stop_ms) <= 1
        ], f"{word} is elsewhere"


# ------------------------------------------------------------------ one session


@pytest.mark.parametrize("rate_hz", RATES_HZ)
async def test_each_word_follows_the_frame_in_which_it_ends(
    start_host: StartHost, rate_hz: int
) -> None:
    host = await start_host({"sample_rate": rate_hz}, enable_words=True)

    await host.send_text("r1", "Hello there, my world.", end=True)
    await host.ended("r1")

    assert story(host) == [
        "start",
        "frame",
        "frame",
        "text 'Hello'",
        "frame",
        "text ' there,'",
        "frame",
        "text ' my'",
        *["frame"] * 7,
        "text ' world.'",
        "text ''",
        "end",
    ]
    check_well_formed(results(host), status=1)
    check_where_heard(host, rate_hz)


async def test_a_result_is_one_word_with_the_space_before_it(
    start_host: StartHost, sim: GradiumSim
) -> None:
    host = await start_host(enable_words=True)

    metadata = {"session_id": "s", "turn_id": 3}
    await host.send_text("r1", "Hello world.", end=True, metadata=metadata)
    await host.ended("r1")

    at = offset_ms(host)
    (_, start_s, stop_s), (_, start2_s, stop2_s) = sim.sessions[0].words
    one, two = round(start_s * 1000), round(start2_s * 1000)
    long = round(stop_s * 1000) - one
    long2 = round(stop2_s * 1000) - two
    assert results(host) == [
        TextResult(
            "r1",
            "Hello",
            at + one,
            long,
            (Word("Hello", at + one, long),),
            False,
            {**metadata, "turn_seq_id": 0, "turn_status": 0},
        ),
        TextResult(
            "r1",
            " world.",
            at + two,
            long2,
            (Word(" ", at + two, 0), Word("world.", at + two, long2)),
            False,
            {**metadata, "turn_seq_id": 1, "turn_status": 0},
        ),
        TextResult(
            "r1",
            "",
            at + two + long2,
            0,
            (),
            True,
            {**metadata, "turn_seq_id": 2, "turn_status": 1},
        ),
    ]


async def test_no_word_is_announced_before_its_sound_was_sent(
    start_host: StartHost,
) -> None:
    host = await start_host(enable_words=True)

    await host.send_text("r1", TWELVE, end=True)
    await host.ended("r1")

    sent_ms = 0.0
    for event in host.events("r1"):
        if isinstance(event, Frame):
            sent_ms += event.duration_s * 1000
        elif isinstance(event, TextResult):
            stop_ms = event.start_ms + event.duration_ms - offset_ms(host)
            assert stop_ms <= round(sent_ms)


async def test_words_are_joined_to_the_text_however_it_came(
    start_host: StartHost,
) -> None:
    host = await start_host(enable_words=True)

    for piece in ("Once up", "on a ", "ti", "me, $50,", "000 of", " it."):
        await host.send_text("r1", piece)
    await host.send_text("r1", "", end=True)
    await host.ended("r1")

    assert spoken(host) == "Once upon a time, $50,000 of it."
    check_well_formed(results(host), status=1)


async def test_each_request_counts_its_turn_from_0(
    start_host: StartHost,
) -> None:
    host = await start_host(enable_words=True)

    for request_id in ("r1", "r2"):
        await host.send_text(request_id, "One two.", end=True)
        await host.ended(request_id)

    for request_id in ("r1", "r2"):
        check_well_formed(results(host, request_id), status=1)
        assert spoken(host, request_id) == "One two."
    assert offset_ms(host, "r2") > offset_ms(host, "r1")


@pytest.mark.parametrize("value", [False, None])
async def test_without_enable_words_there_are_none(
    start_host: StartHost, value: bool | None
) -> None:
    settings = {} if value is None else {"enable_words": value}
    host = await start_host(**settings)

    await host.send_text("r1", "Hello world.", end=True)
    await host.ended("r1")

    assert set(story(host)) == {"start", "frame", "end"}


async def test_a_request_without_a_word_has_no_results(
    start_host: StartHost,
) -> None:
    host = await start_host(enable_words=True)

    await host.send_text("r1", " … ", end=True)
    await host.ended("r1")

    assert story(host) == ["end"]


# --------------------------------------------------------- several sessions


@pytest.mark.parametrize("rate_hz", RATES_HZ)
async def test_words_go_on_where_a_drop_cut_the_audio(
    start_host: StartHost, sim: GradiumSim, rate_hz: int
) -> None:
    sim.faults = FaultPlan(Fault(Point.AUDIO, Reset(), after_words=5))
    host = await start_host({"sample_rate": rate_hz}, enable_words=True)

    await host.send_text("r1", TWELVE, end=True)
    await host.ended("r1")

    assert len(sim.sessions) == 2
    assert spoken(host) == TWELVE
    check_well_formed(results(host), status=1)
    check_where_heard(host, rate_hz)


async def test_a_retry_before_the_audio_leaves_no_trace_in_the_words(
    start_host: StartHost, sim: GradiumSim
) -> None:
    sim.faults = FaultPlan(
        Fault(Point.READY, Reset()), Fault(Point.FIRST_AUDIO, Reset())
    )
    host = await start_host(enable_words=True)

    await host.send_text("r1", TWELVE, end=True)
    await host.ended("r1")

    assert len(sim.sessions) == 3
    assert spoken(host) == TWELVE
    check_well_formed(results(host), status=1)
    check_where_heard(host)


async def test_words_survive_several_drops(
    start_host: StartHost, sim: GradiumSim
) -> None:
    sim.faults = FaultPlan(Fault(Point.AUDIO, Reset(), after_words=4, times=3))
    host = await start_host(enable_words=True)

    await host.send_text("r1", TWELVE, end=True)
    await host.ended("r1")

    assert len(sim.sessions) == 4
    assert spoken(host) == TWELVE
    check_well_formed(results(host), status=1)
    check_where_heard(host)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
async def test_words_run_on_over_sessions_that_were_ended_for_their_size(
    start_host: StartHost, sim: GradiumSim, rate_hz: int
) -> None:
    params = {"sample_rate": rate_hz, "session_max_chars": 30}
    host = await start_host(params, enable_words=True)

    await host.send_text("r1", TWELVE, end=True)
    await host.ended("r1")

    assert [session.text for session in sim.sessions] == [
        "apple bridge candle dragon",
        "engine forest garden hammer",
        "island jacket kettle ladder",
    ]
    assert spoken(host) == TWELVE
    check_well_formed(results(host), status=1)
    check_where_heard(host, rate_hz)


# ------------------------------------------------------------- cut short


@pytest.mark.parametrize("rate_hz", RATES_HZ)
async def test_an_interruption_closes_the_words_where_the_audio_was_cut(
    start_host: StartHost, sim: GradiumSim, rate_hz: int
) -> None:
    sim.pause_at(Point.AUDIO, after_frames=6)
    host = await start_host({"sample_rate": rate_hz}, enable_words=True)
    await host.send_text("r1", TWELVE, end=True)
    await sim.reached(Point.AUDIO)
    await host.until(lambda _: story(host).count("frame") == 6)

    await host.flush("f1")

    assert story(host)[-2:] == ["text ''", "end"]
    rest = [e for e in host.events() if not isinstance(e, Metrics)]
    assert [type(e) for e in rest[-2:]] == [AudioEnd, FlushEnd]
    end = host.events("r1")[-1]
    assert isinstance(end, AudioEnd)
    assert end.reason is EndReason.INTERRUPTED
    closing = results(host)[-1]
    cut_ms = closing.start_ms - offset_ms(host)
    assert cut_ms == round(audio_ms(host)) == end.duration_ms
    check_well_formed(results(host), status=2)
    check_where_heard(host, rate_hz)


async def test_an_interruption_before_the_first_audio_has_no_words(
    start_host: StartHost, sim: GradiumSim
) -> None:
    sim.pause_at(Point.FIRST_AUDIO)
    host = await start_host(enable_words=True)
    await host.send_text("r1", TWELVE, end=True)
    await sim.reached(Point.FIRST_AUDIO)

    await host.flush()

    assert story(host) == ["end"]


async def test_a_failure_closes_the_words_where_the_audio_was_cut(
    start_host: StartHost, sim: GradiumSim
) -> None:
    sim.faults = FaultPlan(Fault(Point.AUDIO, Reset(), after_frames=6))
    host = await start_host({"resume": False}, enable_words=True)

    await host.send_text("r1", TWELVE, end=True)
    end = await host.ended("r1")

    assert end.reason is EndReason.ERROR
    closing = results(host)[-1]
    assert closing.start_ms - offset_ms(host) == end.duration_ms
    check_well_formed(results(host), status=2)
    check_where_heard(host)


async def test_an_interruption_after_a_resume_counts_all_of_the_audio(
    start_host: StartHost, sim: GradiumSim
) -> None:
    sim.faults = FaultPlan(
        Fault(Point.AUDIO, Reset(), after_words=3),
        # Nothing more is on its way then: of a word that is cut off its time,
        # which follows its audio, there would be the audio alone.
        Fault(Point.AUDIO, Stall(), after_words=6),
    )
    host = await start_host(enable_words=True)
    await host.send_text("r1", TWELVE)
    await host.until(lambda _: len(results(host)) >= 8)

    await host.flush()

    assert len(sim.sessions) == 2
    closing = results(host)[-1]
    assert closing.start_ms - offset_ms(host) == round(audio_ms(host))
    check_well_formed(results(host), status=2)
    check_where_heard(host)


# ----------------------------------------------------------- odd word times


def word_message(text: str, **times: float | None) -> Send:
    return Send(json.dumps({"type": "text", "text": text, **times}))


ODD_TIMES = {
    "equal starts": [(0.1, 0.2), (0.1, 0.2), (0.1, 0.2)],
    "regressing": [(0.3, 0.35), (0.2, 0.25), (0.1, 0.15)],
    "ends before they start": [(0.2, 0.1), (0.3, 0.2), (0.4, 0.0)],
    "no duration": [(0.1, 0.1), (0.2, 0.2), (0.3, 0.3)],
    "negative": [(-1.0, -0.5), (-0.5, 0.0), (0.0, 0.1)],
    "after all audio": [(0.1, 0.2), (50.0, 51.0), (52.0, 53.0)],
    "null": [(None, None), (None, None), (None, None)],
}


@pytest.mark.parametrize("name", ODD_TIMES)
async def test_starts_ascend_whatever_times_the_server_sends(
    start_host: StartHost, sim: GradiumSim, name: str
) -> None:
    texts = ("one", "two", "three")
    sim.faults = FaultPlan(
        Fault(Point.FIRST_AUDIO, LeaveOut(("text",), "text")),
        *(
            Fault(Point.AUDIO, word_message(t, start_s=a, stop_s=b), 5)
            for t, (a, b) in zip(texts, ODD_TIMES[name], strict=True)
        ),
    )
    host = await start_host(enable_words=True)

    await host.send_text("r1", "One two three.", end=True)
    await host.ended("r1")

    assert spoken(host) == "one two three"
    check_well_formed(results(host), status=1)


async def test_the_words_are_those_that_were_spoken_not_those_written(
    start_host: StartHost, sim: GradiumSim
) -> None:
    said = [("five", 0.0, 0.1), ("dollars", 0.1, 0.2), ("only.", 0.2, 0.3)]
    sim.faults = FaultPlan(
        Fault(Point.FIRST_AUDIO, LeaveOut(("text",), "text")),
        *(
            Fault(Point.AUDIO, word_message(t, start_s=a, stop_s=b), 5)
            for t, a, b in said
        ),
    )
    host = await start_host(enable_words=True)

    await host.send_text("r1", "$5 only.", end=True)
    await host.ended("r1")

    timed = [(r.text, r.start_ms - offset_ms(host)) for r in results(host)]
    assert timed == [("five", 0), (" dollars", 100), (" only.", 200), ("", 300)]
    check_well_formed(results(host), status=1)
