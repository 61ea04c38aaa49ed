# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The lowest versions that requirements.txt allows are enough, and silent.

An app's extensions share one environment, so ours must run on whatever
versions the others leave it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What goes through the libraries: settings, messages, sockets, files, events.
FAST = (
    "adversity",
    "scenarios",
    "test_config.py",
    "test_dump.py",
    "test_dump_files.py",
    "test_garbage.py",
    "test_gradium_tts.py",
    "test_logs.py",
    "test_protocol.py",
    "test_settings.py",
    "test_speech.py",
    "test_stop.py",
    "test_trace.py",
    "test_update_configs.py",
    "test_words.py",
)


def lowest() -> dict[str, str]:
    """The least version of each requirement."""
    floors = {}
    for line in (ROOT / "requirements.txt").read_text().split():
        match = re.fullmatch(r"([a-z0-9-]+)>=([0-9.]+)", line)
        assert match, f"{line} has no lowest version"
        floors[match[1]] = match[2]
    return floors


def test_each_requirement_has_a_lowest_version() -> None:
    assert sorted(lowest()) == ["aiofiles", "pydantic", "websockets"]


@pytest.mark.thorough
@pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="no wheels of that age for this Python"
)
def test_the_lowest_versions_are_enough(tmp_path: Path) -> None:
    pins = [f"{name}=={version}" for name, version in lowest().items()]
    constraint = tmp_path / "lowest.txt"
    constraint.write_text("\n".join(pins) + "\n")
    outer = {k: v for k, v in os.environ.items() if "PYTEST" not in k}
    environment = {
        **outer,
        "GRADIUM_DEV_VENV": str(tmp_path / "venv"),
        "PIP_CONSTRAINT": str(constraint),
        "PYTHON": sys.executable,
    }

    def dev(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ROOT / "dev", *arguments],
            env=environment,
            capture_output=True,
            text=True,
        )

    installed = dev("python", "-m", "pip", "freeze").stdout.split()
    silent = dev(
        "python", "-W", "error", "-c", "import gradium_tts_python.extension"
    )
    tested = dev("test", "-q", "-p", "no:cacheprovider", *fast_paths())

    assert set(map(plain, pins)) <= set(map(plain, installed))
    assert (silent.returncode, silent.stderr) == (0, "")
    assert tested.returncode == 0, tested.stdout[-4000:] + tested.stderr


def fast_paths() -> list[str]:
    """The paths of the fast tests."""
    paths = [f"tests/{name}" for name in FAST]
    assert all((ROOT / path).exists() for path in paths)
    return paths


def plain(pin: str) -> str:
    """A pin as it compares: 23.1 is 23.1.0."""
    return pin.removesuffix(".0")
