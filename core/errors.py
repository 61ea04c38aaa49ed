# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What can go wrong with a session, with the facts and not only the words."""

from __future__ import annotations

import re
from enum import Enum


class ErrorKind(Enum):
    """What a failure means for the one who asked."""

    AUTH = "auth"
    CONFIG = "config"
    QUOTA = "quota"
    CAPACITY = "capacity"
    TRANSIENT = "transient"
    PROTOCOL = "protocol"
    # A bug on this side; the vendor has no part in it.
    INTERNAL = "internal"

    @property
    def is_fatal(self) -> bool:
        """Whether nothing but a change by the user can help."""
        return self in (ErrorKind.AUTH, ErrorKind.CONFIG, ErrorKind.QUOTA)

    @property
    def is_retryable(self) -> bool:
        """Whether the same request may succeed on a new socket."""
        return self in (ErrorKind.CAPACITY, ErrorKind.TRANSIENT)


class GradiumError(Exception):
    """A session failed.

    Attributes:
        kind: what it means for the caller.
        code: the vendor's code as text (HTTP status, close code, in-band
            code), empty where there is none.
        vendor_message: the vendor's own words, empty where there are none.
    """

    def __init__(
        self,
        message: str,
        kind: ErrorKind,
        code: str = "",
        vendor_message: str = "",
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.code = code
        self.vendor_message = vendor_message


class ConnectError(GradiumError):
    """No socket could be opened."""


class ConnectionLost(GradiumError):
    """The socket closed or broke before the end of the stream."""


class SynthesisError(GradiumError):
    """The server refused the session, or answered nonsense."""


class StallError(GradiumError):
    """The server owed something and kept silent."""


# The vendor's phrases, most telling first, searched in the first line only
# (a support footer follows). Digits are never searched: they may be anything.
_PHRASES = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        # These echo what the user wrote, so they come before all others.
        (r"\bembeddings not found for\b", ErrorKind.CONFIG),
        (r"\bpronunciation dictionary\b.*\bnot found", ErrorKind.CONFIG),
        (r"^\w+ should be between\b", ErrorKind.CONFIG),
        (r"^session (not found|already active)\b", ErrorKind.PROTOCOL),
        (
            r"\b(invalid|expired|missing|revoked|unknown)\b.{0,40}\bapi key\b",
            ErrorKind.AUTH,
        ),
        (
            r"\bapi key\b.{0,40}\b(invalid|expired|missing|revoked|unknown)\b",
            ErrorKind.AUTH,
        ),
        (r"\bno authentication provided\b", ErrorKind.AUTH),
        (r"\bauthentication (failed|required)\b", ErrorKind.AUTH),
        (r"\bregion endpoint\b", ErrorKind.CONFIG),
        # Before the next: a cap on concurrency may name the subscription.
        (r"\bconcurren(cy|t)\b", ErrorKind.CAPACITY),
        (r"\b(credits?|quota|subscription)\b", ErrorKind.QUOTA),
        (
            r"\b(inactivity|idle|duration|session length|session limit)\b",
            ErrorKind.TRANSIENT,
        ),
        (
            r"\b(rate limit|too many requests|at capacity|overloaded|busy)\b",
            ErrorKind.CAPACITY,
        ),
    )
)

_HTTP_KINDS = {
    401: ErrorKind.AUTH,
    402: ErrorKind.QUOTA,
    403: ErrorKind.AUTH,
    408: ErrorKind.TRANSIENT,
    429: ErrorKind.CAPACITY,
}


def classify(
    *,
    http_status: int | None = None,
    code: int | None = None,
    message: str = "",
) -> ErrorKind:
    """Tell what a failure means: the vendor's phrase first, then the code.

    Args:
        http_status: of the refused upgrade, `None` once upgraded.
        code: of the in-band error or of the close frame, `None` for a
            connection that broke without one.
        message: the vendor's words; only the first line counts.
    """
    first_line = message.strip().split("\n", 1)[0]
    for phrase, kind in _PHRASES:
        if phrase.search(first_line):
            return kind
    if http_status is not None:
        if http_status in _HTTP_KINDS:
            return _HTTP_KINDS[http_status]
        return (
            ErrorKind.CONFIG
            if 300 <= http_status < 500
            else ErrorKind.TRANSIENT
        )
    if code == 1008:
        return ErrorKind.CONFIG
    if code == 1002:
        return ErrorKind.PROTOCOL
    return ErrorKind.TRANSIENT
