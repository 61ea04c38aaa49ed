# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""An old websocket library is one sentence, where the add-on is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gradium_tts_python.wire.library import LEAST, fault_of

ROOT = Path(__file__).resolve().parent.parent

ADVICE = 'is installed: pip install "websockets>=14.1"'
NEEDS = "gradium_tts_python needs websockets 14.1 or newer, and"


@pytest.mark.parametrize(
    ("version", "there"),
    [
        (None, "none"),
        ("", "one without a version"),
        ("8.1", "8.1"),
        ("13.1", "13.1"),
        ("14.0", "14.0"),
    ],
)
def test_an_old_library_is_named(version: str | None, there: str) -> None:
    assert fault_of(version) == f"{NEEDS} {there} {ADVICE}"


@pytest.mark.parametrize(
    "version", ["14.1", "14.2.1", "15.0", "16.1.dev12+gabcdef", "100.0"]
)
def test_a_new_library_is_none_of_our_business(version: str) -> None:
    assert fault_of(version) == ""


def test_the_least_version_is_that_of_the_requirements() -> None:
    least = ".".join(map(str, LEAST))

    lines = (ROOT / "requirements.txt").read_text().split()

    assert f"websockets>={least}" in lines


@pytest.mark.parametrize("is_installed", [True, False])
def test_the_import_of_the_add_on_ends_in_one_sentence(
    tmp_path: Path, is_installed: bool
) -> None:
    # What stands here is found before what is installed.
    old = tmp_path / "websockets.py"
    old.write_text(
        '__version__ = "12.0"'
        if is_installed
        else "raise ModuleNotFoundError('No module named websockets')"
    )
    paths = [str(tmp_path), *filter(None, sys.path)]

    done = subprocess.run(
        [sys.executable, "-c", "import gradium_tts_python"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )

    there = "12.0" if is_installed else "none"
    last = done.stderr.splitlines()[-1]
    assert (done.returncode, last) == (
        1,
        f"ImportError: {NEEDS} {there} {ADVICE}",
    )
    assert "During handling" not in done.stderr
