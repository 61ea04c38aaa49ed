# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Random lives of requests: whatever is said, flushed and broken, and when.

Scripts of texts, ends, flushes and stops over several ids drive the real
extension and the base class on a virtual clock, against a server in memory
that breaks as planned. What must hold is written down in `Judge`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Union

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradium_tts_python.core.audio import fade_in, fade_out
from gradium_tts_python.extension import GradiumTTSExtension
from ten_host.events import (
    AudioEnd,
    AudioStart,
    EndReason,
    Error,
    Event,
    FlushEnd,
    Frame,
    Metrics,
    TextResult,
    event_of,
)
from ten_host.messages import message_of_data, message_of_frame
from ten_runtime import AudioFrame, Data

from ..story import spoken, tell
from .memory_transport import (
    RATE_HZ,
    Failure,
    MemoryServer,
    Plan,
    SessionLog,
    Wrote,
    sound_of,
    words_of,
)
from .virtual_loop import run_virtually

# --------------------------------------------------------------------- scripts

UNSPEAKABLE = ("", "  ", "?! ", "😀 ", " … ")


@dataclass(frozen=True)
class Say:
    """One text of a request: so many new words, or something unspeakable."""

    name: str
    words: int
    is_end: bool
    unspeakable: str = ""


@dataclass(frozen=True)
class Write:
    """One text of a request as it stands; no judge knows its words."""

    name: str
    text: str
    is_end: bool = False


@dataclass(frozen=True)
class Flush:
    """An interruption, sent without waiting for its end."""


@dataclass(frozen=True)
class Wait:
    """Time passes."""

    duration_s: float


@dataclass(frozen=True)
class Turns:
    """The loop runs, but no time passes."""

    count: int


@dataclass(frozen=True)
class NewIds:
    """From here on the names stand for ids that were never used."""


Step = Union[Say, Write, Flush, Wait, Turns, NewIds]


@dataclass(frozen=True)
class Script:
    """What happens to an extension.

    Attributes:
        is_stopped_early: the stop comes right after the last step; else all
            open requests are ended and may finish first.
    """

    steps: tuple[Step, ...]
    plans: tuple[Plan, ...] = ()
    is_stopped_early: bool = False


def _says() -> st.SearchStrategy[Step]:
    return st.builds(
        Say,
        st.sampled_from("abc"),
        st.integers(0, 3),
        st.booleans(),
        st.sampled_from(UNSPEAKABLE),
    )


def _waits() -> st.SearchStrategy[Step]:
    return st.one_of(
        st.builds(Wait, st.sampled_from([0.004, 0.01, 0.03, 0.1, 0.6, 4.0])),
        st.builds(Turns, st.integers(1, 12)),
    )


def _steps(*more: st.SearchStrategy[Step]) -> st.SearchStrategy[Any]:
    one = st.one_of(_says(), _says(), _waits(), *more)
    return st.lists(one, min_size=2, max_size=24).map(tuple)


def _plans() -> st.SearchStrategy[Any]:
    plan = st.builds(
        Plan,
        connect_s=st.sampled_from([0.0, 0.01, 0.2]),
        message_s=st.sampled_from([0.0, 0.01, 0.05]),
        send_s=st.sampled_from([0.0, 0.002]),
        close_s=st.sampled_from([0.0, 0.01, 3.0]),
        is_odd=st.booleans(),
        failure=st.one_of(st.none(), st.sampled_from(Failure)),
        after_messages=st.integers(0, 9),
    )
    return st.lists(plan, min_size=1, max_size=5).map(tuple)


SMOOTH = st.builds(Script, _steps(), st.just((Plan(is_odd=True),) * 9))
FLUSHED = st.builds(
    Script,
    _steps(st.just(Flush()), st.just(NewIds())),
    st.just((Plan(send_s=0.002, is_odd=True),) * 9),
    st.booleans(),
)
OVERLAPPED = st.builds(
    Script,
    st.builds(
        lambda begun, flushes, says: (*begun, *flushes, NewIds(), *says),
        st.lists(st.one_of(_says(), _waits()), min_size=1, max_size=4),
        st.lists(
            st.one_of(st.just(Flush()), st.builds(Turns, st.integers(1, 9))),
            min_size=2,
            max_size=7,
        ),
        st.lists(_says(), min_size=1, max_size=2),
    ),
    st.just((Plan(send_s=0.002, is_odd=True),) * 9),
)
BROKEN = st.builds(
    Script,
    _steps(st.just(Flush()), st.just(NewIds())),
    _plans(),
    st.booleans(),
)


# ------------------------------------------------------------------------- play


@dataclass(frozen=True)
class Said:
    """A text that was sent, with the words that were made up for it."""

    request_id: str
    words: tuple[str, ...]
    is_end: bool


@dataclass(frozen=True)
class Stopping:
    """The stop begins here."""


Entry = Union[Said, Flush, Stopping, Wrote, Event]


@dataclass
class Record:
    """All that happened, in order, on both sides of the extension."""

    entries: list[Entry] = field(default_factory=list)
    sessions: list[SessionLog] = field(default_factory=list)
    stop_took_s: float = 0.0

    def events(self) -> list[Event]:
        """What the graph was told."""
        own = (Said, Flush, Stopping, Wrote)
        return [e for e in self.entries if not isinstance(e, own)]


class RecordingEnv:
    """The part of TEN's environment that an extension uses."""

    def __init__(
        self, properties: dict[str, Any], on_event: Callable[[Event], None]
    ) -> None:
        self._properties = json.dumps(properties)
        self._on_event = on_event

    async def get_property_to_json(self, path: str = "") -> tuple[str, None]:
        return self._properties, None

    async def send_data(self, data: Data) -> None:
        self._on_event(event_of(message_of_data(data, 0.0)))

    async def send_audio_frame(self, frame: AudioFrame) -> None:
        self._on_event(event_of(message_of_frame(frame, 0.0)))

    def log_debug(self, message: str, category: str = "") -> None:
        pass

    log_info = log_warn = log_error = log_debug


class Player:
    """Plays a script on an extension of its own, with no runtime around it.

    `ExtensionHost` runs the extension as TEN does, on threads and on the real
    clock; thousands of random lives need one loop and a virtual one.
    """

    def __init__(
        self,
        script: Script,
        kind: type[GradiumTTSExtension] = GradiumTTSExtension,
        **properties: Any,
    ) -> None:
        self.record = Record()
        self._script = script
        self._server = MemoryServer(
            list(script.plans), self.record.entries.append
        )
        self.env: Any = RecordingEnv(
            {
                "enable_words": True,
                **properties,
                "params": {
                    "api_key": "test-key",
                    # An address is to be heard as it is written.
                    "clean_urls": False,
                    "sample_rate": RATE_HZ,
                    "session_max_s": 0.0,
                },
            },
            self.on_event,
        )
        self.extension = kind("tts")
        self.extension.connect = self._server.connect
        self._generation = 0
        self._words = 0
        self._flushes = 0
        self._unended: dict[str, None] = {}
        self._callbacks: list[asyncio.Task[None]] = []

    def on_event(self, event: Event) -> None:
        """Note what the graph is told, in the very moment."""
        self.record.entries.append(event)

    async def play(self) -> Record:
        """Run the script from the extension's start to its stop."""
        async with self.running():
            for step in self._script.steps:
                await self.do(step)
            if not self._script.is_stopped_early:
                await self._conclude()
        return self.record

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start the extension, and stop it at the end."""
        await self.extension.on_init(self.env)
        await self.extension.on_start(self.env)
        yield
        await self._stop()
        self.record.sessions = self._server.sessions

    async def flush(self) -> float:
        """Interrupt; gives the virtual seconds until the base is done."""
        began_s = asyncio.get_running_loop().time()
        await self.do(Flush())
        await self._callbacks[-1]
        return asyncio.get_running_loop().time() - began_s

    async def do(self, step: Step) -> None:
        if isinstance(step, Say):
            name = f"{step.name}{self._generation}"
            self._say(name, step.words, step.is_end, step.unspeakable)
        elif isinstance(step, Write):
            self._deliver(
                "tts_text_input",
                request_id=step.name,
                text=step.text,
                text_input_end=step.is_end,
            )
        elif isinstance(step, Flush):
            self.record.entries.append(step)
            self._flushes += 1
            self._deliver("tts_flush", flush_id=str(self._flushes))
        elif isinstance(step, Wait):
            await asyncio.sleep(step.duration_s)
        elif isinstance(step, Turns):
            for _ in range(step.count):
                await asyncio.sleep(0)
        else:
            self._generation += 1

    def _say(
        self, request_id: str, count: int, is_end: bool, unspeakable: str = ""
    ) -> None:
        words = tuple(self._new_word() for _ in range(count))
        self.record.entries.append(Said(request_id, words, is_end))
        self._unended[request_id] = None
        if is_end:
            del self._unended[request_id]
        self._deliver(
            "tts_text_input",
            request_id=request_id,
            text=" ".join(words) + " " if words else unspeakable,
            text_input_end=is_end,
            metadata={"id": request_id},
        )

    def _new_word(self) -> str:
        self._words += 1
        digits = f"{self._words:04d}"
        return "k" + "".join(chr(ord("a") + int(digit)) for digit in digits)

    def _deliver(self, name: str, **fields: Any) -> None:
        data = Data.create(name)
        data.set_property_from_json(None, json.dumps(fields))
        callback = self.extension.on_data(self.env, data)
        self._callbacks.append(asyncio.create_task(callback, name=name))

    async def _conclude(self) -> None:
        """End every request, wait, and see whether another is spoken."""
        while self._unended:
            self._say(next(iter(self._unended)), 0, True)
        await asyncio.sleep(120.0)
        self._server.heal()
        self._say("last", 2, True)
        await asyncio.sleep(20.0)

    async def _stop(self) -> None:
        loop = asyncio.get_running_loop()
        self.record.entries.append(Stopping())
        began_s = loop.time()
        await self.extension.on_stop(self.env)
        self.record.stop_took_s = loop.time() - began_s
        # The base class's tasks are cancelled, not awaited.
        for _ in range(5):
            await asyncio.sleep(0)
        await asyncio.gather(*self._callbacks)
        assert not self._server.open, "sockets left"


def play(script: Script) -> Record:
    """Run a script; fails if it leaves a task or a socket."""
    return run_virtually(Player(script).play())


# ------------------------------------------------------------------------ judge


@dataclass
class Life:
    """The texts of an id up to an end flag, as the sender means them."""

    request_id: str
    began: int
    words: list[str] = field(default_factory=list)
    is_ended: bool = False


@dataclass
class Heard:
    """What came out for a request: from its start to its end."""

    request_id: str
    began: int
    ended: int | None = None
    reason: EndReason | None = None
    pcm: bytes = b""


class Judge:
    """Checks a record against the rules of a request's life."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.entries = record.entries
        self.said_at = {
            word: index
            for index, entry in enumerate(self.entries)
            if isinstance(entry, Said)
            for word in entry.words
        }
        self.heard = list(self._hear())
        self.lives = list(self._live())

    def of(self, kind: type) -> list[tuple[int, Any]]:
        """All entries of a type, with their places."""
        return [
            (index, entry)
            for index, entry in enumerate(self.entries)
            if isinstance(entry, kind)
        ]

    # Rule 2: one start before the first frame, one end after the last.

    def _hear(self) -> Iterator[Heard]:
        current: Heard | None = None
        for index, entry in enumerate(self.entries):
            if isinstance(entry, AudioStart):
                assert current is None, f"two at a time: {entry}"
                current = Heard(entry.request_id, index)
                assert entry.metadata == {"id": entry.request_id}
                yield current
            elif isinstance(entry, Frame):
                assert current is not None, f"a frame of nobody: {entry}"
                assert len(entry.pcm) % 2 == 0
                assert entry.metadata == {"id": current.request_id}
                current.pcm += entry.pcm
            elif isinstance(entry, TextResult):
                assert current is not None, f"words of nobody: {entry}"
                assert entry.request_id == current.request_id
            elif isinstance(entry, AudioEnd) and current is not None:
                assert entry.request_id == current.request_id
                assert entry.metadata["id"] == entry.request_id
                assert entry.duration_ms == round(
                    len(current.pcm) / 2 / RATE_HZ * 1000
                )
                current.ended, current.reason = index, entry.reason
                current = None
            elif isinstance(entry, FlushEnd):
                assert current is None, "a flush has left a request open"
        assert current is None, "a request was left open"

    def _live(self) -> Iterator[Life]:
        open_lives: dict[str, Life] = {}
        seen: set[str] = set()
        for index, said in self.of(Said):
            life = open_lives.get(said.request_id)
            if life is None:
                if said.request_id in seen and not said.words:
                    continue  # nothing after the end: nothing happens
                life = open_lives[said.request_id] = Life(
                    said.request_id, index
                )
                seen.add(said.request_id)
                yield life
            life.words += said.words
            if said.is_end:
                life.is_ended = True
                del open_lives[said.request_id]

    # Rule 1: nothing of a request after the end of a flush.

    def check_flushes(self) -> None:
        """Whatever follows a flush was asked for after it had begun."""
        began = [index for index, _ in self.of(Flush)]
        ended = [(index, entry.flush_id) for index, entry in self.of(FlushEnd)]
        stopping = self.of(Stopping)[0][0]
        answered = [number for _, number in ended]
        asked = [str(n + 1) for n, at in enumerate(began) if at < stopping]
        assert sorted(answered, key=int) == asked
        for after, flush_id in ended:
            since = began[int(flush_id) - 1]
            for entry in self.entries[after:]:
                if isinstance(entry, Wrote):
                    assert min(self._places(entry.text)) > since, "stale text"
                elif isinstance(entry, (AudioStart, AudioEnd, Error)):
                    self._check_asked(entry, since)

    def _check_asked(self, entry: Event, since: int) -> None:
        assert isinstance(entry, (AudioStart, AudioEnd, Error))
        name = entry.id if isinstance(entry, Error) else entry.request_id
        asked = [i for i, said in self.of(Said) if said.request_id == name]
        assert max(asked) > since, f"stale: {entry}"

    def _places(self, text: str) -> list[int]:
        """Where the words of a text of the wire were said."""
        places = [self.said_at[word] for word in words_of(text)]
        return places or [len(self.entries)]

    # Rules 4 and 6: the samples are the server's, complete and in order.

    def check_samples(self) -> None:
        """Each request's samples are those of its own sessions."""
        for heard in self.heard:
            sessions = self._sessions_of(heard)
            assert _is_made_of(
                heard.pcm, sessions, heard.reason is EndReason.REQUEST_END
            ), f"strange samples for {heard.request_id}"
            for session in sessions:
                self._check_text(session, heard.request_id)

    def _sessions_of(self, heard: Heard) -> list[SessionLog]:
        """Those that were given their first text while it was running."""
        previous = max(
            (
                index
                for index, entry in enumerate(self.entries[: heard.began])
                if isinstance(entry, (AudioEnd, FlushEnd, Error))
            ),
            default=-1,
        )
        written = {
            entry.text: index
            for index, entry in self.of(Wrote)
            if previous < index < (heard.ended or 0)
        }
        return [
            session
            for session in self.record.sessions
            if session.texts and session.texts[0] in written
        ]

    def _check_text(self, session: SessionLog, request_id: str) -> None:
        """A session says words of one request, in order, none left out."""
        sent = words_of(" ".join(session.texts))
        mine = [
            word
            for _, said in self.of(Said)
            if said.request_id == request_id
            for word in said.words
        ]
        at = mine.index(sent[0])
        assert sent == mine[at : at + len(sent)]

    # Rules 2 and 3: everything ends, and everything is said.

    def check_complete(self, lives: Sequence[Life]) -> None:
        """These lives are spoken from the first word to the last."""
        for life in lives:
            pcm = b"".join(map(sound_of, life.words))
            spoken = [
                heard
                for heard in self.heard
                if heard.request_id == life.request_id and heard.pcm == pcm
            ]
            wanted = [EndReason.REQUEST_END] if life.words else []
            assert [heard.reason for heard in spoken] == wanted, life

    def check_ends(self) -> None:
        """Each life has one end, if nothing interrupted it."""
        for request_id in {life.request_id for life in self.lives}:
            ends = [
                entry.reason
                for _, entry in self.of(AudioEnd)
                if entry.request_id == request_id
            ]
            mine = [x for x in self.lives if x.request_id == request_id]
            assert ends == [EndReason.REQUEST_END] * len(mine), request_id

    def check_stop(self) -> None:
        """The stop is quick, and tells the usage."""
        assert self.record.stop_took_s <= 1.0
        stopping = self.of(Stopping)[0][0]
        usage = [
            entry
            for index, entry in self.of(Metrics)
            if index > stopping and "output_characters" in entry.metrics
        ]
        assert usage

    def lives_after_last_flush(self) -> list[Life]:
        """Those of ids that were not in use before it."""
        last = max((index for index, _ in self.of(Flush)), default=-1)
        used = {life.request_id for life in self.lives if life.began < last}
        return [
            life
            for life in self.lives
            if life.began > last and life.request_id not in used
        ]


def _is_made_of(
    pcm: bytes,
    sessions: Sequence[SessionLog],
    is_complete: bool,
    is_seam: bool = False,
) -> bool:
    """Whether samples are beginnings of the sessions' audio, in order.

    A session that was cut is followed by a fade to silence, and the next one
    begins with a fade from silence.
    """
    if not sessions:
        return not pcm
    session, *others = sessions
    sent = b"".join(session.chunks)
    is_last_word = not others and is_complete
    for cut in [len(sent)] if is_last_word else _cuts(session.chunks):
        part = sent[:cut]
        if is_seam and part:
            part = fade_in(part, RATE_HZ)
        if not pcm.startswith(part):
            continue
        rest = pcm[len(part) :]
        if not rest and not is_complete:
            return True
        if is_last_word:
            return not rest
        if part:
            fade = fade_out(part[-2:], RATE_HZ)
            if not rest.startswith(fade):
                continue
            rest = rest[len(fade) :]
        if _is_made_of(rest, others, is_complete, is_seam or bool(part)):
            return True
    return False


def _cuts(chunks: Sequence[bytes]) -> list[int]:
    """After how many bytes a session may have been cut, most first."""
    sizes = [0]
    for chunk in chunks:
        sizes.append(sizes[-1] + len(chunk))
    return [size - size % 2 for size in reversed(sizes)]


# ------------------------------------------------------------------------ tests


@pytest.mark.parametrize("turns", range(5))
def test_what_waits_is_not_overtaken_as_it_is_released(turns: int) -> None:
    # The first request ends at 0.06 s, and the second one's last text comes
    # while its first, which had to wait, is being released.
    says = [Say("a", 1, True), Say("b", 1, False)]
    script = Script((*says, Wait(0.06), Turns(turns), Say("b", 1, True)))

    judge = Judge(play(script))

    assert len(judge.lives) == 3  # with that which ends every script
    judge.check_complete(judge.lives)
    judge.check_ends()


# All of them failed where the base alone took what came: the first flush that
# ended let the text in, and the others dropped it. `GuardedTTSBase.on_data`
# lets one message in at a time.
@pytest.mark.parametrize("turns", range(8))
@pytest.mark.parametrize("flushes", [2, 4])
@pytest.mark.parametrize("is_ended", [False, True], ids=["open", "ended"])
def test_a_text_after_flushes_that_overlap_is_spoken(
    is_ended: bool, flushes: int, turns: int
) -> None:
    flushed = (Say("a", 2, is_ended), Wait(0.05), *[Flush()] * flushes)
    spoken_after = (Turns(turns), Say("b", 3, True), Wait(9.0))
    script = Script((*flushed, *spoken_after), is_stopped_early=True)

    judge = Judge(play(script))

    assert tell(judge.record.events()) == [
        "start a0",
        "audio",
        "end a0 interrupted",
        *(f"flushed {n + 1}" for n in range(flushes)),
        *spoken("b0"),
    ]
    judge.check_complete(judge.lives[1:])


def test_a_flush_that_meets_the_stop_ends_after_its_request() -> None:
    steps = (Say("a", 2, False), Wait(0.05), Flush())

    record = play(Script(steps, is_stopped_early=True))

    assert tell(record.events()) == [
        "start a0",
        "audio",
        "end a0 interrupted",
        "flushed 1",
    ]


# Four kinds of scripts: 140 of them by default, 5,600 with --thorough.
FEWER = settings(max_examples=settings().max_examples * 7 // 10)


@FEWER
@given(SMOOTH)
def test_everything_is_spoken_where_nothing_interrupts(script: Script) -> None:
    judge = Judge(play(script))

    judge.check_samples()
    judge.check_complete(judge.lives)
    judge.check_ends()
    judge.check_stop()
    assert not judge.of(Error)
    assert len(judge.record.sessions) == len(judge.heard)


@FEWER
@given(FLUSHED)
def test_nothing_of_a_request_follows_its_flush(script: Script) -> None:
    judge = Judge(play(script))

    judge.check_flushes()
    judge.check_samples()
    judge.check_stop()
    assert not judge.of(Error)
    if not script.is_stopped_early:
        judge.check_complete(judge.lives_after_last_flush())


@FEWER
@given(OVERLAPPED)
def test_what_follows_flushes_that_overlap_is_spoken(script: Script) -> None:
    judge = Judge(play(script))

    judge.check_flushes()
    judge.check_samples()
    judge.check_complete(judge.lives_after_last_flush())
    assert not judge.of(Error)


@FEWER
@given(BROKEN)
def test_whatever_breaks_ends_once_and_blocks_nobody(script: Script) -> None:
    judge = Judge(play(script))

    judge.check_flushes()
    judge.check_samples()
    judge.check_stop()
    if not script.is_stopped_early:
        judge.check_complete(judge.lives[-1:])
