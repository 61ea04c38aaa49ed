# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Options of one log call."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class LogOption:
    """`skip` stack frames up to the caller; `sync` waits for the write."""

    skip: int = 2
    sync: bool = False


DefaultLogOption = LogOption()
