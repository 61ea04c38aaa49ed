# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Which `ten_ai_base` this package stands for: TEN_HOST_BASE, or 0.7."""

from __future__ import annotations

import os

VERSIONS = {"0.7": "0.7.41", "0.8": "0.8"}
DEFAULT = "0.7"


def chosen_version() -> str:
    """Return the chosen one of `VERSIONS`.

    Raises:
        ImportError: TEN_HOST_BASE names another.
    """
    chosen = os.environ.get("TEN_HOST_BASE", "").strip() or DEFAULT
    if chosen not in VERSIONS:
        known = " or ".join(VERSIONS)
        raise ImportError(f"TEN_HOST_BASE must be {known}, not {chosen!r}")
    return chosen


CHOSEN = chosen_version()
"""As it was when this package was imported: its classes are made then."""
