"""The look for the key in what a test run prints: it does find it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from key_scan import KEY

PRINTERS = {
    "stdout": "print({0!r})",
    "stderr": "import sys; sys.stderr.write({0!r})",
    "log": "import logging; logging.getLogger('x').warning({0!r})",
}


def run_pytest(folder: Path, body: str) -> subprocess.CompletedProcess[str]:
    """Run one test with the plugin, in a process of its own."""
    (folder / "test_it.py").write_text(f"def test_it():\n    {body}\n")
    here = str(Path(__file__).parent)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "key_scan", "test_it.py"],
        cwd=folder,
        env={"PYTHONPATH": here, "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("stream", PRINTERS)
def test_a_test_that_prints_the_key_fails(tmp_path: Path, stream: str) -> None:
    done = run_pytest(tmp_path, PRINTERS[stream].format(f"key={KEY}"))

    assert done.returncode == 1
    assert f"the key is shown in: Captured {stream} call" in done.stdout


def test_a_test_that_prints_the_end_of_the_key_fails(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, f"print('…' + {KEY[-12:]!r})")

    assert done.returncode == 1


def test_a_test_that_prints_something_else_passes(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, "print('key=***')")

    assert done.returncode == 0
