# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Fails a test for what went wrong in the runs that it has started.

An extension lives on a thread of its own. What it raises there, and which of
its messages are refused, no assertion of a test sees; the stand-in reports it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Generator
from typing import TYPE_CHECKING

import pytest

from .limit import TestHangs
from .log import SECTION

if TYPE_CHECKING:
    from ten_runtime.run_report import RunReport

KINDS = ("failures", "hangs", "refused", "unhandled", "leaks")
"""What may go wrong; `ten_expects` and `ten_fail_on` name them."""

DEFAULT_KINDS = ("failures", "hangs", "refused", "unhandled")

_Problem = tuple[str, str]


def unknown_kinds(kinds: Collection[str]) -> str | None:
    """Return the sentence about kinds that there are not, or None."""
    unknown = [kind for kind in kinds if kind not in KINDS]
    if not unknown:
        return None
    return f"{' '.join(unknown)}: must be of {', '.join(KINDS)}"


class RunWatch:
    """A pytest plugin; `kinds` are what a test fails for."""

    def __init__(self, kinds: Collection[str]) -> None:
        self._kinds = kinds
        self._ended: list[RunReport] = []
        self._told: Counter[_Problem] = Counter()
        self._has_hung = False
        self._stop_listening: Callable[[], None] = lambda: None

    def pytest_sessionstart(self) -> None:
        from ten_runtime import run_report

        self._stop_listening = run_report.listen(self._ended.append)

    def pytest_sessionfinish(self) -> None:
        self._stop_listening()

    def pytest_runtest_logstart(self) -> None:
        self._ended.clear()
        self._has_hung = False
        # A run of several tests has told the others already.
        self._told = Counter(self._all())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        kinds = {*self._kinds, *_asked_of(item)} - set(_expected_by(item))
        problems = [text for kind, text in self._news() if kind in kinds]
        if call.excinfo is not None and call.excinfo.errisinstance(_hangs()):
            self._has_hung = True
            # What was raised before is why.
            problems = problems or [str(call.excinfo.value)]
        elif self._has_hung:
            # That it does not end either is the same once more.
            return report
        is_judged = not report.skipped and not hasattr(report, "wasxfail")
        if problems and is_judged:
            report.outcome = "failed"
            report.longrepr = "\n\n".join(text.rstrip() for text in problems)
            if "TEN_HOST_LOG" not in os.environ:
                # Its warnings say the same once more.
                report.sections = [
                    section
                    for section in report.sections
                    if SECTION not in section[0]
                ]
        return report

    def leaks(self) -> list[str]:
        """Return what the ended runs of this test have left behind."""
        return [text for kind, text in self._all() if kind == "leaks"]

    def _news(self) -> list[_Problem]:
        found = self._all()
        news = list((Counter(found) - self._told).elements())
        self._told = Counter(found)
        return news

    def _all(self) -> list[_Problem]:
        from ten_runtime import run_report

        live = [run.report() for run in run_report.running()]
        return [
            problem
            for report in [*self._ended, *live]
            for problem in _problems_of(report)
        ]


def _hangs() -> tuple[type[BaseException], ...]:
    from ten_runtime.run_report import GiveUp

    return TestHangs, GiveUp


def _problems_of(report: RunReport) -> list[_Problem]:
    hangs = []
    if report.waiting:
        lines = "\n".join(f"  {sentence}" for sentence in report.waiting)
        hangs = [f"the run hangs; its time is over\n{lines}"]
    return [
        *(("failures", text) for text in report.failures),
        *(("hangs", text) for text in hangs),
        *(("unhandled", text) for text in report.unhandled),
        *(("refused", text) for text in report.refused),
        *(("leaks", str(leak)) for leak in report.leaks),
    ]


def _expected_by(item: pytest.Item) -> list[str]:
    """Return the kinds that a test says it looks at by itself."""
    markers = item.iter_markers("ten_expects")
    return [kind for marker in markers for kind in marker.args]


def _asked_of(item: pytest.Item) -> list[str]:
    """Return the kinds that a test wants to fail for by its fixtures."""
    names = getattr(item, "fixturenames", ())
    return ["leaks"] if "ten_leaks" in names else []
