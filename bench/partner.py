# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Processes that are asked by lines of JSON, and answer by lines of JSON."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

Json = dict[str, Any]


class BenchError(Exception):
    """Something cannot be measured; the reason in one sentence."""


class Partner:
    """A process to ask; its first line is read on making it."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cores: set[int] | None = None,
    ) -> None:
        """Start it.

        Args:
            name: for messages.
            env: what it has besides our environment.
            cores: the only ones it may use; any, where that cannot be said.

        Raises:
            BenchError: it does not begin.
        """
        self.name = name
        self._errors: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8")
        self._process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, **(env or {})},
            text=True,
        )
        self.pin(cores)
        try:
            self.hello = self.answer(120.0)
        except BenchError:
            self.close()
            raise

    def pin(self, cores: set[int] | None) -> None:
        """Let it run on these only, on a system that can."""
        if cores and hasattr(os, "sched_setaffinity"):
            with contextlib.suppress(OSError):
                os.sched_setaffinity(self._process.pid, cores)

    def ask(self, order: Json, wait_s: float = 600.0) -> Json:
        """Give an order and wait for the answer."""
        self.order(order)
        return self.answer(wait_s)

    def order(self, order: Json) -> None:
        """Give an order; the answer is to be fetched later."""
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise BenchError(
                f"{self.name} ended: {self._last_words()}"
            ) from None

    def answer(self, wait_s: float = 600.0) -> Json:
        """Wait for an answer.

        Raises:
            BenchError: it failed, ended or took too long.
        """
        assert self._process.stdout
        # A pipe has no timeout of its own.
        timer = threading.Timer(wait_s, self._process.kill)
        timer.start()
        line = self._process.stdout.readline()
        timer.cancel()
        if not line:
            raise BenchError(f"{self.name} ended: {self._last_words()}")
        answer: Json = json.loads(line)
        if "failure" in answer:
            raise BenchError(f"{self.name}: {answer['failure']}")
        return answer

    def close(self) -> None:
        """End it."""
        assert self._process.stdin and self._process.stdout
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def _last_words(self) -> str:
        self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return lines[-1] if lines else f"code {self._process.returncode}"
