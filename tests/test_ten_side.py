# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The tests that are shipped to TEN pass there: with TEN, pytest, and no kit.

What is shipped, and nothing else, is copied into a folder with an environment
of its own. In the place where `tman` puts TEN stand the stand-ins for its two
packages.
"""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from ten_shipping.include import included_files

ROOT = Path(__file__).resolve().parent.parent
KIT = ROOT / "devkit" / "src"
# What `requirements.txt` and TEN's image bring.
INSTALLED = ("pytest", "websockets", "pydantic", "aiofiles")


@dataclass(frozen=True)
class Checkout:
    """The extension's folder in a TEN checkout, and the Python there."""

    extension: Path
    python: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the extension's folder."""
        return subprocess.run(
            command,
            cwd=self.extension,
            env={
                "PATH": f"{self.python.parent}:/usr/bin:/bin",
                "HOME": str(self.extension.parent),
            },
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    extension = tmp_path / "extension" / "gradium_tts_python"
    for path in included_files(ROOT):
        (extension / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, extension / path)
    system = extension / ".ten" / "app" / "ten_packages" / "system"
    for package, of in (
        ("ten_runtime", "ten_runtime_python"),
        ("ten_ai_base", "ten_ai_base"),
    ):
        target = system / of / "interface" / package
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(KIT / package, target, ignore=ignored)
    folder = tmp_path / "python"
    venv.EnvBuilder(symlinks=True).create(folder)
    (site,) = (folder / "lib").glob("python3*/site-packages")
    for name in with_requirements(*INSTALLED):
        link(importlib.metadata.distribution(name), site)
    return Checkout(extension, folder / "bin" / "python3")


def with_requirements(*names: str) -> set[str]:
    """The distributions and all that they need."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            texts = importlib.metadata.distribution(name).requires or []
            needed = map(Requirement, texts)
            waiting += [
                requirement.name
                for requirement in needed
                if requirement.marker is None
                or requirement.marker.evaluate({"extra": ""})
            ]
    return found


def link(distribution: importlib.metadata.Distribution, site: Path) -> None:
    """Make an installed distribution importable from another folder."""
    tops = {file.parts[0] for file in distribution.files or []}
    for top in tops - {"..", "__pycache__"}:
        if not (site / top).exists():
            (site / top).symlink_to(Path(str(distribution.locate_file(top))))


ABSENT = """
import importlib.util, sys
print(*[name for name in sys.argv[1:] if importlib.util.find_spec(name)])
"""


@pytest.mark.timeout(300)
def test_the_suite_for_ten_passes_without_the_kit(checkout: Checkout) -> None:
    others = {path.parent.name for path in KIT.glob("*/__init__.py")}
    others |= {"pytest_asyncio", "pytest_timeout", "xdist", "hypothesis"}
    others -= {"ten_runtime", "ten_ai_base"}

    found = checkout.run("python3", "-c", ABSENT, *sorted(others))
    done = checkout.run("tests/bin/start", "-q")

    assert (found.returncode, found.stdout.split()) == (0, [])
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    assert re.search(r"\b[1-9]\d+ passed\b", last), last
    assert not re.search(r"skipped|failed|error|xfailed", last), last


def test_in_the_repository_the_same_command_runs_all_tests(
    checkout: Checkout,
) -> None:
    dev = checkout.extension / "dev"
    dev.write_text('#!/bin/sh\necho "./dev $*"\n')
    dev.chmod(0o755)

    done = checkout.run("tests/bin/start", "-q", "tests/test_x.py")

    assert done.stdout == "./dev test -q tests/test_x.py\n"


@pytest.mark.thorough
@pytest.mark.timeout(300)
def test_the_suite_for_ten_notices_a_broken_extension(
    checkout: Checkout,
) -> None:
    # Interruptions that interrupt nothing, words that are never sent.
    file = checkout.extension / "extension.py"
    code = file.read_text()
    broken = code.replace("async def cancel_tts(self) -> None:\n", BROKEN, 1)
    assert broken != code
    file.write_text(broken)

    done = checkout.run("tests/bin/start", "-q", "-x", "-k", "flush")

    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed" in done.stdout


BROKEN = '''async def cancel_tts(self) -> None:
        """Do nothing."""

    async def _never(self) -> None:
'''
