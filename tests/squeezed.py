# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What two ways of cutting a text must have in common."""

from __future__ import annotations

import re

CLOSERS = "\"'»)\\]*_~`”’」』）】》〉"
STOPS = "。！？、，；：｡､।॥။၊។"
ENDS = ".,!?;:…،؟؛۔>" + STOPS
# What follows such a mark without a space is not said again: `Wait.` + `..`
_MORE_MARKS = re.compile(rf"(?<=[{ENDS}])[.,!?;:…،؟؛{CLOSERS}]+")


def squeeze(text: str) -> str:
    """A text without its spaces, and without the marks after a mark."""
    return _MORE_MARKS.sub("", re.sub(r"\s+", "", text))
