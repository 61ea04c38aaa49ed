# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a trace shows, on one clock: lanes and marks, and pictures of them."""

from __future__ import annotations

from .marks import LANES, Lane, Mark, lanes_of
from .model import Timeline
from .tail import TraceTail, lines_of, marks_of

__all__ = [
    "LANES",
    "Lane",
    "Mark",
    "Timeline",
    "TraceTail",
    "lanes_of",
    "lines_of",
    "marks_of",
]
