# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What one request asks for itself: `metadata.tts` of its first text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .actions import WishesRefused
from .errors import ErrorKind, GradiumError
from .languages import language_note
from .sentences import ConfigError, kind_of
from .setting_names import EXCLUSIVE
from .setting_places import suggestion

# Where it stands, and what may stand there.
WISHES = "metadata.tts"
PER_REQUEST = (
    "voice_id",
    "voice",
    "pronunciation_id",
    "speed",
    "temperature",
    "similarity",
    "language",
)
# So many of its unknown keys are told.
_MOST_NOTES = 8


def wishes_of(given: Any) -> tuple[dict[str, Any], list[str]]:
    """Read what one request wants to change for itself.

    Returns:
        What it may change, not yet checked, and notes on the other keys.

    Raises:
        ConfigError: it is no object.
    """
    if given is None:
        return {}, []
    if not isinstance(given, Mapping):
        raise ConfigError(f"{WISHES} must be an object, not {kind_of(given)}")
    odd = [key for key in given if key not in PER_REQUEST]
    known = {name: f"{WISHES}.{name}" for name in PER_REQUEST}
    notes = [
        f"{WISHES}.{key[:64]} is nothing that a request can change"
        + suggestion(key, known)
        for key in odd[:_MOST_NOTES]
    ]
    note = language_note(f"{WISHES}.language", given.get("language"))
    wishes = {
        name: given[name]
        for name in PER_REQUEST
        if given.get(name) not in (None, "")
    }
    return wishes, [*notes, *([note] if note else [])]


def rivals_of(name: str) -> set[str]:
    """Return the settings that cannot hold together with one."""
    return {other for pair in EXCLUSIVE if name in pair for other in pair} - {
        name
    }


def refusal_of(
    error: GradiumError, own: object, common: object
) -> WishesRefused | None:
    """Say that the vendor refuses what a request asked for.

    Args:
        error: of a session with the settings of the request.
        own: these settings, by attribute.
        common: those of all requests.

    Returns:
        What is told; `None` where it is another failure.
    """
    wishes = [
        f"{WISHES}.{name}"
        for name in PER_REQUEST
        if getattr(own, name) != getattr(common, name)
    ]
    if error.kind is not ErrorKind.CONFIG or not wishes:
        return None
    return WishesRefused(
        f"{' or '.join(wishes)} is not accepted: {error}",
        error.code or error.kind.value,
        error.vendor_message,
    )
