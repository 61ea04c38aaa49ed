# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Lines in TEN's log; the only place where they are masked."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ten_ai_base.const import LOG_CATEGORY_KEY_POINT, LOG_CATEGORY_VENDOR
from ten_ai_base.tts2 import AsyncTTS2BaseExtension


class GraphLog(logging.Handler):
    """Writes lines to the log of an extension's environment.

    As a handler it takes what the client logs, under the category `vendor`.
    """

    def __init__(
        self,
        base: AsyncTTS2BaseExtension,
        redact: Callable[[str], str],
    ) -> None:
        """Write for an extension.

        Args:
            redact: masks the secrets of a line.
        """
        super().__init__()
        self._base = base
        self._redact = redact

    def key_point(self, message: str) -> None:
        """Log a milestone."""
        self._base.ten_env.log_info(
            self._redact(message), category=LOG_CATEGORY_KEY_POINT
        )

    def warn(self, message: str) -> None:
        """Log what a user should know."""
        self._base.ten_env.log_warn(
            self._redact(message), category=LOG_CATEGORY_KEY_POINT
        )

    def bug(self, request_id: str, traceback: str) -> None:
        """Log an exception that should not have happened."""
        self._base.ten_env.log_error(
            self._redact(f"request={request_id} {traceback}"),
            category=LOG_CATEGORY_VENDOR,
        )

    def vendor(self, name: str) -> logging.Logger:
        """Return a logger whose lines end up here."""
        log = logging.Logger(f"gradium_tts.{name}")
        log.addHandler(self)
        return log

    def emit(self, record: logging.LogRecord) -> None:
        """Log one line of the client."""
        ten_env = self._base.ten_env
        write = {
            logging.DEBUG: ten_env.log_debug,
            logging.INFO: ten_env.log_info,
            logging.WARNING: ten_env.log_warn,
            logging.ERROR: ten_env.log_error,
        }[record.levelno]
        write(self._redact(record.getMessage()), category=LOG_CATEGORY_VENDOR)
