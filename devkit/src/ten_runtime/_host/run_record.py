# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Collects what goes wrong in a run, from any thread."""

from __future__ import annotations

import os
import threading

from ..error import TenError, TenErrorCode
from ..run_report import Leak, RunReport
from . import log_sinks


class RunRecord:
    """`error` is the run's result: the first that was noted."""

    def __init__(self) -> None:
        self.error: TenError | None = None
        self._failures: list[str] = []
        self._refused: list[str] = []
        self._unhandled: list[str] = []
        self._waiting: list[str] = []
        self._leaks: list[Leak] = []
        self._lock = threading.Lock()

    def note_error(self, error: TenError) -> None:
        with self._lock:
            self.error = self.error or error

    def note_failure(
        self, text: str, code: TenErrorCode = TenErrorCode.ErrorCodeGeneric
    ) -> None:
        """Something on which native TEN ends the process, or hangs."""
        log_sinks.warn("host", text)
        with self._lock:
            self._failures.append(text)
        self.note_error(TenError.create(code, text))

    def note_refused(self, source: str, text: str) -> None:
        """A message that was dropped."""
        log_sinks.warn(source, text)
        with self._lock:
            self._refused.append(text)

    def note_refused_file(self, owner: str, reason: str) -> None:
        """A file that TEN refuses; it says so at each start, and goes on."""
        text = f"Failed to set metadata for {owner}, {reason}"
        log_sinks.error("host", text)
        with self._lock:
            self._refused.append(text)

    def note_unhandled(self, source: str, text: str) -> None:
        """An exception that TEN only logs."""
        log_sinks.warn(source, text)
        with self._lock:
            self._unhandled.append(text)

    def note_waiting(self, sentences: list[str]) -> None:
        """Who waited for what when the time was up."""
        for sentence in sentences:
            log_sinks.warn("host", sentence)
        with self._lock:
            self._waiting += sentences

    def note_leak(self, leak: Leak) -> None:
        log_sinks.warn(leak.owner, str(leak))
        with self._lock:
            self._leaks.append(leak)

    def close(self, unanswered: list[str]) -> RunReport:
        """Return the report; where TEN_HOST_STRICT asks for it, more fails."""
        for command in unanswered:
            log_sinks.warn("host", f"command without a result: {command}")
        if is_strict("leaks"):
            for leak in self._leaks:
                self.note_failure(str(leak))
        if is_strict("refused"):
            for text in self._refused:
                self.note_failure(text)
        return self.so_far(unanswered)

    def so_far(self, unanswered: list[str]) -> RunReport:
        """Return the report of a run that may go on."""
        with self._lock:
            return RunReport(
                failures=tuple(self._failures),
                refused=tuple(self._refused),
                unhandled=tuple(self._unhandled),
                waiting=tuple(self._waiting),
                unanswered=tuple(unanswered),
                leaks=tuple(self._leaks),
            )

    def raise_if_strict(self) -> None:
        """For tests that do not look at what `run` returns."""
        if is_strict("raise") and self._failures:
            raise RuntimeError(self._failures[0])


def is_strict(about: str) -> bool:
    """Return whether TEN_HOST_STRICT asks for it: `leaks`, `raise`, …"""
    return about in os.environ.get("TEN_HOST_STRICT", "").split(",")
