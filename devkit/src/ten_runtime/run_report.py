# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a run left behind and what went wrong in it. Not part of TEN's API.

The last report of a process is `last_run()`; a test that wants to fail on
leaks asserts `last_run().leaks == ()`. The environment variable
TEN_HOST_STRICT makes every run of a process stricter, with a list of:

* `leaks`: what is left behind fails the run;
* `refused`: so does a message that is dropped, and a manifest, property or
  graph file that TEN would refuse;
* `raise`: `run` raises where native TEN would have ended the process, for
  tests that do not look at its result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Leak:
    """A thing that an extension did not clean up.

    `kind` is "task", "socket" or "file"; `owner` the extension's name.
    """

    kind: str
    owner: str
    what: str

    def __str__(self) -> str:
        return f"{self.owner} left a {self.kind} behind: {self.what}"


@dataclass(frozen=True)
class RunReport:
    """One run, so far or after its end.

    `failures`: what would have ended the process on native TEN.
    `refused`: messages that were dropped and files that were refused, with
    the reason.
    `unhandled`: exceptions that TEN only logs, with their tracebacks: of an
    extension's own tasks, and of `request_tts`.
    `waiting`: who waited for what when the run's time was up.
    `unanswered`: commands that never got their result.
    """

    failures: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    unhandled: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()
    leaks: tuple[Leak, ...] = ()


class Run(Protocol):
    """A run that has begun."""

    def report(self) -> RunReport:
        """Return what went wrong so far."""

    def waiting(self) -> list[str]:
        """Return who waits for what, in sentences."""


class GiveUp(BaseException):
    """Raised on a thread from outside, to end the run in which it hangs.

    It passes through the callback that hangs, and through a tester's `run`.
    """


Listener = Callable[[RunReport], None]

_last = RunReport()
_running: list[Run] = []
_listeners: list[Listener] = []


def last_run() -> RunReport:
    """Return the report of the run that ended last in this process."""
    return _last


def running() -> list[Run]:
    """Return the runs of this process that have not ended."""
    return list(_running)


def who_waits() -> list[str]:
    """Return who waits for what in this process, in sentences."""
    return [sentence for run in running() for sentence in run.waiting()]


def listen(listener: Listener) -> Callable[[], None]:
    """Have `listener` called with the report of each run that ends.

    It is called on the run's thread. Returns what ends that.
    """
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def run_begins(run: Run) -> None:
    """Note a run; for the host itself."""
    _running.append(run)


def run_ends(run: Run, report: RunReport) -> None:
    """Note the end of a run; for the host itself."""
    global _last
    _last = report
    _running.remove(run)
    for listener in list(_listeners):
        listener(report)
