# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The look for the key in what a test run prints: it does find it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from key_scan import KEY

TESTS = f"""
import logging, sys

import pytest

def test_out():
    print("key={KEY}")

def test_err():
    sys.stderr.write("…{KEY[-12:]}")

def test_log():
    logging.getLogger("x").warning("{KEY[:12]}…")

@pytest.fixture
def late():
    yield
    print("{KEY}")

def test_late(late):
    pass

def test_other():
    print("key=***")
"""


def test_a_test_that_prints_the_key_fails(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    here = str(Path(__file__).parent)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "key_scan", "test_it.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": here},
        capture_output=True,
        text=True,
        timeout=240,
    )

    assert done.returncode == 1
    told = done.stdout.splitlines()
    found = [line.split("::")[1] for line in told if " - the key" in line]
    assert found == [
        "test_out - the key is shown in: Captured stdout call",
        "test_err - the key is shown in: Captured stderr call",
        "test_log - the key is shown in: Captured log call",
        "test_late - the key is shown in: Captured stdout teardown",
    ]
    assert "2 passed" in told[-1]
