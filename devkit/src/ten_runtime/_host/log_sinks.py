# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Where log lines go: the handlers of TEN's `ten.log` configuration."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..log_level import LogLevel

_LEVELS = {
    "debug": LogLevel.DEBUG,
    "info": LogLevel.INFO,
    "warn": LogLevel.WARN,
    "error": LogLevel.ERROR,
    "off": LogLevel.ERROR + 1,
}
_COLORS = {LogLevel.WARN: "33", LogLevel.ERROR: "31"}
_lock = threading.Lock()


@dataclass(frozen=True)
class LogRecord:
    level: LogLevel
    source: str
    message: str
    category: str | None = None
    fields: Any = None


@dataclass
class LogHandler:
    """One entry of `ten.log.handlers`.

    `matchers`: (lowest level, category or None for all); one has to match.
    """

    matchers: list[tuple[int, str | None]] = field(
        default_factory=lambda: [(LogLevel.INFO, None)]
    )
    is_json: bool = False
    is_colored: bool = False
    stream: str = "stderr"
    file: str | None = None

    def takes(self, record: LogRecord) -> bool:
        return any(
            record.level >= level and category in (None, record.category)
            for level, category in self.matchers
        )

    def write(self, record: LogRecord) -> None:
        line = self._line(record) + "\n"
        if self.file is not None:
            with _lock, Path(self.file).open("a", encoding="utf-8") as file:
                file.write(line)
        elif _take is not None:
            _take(line)
        else:
            # Looked up at each write: pytest swaps the streams.
            getattr(sys, self.stream).write(line)

    def _line(self, record: LogRecord) -> str:
        now = time.time()
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
        stamp += f".{int(now % 1 * 1000):03}"
        if self.is_json:
            entry = {
                "timestamp": stamp,
                "level": record.level.name,
                "extension_name": record.source,
                "category": record.category,
                "content": record.message,
                "fields": record.fields,
            }
            present = {k: v for k, v in entry.items() if v is not None}
            return json.dumps(present, ensure_ascii=False, default=str)
        parts = [stamp, record.level.name, f"[{record.source}]"]
        if record.category:
            parts.append(f"[{record.category}]")
        parts.append(record.message)
        if record.fields:
            parts.append(json.dumps(record.fields, default=str))
        line = " ".join(parts)
        color = _COLORS.get(record.level) if self.is_colored else None
        return f"\x1b[{color}m{line}\x1b[0m" if color else line


def _default_handlers() -> list[LogHandler]:
    level = _LEVELS.get(os.environ.get("TEN_HOST_LOG", "warn"), LogLevel.WARN)
    return [LogHandler(matchers=[(level, None)])]


_handlers: list[LogHandler] | None = None
_take: Callable[[str], None] | None = None


def redirect(take: Callable[[str], None] | None) -> None:
    """Give `take` each line that is for a stream; None ends that.

    For test runs: an extension logs from a thread of its own, at moments
    when the runner of the tests does not capture the streams. `take` is
    called on any thread.
    """
    global _take
    _take = take


def configure(log: Any) -> None:
    """Take over `ten.log`; None goes back to the default.

    The default writes plain lines from WARN up to stderr; the environment
    variable TEN_HOST_LOG changes its level.
    """
    global _handlers
    handlers = log.get("handlers") if isinstance(log, dict) else None
    if handlers is None:
        _handlers = None
    else:
        _handlers = [_handler(entry) for entry in handlers]


def write(record: LogRecord) -> None:
    """Hand a record to all handlers. Logging never fails."""
    for handler in _default_handlers() if _handlers is None else _handlers:
        try:
            if handler.takes(record):
                handler.write(record)
        except (OSError, ValueError):
            # A closed stream or a full disk must not end a run, and there
            # is nowhere left to tell.
            continue


def warn(source: str, message: str) -> None:
    """A line of the host itself."""
    write(LogRecord(LogLevel.WARN, source, message, "host"))


def error(source: str, message: str) -> None:
    """A line about what TEN would have logged as an error."""
    write(LogRecord(LogLevel.ERROR, source, message, "host"))


def absent(sender: str, kind: str, name: str, receiver: str) -> None:
    """A line about a message that comes too late for its receiver.

    No warning, as it is in TEN: every stop has some.
    """
    text = f"Unable to send the {kind} {name} to the absent {receiver}"
    write(LogRecord(LogLevel.INFO, sender, text, "host"))


def _handler(entry: dict[str, Any]) -> LogHandler:
    formatter = entry.get("formatter") or {}
    emitter = entry.get("emitter") or {}
    config = emitter.get("config") or {}
    matchers = [
        (
            _LEVELS.get(str(m.get("level", "info")).lower(), LogLevel.INFO),
            m.get("category"),
        )
        for m in entry.get("matchers") or []
    ]
    return LogHandler(
        matchers=matchers,
        is_json=formatter.get("type") == "json",
        is_colored=bool(formatter.get("colored")),
        stream="stderr" if config.get("stream") == "stderr" else "stdout",
        file=config.get("path") if emitter.get("type") == "file" else None,
    )
