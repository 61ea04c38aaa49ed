# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Keeps the log of the stand-in for TEN out of the output of a test run.

Extensions log from threads of their own, at moments when pytest captures
nothing: between the phases of a test, and between tests. So their lines do not
go through the streams at all. A test that fails shows its own in a section
"Captured TEN log"; with `-s` they go to stderr as they come.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator

import pytest

from ..app import is_stand_in

SECTION = "TEN log"


class TenLog:
    """The lines of one test after the other; written on any thread."""

    def __init__(self, *, is_shown: bool = False) -> None:
        """Begin.

        Args:
            is_shown: whether lines go to stderr, too, as they come.
        """
        self._is_shown = is_shown
        self._lock = threading.Lock()
        self._lines: list[str] = []
        self._shown = 0

    def write(self, line: str) -> None:
        """Take a line with its end."""
        with self._lock:
            self._lines.append(line)
        if self._is_shown:
            sys.stderr.write(line)

    def begin(self) -> None:
        """Forget what another test logged."""
        with self._lock:
            self._lines, self._shown = [], 0

    def text(self) -> str:
        """Return all that was logged in this test so far."""
        with self._lock:
            return "".join(self._lines)

    def news(self) -> str:
        """Return what was logged since the last call."""
        with self._lock:
            shown, self._shown = self._shown, len(self._lines)
            return "".join(self._lines[shown:])


class TenLogPlugin:
    """Takes the lines, and gives each phase of a test its own."""

    def __init__(self, *, is_shown: bool) -> None:
        self.log = TenLog(is_shown=is_shown)

    def pytest_sessionstart(self) -> None:
        if is_stand_in():
            _redirect_to(self.log)

    def pytest_sessionfinish(self) -> None:
        if is_stand_in():
            _redirect_to(None)

    def pytest_runtest_logstart(self) -> None:
        self.log.begin()

    # First of all: others read the sections of the report.
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        news = self.log.news()
        if news:
            item.add_report_section(call.when, SECTION, news)
        return (yield)


def _redirect_to(log: TenLog | None) -> None:
    # Not at the top: TEN's own runtime has no such module.
    from ten_runtime._host import log_sinks

    log_sinks.redirect(log.write if log else None)
