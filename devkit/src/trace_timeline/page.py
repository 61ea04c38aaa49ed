# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A timeline as a page that needs nothing else: to zoom, to hover, to send."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from string import Template

from .marks import Mark, lanes_of

STATIC = Path(__file__).resolve().parent / "static"
SCRIPT = STATIC / "timeline.js"
COLOURS = STATIC / "colours.css"
_PAGE = STATIC / "alone.html"


def page_of(marks: Sequence[Mark], title: str) -> str:
    """Return the page.

    Args:
        title: as text.
    """
    tree = {
        "title": title,
        "lanes": [asdict(lane) for lane in lanes_of(marks)],
        "marks": [mark.tree() for mark in marks],
    }
    return Template(_PAGE.read_text("utf-8")).substitute(
        colours=COLOURS.read_text("utf-8"),
        script=SCRIPT.read_text("utf-8"),
        # In a script, only its own end would be read as markup.
        tree=json.dumps(tree).replace("<", "\\u003c"),
    )
