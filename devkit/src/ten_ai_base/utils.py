# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Small helpers."""

from __future__ import annotations


def encrypt(key: str) -> str:
    """Mask the middle of a secret.

    A fifth of it, at most 5 characters, stays readable at either end; a
    text of less than 5 characters comes back in clear.
    """
    shown = min(len(key) // 5, 5)
    return f"{key[:shown]}...{key[-shown:]}" if shown else key
