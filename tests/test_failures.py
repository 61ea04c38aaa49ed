# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Everything that can go wrong × where × how often: what the user gets.

Every cell of the table is one request of twelve words on a server of its
own. What must come of it follows from a few rules (`expected`); what came is
read from the samples and from the events. `docs/failures.md` is the same
table for users, written by this module.

The default run takes a part of the table in which every row and every column
is met; `--thorough` takes all of it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from heard import WORDS, Hearing, hear

from gradium_sim import (
    Close,
    Delay,
    Error,
    Fault,
    FaultPlan,
    GradiumSim,
    HalfOpen,
    Http,
    Point,
    Reset,
    Stall,
)
from gradium_sim.faults import Action
from ten_host import AudioEnd, AudioStart, EndReason, ExtensionHost
from ten_host import Error as ErrorEvent

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "failures.md"
SAID = WORDS[:12]
TEXT = " ".join(SAID)
RATE_HZ = 24000
FATAL, NON_FATAL = -1000, 1000

# How often a listener may hear a word at the worst.
MOST_TIMES = 4
# With delays of 50 ms and more, doubled each time, and a deadline of 4 s.
MOST_FAILURES = 9

# Some times what sixteen cells at a time take on a busy machine.
CONNECT_S, READY_S, AUDIO_S = 3.0, 3.0, 3.0
# QUIET_S and PONG_S of the watchdog, its grace included.
GONE_S = 2.6


@dataclass(frozen=True)
class Place:
    """A column: where it happens."""

    name: str
    point: Point
    after_words: int | None = None


PLACES = (
    Place("before the connection is there", Point.UPGRADE),
    Place("before `ready`", Point.READY),
    Place("before the first audio", Point.FIRST_AUDIO),
    Place("after a quarter", Point.AUDIO, 3),
    Place("after a half", Point.AUDIO, 6),
    Place("after three quarters", Point.AUDIO, 9),
    Place("after the last audio", Point.LAST_AUDIO),
    Place("after the last word's time", Point.LAST_WORD),
)
UPGRADE, READY, FIRST_AUDIO, *_, LAST_AUDIO, LAST_WORD = PLACES


@dataclass(frozen=True)
class Failure:
    """A row: what happens, and what it means.

    Attributes:
        do: what the server does; `None`: nobody listens.
        code: the vendor's code in the error of the request.
        is_retried: whether a new attempt may help.
        is_fatal: whether only the user can help.
        is_upgrade_only: whether it can happen to an open socket.
    """

    name: str
    do: Action | None
    code: str
    is_retried: bool = True
    is_fatal: bool = False
    is_upgrade_only: bool = False

    def places(self) -> tuple[Place, ...]:
        if self.is_upgrade_only:
            return (UPGRADE,)
        if isinstance(self.do, (Reset, HalfOpen, Stall)):
            return PLACES
        return PLACES[1:]

    def at(self, place: Place) -> Failure:
        """What it means at a place.

        After audio was accepted it can be about no key and no setting any
        more, whatever its code and words: it is a drop.
        """
        if place in (UPGRADE, READY, FIRST_AUDIO):
            return self
        return replace(self, is_retried=True, is_fatal=False)

    def noticed_s(self, place: Place) -> float:
        """After what time it can be noticed at the latest."""
        if place is UPGRADE and isinstance(self.do, (Delay, HalfOpen, Stall)):
            return CONNECT_S
        if isinstance(self.do, (HalfOpen, Stall)):
            return GONE_S
        return 0.0


def _refusal(
    name: str, message: str, *, is_fatal: bool, is_retried: bool = False
) -> Failure:
    return Failure(
        f"error 1008, {name}",
        Error(message, 1008),
        "1008",
        is_retried,
        is_fatal,
    )


FAILURES = (
    Failure("connection refused", None, "transient", is_upgrade_only=True),
    Failure(
        "no answer to the connect", Delay(60), "transient", is_upgrade_only=True
    ),
    Failure("HTTP 401", Http(401), "401", False, True, True),
    Failure("HTTP 403", Http(403), "403", False, True, True),
    Failure("HTTP 429", Http(429), "429", is_upgrade_only=True),
    Failure("HTTP 503", Http(503), "503", is_upgrade_only=True),
    Failure("close 1000 without an end", Close(1000), "1000"),
    Failure("close 1001", Close(1001, "going away"), "1001"),
    Failure("close 1002", Close(1002), "1002", False, True),
    Failure("close 1003", Close(1003, "no such model"), "1003", False, True),
    Failure(
        "close 1008, no key",
        Close(1008, "No authentication provided."),
        "1008",
        False,
        True,
    ),
    Failure("close 1011", Close(1011), "1011"),
    Failure("close 1012", Close(1012, "service restart"), "1012"),
    Failure(
        "error 1002",
        Error("Session not found. Send setup first", 1002),
        "1002",
        is_retried=False,
    ),
    _refusal("key", "Invalid or expired API key", is_fatal=True),
    _refusal("credits", "You have no credits left.", is_fatal=True),
    _refusal(
        "concurrency",
        "Concurrency limit exceeded",
        is_fatal=False,
        is_retried=True,
    ),
    _refusal(
        "setting", "cfg_coef should be between 1.0 and 10.0", is_fatal=True
    ),
    _refusal("region", "Please use the eu region endpoint", is_fatal=True),
    _refusal(
        "duration", "Session limit exceeded", is_fatal=False, is_retried=True
    ),
    Failure("error 1011", Error("Worker failed", 1011), "1011"),
    Failure("error without a code", Error("It failed", None), "transient"),
    Failure("connection reset", Reset(), "transient"),
    Failure("peer gone, nobody says so", HalfOpen(), "transient"),
    Failure("stall, pings answered", Stall(), "transient"),
)
TIMES: tuple[int | None, ...] = (1, 2, None)
TIMES_NAMES = {1: "once", 2: "twice", None: "for ever"}


@dataclass(frozen=True)
class Cell:
    """One case of the table."""

    failure: Failure
    place: Place
    times: int | None

    @property
    def id(self) -> str:
        where = self.place.name.replace("`", "")
        return f"{self.failure.name}-{where}-{TIMES_NAMES[self.times]}"


CELLS = [
    Cell(failure.at(place), place, times)
    for failure in FAILURES
    for place in failure.places()
    for times in TIMES
]


def _sample() -> list[Cell]:
    """Two cells of each row, so that every column and number is met."""
    cells = []
    for row, failure in enumerate(FAILURES):
        places = failure.places()
        for shift in range(2):
            place = places[(row + 3 * shift) % len(places)]
            times = TIMES[(row + shift) % len(TIMES)]
            cells.append(Cell(failure.at(place), place, times))
    return cells


SAMPLE = _sample()


# ------------------------------------------------------------------ the rules


@dataclass(frozen=True)
class Expected:
    """What must come of a cell.

    Attributes:
        is_complete: whether the request ends as if nothing had happened.
        is_all_heard: whether every word was heard nevertheless.
        is_any_heard: whether any was.
    """

    is_complete: bool
    is_all_heard: bool
    is_any_heard: bool

    def is_fatal(self, failure: Failure) -> bool:
        """Whether only the user can help, or all tries were in vain."""
        is_in_vain = failure.is_retried and not self.is_any_heard
        return failure.is_fatal or is_in_vain

    def phrase(self, failure: Failure) -> str:
        """Say it to a user."""
        if self.is_complete:
            return "all is heard"
        error = "FATAL" if self.is_fatal(failure) else "error"
        if self.is_all_heard:
            return f"all is heard, {error}"
        return f"cut there, {error}" if self.is_any_heard else error


def expected(cell: Cell) -> Expected:
    """The rules.

    * What is not retried ends the request where it is.
    * What is retried and happens a few times is not noticed.
    * What happens for ever is not noticed either while every session says
      some words more; where none does, the request ends with an error.
    * When every word is known to have been heard, a failure that would be
      retried is none. After the last audio that is not yet known: the last
      word's time comes with the end.
    """
    place = cell.place
    is_any_heard = place not in (UPGRADE, READY, FIRST_AUDIO)
    is_all_heard = place in (LAST_AUDIO, LAST_WORD)
    if not cell.failure.is_retried:
        return Expected(False, is_all_heard, is_any_heard)
    if cell.times is not None or place is LAST_WORD:
        return Expected(True, True, True)
    is_progressing = place.point is Point.AUDIO
    return Expected(
        is_progressing, is_all_heard or is_progressing, is_any_heard
    )


# ------------------------------------------------------------------- the runs


@dataclass(frozen=True)
class Outcome:
    """What came of a cell."""

    hearing: Hearing
    starts: int
    ends: tuple[AudioEnd, ...]
    errors: tuple[ErrorEvent, ...]
    names: tuple[str, ...]
    words_timed: int
    attempts: int


async def run(cell: Cell) -> Outcome:
    """Speak the text on a server that fails like this."""
    failure, place = cell.failure, cell.place
    plan = FaultPlan()
    if failure.do:
        plan = FaultPlan(
            Fault(
                place.point,
                failure.do,
                after_words=place.after_words,
                times=cell.times,
            )
        )
    # For ever is as long as the deadline, where it is tried again in vain.
    is_in_vain = (
        cell.times is None
        and failure.is_retried
        and not expected(cell).is_complete
    )
    patience_s = 4.0 if is_in_vain else 60.0
    params: dict[str, object] = {
        "api_key": "test-key",
        # A socket opened ahead would meet what is meant for the request.
        "warm": "off" if place is UPGRADE else "socket",
        "check_at_start": False,
        "connect_timeout_s": CONNECT_S,
        "ready_timeout_s": READY_S,
        "audio_timeout_s": AUDIO_S,
        "retry_deadline_s": patience_s,
        "capacity_wait_s": patience_s,
    }
    async with GradiumSim(faults=plan, speed=20.0) as sim:
        if failure.do is None:
            await sim.refuse_connections()
        params["url"] = sim.url
        properties = {"params": params}
        async with ExtensionHost(
            "gradium_tts_python", properties, wait_s=30.0
        ) as host:
            await host.send_text("r1", TEXT, end=True)
            if failure.do is None and cell.times:
                await asyncio.sleep(0.2 * cell.times)
                await sim.accept_connections()
            await host.ended("r1")
        # Stopped, so nothing of the request can still be on its way.
        return _outcome(host, sim, place)


def _outcome(host: ExtensionHost, sim: GradiumSim, place: Place) -> Outcome:
    events = host.events("r1")
    return Outcome(
        hearing=hear(host.pcm("r1"), RATE_HZ, SAID),
        starts=sum(isinstance(event, AudioStart) for event in events),
        ends=tuple(e for e in host.events() if isinstance(e, AudioEnd)),
        errors=tuple(e for e in host.events() if isinstance(e, ErrorEvent)),
        names=tuple(type(event).__name__ for event in events),
        words_timed=len(sim.sessions[-1].words) if sim.sessions else 0,
        # Other sockets may have been opened ahead.
        attempts=len(sim.connections if place is UPGRADE else sim.sessions),
    )


async def run_all(cells: list[Cell]) -> dict[str, Outcome]:
    """Run many at a time; most of them only wait."""
    places = asyncio.Semaphore(16)

    async def run_one(cell: Cell) -> Outcome:
        async with places:
            return await run(cell)

    # Those that take longest first.
    cells = sorted(cells, key=lambda c: -c.failure.noticed_s(c.place))
    outcomes = await asyncio.gather(*map(run_one, cells))
    return {
        cell.id: outcome for cell, outcome in zip(cells, outcomes, strict=True)
    }


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest) -> dict[str, Outcome]:
    """The outcomes of all cells that this run asks for."""
    wanted: list[Cell] = [
        item.callspec.params["cell"]  # type: ignore[misc]
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.originalname == "test_a_failure_has_its_outcome"
        and not any(mark.name == "skip" for mark in item.own_markers)
    ]
    return asyncio.run(run_all(wanted))


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(
            cell,
            id=cell.id,
            marks=() if cell in SAMPLE else pytest.mark.thorough,
        )
        for cell in CELLS
    ],
)
def test_a_failure_has_its_outcome(
    cell: Cell, outcomes: dict[str, Outcome]
) -> None:
    outcome, wanted = outcomes[cell.id], expected(cell)

    _check_heard(cell, outcome, wanted)
    _check_events(cell, outcome, wanted)
    _check_error(cell, outcome, wanted)
    if not cell.failure.is_retried:
        assert outcome.attempts == 1
    elif cell.times is None and wanted.is_complete:
        # Each session gets at least one word further.
        assert outcome.attempts <= len(SAID)
    else:
        assert outcome.attempts <= (cell.times or MOST_FAILURES) + 1


def _check_heard(cell: Cell, outcome: Outcome, wanted: Expected) -> None:
    hearing = outcome.hearing
    if wanted.is_all_heard:
        assert hearing.is_all_of(len(SAID)), hearing
        assert max(hearing.times.values()) <= MOST_TIMES
        return
    # The beginning, and nothing twice.
    count = len(hearing.order)
    assert hearing.order == tuple(range(count))
    if not wanted.is_any_heard:
        assert (count, hearing.fragments) == (0, 0)
    else:
        assert cell.place.after_words is not None
        assert 0 <= count - cell.place.after_words <= 1
        assert hearing.fragments <= 1


def _check_events(cell: Cell, outcome: Outcome, wanted: Expected) -> None:
    names = [name for name in outcome.names if name != "Frame"]
    start = ["AudioStart"] if wanted.is_any_heard else []
    error = [] if wanted.is_complete else ["Error"]
    if wanted.is_complete:
        start = ["AudioStart"]
    assert names == [*start, *error, "AudioEnd"]
    [end] = outcome.ends
    reason = EndReason.REQUEST_END if wanted.is_complete else EndReason.ERROR
    assert end.reason == reason


def _check_error(cell: Cell, outcome: Outcome, wanted: Expected) -> None:
    if wanted.is_complete:
        assert outcome.errors == ()
        return
    [error] = outcome.errors
    is_fatal = wanted.is_fatal(cell.failure)
    assert error.code == (FATAL if is_fatal else NON_FATAL)
    assert error.vendor_info["vendor"] == "gradium"
    assert error.vendor_info["code"] == cell.failure.code
    action = cell.failure.do
    if isinstance(action, Error):
        assert error.vendor_info["message"].startswith(action.message)
    elif isinstance(action, Close) and action.reason:
        assert error.vendor_info["message"] == action.reason
    else:
        assert error.vendor_info["message"]
    # A word counts as spoken once its time is known; the rest is named.
    spoken = outcome.words_timed if not cell.failure.is_retried else 0
    if cell.failure.is_retried and wanted.is_any_heard:
        spoken = len(SAID) - 1
    left = len(" ".join(SAID[spoken:]))
    assert f"({left} characters were not spoken)" in error.message


@pytest.mark.parametrize(
    "message", ["Invalid or expired API key", "You have no credits left."]
)
async def test_a_refused_account_is_asked_about_once(
    sim: GradiumSim, message: str
) -> None:
    """No storm of connects; a change of settings opens the way at once."""
    sim.faults = FaultPlan(Fault(Point.SETUP, Error(message, 1008)))
    params = {"url": sim.url, "api_key": "test-key", "warm": "off"}
    async with ExtensionHost("gradium_tts_python", {"params": params}) as host:
        names = [f"r{number}" for number in range(5)]
        for name in names:
            await host.send_text(name, TEXT, end=True)
        ends = [await host.ended(name) for name in names]
        connections = len(sim.connections)
        await host.command("update_configs", {"params": {"speed": 1.1}})
        await host.send_text("after", TEXT, end=True)
        last = await host.ended("after")

    errors = [e for e in host.events() if isinstance(e, ErrorEvent)]
    assert [error.id for error in errors] == names
    assert {error.code for error in errors} == {FATAL}
    assert {error.vendor_info["code"] for error in errors} == {"1008"}
    assert {end.reason for end in ends} == {EndReason.ERROR}
    assert connections == 1
    assert last.reason == EndReason.REQUEST_END


# --------------------------------------------------------------- the document

PREFACE = """\
# What happens when something fails

Each row is a failure, each column the moment at which it happens. The table
is written by `tests/test_failures.py`, which lets every case happen once,
twice in a row and for ever.

* **all is heard**: the listener notices nothing but, at worst, a short wait
  and a repeated word at the seam; no error is sent.
* **error**: one `error` with code 1000 (NON_FATAL), then `tts_audio_end` with
  reason ERROR. It says how many characters were not spoken, with the first
  and last words of them, and `vendor_info` has the vendor's code and words.
* **FATAL**: the same with code -1000: only a change of key, account or
  settings helps, or all tries were in vain and nothing was heard. After a
  refused key or account, further requests are refused at once for 30 s, or
  until the settings change.
* **cut there**: what was heard until then stays heard.

Attempts follow each other at growing intervals until nothing was heard for
`retry_deadline_s` (8 s), or no session of the account was free for
`capacity_wait_s` (30 s). Where two outcomes are given, the second is that of
a failure that never stops. A failure after the first audio is resumed from the
first word that was not completely heard, with 0.1 s of audio behind it to be
sure; without word times from the vendor, or with `resume: false`, it is an
error that says what is left. After the last audio, the last word's time is
still to come, so that word is said again. Without word times a cut within the
first 2 s of a session has them said again, so two cuts have them heard three
times. Audio that is missing in the middle, and an end before the last word,
are failures like a cut, though no server says so.
Words that are cut again and again are started four times at most. A peer that
is gone is noticed within 3 s of owing something; one that is slow gets a
second session beside the first, and whichever speaks first is heard. Once audio has been accepted
nothing is about the key or a setting any more, whatever the server says.
"""


def document() -> str:
    """The table for users; rows with the same outcomes are one."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for failure in FAILURES:
        entries = tuple(_entry(failure, place) for place in PLACES)
        rows.setdefault(entries, []).append(failure.name)
    lines = [PREFACE, "| | " + " | ".join(p.name for p in PLACES) + " |"]
    lines.append("|---" * (len(PLACES) + 1) + "|")
    for entries, names in rows.items():
        lines.append(f"| {'<br>'.join(names)} | {' | '.join(entries)} |")
    return "\n".join(lines) + "\n"


def _entry(failure: Failure, place: Place) -> str:
    if place not in failure.places():
        return "–"
    failure = failure.at(place)
    phrases = [
        expected(Cell(failure, place, times)).phrase(failure) for times in TIMES
    ]
    assert phrases[0] == phrases[1]
    return " / ".join(dict.fromkeys(phrases))


def test_the_document_says_what_the_table_says() -> None:
    text = document()
    written = DOCUMENT.read_text("utf-8") if DOCUMENT.exists() else ""

    if written != text:
        DOCUMENT.write_text(text, "utf-8")

    assert written == text, f"{DOCUMENT.name} was out of date and is rewritten"


def test_the_default_run_meets_every_row_and_every_column() -> None:
    assert {cell.failure.name for cell in SAMPLE} == {
        failure.name for failure in FAILURES
    }
    assert {cell.place for cell in SAMPLE} == set(PLACES)
    assert {cell.times for cell in SAMPLE} == set(TIMES)
