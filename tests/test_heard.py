# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What was heard is what a player of the very same frames has played.

On a virtual clock, with servers of every pace; over real sockets in
`test_heard_conversations.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from gradium_tts_python.extension import GradiumTTSExtension
from gradium_tts_python.graph import listener
from ten_host import (
    AudioEnd,
    Event,
    FlushEnd,
    Frame,
    Metrics,
    OtherData,
    TextResult,
)
from ten_runtime import Data

from .paced_server import RATE_HZ, PacedServer, Player, Style
from .properties.test_life_properties import (
    Flush,
    RecordingEnv,
    Script,
    Step,
    Wait,
    Write,
)
from .properties.test_life_properties import Player as Life
from .properties.virtual_loop import run_virtually

TEXT = (
    "Once upon a time, there lived one **fisherman** by that sea.\n\n"
    "Every morning he went out with his boat, and came back"
    " late; nobody else saw it."
)
NUMBERS = (
    "It costs $5 now, and was 1,250 before. That is 60% less than they asked"
    " in 1999 for one of these, or $3 each."
)
SPOKEN_AS = {
    "$5": "five dollars",
    "1,250": "one thousand two hundred fifty",
    "60%": "sixty percent",
    "1999": "nineteen ninety nine",
    "$3": "three dollars",
}
PARAMS = {"api_key": "test-key", "sample_rate": RATE_HZ, "session_max_s": 0.0}


@dataclass
class Record:
    """What the graph was told, and when; what was played."""

    events: list[tuple[float, Event]] = field(default_factory=list)
    player: Player = field(default_factory=Player)
    sessions: int = 0

    def heard(self) -> list[dict[str, Any]]:
        """The fields of each `tts_heard`, in order."""
        return [
            event.properties
            for _, event in self.events
            if isinstance(event, OtherData) and event.name == "tts_heard"
        ]

    def kinds(self) -> list[str]:
        """The names of the events, but frames, metrics and states."""
        names = []
        for _, event in self.events:
            if isinstance(event, OtherData):
                names.append(event.name)
            elif isinstance(event, (AudioEnd, FlushEnd)):
                names.append(type(event).__name__)
            elif isinstance(event, TextResult) and event.is_end:
                names.append("closing")
        return names

    def at(self, kind: type) -> list[float]:
        return [at for at, event in self.events if isinstance(event, kind)]


def play(
    style: Style,
    *steps: Step,
    words: Sequence[str] | None = None,
    enable_words: bool = True,
    **params: Any,
) -> Record:
    """Let an extension do some steps on such a server."""
    record = Record()

    async def live() -> None:
        loop = asyncio.get_running_loop()

        def on_event(event: Event) -> None:
            record.events.append((loop.time(), event))
            if isinstance(event, Frame):
                record.player.take(event.pcm, loop.time())

        texts = [step.text for step in steps if isinstance(step, Write)]
        server = PacedServer(style, words or spoken(" ".join(texts)))
        life = Life(Script(()), GradiumTTSExtension)
        life.env = RecordingEnv(
            {
                "enable_words": enable_words,
                "params": {**PARAMS, "clean_markdown": True, **params},
            },
            on_event,
        )
        life.extension.connect = server.connect
        async with life.running():
            for step in steps:
                await life.do(step)
                # A step is done when nothing of it is left to do now.
                await asyncio.sleep(0)
            await asyncio.sleep(0.001)
        record.sessions = server.sessions

    run_virtually(live())
    return record


def spoken(text: str) -> list[str]:
    return text.replace("**", "").split()


def interrupted(style: Style, text: str, at_s: float, **params: Any) -> Record:
    """Speak a text, and flush after so many seconds."""
    write = Write("r1", text, is_end=True)
    return play(style, write, Wait(at_s), Flush(), **params)


# ------------------------------------------------------------------- the table


@dataclass(frozen=True)
class Case:
    """A server, a text, and what is known of the outcome.

    Attributes:
        sessions: how many sessions it takes to say all.
        slack: by how many words more than the one under the cut the report
            may differ from what was played.
    """

    name: str
    style: Style
    text: str = TEXT
    params: dict[str, Any] = field(default_factory=dict)
    sessions: int = 1
    slack: int = 0

    def __str__(self) -> str:
        return self.name


CASES = [
    Case("1x", Style(speed=1.0)),
    Case("3x", Style(speed=3.0)),
    Case("25x", Style(speed=25.0)),
    Case("slower than life", Style(speed=0.7)),
    Case("dripping", Style(speed=1.3, drips=9)),
    Case("stalling", Style(speed=3.0, stall=(1.2, 2.0))),
    Case("resumed", Style(3.0, cuts_s=(1.5, 2.0)), sessions=3),
    Case("resumed at 25x", Style(25.0, cuts_s=(1.1, 2.3)), sessions=3),
    Case("resumed at 1x", Style(1.0, cuts_s=(1.0, 2.0)), sessions=3),
    Case("rotated", Style(3.0), params={"session_max_chars": 45}, sessions=4),
    Case("rewritten", Style(3.0, spoken_as=SPOKEN_AS), text=NUMBERS),
    Case("rewritten at 25x", Style(25.0, spoken_as=SPOKEN_AS), text=NUMBERS),
    Case("rewritten at 1x", Style(1.0, spoken_as=SPOKEN_AS), text=NUMBERS),
    Case("no word times", Style(3.0, has_times=False), slack=1),
    Case("no word times at 25x", Style(25.0, has_times=False)),
]


def check(case: Case, record: Record) -> tuple[int, int]:
    """The report is that of a player; gives words reported and played."""
    (heard,) = record.heard()
    (flushed_at,) = record.at(FlushEnd)
    count, played_s = record.player.heard_by(flushed_at)
    assert heard["heard_text"] + heard["unheard_text"] == case.text
    assert heard["heard_ms"] == pytest.approx(played_s * 1000, abs=1)
    delivered_s = sum(len(pcm) for _, pcm in record.player.frames) / 2 / RATE_HZ
    assert heard["delivered_ms"] == pytest.approx(delivered_s * 1000, abs=1)
    reported = spoken(heard["heard_text"])
    assert reported == spoken(case.text)[: len(reported)]
    assert abs(len(reported) - count) <= 1 + case.slack
    return len(reported), count


def length_s(case: Case) -> float:
    """When the last sample of a case is played."""
    write = Write("r1", case.text, is_end=True)
    record = play(case.style, write, Wait(60.0), **case.params)
    assert record.sessions == case.sessions
    (heard,) = record.heard()
    assert (heard["heard_text"], heard["unheard_text"]) == (case.text, "")
    return record.at(OtherData)[-1]


def check_table(case: Case, step_ms: int) -> str:
    whole_ms = round(length_s(case) * 1000)
    off = []
    moments_ms = range(step_ms, whole_ms + 200, step_ms)
    for at_ms in moments_ms:
        record = interrupted(case.style, case.text, at_ms / 1000, **case.params)
        reported, played = check(case, record)
        off.append(abs(reported - played))
    return (
        f"{off.count(0)} of {len(off)} to the word, {off.count(1)} by one,"
        f" at most {max(off)}"
    )


@pytest.mark.thorough
@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_was_heard_is_what_was_played_at_every_100_ms(
    case: Case, record_property: Callable[[str, object], None]
) -> None:
    record_property("measured", f"{case}: {check_table(case, 100)}")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_was_heard_is_what_was_played(case: Case) -> None:
    check_table(case, 4100)


def check_repeated(at_s: float) -> None:
    """Interrupt a text that is played from the store, after so long."""
    steps = Write("r1", TEXT, is_end=True), Wait(60.0)
    again = Write("r2", TEXT, is_end=True), Wait(at_s), Flush()

    record = play(
        Style(3.0), *steps, *again, words=spoken(TEXT), phrases="memory"
    )

    assert record.sessions == 1
    _, heard = record.heard()
    assert (heard["request_id"], heard["is_exact"]) == ("r2", True)
    (flushed_at,) = record.at(FlushEnd)
    frames = [frame for frame in record.player.frames if frame[0] >= 60.0]
    count, played_s = Player(frames).heard_by(flushed_at)
    assert heard["heard_ms"] == pytest.approx(played_s * 1000, abs=1)
    assert heard["heard_text"] + heard["unheard_text"] == TEXT
    assert abs(len(spoken(heard["heard_text"])) - count) <= 1


@pytest.mark.parametrize("at_s", [0.5, 2.6])
def test_what_was_heard_of_a_repeated_text_is_what_was_played(
    at_s: float,
) -> None:
    check_repeated(at_s)


@pytest.mark.thorough
def test_the_same_for_a_repeated_text_at_every_50_ms() -> None:
    for moment in range(1, 100):
        check_repeated(moment * 0.05)


# -------------------------------------------------------------- what is told

R1 = Write("r1", TEXT, is_end=True)
NEXT = "Another story begins here: nothing has been told before."
R2 = Write("r2", NEXT, is_end=True)
FAST = Style(speed=25.0)


def texts(fields: dict[str, Any]) -> tuple[str, str]:
    return fields["heard_text"], fields["unheard_text"]


def test_an_interruption_tells_it_before_its_end() -> None:
    record = interrupted(Style(3.0), TEXT, 2.0)

    assert record.kinds() == ["tts_heard", "closing", "AudioEnd", "FlushEnd"]
    (heard,) = record.heard()
    assert heard["heard_text"] == "Once upon a time, there lived one"
    told = {key: heard[key] for key in heard if key.endswith(("text", "_ms"))}
    (closing,) = [
        event
        for _, event in record.events
        if isinstance(event, TextResult) and event.is_end
    ]
    assert closing.metadata == {"turn_seq_id": 20, "turn_status": 2, **told}
    assert heard == {
        "request_id": "r1",
        "reason": 2,
        **told,
        "is_exact": True,
        "metadata": {},
    }


def test_a_complete_request_is_told_of_when_its_last_sample_was_played() -> (
    None
):
    record = play(FAST, R1, Wait(30.0))

    assert record.kinds() == ["closing", "AudioEnd", "tts_heard"]
    (heard,) = record.heard()
    (over_at,) = record.at(OtherData)
    count, played_s = record.player.heard_by(over_at)
    assert record.player.heard_by(over_at - 0.001)[1] < played_s
    assert record.player.heard_by(over_at + 9.0) == (count, played_s)
    assert texts(heard) == (TEXT, "")
    assert (heard["reason"], heard["is_exact"]) == (1, True)
    assert heard["heard_ms"] == heard["delivered_ms"] == round(played_s * 1000)


def test_a_flush_after_the_end_tells_what_was_heard_and_no_second_end() -> None:
    record = play(FAST, R1, Wait(2.0), Flush(), Wait(30.0))

    assert record.kinds() == ["closing", "AudioEnd", "tts_heard", "FlushEnd"]
    (heard,) = record.heard()
    assert texts(heard)[0] == "Once upon a time, there lived one"
    assert texts(heard)[0] + texts(heard)[1] == TEXT
    assert (heard["reason"], heard["heard_ms"]) == (2, 1990)
    # All of it had been delivered.
    assert heard["delivered_ms"] > 6000


def test_a_flush_after_all_was_heard_tells_nothing_more() -> None:
    record = play(FAST, R1, Wait(30.0), Flush(), Wait(9.0), Flush())

    assert record.kinds() == [
        "closing",
        "AudioEnd",
        "tts_heard",
        "FlushEnd",
        "FlushEnd",
    ]


def test_a_new_request_changes_nothing_for_the_old_one() -> None:
    alone = play(FAST, R1, Wait(2.0), Flush())
    record = play(FAST, R1, Wait(1.0), R2, Wait(1.0), Flush())

    one, two = record.heard()
    assert one == alone.heard()[0]
    # Its audio waits behind that of the first.
    assert (two["request_id"], two["heard_ms"]) == ("r2", 0)
    assert texts(two) == ("", NEXT)
    assert record.kinds()[-3:] == ["tts_heard", "tts_heard", "FlushEnd"]


def test_a_flush_in_the_second_request_cuts_only_that() -> None:
    words = [*spoken(TEXT), *spoken(NEXT)]
    whole_s = length_s(CASES[2])
    record = play(
        FAST, R1, Wait(1.0), R2, Wait(whole_s + 0.4), Flush(), words=words
    )

    one, two = record.heard()
    (flushed_at,) = record.at(FlushEnd)
    first = len(spoken(TEXT))
    count, _ = record.player.heard_by(flushed_at, since=first)
    assert (one["request_id"], one["reason"], texts(one)) == (
        "r1",
        1,
        (TEXT, ""),
    )
    assert (two["request_id"], two["reason"]) == ("r2", 2)
    assert len(spoken(texts(two)[0])) == count > 1
    assert texts(two)[0] + texts(two)[1] == NEXT


def test_a_request_that_waits_in_the_queue_is_told_of_by_its_own_clock() -> (
    None
):
    """Both requests are spoken at once, and heard one after the other."""
    record = play(FAST, R1, R2, Wait(30.0))

    one, two = record.heard()
    at_one, at_two = record.at(OtherData)
    assert (one["reason"], two["reason"]) == (1, 1)
    assert at_two - at_one == pytest.approx(two["heard_ms"] / 1000, abs=0.002)


def test_after_a_flush_the_next_request_is_heard_at_once() -> None:
    record = play(
        FAST, R1, Wait(1.0), Flush(), R2, Wait(1.0), Flush(),
        words=[*spoken(TEXT), *spoken(NEXT)],
    )  # fmt: skip

    _, two = record.heard()
    assert two["heard_ms"] > 900
    assert texts(two)[0] == "Another story begins"


@pytest.mark.parametrize("is_ended", [True, False])
def test_a_flush_before_any_audio_has_all_unheard(is_ended: bool) -> None:
    write = Write("r1", TEXT, is_end=is_ended)
    record = play(Style(), write, Flush())

    (heard,) = record.heard()
    assert texts(heard) == ("", TEXT)
    assert (heard["heard_ms"], heard["delivered_ms"]) == (0, 0)
    ends = ["AudioEnd"] if is_ended else []
    assert record.kinds() == ["tts_heard", *ends, "FlushEnd"]


def test_what_was_held_back_is_unheard() -> None:
    """The last word may go on, so it is not sent; it was asked for."""
    steps = (Write("r1", "Once upon a ti"), Wait(0.4), Flush())
    record = play(FAST, *steps, words=["Once", "upon", "a"])

    (heard,) = record.heard()
    assert texts(heard) == ("Once", " upon a ti")


def test_texts_after_a_flush_are_of_no_report() -> None:
    late = Write("r1", "never heard.", is_end=True)
    begun = Write("r1", "Once upon a time ")
    words = ["Once", "upon", "a", "time"]
    record = play(FAST, begun, Wait(0.6), Flush(), late, Wait(9.0), words=words)

    (heard,) = record.heard()
    assert "".join(texts(heard)) == "Once upon a time "


def test_of_what_cannot_be_spoken_nothing_is_told() -> None:
    record = play(Style(), Write("r1", "?! …", is_end=True), Wait(1.0))

    assert record.kinds() == ["AudioEnd"]


def test_a_failed_request_is_heard_as_far_as_it_came() -> None:
    style = Style(25.0, cuts_s=(1.5,))
    record = play(style, R1, Wait(30.0), resume=False)

    (heard,) = record.heard()
    (over_at,) = record.at(OtherData)
    count, played_s = record.player.heard_by(over_at)
    assert record.kinds() == ["closing", "AudioEnd", "tts_heard"]
    assert heard["reason"] == 3
    assert len(spoken(texts(heard)[0])) == count
    assert "".join(texts(heard)) == TEXT
    assert heard["heard_ms"] == heard["delivered_ms"] == round(played_s * 1000)


def test_what_comes_after_a_failure_is_unheard() -> None:
    style = Style(25.0, cuts_s=(1.5,))
    begun = Write("r1", NEXT + " ")
    rest = (Write("r1", "And so "), Write("r1", "on.", is_end=True))
    record = play(style, begun, Wait(0.5), *rest, Wait(9.0), resume=False)

    (heard,) = record.heard()
    assert texts(heard)[0] == "Another story begins"
    assert "".join(texts(heard)) == f"{NEXT} And so on."


def test_words_not_wanted_are_heard_all_the_same() -> None:
    with_words = interrupted(Style(3.0), TEXT, 2.0)
    record = interrupted(Style(3.0), TEXT, 2.0, enable_words=False)

    assert record.heard() == with_words.heard()
    assert record.kinds() == ["tts_heard", "AudioEnd", "FlushEnd"]


def test_a_flush_without_an_id_is_none() -> None:
    told: list[str] = []

    async def live() -> None:
        life = Life(Script(()), GradiumTTSExtension)
        life.env = RecordingEnv(
            {"params": PARAMS}, lambda event: told.append(type(event).__name__)
        )
        life.extension.connect = PacedServer(FAST, spoken(NEXT)).connect
        async with life.running():
            await life.do(R2)
            await asyncio.sleep(1.0)
            data = Data.create("tts_flush")
            await life.extension.on_data(life.env, data)
            await asyncio.sleep(1.0)
            assert "OtherData" not in told
            await asyncio.sleep(9.0)

    run_virtually(live())

    assert told[-2:] == ["OtherData", "Metrics"]  # the stop's
    assert "FlushEnd" not in told


def test_few_requests_that_still_play_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listener, "MOST_REMEMBERED", 3)
    steps = [Write(f"r{n}", "word.", is_end=True) for n in range(5)]
    record = play(Style(1000.0), *steps, Wait(0.2), Flush(), words=["word."])

    heard = record.heard()
    told = [(fields["request_id"], fields["reason"]) for fields in heard]
    assert told == [("r0", 1), ("r1", 1), ("r2", 2), ("r3", 2), ("r4", 2)]
    assert [fields["is_exact"] for fields in heard] == [False] * 2 + [True] * 3
    assert texts(heard[0]) == texts(heard[1]) == ("word.", "")


# --------------------------------------------------------------------- pace


def pace(record: Record) -> dict[str, Any]:
    """The pace in the usage of the only request."""
    (found,) = [
        event.metadata
        for _, event in record.events
        if isinstance(event, Metrics) and "stall_count" in event.metadata
    ]
    return found


def test_an_even_server_has_no_stall() -> None:
    assert pace(play(Style(4.0), R1, Wait(30.0))) == {
        "is_cached": False,
        "stall_count": 0,
        "stall_ms": 0,
        "largest_gap_ms": 20,
        "real_time_factor": 0.25,
        # The socket was just being opened.
        "first_word_ms": 10,
    }


def test_a_stall_is_as_long_as_the_silence_that_is_heard() -> None:
    record = play(Style(3.0, stall=(1.2, 2.0)), R1, Wait(30.0))

    told = pace(record)
    frames = record.player.frames
    ends_at, silences = frames[0][0], []
    for came_at, pcm in frames:
        silences.append(max(0.0, came_at - ends_at))
        ends_at = max(ends_at, came_at) + len(pcm) / 2 / RATE_HZ
    assert told["stall_count"] == 1
    assert told["stall_ms"] == round(sum(silences) * 1000) > 1000
    assert told["largest_gap_ms"] == 2027


def test_a_server_that_is_too_slow_stalls_at_every_frame() -> None:
    record = play(Style(0.5), R1, Wait(30.0))

    told = pace(record)
    assert told["real_time_factor"] == 2.0
    assert told["stall_count"] == len(record.player.frames) - 1


def test_an_interruption_ends_the_stall_that_it_meets() -> None:
    told = pace(interrupted(Style(3.0, stall=(1.2, 99.0)), TEXT, 5.0))

    # 1.2 s of audio from 0.01 s on.
    assert (told["stall_count"], told["stall_ms"]) == (1, 3790)


def test_the_first_word_is_heard_behind_what_still_plays() -> None:
    record = play(FAST, R1, Wait(1.0), R2, Wait(30.0))

    first, second = [
        event.metadata["first_word_ms"]
        for _, event in record.events
        if isinstance(event, Metrics) and "first_word_ms" in event.metadata
    ]
    over_at = record.at(OtherData)[0]
    assert first == 10
    assert second == round((over_at - 1.0) * 1000)
