# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Speech that is cut and goes on: no word is lost, next to none is repeated.

A text of sixty words is cut wherever it can be. What may be repeated is what
the client cannot know: a word's time follows its audio, so a cut between the
two has a whole word said again, besides the one that was cut itself; and times
may run early, so a word with less than 0.1 s of audio behind it is said again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

import numpy as np
import pytest
from heard import WORDS, Hearing, hear
from speaking import CutLine, Line, Spoken, client_on, speak

from gradium_sim import (
    Close,
    Fault,
    FaultPlan,
    GradiumSim,
    Point,
    Reset,
    TonesVoice,
    tones,
)
from gradium_sim.audio import Chunk, Speech, Style
from ten_host import (
    AudioEnd,
    AudioStart,
    EndReason,
    Error,
    ExtensionHost,
    TextResult,
)

TEXT = " ".join(WORDS)
# The lowest rate: the least work for the reader of the samples.
RATE_HZ = 8000
# So much audio must follow a word.
MARGIN_S = 0.1


async def spoken_over(
    line: CutLine, url: str, text: str = TEXT, **params: object
) -> Spoken:
    """Speak over lines of which some are cut."""
    # A socket opened ahead would count as one of the lines.
    async with client_on(
        url,
        connect=line,
        enable_words=True,
        warm="off",
        sample_rate=RATE_HZ,
        **params,
    ) as client:
        return await speak(client, text)


def hearing_of(spoken: Spoken) -> Hearing:
    return hear(spoken.pcm, RATE_HZ, WORDS)


# ------------------------------------------------- at every message of the text


def whole(line: Line, stops_s: Sequence[float]) -> int:
    """How many words were whole on a line."""
    delivered_s = line.pcm_bytes / 2 / RATE_HZ
    return sum(stop_s <= delivered_s for stop_s in stops_s)


def surely_whole(line: Line, stops_s: Sequence[float]) -> int:
    """How many are known to be, by their times and some more audio."""
    delivered_s = line.pcm_bytes / 2 / RATE_HZ
    return sum(
        stop_s + MARGIN_S <= delivered_s
        for stop_s in stops_s[: len(line.words)]
    )


async def test_a_cut_after_any_message_loses_no_word(
    sim: GradiumSim, is_thorough: bool
) -> None:
    uncut = CutLine()
    uncut_speech = await spoken_over(uncut, sim.url)
    assert hearing_of(uncut_speech) == Hearing(tuple(range(60)), 0)
    stops_s = [stop_s for _, _, stop_s in sim.sessions[0].words]
    messages = 1 + uncut.lines[0].frames + len(WORDS)
    cuts = range(0, messages, 1 if is_thorough else 7)
    lines = [CutLine(cut) for cut in cuts]

    spoken = await asyncio.gather(
        *(spoken_over(line, sim.url) for line in lines)
    )

    wrong = {
        cut: (hearing_of(one), line.lines)
        for cut, line, one in zip(cuts, lines, spoken, strict=True)
        if not is_as_it_should_be(one, line.lines[0], stops_s)
    }
    assert wrong == {}


def is_as_it_should_be(
    spoken: Spoken, cut: Line, stops_s: Sequence[float]
) -> bool:
    """Whether exactly that is repeated which could not be known.

    Besides the word that was cut, of which a fragment is heard, those are the
    whole words that had just ended. Words are announced once each.
    """
    hearing = hearing_of(spoken)
    heard, known = whole(cut, stops_s), surely_whole(cut, stops_s)
    return (
        spoken.error is None
        and spoken.words == WORDS
        and hearing.order == (*range(heard), *range(known, 60))
        # The words of this voice are short.
        and heard - known <= 2
        and hearing.fragments <= 1
    )


async def test_two_cuts_lose_no_word(sim: GradiumSim) -> None:
    pairs = [(3, 3), (3, 60), (40, 5), (40, 41), (70, 2), (100, 20), (100, 1)]
    lines = [CutLine(*pair) for pair in pairs]

    spoken = await asyncio.gather(
        *(spoken_over(line, sim.url) for line in lines)
    )

    for one, line in zip(spoken, lines, strict=True):
        hearing = hearing_of(one)
        assert one.error is None
        assert len(line.lines) == 3
        assert one.words == WORDS
        assert hearing.is_all_of(60)
        assert hearing.fragments <= 2
        # Each cut repeats one whole word at most.
        assert sum(hearing.times.values()) <= 60 + 2


# -------------------------------------------------- what the graph sees of it


@pytest.mark.parametrize("how", [Close(1011), Reset()], ids=["close", "reset"])
async def test_a_cut_at_any_word_is_one_answer_for_the_graph(
    how: Close | Reset, is_thorough: bool
) -> None:
    places = asyncio.Semaphore(8)
    step = 1 if is_thorough else 10

    async def cut_at(word: int) -> None:
        fault = Fault(Point.AUDIO, how, after_words=word)
        # At some pace, or a reset takes back all that was sent in one go.
        async with (
            places,
            GradiumSim(faults=FaultPlan(fault), speed=40.0) as sim,
        ):
            host = await answered(sim)
            sessions = sim.sessions
        assert len(sessions) == 2
        check_answer(host, "r1")

    await asyncio.gather(*(cut_at(word) for word in range(1, 60, step)))


async def answered(sim: GradiumSim, text: str = TEXT) -> ExtensionHost:
    """Let the extension speak the text; gives the host with what it heard."""
    params = {"url": sim.url, "api_key": "test-key", "sample_rate": RATE_HZ}
    properties = {"params": params, "enable_words": True}
    async with ExtensionHost("gradium_tts_python", properties) as host:
        await host.send_text("r1", text, end=True)
        await host.ended("r1")
    return host


def check_answer(host: ExtensionHost, name: str) -> None:
    """One start, contiguous frames, each word once, one end, no error."""
    events = host.events(name)
    assert hear(host.pcm(name), RATE_HZ, WORDS).is_all_of(60)
    assert [type(event) for event in events if type(event) in MARKS] == [
        AudioStart,
        AudioEnd,
    ]
    end = events[-1]
    assert isinstance(end, AudioEnd) and end.reason == EndReason.REQUEST_END
    frames = host.frames(name)
    heard_bytes = 0
    for frame in frames:
        due_ms = round(heard_bytes * 500 / RATE_HZ)
        assert frame.timestamp_ms - frames[0].timestamp_ms == due_ms
        heard_bytes += len(frame.pcm)
    assert end.duration_ms == round(heard_bytes * 500 / RATE_HZ)
    timed = [
        word
        for event in events
        if isinstance(event, TextResult)
        for word in event.words
        if word.word.strip()
    ]
    assert [word.word for word in timed] == WORDS
    starts_ms = [word.start_ms for word in timed]
    assert starts_ms == sorted(set(starts_ms))


MARKS = (AudioStart, AudioEnd, Error)


async def test_words_are_announced_where_they_are_heard(
    sim: GradiumSim,
) -> None:
    sim.faults = FaultPlan(Fault(Point.AUDIO, Close(1011), after_words=30))

    host = await answered(sim)

    frames = host.frames("r1")
    listened = [
        word
        for word in tones.listen(host.pcm("r1"), RATE_HZ)
        if word.is_complete
    ]
    announced = [
        event.words[-1]
        for event in host.events("r1")
        if isinstance(event, TextResult) and event.words
    ]
    # The first hearing of a word is the one that was announced, though the
    # last before the cut is heard again to be sure.
    assert len(listened) == 61
    heard_ms = {word.text: word.start_s * 1000 for word in reversed(listened)}
    assert len(announced) == 60
    for word in announced:
        told_ms = word.start_ms - frames[0].timestamp_ms
        assert told_ms == pytest.approx(heard_ms[word.word], abs=2.0)


class _Abrupt(TonesVoice):
    """Starts in the middle of its first tone."""

    def open(self, style: Style) -> Speech:
        return _AbruptSpeech(super().open(style), style.sample_rate_hz)


class _AbruptSpeech:
    def __init__(self, inner: Speech, sample_rate_hz: int) -> None:
        self._inner = inner
        self._left_out = round((tones.GAP_S + 0.0055) * sample_rate_hz)
        self.unit_size = inner.unit_size
        self.pause = inner.pause
        self.finish = inner.finish
        self.cancel = inner.cancel

    async def speak(self, words: Sequence[str]) -> AsyncGenerator[Chunk, None]:
        async for chunk in self._inner.speak(words):
            start, self._left_out = self._left_out, 0
            # The times are off by what is left out; nobody minds here.
            yield Chunk(chunk.samples[start:], chunk.words)


async def test_the_seam_does_not_click() -> None:
    fault = Fault(Point.AUDIO, Close(1011), after_words=30)
    async with GradiumSim(_Abrupt(), faults=FaultPlan(fault)) as sim:
        host = await answered(sim)

    first, second = sim.sessions
    samples = np.frombuffer(host.pcm("r1"), "<i2").astype(int)
    seam = len(first.pcm) // 2
    fade = round(0.005 * RATE_HZ)
    # Cut within a tone; from there 5 ms down to silence, and 5 ms up.
    level = abs(samples[seam - 1])
    assert level > 1000
    out = np.abs(samples[seam : seam + fade - 1])
    assert list(out) == sorted(out, reverse=True)
    assert out[0] <= level and out[-1] <= level / fade + 1
    start = np.frombuffer(second.pcm, "<i2").astype(int)[:fade]
    assert np.abs(start[:8]).max() > 1000
    faded = samples[seam + fade - 1 : seam + 2 * fade - 1]
    assert np.all(np.abs(faded) <= np.abs(start) * np.arange(fade) / fade + 1)
    # And nothing else was changed.
    rest = samples[seam + 2 * fade - 1 :]
    assert np.array_equal(
        rest, np.frombuffer(second.pcm, "<i2").astype(int)[fade:]
    )


# --------------------------------------------------- where it cannot be resumed


async def test_without_word_times_the_rest_is_reported(
    sim: GradiumSim,
) -> None:
    line = CutLine(60, is_wordless=True)

    spoken = await spoken_over(line, sim.url)

    assert spoken.error is not None
    assert len(line.lines) == 1
    hearing = hearing_of(spoken)
    assert hearing.order == tuple(range(len(hearing.order)))
    assert len(hearing.order) > 20
    # Nobody knows what was heard, so nothing counts as heard.
    assert spoken.speech.ledger.undelivered_text() == TEXT


async def test_a_cut_before_words_can_be_timed_starts_over(
    sim: GradiumSim,
) -> None:
    """Less than 2 s of audio, no word yet: none can have been finished."""
    line = CutLine(1 + 8, is_wordless=True)

    spoken = await spoken_over(line, sim.url)

    assert spoken.error is None
    hearing = hearing_of(spoken)
    assert set(hearing.order) == set(range(60))
    [(_, after)] = hearing.seams
    assert after == 0


async def test_two_such_cuts_have_the_beginning_heard_three_times(
    sim: GradiumSim,
) -> None:
    """As the documents say: each starts over, however much was heard."""
    # `ready`, and frames of 80 ms: 1.6 s, and 0.8 s.
    line = CutLine(1 + 20, 1 + 10, is_wordless=True)

    spoken = await spoken_over(line, sim.url)

    assert spoken.error is None
    [(first, _), (second, _)] = hearing_of(spoken).seams
    assert hearing_of(spoken).order == (
        *range(first + 1),
        *range(second + 1),
        *range(60),
    )
    assert first > second >= 3


async def test_a_vendor_without_words_ends_in_one_error() -> None:
    fault = Fault(Point.AUDIO, Close(1011), after_frames=40)
    async with GradiumSim(_Wordless(), faults=FaultPlan(fault)) as sim:
        host = await answered(sim)

    [error] = [e for e in host.events("r1") if isinstance(e, Error)]
    assert error.code == 1000
    assert error.vendor_info["code"] == "1011"
    assert f"({len(TEXT)} characters were not spoken)" in error.message
    [end] = [e for e in host.events("r1") if isinstance(e, AudioEnd)]
    assert end.reason == EndReason.ERROR


class _Wordless(TonesVoice):
    """Speaks, and gives no times."""

    def open(self, style: Style) -> Speech:
        return _WordlessSpeech(super().open(style))


class _WordlessSpeech:
    def __init__(self, inner: Speech) -> None:
        self._inner = inner
        self.unit_size = inner.unit_size
        self.pause = inner.pause
        self.finish = inner.finish
        self.cancel = inner.cancel

    async def speak(self, words: Sequence[str]) -> AsyncGenerator[Chunk, None]:
        async for chunk in self._inner.speak(words):
            yield Chunk(chunk.samples)


async def test_resume_false_reports_the_rest(sim: GradiumSim) -> None:
    line = CutLine(60)

    spoken = await spoken_over(line, sim.url, resume=False)

    assert spoken.error is not None
    assert len(line.lines) == 1
    known = len(line.lines[0].words)
    hearing = hearing_of(spoken)
    assert hearing.order == tuple(range(len(hearing.order)))
    assert hearing.fragments <= 1
    assert spoken.speech.ledger.undelivered_text() == " ".join(WORDS[known:])


async def test_resume_false_still_retries_what_nobody_heard(
    sim: GradiumSim,
) -> None:
    line = CutLine(0, 1)

    spoken = await spoken_over(line, sim.url, resume=False)

    assert spoken.error is None
    assert len(line.lines) == 3
    assert hearing_of(spoken) == Hearing(tuple(range(60)), 0)


# ------------------------------------------------------ a vendor that rewrites

SENT = "we paid $5 for 3 tickets on the 21st of may and left at 9:30 sharp"
SAID_FOR = {
    "$5": "five dollars",
    "3": "three",
    "21st": "twenty first",
    "9:30": "nine thirty",
}


class _Rewriting(TonesVoice):
    """Reads numbers as words, as the vendor's rewrite rules do."""

    def open(self, style: Style) -> Speech:
        return _RewritingSpeech(super().open(style))


class _RewritingSpeech:
    def __init__(self, inner: Speech) -> None:
        self._inner = inner
        self.unit_size = inner.unit_size
        self.pause = inner.pause
        self.finish = inner.finish
        self.cancel = inner.cancel

    async def speak(self, words: Sequence[str]) -> AsyncGenerator[Chunk, None]:
        read = " ".join(SAID_FOR.get(word, word) for word in words)
        async for chunk in self._inner.speak(read.split()):
            yield chunk


async def test_a_rewritten_text_is_resumed_by_position() -> None:
    said = " ".join(SAID_FOR.get(word, word) for word in SENT.split()).split()
    async with GradiumSim(_Rewriting()) as sim:
        uncut = CutLine()
        await spoken_over(uncut, sim.url, SENT)
        messages = 1 + uncut.lines[0].frames + len(said)
        lines = [CutLine(cut) for cut in range(messages)]
        spoken = await asyncio.gather(
            *(spoken_over(line, sim.url, SENT) for line in lines)
        )

    for cut, one in enumerate(spoken):
        hearing = hear(one.pcm, RATE_HZ, said)
        assert one.error is None
        assert set(hearing.order) == set(range(len(said))), (cut, hearing)
        assert hearing.order[-1] == len(said) - 1
        assert len(hearing.seams) <= 1
        # Taken back, never forward. A rewritten stretch counts only once two
        # words after it have been recognised; "$5 for 3" is one such stretch,
        # spoken in four words.
        assert all(-6 <= two - one <= 0 for one, two in hearing.seams), cut
