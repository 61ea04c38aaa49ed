# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The stand-in's log in a test run: kept back, shown where a test fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from key_scan import KEY

from ten_host import is_stand_in

pytestmark = pytest.mark.skipif(
    not is_stand_in(), reason="are about the stand-in's log"
)

CONFTEST = """
from ten_log import TenLogPlugin, ten_log
from ten_runtime._host import log_sinks

# Outside of the phases of a test nothing is captured.
def pytest_runtest_logstart():
    log_sinks.warn("me", "between two tests")

def pytest_configure(config):
    is_shown = config.getoption("capture") == "no"
    plugin = TenLogPlugin(is_shown=is_shown)
    config.pluginmanager.register(plugin, "ten_log_plugin")
"""
TESTS = f"""
import pytest

from ten_runtime._host import log_sinks

def say(line):
    log_sinks.warn("me", line)

@pytest.fixture
def early():
    say("in the setup")

def test_that_passes(early, ten_log):
    say("of one that passes")
    assert "in the setup" in ten_log.text()

def test_that_fails(early, ten_log):
    say("of one that fails")
    assert "of one that passes" not in ten_log.text()
    pytest.fail("as it should")

def test_with_the_key():
    say("{KEY}")
"""


def run(folder: Path, *arguments: str) -> list[str]:
    """Run the tests above in a process of their own; gives the lines."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(TESTS)
    here = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "key_scan", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": here},
        capture_output=True,
        text=True,
        timeout=240,
    )
    return (done.stderr + done.stdout).splitlines()


def test_lines_are_shown_with_the_test_that_failed(tmp_path: Path) -> None:
    lines = run(tmp_path, "-q", "--show-capture=all")

    assert "2 failed, 1 passed" in lines[-1]
    told = [line for line in lines if " WARN [me] [host] " in line]
    assert [line.split("[host] ")[1] for line in told] == [
        "between two tests",
        "in the setup",
        "of one that fails",
        "between two tests",
        KEY,
    ]
    assert "the key is shown in: Captured TEN log call" in lines


def test_lines_are_shown_as_they_come_where_nothing_is_captured(
    tmp_path: Path,
) -> None:
    lines = run(tmp_path, "-q", "-s")

    told = [line for line in lines if " WARN [me] [host] " in line]
    assert len(told) >= 5
