# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What can go wrong with a session, with the facts and not only the words."""

from __future__ import annotations

import re
from enum import Enum


class ErrorKind(Enum):
    """What a failure means for the one who asked.

    `INTERNAL` is a bug of this package: neither the vendor nor the user can
    help, and the next request may well succeed.
    """

    AUTH = "auth"
    CONFIG = "config"
    QUOTA = "quota"
    CAPACITY = "capacity"
    TRANSIENT = "transient"
    PROTOCOL = "protocol"
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
        hint: what may be the matter; the message ends in it.
        is_silence: whether it says no more than that nothing was answered.
        was_retried_in_vain: whether a request was given up for it before
            anything was heard, though trying again was worth it.
    """

    is_silence = False

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
        self.hint = ""
        self.was_retried_in_vain = False

    @property
    def is_fatal(self) -> bool:
        """Whether the graph is told that nothing goes any more."""
        return self.kind.is_fatal or self.was_retried_in_vain

    def tell_of(self, answer: GradiumError) -> None:
        """Tell with it what had failed before, which says more."""
        self.code, self.vendor_message = answer.code, answer.vendor_message
        self.hint = f"before that, {answer}"

    def __str__(self) -> str:
        """Return the message, with the hint."""
        message = super().__str__()
        is_told = not self.hint or self.hint in message
        return message if is_told else f"{message}; {self.hint}"


class ConnectError(GradiumError):
    """No socket could be opened."""


class ConnectTimeout(ConnectError):
    """Nobody answered a connect in time."""

    is_silence = True


class ConnectionLost(GradiumError):
    """The socket closed or broke before the end of the stream."""

    def in_phase(self, *, has_audio: bool) -> ConnectionLost:
        """Return the same error as the one who knows the phase reads it.

        The socket that was lost did not know whether audio had been accepted.
        """
        if not self.code.isdecimal():
            return self
        kind = classify(
            code=int(self.code),
            message=self.vendor_message,
            has_audio=has_audio,
        )
        return ConnectionLost(str(self), kind, self.code, self.vendor_message)


class SynthesisError(GradiumError):
    """The server refused the session, or answered nonsense."""

    @classmethod
    def of(
        cls, host: str, message: str, code: int | None, *, has_audio: bool
    ) -> SynthesisError:
        """Read what a server says when it refuses a session.

        Args:
            message: its words; a footer about support follows the first line.
            has_audio: whether the session had brought audio.
        """
        first_line = message.split("\n", 1)[0].strip()
        return cls(
            with_reason(f"{host} refused the request", first_line),
            classify(code=code, message=message, has_audio=has_audio),
            "" if code is None else str(code),
            message.strip(),
        )


class StallError(GradiumError):
    """The server owed something and kept silent."""

    is_silence = True


def with_reason(what: str, reason: str) -> str:
    """Say what failed, and why where that is known: no colon hangs."""
    reason = reason.strip()
    return f"{what}: {reason}" if reason else what


# Only so much of a message is read: the vendor's own are short.
_READ_CHARACTERS = 300
_RELAYED = re.compile(r"(?:error from server(?: \d+)?|error): ", re.IGNORECASE)
# What stands in quotes or brackets is somebody else's: the user's text, an id.
# An apostrophe within a word is no quote.
_QUOTE = re.compile(r"(?<!\w)['’‘]|[\"“”„«»`(\[{<「『]")

# At the start of what the vendor says, where no echo stands.
_OPENINGS = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"embeddings not found\b", ErrorKind.CONFIG),
        (r"pronunciation dictionary\b", ErrorKind.CONFIG),
        (r"\w+ should be (between|one of|an?)\b", ErrorKind.CONFIG),
        (r"session (not found|already active)\b", ErrorKind.PROTOCOL),
        (
            r"(invalid|expired|missing|revoked|unknown|no)"
            r"( or (invalid|expired|missing|revoked|unknown))* api key\b",
            ErrorKind.AUTH,
        ),
        (
            r"((the|this|your) )?api key ((is|was|has been) )?"
            r"(invalid|expired|missing|revoked|unknown)\b",
            ErrorKind.AUTH,
        ),
        (r"no authentication\b", ErrorKind.AUTH),
        (r"authentication (failed|required)\b", ErrorKind.AUTH),
        (
            r"(you (have|are) )?(no|out of|insufficient|not enough) (\w+ )?"
            r"(credits?|quota|subscription)\b(?! (service|server|check))",
            ErrorKind.QUOTA,
        ),
        (
            r"((the|this|your) )?(\w+ )?(credits?|quota|subscription)"
            r"( limit)? ((is|are|was|were|has|have|been) )*"
            r"(exceeded|exhausted|expired|used up|required|inactive"
            r"|cancelled)\b",
            ErrorKind.QUOTA,
        ),
    )
)
# Anywhere in what the vendor says; none of these shuts the latch.
_MENTIONS = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"\bthe [\w-]+ region endpoint\b", ErrorKind.CONFIG),
        (r"\b(inactivity|idle|duration|timed? ?out)\b", ErrorKind.TRANSIENT),
        (
            r"\b(concurren\w*|sessions?|streams?|limit(s|ed)?|too many"
            r"|per (second|minute|hour|day)|capacity|overloaded|busy)\b",
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
_REFUSED_SETUP, _REFUSED_DATA, _POLICY = 1002, 1003, 1008


def classify(
    *,
    http_status: int | None = None,
    code: int | None = None,
    message: str = "",
    has_audio: bool | None = None,
) -> ErrorKind:
    """Tell what a failure means: status and code first, then the words.

    The words decide where the vendor's code says "policy" or where there is
    none, and only before audio: what a server says about a fault of its own
    may quote the user or name any of its parts.

    Args:
        http_status: of the refused upgrade, `None` once upgraded.
        code: of the in-band error or of the close frame, `None` for an error
            without one. A connection that broke is no case for this function.
        message: the vendor's words; only the first line counts.
        has_audio: whether the session had brought audio: its setup and key
            are known to be good then, and whatever it says, it is a drop.
            `None` where that is not known: then an unknown wording is no
            configuration error, as a retry in vain costs less than speech
            that is given up.
    """
    if http_status is not None:
        return _kind_of_status(http_status)
    if has_audio:
        return ErrorKind.TRANSIENT
    if code in (_REFUSED_SETUP, _REFUSED_DATA):
        return _kind_of_refusal(message)
    if code not in (_POLICY, None):
        return ErrorKind.TRANSIENT
    kind = _kind_of_words(message)
    if kind is None and code == _POLICY and has_audio is False:
        return ErrorKind.CONFIG
    return kind or ErrorKind.TRANSIENT


def _kind_of_status(http_status: int) -> ErrorKind:
    if http_status in _HTTP_KINDS:
        return _HTTP_KINDS[http_status]
    is_ours = 300 <= http_status < 500
    return ErrorKind.CONFIG if is_ours else ErrorKind.TRANSIENT


def _kind_of_refusal(message: str) -> ErrorKind:
    """Tell a setup that was refused from a conversation that went wrong."""
    is_bug = _kind_of_words(message) is ErrorKind.PROTOCOL
    return ErrorKind.PROTOCOL if is_bug else ErrorKind.CONFIG


def _kind_of_words(message: str) -> ErrorKind | None:
    """Look for what the vendor is known to say; `None` where it is not."""
    # A support footer follows after the first line.
    said = message.strip()[:_READ_CHARACTERS].split("\n", 1)[0]
    relayed = _RELAYED.match(said)
    said = said[relayed.end() :] if relayed else said
    said = _QUOTE.split(said, maxsplit=1)[0]
    for opening, kind in _OPENINGS:
        if opening.match(said):
            return kind
    for mention, kind in _MENTIONS:
        if mention.search(said):
            return kind
    return None
