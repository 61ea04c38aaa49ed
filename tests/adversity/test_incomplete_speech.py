# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Speech that is not all there is never told as complete.

A server ends too early, leaves audio out, or sends what cannot be read. What is
missing is said by the next session, or one error says so. A server that counts
or tells its words in another way loses nothing by it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator

import pytest
from heard import WORDS, Hearing, hear
from speaking import Spoken, client_on, speak

from gradium_sim import GradiumSim
from gradium_tts_python.core.actions import Words
from gradium_tts_python.core.errors import ErrorKind, SynthesisError

from .altered_line import AlteredLine, Change, Message, Raw

SAID = WORDS[:20]
TEXT = " ".join(SAID)
RATE_HZ = 8000
ALL = tuple(range(20))


async def spoken_over(
    sim: GradiumSim, line: AlteredLine, text: str = TEXT, **params: object
) -> Spoken:
    async with client_on(
        sim.url,
        connect=line,
        enable_words=True,
        warm="off",
        sample_rate=RATE_HZ,
        **params,
    ) as client:
        return await speak(client, text)


def hearing_of(spoken: Spoken) -> Hearing:
    return hear(spoken.pcm, RATE_HZ, SAID)


def check_all_is_heard(spoken: Spoken, line: AlteredLine) -> None:
    """In two sessions; only what was at the seam is heard again.

    That is the word whose time was on its way, and one that had just ended.
    """
    assert spoken.error is None
    assert line.connections == 2
    assert spoken.words == SAID
    hearing = hearing_of(spoken)
    # None where no word was whole before what was missing.
    for last, first in hearing.seams:
        assert hearing.order == (*range(last + 1), *range(first, 20))
        assert last - 1 <= first <= last
    assert hearing.seams or hearing.order == ALL
    assert hearing.fragments <= 1


# -------------------------------------------------------------------- changes


def ending_after(words: int) -> Change:
    """End the session after so many words, and say nothing of it."""
    told = 0

    def change(message: Message) -> Iterable[Message]:
        nonlocal told
        told += message["type"] == "text"
        if told <= words or message["type"] == "end_of_stream":
            yield message
        if told == words and message["type"] == "text":
            yield {"type": "end_of_stream"}

    return change


Spoiled = Callable[[Message], Iterable[Raw]]


def spoiling(numbers: Iterable[int], spoil: Spoiled) -> Change:
    """Have these audio messages, counted from 0, spoiled."""
    wanted, count = set(numbers), -1

    def change(message: Message) -> Iterable[Message | Raw]:
        nonlocal count
        count += message["type"] == "audio"
        is_hit = message["type"] == "audio" and count in wanted
        return spoil(message) if is_hit else [message]

    return change


def without_times(change: Change) -> Change:
    """… and no audio message has times."""

    def changed(message: Message) -> Iterator[Message | Raw]:
        if message["type"] == "audio":
            message = {
                key: value
                for key, value in message.items()
                if not key.endswith("_s")
            }
        yield from change(message)

    return changed


SPOILED: dict[str, Spoiled] = {
    "left out": lambda message: [],
    "not base64": lambda message: [
        json.dumps({**message, "audio": "?" + message["audio"]})
    ],
    "cut short": lambda message: [json.dumps(message)[:600]],
    "binary": lambda message: [base64.b64decode(message["audio"])],
    "no audio": lambda message: [json.dumps({**message, "audio": None})],
    "empty": lambda message: [json.dumps({**message, "audio": ""})],
    "of no type": lambda message: [json.dumps({**message, "type": None})],
}


# -------------------------------------------------------------- too early an end


@pytest.mark.parametrize("words", [1, 3, 10, 18])
async def test_an_end_that_comes_too_early_is_a_cut(
    sim: GradiumSim, words: int
) -> None:
    line = AlteredLine(ending_after(words))

    check_all_is_heard(await spoken_over(sim, line), line)


async def test_an_end_that_always_comes_too_early_is_one_error(
    sim: GradiumSim,
) -> None:
    # The first word is never over for sure.
    line = AlteredLine(last=lambda: ending_after(1))

    spoken = await spoken_over(sim, line)

    assert isinstance(spoken.error, SynthesisError)
    assert spoken.error.kind is ErrorKind.TRANSIENT
    left = spoken.speech.ledger.undelivered_text()
    assert str(spoken.error) == (
        f"127.0.0.1:{sim.port} ended the speech {len(left)} characters early"
    )
    assert left == " ".join(SAID[len(spoken.words) :])
    assert line.connections == 4


async def test_too_early_an_end_without_resume_is_one_error(
    sim: GradiumSim,
) -> None:
    line = AlteredLine(ending_after(3))

    spoken = await spoken_over(sim, line, resume=False)

    assert isinstance(spoken.error, SynthesisError)
    assert spoken.words == SAID[:3]
    assert spoken.speech.ledger.undelivered_text() == " ".join(SAID[3:])


# ----------------------------------------------------------------------- holes


@pytest.mark.parametrize(
    ("how", "numbers"),
    [
        (how, numbers)
        for how in SPOILED
        for numbers in [(0, 1), (4,), (7, 8, 9), tuple(range(5, 15))]
        # Nothing tells where a server's clock starts.
        if numbers[0] or how not in ("left out", "empty")
    ],
)
async def test_audio_that_is_missing_is_said_again(
    sim: GradiumSim, how: str, numbers: tuple[int, ...]
) -> None:
    line = AlteredLine(spoiling(numbers, SPOILED[how]))

    check_all_is_heard(await spoken_over(sim, line), line)


@pytest.mark.parametrize("how", ["not base64", "cut short"])
async def test_without_times_what_was_audio_is_said_again(
    sim: GradiumSim, how: str
) -> None:
    spoiled = spoiling(range(1, 20, 2), SPOILED[how])
    line = AlteredLine(without_times(spoiled))

    check_all_is_heard(await spoken_over(sim, line), line)


def in_large_messages(*, without: int | None = None) -> Change:
    """Send audio in messages of 2.4 s, which are handed on in parts.

    Something unreadable stands before each; one may be missing.
    """
    held: list[Message] = []
    sent = 0

    def joined() -> Iterator[Message | Raw]:
        nonlocal sent
        if held:
            chunks = [base64.b64decode(message["audio"]) for message in held]
            audio = base64.b64encode(b"".join(chunks)).decode()
            yield '{"type": "audio", "audio": "?"}'
            if sent != without:
                start_s = held[0]["start_s"]
                yield {**held[-1], "audio": audio, "start_s": start_s}
            sent += 1
            held.clear()

    def change(message: Message) -> Iterator[Message | Raw]:
        if message["type"] != "audio":
            if message["type"] == "end_of_stream":
                yield from joined()
            yield message
            return
        held.append(message)
        if len(held) == 30:
            yield from joined()

    return change


@pytest.mark.parametrize(("without", "sessions"), [(None, 1), (1, 2)])
async def test_messages_of_any_size_are_measured(
    sim: GradiumSim, without: int | None, sessions: int
) -> None:
    line = AlteredLine(in_large_messages(without=without))

    spoken = await spoken_over(sim, line, " ".join(WORDS))

    assert spoken.error is None
    assert line.connections == sessions
    assert set(hear(spoken.pcm, RATE_HZ, WORDS).order) == set(range(60))


async def test_what_was_not_heard_is_not_announced(sim: GradiumSim) -> None:
    line = AlteredLine(spoiling(range(7, 17), SPOILED["left out"]))

    spoken = await spoken_over(sim, line, resume=False)

    assert isinstance(spoken.error, SynthesisError)
    assert str(spoken.error) == (
        f"127.0.0.1:{sim.port} left out audio after 0.56 s"
    )
    order = hearing_of(spoken).order
    assert order == tuple(range(len(order)))
    # What was whole is announced where its time was there.
    assert spoken.words == SAID[: len(spoken.words)]
    assert len(order) - 1 <= len(spoken.words) <= len(order)
    left = " ".join(SAID[len(spoken.words) :])
    assert spoken.speech.ledger.undelivered_text() == left


async def test_a_hole_that_is_always_there_is_one_error(
    sim: GradiumSim,
) -> None:
    line = AlteredLine(last=lambda: spoiling([2], SPOILED["left out"]))
    text = "x" * 60 + " and more"

    spoken = await spoken_over(sim, line, text)

    assert isinstance(spoken.error, SynthesisError)
    assert "left out audio after 0.16 s" in str(spoken.error)
    assert spoken.words == []
    assert line.connections == 4


async def test_holes_in_every_session_are_borne_while_words_are_heard(
    sim: GradiumSim,
) -> None:
    line = AlteredLine(last=lambda: spoiling([6], SPOILED["not base64"]))

    spoken = await spoken_over(sim, line)

    assert spoken.error is None
    assert spoken.words == SAID
    assert set(hearing_of(spoken).order) == set(ALL)
    assert 3 <= line.connections <= 10


@pytest.mark.parametrize("how", SPOILED)
async def test_a_hole_in_the_silence_after_the_last_word_is_none(
    sim: GradiumSim, how: str
) -> None:
    whole = await spoken_over(sim, AlteredLine())
    frames = len([a for a in whole.actions if not isinstance(a, Words)]) - 2
    # 0.5 s of silence are six messages; the last of them is short.
    for numbers in [(frames - 3,), (frames - 1,), (frames - 4, frames - 2)]:
        line = AlteredLine(spoiling(numbers, SPOILED[how]))

        spoken = await spoken_over(sim, line)

        assert spoken.error is None
        assert line.connections == 1
        assert spoken.words == SAID
        assert hearing_of(spoken) == Hearing(ALL, 0)


@pytest.mark.parametrize("how", ["not base64", "left out"])
async def test_a_hole_in_the_last_word_is_found_in_the_end(
    sim: GradiumSim, how: str
) -> None:
    """Only silence follows, and the word's time comes last of all."""
    whole = await spoken_over(sim, AlteredLine())
    frames = len([a for a in whole.actions if not isinstance(a, Words)]) - 2
    line = AlteredLine(spoiling([frames - 7, frames - 8], SPOILED[how]))

    spoken = await spoken_over(sim, line)

    check_all_is_heard(spoken, line)


async def test_without_word_times_a_hole_is_one_error(sim: GradiumSim) -> None:
    """After 2 s nobody knows where to go on."""
    spoil = spoiling([30], SPOILED["not base64"])
    text = " ".join(WORDS)
    line = AlteredLine(lambda m: [] if m["type"] == "text" else spoil(m))

    spoken = await spoken_over(sim, line, text)

    assert isinstance(spoken.error, SynthesisError)
    assert "left out audio after 2.40 s" in str(spoken.error)
    assert (line.connections, spoken.words) == (1, [])
    assert spoken.speech.ledger.undelivered_text() == text


# --------------------------------------------------- servers that do it their way


def timed_as(times: Callable[[float, float], Message]) -> Change:
    """Give audio messages other times, from those they have."""

    def change(message: Message) -> Iterator[Message]:
        if message["type"] == "audio":
            start_s, stop_s = message.pop("start_s"), message.pop("stop_s")
            message.update(times(start_s, stop_s))
        yield message

    return change


AUDIO_TIMES: dict[str, Callable[[float, float], Message]] = {
    "missing": lambda start, stop: {},
    "zero": lambda start, stop: {"start_s": 0, "stop_s": 0},
    "start only": lambda start, stop: {"start_s": start},
    "stop only": lambda start, stop: {"stop_s": stop},
    "milliseconds": lambda start, stop: {
        "start_s": 1000 * start,
        "stop_s": 1000 * stop,
    },
    "an offset": lambda start, stop: {
        "start_s": start + 9.7,
        "stop_s": stop + 9.7,
    },
    "a frame before": lambda start, stop: {
        "start_s": start - 0.08,
        "stop_s": stop - 0.08,
    },
    "rounded": lambda start, stop: {
        "start_s": round(start, 1),
        "stop_s": round(stop, 1),
    },
    "drifting": lambda start, stop: {
        "start_s": start * 1.1,
        "stop_s": stop * 1.1,
    },
    "too fast": lambda start, stop: {"start_s": start * 2, "stop_s": stop * 2},
    "texts": lambda start, stop: {"start_s": str(start), "stop_s": str(stop)},
    "null": lambda start, stop: {"start_s": None, "stop_s": None},
}


@pytest.mark.parametrize("name", AUDIO_TIMES)
async def test_other_times_of_the_audio_cost_nothing(
    sim: GradiumSim, name: str
) -> None:
    line = AlteredLine(timed_as(AUDIO_TIMES[name]))

    spoken = await spoken_over(sim, line)

    assert spoken.error is None
    assert line.connections == 1
    assert spoken.words == SAID
    assert hearing_of(spoken) == Hearing(ALL, 0)


def worded_as(texts: Callable[[str], list[str]]) -> Change:
    """Tell other words than were spoken: some for each."""

    def change(message: Message) -> Iterator[Message]:
        if message["type"] != "text":
            yield message
            return
        for text in texts(message["text"]):
            yield {**message, "text": text}

    return change


def merging(count: int) -> Change:
    """Tell so many words in one message, and the rest at the end."""
    held: list[Message] = []

    def merged() -> Iterator[Message]:
        if held:
            text = " ".join(message["text"] for message in held)
            yield {**held[-1], "text": text, "start_s": held[0]["start_s"]}
            held.clear()

    def change(message: Message) -> Iterator[Message]:
        if message["type"] == "text":
            held.append(message)
            if len(held) == count:
                yield from merged()
            return
        if message["type"] == "end_of_stream":
            yield from merged()
        yield message

    return change


SPELLED = {"bridge": "one thousand two hundred and fifty", "garden": "five"}
WORD_WAYS: dict[str, Callable[[], Change]] = {
    "none": lambda: worded_as(lambda text: []),
    "halves": lambda: worded_as(lambda text: [text[:3], text[3:]]),
    "letters": lambda: worded_as(list),
    "marks apart": lambda: worded_as(lambda text: [text, ","]),
    "two words": lambda: merging(2),
    "six words": lambda: merging(6),
    "all in one": lambda: merging(99),
    "rewritten": lambda: worded_as(
        lambda text: SPELLED.get(text, text).split()
    ),
    "in other letters": lambda: worded_as(lambda text: [text.upper()]),
    "some left out": lambda: worded_as(
        lambda text: [] if text in SPELLED else [text]
    ),
    "all rewritten": lambda: worded_as(lambda text: [text[::-1]]),
}


@pytest.mark.parametrize("name", WORD_WAYS)
async def test_other_words_cost_nothing(sim: GradiumSim, name: str) -> None:
    """The audio is whole; what the server calls it is its business."""
    line = AlteredLine(WORD_WAYS[name]())

    spoken = await spoken_over(sim, line)

    assert spoken.error is None
    assert line.connections == 1
    assert hearing_of(spoken) == Hearing(ALL, 0)
    assert spoken.speech.ledger.undelivered_text() == ""
