# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The tests that `docs/security.md` names are there, and these are named."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_promise_names_tests_that_exist() -> None:
    lines = (ROOT / "docs" / "security.md").read_text("utf-8").splitlines()
    promises = [
        line
        for line in lines
        if line.startswith("|")
        and not line.startswith(("| Promise", "| What", "|---"))
    ]
    named = [re.findall(r"`(tests/[\w/]+\.py)`", line) for line in promises]

    assert len(promises) > 20
    assert [
        line for line, files in zip(promises, named, strict=True) if not files
    ] == []
    missing = [
        file for files in named for file in files if not (ROOT / file).is_file()
    ]
    assert missing == []
    own = {
        path.relative_to(ROOT).as_posix()
        for path in Path(__file__).parent.glob("test_*.py")
        if path != Path(__file__)
    }
    assert own <= {file for files in named for file in files}
