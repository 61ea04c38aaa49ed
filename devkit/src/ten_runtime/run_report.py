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

from dataclasses import dataclass


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
    """One run, after its end.

    `failures`: what would have ended the process on native TEN.
    `refused`: messages that were dropped and files that were refused, with
    the reason.
    `unanswered`: commands that never got their result.
    """

    failures: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()
    leaks: tuple[Leak, ...] = ()


_last = RunReport()


def last_run() -> RunReport:
    """Return the report of the run that ended last in this process."""
    return _last


def set_last_run(report: RunReport) -> None:
    global _last
    _last = report
