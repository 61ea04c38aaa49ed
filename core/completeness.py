# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What is missing of a session's speech, though no server says so.

Each of these is a failure like any other: what is missing is said by the next
session, or the request ends with the error.
"""

from __future__ import annotations

from .errors import ErrorKind, SynthesisError
from .request import Ledger


def hole_in(ledger: Ledger, host: str) -> SynthesisError | None:
    """Return the error where audio is missing in the middle."""
    at_s = ledger.hole_at_s
    if at_s is None:
        return None
    return SynthesisError(
        f"{host} left out audio after {at_s:.2f} s", ErrorKind.TRANSIENT
    )


def missing_at_end(
    ledger: Ledger, until_word: int | None, host: str
) -> SynthesisError | None:
    """Return the error where a session has ended, and left something out.

    Args:
        until_word: the first word that the session was not given; `None`
            where it was given all.
    """
    if until_word is None:
        until_word = ledger.script.word_count
    if not ledger.session_delivered_s:
        kind = ErrorKind.PROTOCOL
        what = "no audio came from {} for {} characters"
    elif not ledger.session_ended(until_word):
        if hole := hole_in(ledger, host):
            return hole
        kind = ErrorKind.TRANSIENT
        what = "{} ended the speech {} characters early"
    else:
        return None
    left = len(ledger.undelivered_text())
    return SynthesisError(what.format(host, left), kind)
