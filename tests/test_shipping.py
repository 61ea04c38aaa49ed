# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The package that TEN's registry would ship."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest
from ten_shipping import build, include
from ten_shipping.package import prove

ROOT = Path(__file__).resolve().parent.parent
NAME = "gradium_tts_python"


# --------------------------------------------------------------------- globs


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("**.py", ["a.py"]),
        ("*.py", ["a.py"]),
        ("manifest.json", ["manifest.json"]),
        ("docs/**", ["docs/a.py", "docs/deep/b.md"]),
        ("docs/*", ["docs/a.py"]),
        ("**/*.py", ["a.py", "docs/a.py"]),
        ("?.py", ["a.py"]),
        ("none", []),
    ],
)
def test_globs_stop_at_folders_as_in_ten(
    tmp_path: Path, pattern: str, matched: list[str]
) -> None:
    for name in ("a.py", "manifest.json", "docs/a.py", "docs/deep/b.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.py").write_text("")

    found = include.matching_files(tmp_path, [pattern])

    assert [path.as_posix() for path in found] == matched


# ------------------------------------------------------------------- package


def test_the_package_holds_the_shipped_files_and_speaks(
    tmp_path: Path,
) -> None:
    archive = build(ROOT, tmp_path / "dist")

    with zipfile.ZipFile(archive) as package:
        names = set(package.namelist())
        executable = {
            entry.filename
            for entry in package.infolist()
            if entry.external_attr >> 16 & 0o100
        }
    modules = {
        path.relative_to(ROOT).as_posix()
        for folder in ("", "core", "settings", "fleet", "wire", "graph")
        for path in (ROOT / folder).glob("*.py")
    }
    # The suite for TEN, and the settings of TEN's own.
    tests = {
        path.relative_to(ROOT).as_posix()
        for pattern in ("ten/*.py", "configs/*.json", "bin/start")
        for path in (ROOT / "tests").glob(pattern)
    }
    others = {
        "manifest.json",
        "property.json",
        "requirements.txt",
        "pyproject.toml",
        "README.md",
        "docs/README.zh-CN.md",
        "docs/play.webp",
        "CHANGELOG.md",
        "LICENSE",
    }
    assert names == modules | tests | others
    assert executable == {"tests/bin/start"}
    assert archive.read_bytes() == build(ROOT, tmp_path / "again").read_bytes()
    assert prove(archive, tmp_path / "app", NAME) > 0


def test_a_package_that_misses_a_module_is_found_out(tmp_path: Path) -> None:
    archive = build(ROOT, tmp_path)
    with zipfile.ZipFile(archive) as package:
        kept = [n for n in package.namelist() if n != "speech.py"]
        content = {name: package.read(name) for name in kept}
    with zipfile.ZipFile(archive, "w") as package:
        for name, octets in content.items():
            package.writestr(name, octets)

    with pytest.raises(subprocess.CalledProcessError) as failure:
        prove(archive, tmp_path / "app", NAME)

    assert "speech" in failure.value.stderr
