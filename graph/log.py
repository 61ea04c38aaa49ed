# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Lines in TEN's log; the only place where they are masked."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from ten_ai_base.const import LOG_CATEGORY_KEY_POINT, LOG_CATEGORY_VENDOR
from ten_ai_base.tts2 import AsyncTTS2BaseExtension

from ..core.redact import Masker


class GraphLog(logging.Handler):
    """Writes lines to the log of an extension's environment.

    As a handler it takes what the client logs, under the category `vendor`.
    A line is masked, escaped and cut here, and nowhere else.
    """

    def __init__(self, base: AsyncTTS2BaseExtension, name: str) -> None:
        """Write for an extension of this name."""
        super().__init__()
        self.masker = Masker()
        # All there ever were: a running request keeps its settings.
        self._secrets: set[str] = set()
        # Of the client and all below it; its lines end up here.
        self.vendor = logging.Logger(f"gradium_tts.{name}")
        self.vendor.addHandler(self)
        self._base = base

    def keep_secret(self, secrets: Iterable[str]) -> None:
        """Mask these, too, from now on."""
        self._secrets.update(secrets)
        self.masker = Masker(self._secrets)

    def key_point(self, message: str) -> None:
        """Log a milestone."""
        self._base.ten_env.log_info(
            self.masker.log_line(message), category=LOG_CATEGORY_KEY_POINT
        )

    def warn(self, message: str) -> None:
        """Log what a user should know."""
        self._base.ten_env.log_warn(
            self.masker.log_line(message), category=LOG_CATEGORY_KEY_POINT
        )

    def bug(self, request_id: str, traceback: str) -> None:
        """Log an exception that should not have happened, line by line."""
        for line in traceback.splitlines():
            self._base.ten_env.log_error(
                self.masker.log_line(f"request={request_id} {line}"),
                category=LOG_CATEGORY_VENDOR,
            )

    def emit(self, record: logging.LogRecord) -> None:
        """Log one line of the client."""
        ten_env = self._base.ten_env
        write = {
            logging.DEBUG: ten_env.log_debug,
            logging.INFO: ten_env.log_info,
            logging.WARNING: ten_env.log_warn,
            logging.ERROR: ten_env.log_error,
        }[record.levelno]
        write(
            self.masker.log_line(record.getMessage()),
            category=LOG_CATEGORY_VENDOR,
        )
