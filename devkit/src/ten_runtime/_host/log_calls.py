# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The `log_*` calls of every environment."""

from __future__ import annotations

import json
from typing import Any

from ..error import TenError
from ..log_level import LogLevel
from ..log_option import DefaultLogOption, LogOption
from ..value import Value
from . import log_sinks


class LogCalls:
    """Raises ValueError for a message that is not text, and nothing else."""

    def _log_source(self) -> tuple[str, TenError | None]:
        """Return the name to log under; the error once the env is closed."""
        raise NotImplementedError

    def log_debug(
        self,
        msg: str,
        category: str | None = None,
        fields: Value | dict[str, Any] | None = None,
        option: LogOption = DefaultLogOption,
    ) -> TenError | None:
        return self.log(LogLevel.DEBUG, msg, category, fields, option)

    def log_info(
        self,
        msg: str,
        category: str | None = None,
        fields: Value | dict[str, Any] | None = None,
        option: LogOption = DefaultLogOption,
    ) -> TenError | None:
        return self.log(LogLevel.INFO, msg, category, fields, option)

    def log_warn(
        self,
        msg: str,
        category: str | None = None,
        fields: Value | dict[str, Any] | None = None,
        option: LogOption = DefaultLogOption,
    ) -> TenError | None:
        return self.log(LogLevel.WARN, msg, category, fields, option)

    def log_error(
        self,
        msg: str,
        category: str | None = None,
        fields: Value | dict[str, Any] | None = None,
        option: LogOption = DefaultLogOption,
    ) -> TenError | None:
        return self.log(LogLevel.ERROR, msg, category, fields, option)

    def log(
        self,
        level: LogLevel,
        msg: str,
        category: str | None = None,
        fields: Value | dict[str, Any] | None = None,
        option: LogOption = DefaultLogOption,
    ) -> TenError | None:
        """Write a line; `fields` that are not JSON-like are left out."""
        if not isinstance(msg, str):
            raise ValueError(f"msg must be str, not {type(msg).__name__}")
        source, error = self._log_source()
        if error is not None:
            return error
        try:
            plain = None if fields is None else _plain(fields)
        except (TypeError, ValueError):
            plain = None
        level = LogLevel(level)
        log_sinks.write(
            log_sinks.LogRecord(level, source, msg, category, plain)
        )
        return None


def _plain(fields: Value | dict[str, Any]) -> Any:
    value = Value.from_object(fields).to_python()
    json.dumps(value, default=repr)
    return value
