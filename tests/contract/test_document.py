# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""docs/ten.md names the tests that hold the stand-in to what was measured."""

from __future__ import annotations

import re
from pathlib import Path

CONTRACT = Path(__file__).resolve().parent
DOCUMENT = CONTRACT.parents[1] / "docs" / "ten.md"


def test_every_test_that_the_document_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", DOCUMENT.read_text("utf-8")))
    there = {
        name
        for path in CONTRACT.glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)
    }

    assert len(named) > 30
    assert named <= there, named - there
