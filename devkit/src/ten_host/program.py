# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""How the user has called the kit: `./dev` sets TEN_HOST_PROG."""

from __future__ import annotations

import os


def called(command: str) -> str:
    """Return what the user types for a command."""
    program = os.environ.get("TEN_HOST_PROG", "python -m ten_host")
    return f"{program} {command}"
