# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The kit as a distribution: what is in it, and that strangers can use it."""

from __future__ import annotations

import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from ten_shipping.include import included_files

ROOT = Path(__file__).resolve().parent.parent
KIT = ROOT / "devkit"
PACKAGES = sorted(path.parent.name for path in KIT.glob("src/*/__init__.py"))


def build(kind: str, folder: Path) -> Path:
    """Build the wheel or the sdist with the tools that are here."""
    source = folder / "source"
    if not source.exists():
        copy_sources(source)
    code = (
        "import setuptools.build_meta as backend, sys;"
        f"print(backend.build_{kind}(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        cwd=source,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / done.stdout.splitlines()[-1]


def copy_sources(target: Path) -> None:
    """Copy what git knows, so that no build leaves anything in the tree."""
    for path in KIT.rglob("*"):
        is_junk = {"__pycache__", "build"} & set(path.parts) or any(
            part.endswith(".egg-info") for part in path.parts
        )
        if path.is_file() and not is_junk:
            copy = target / path.relative_to(KIT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tmp_path_factory.mktemp("wheel"))


def test_the_wheel_is_complete(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (info,) = {n.split("/")[0] for n in names if ".dist-info/" in n}
        metadata = email.message_from_bytes(archive.read(f"{info}/METADATA"))
        licence = archive.read(f"{info}/licenses/LICENSE")
        entries = archive.read(f"{info}/entry_points.txt").decode()

    sources = {
        path.relative_to(KIT / "src").as_posix()
        for path in (KIT / "src").rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and not path.parent.name.endswith(".egg-info")
    }
    assert sources - {n for n in sources if n.endswith("README.md")} <= names
    assert {n.split("/")[0] for n in names} == {*PACKAGES, info}
    assert licence == (ROOT / "LICENSE").read_bytes()
    assert metadata["Name"] == "ten-extension-devkit"
    assert metadata["License-Expression"] == "Apache-2.0"
    readme = metadata.get_payload(decode=True)
    assert readme == (KIT / "README.md").read_bytes()
    assert "ten_host.testing.plugin = ten_host.testing.plugin" in entries
    assert "ten-host = ten_host.__main__:run" in entries


def test_its_version_is_the_newest_of_its_changelog(wheel: Path) -> None:
    version = wheel.name.split("-")[1]

    newest = re.search(r"^## (\S+)", (KIT / "CHANGELOG.md").read_text(), re.M)

    assert newest and newest[1] == version


@pytest.mark.thorough
def test_the_sdist_has_licence_readme_and_changelog(tmp_path: Path) -> None:
    with tarfile.open(build("sdist", tmp_path)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml"} <= names
    assert "src/ten_host/templates/tts/manifest.json.tmpl" in names


@pytest.mark.thorough
def test_the_sdist_installs_into_a_fresh_environment(tmp_path: Path) -> None:
    archive = build("sdist", tmp_path)
    venv.EnvBuilder(with_pip=True, symlinks=True).create(tmp_path / "venv")
    fresh = Machine(tmp_path, tmp_path / "venv" / "bin" / "python")

    done = fresh.types("pip", "install", "--quiet", str(archive))
    told = fresh.types("ten-host", "new", "my_tts")

    assert done.returncode == 0, done.stderr
    assert told.returncode == 0, told.stderr
    assert (tmp_path / "my_tts" / "manifest.json").is_file()


WITHOUT = """
import importlib, pkgutil, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
for name, ABSENT in STEPS:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        if module.name not in ALLOWED:
            importlib.import_module(module.name)
    print(name)
"""
EXTRAS = "espeakng_loader soxr matplotlib httpx".split()
SERVER = ["numpy", "websockets", "gradium_sim"]
# What each is imported without; it stays imported, so none may add to it.
ABSENT = {
    "ten_runtime": [*EXTRAS, *SERVER, "pytest", "pydantic"],
    "ten_ai_base": [*EXTRAS, *SERVER, "pytest"],
    "ten_host": [*EXTRAS, *SERVER],
    "ten_agent": [*EXTRAS, *SERVER],
    "ten_shipping": [*EXTRAS, *SERVER],
    "gradium_sim": EXTRAS,
}
# The voice is what these extras are for.
NEEDS_EXTRAS = """
gradium_sim.espeak_engine gradium_sim.espeak_library
gradium_sim.espeak_voice
""".split()


def test_a_package_needs_no_extra_and_not_the_server(tmp_path: Path) -> None:
    steps = list(ABSENT.items())
    code = f"ALLOWED = {NEEDS_EXTRAS}\nSTEPS = {steps}\n{WITHOUT}"

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.stdout.split() == list(ABSENT), done.stderr


# ------------------------------------------------- as an author would try it


@dataclass(frozen=True)
class Machine:
    """A fresh environment in an empty folder."""

    folder: Path
    python: Path

    def types(self, *command: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.python.parent}:/usr/bin:/bin"
        kept = {k: v for k, v in os.environ.items() if k.startswith("PIP_")}
        return subprocess.run(
            [str(self.python.parent / command[0]), *command[1:]],
            cwd=self.folder,
            env={**kept, "PATH": path, "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )


@pytest.fixture(scope="module")
def machine(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    folder = tmp_path_factory.mktemp("author")
    venv.EnvBuilder(with_pip=True, symlinks=True).create(folder / "venv")
    found = Machine(folder / "work", folder / "venv" / "bin" / "python")
    found.folder.mkdir()
    done = found.types("pip", "install", "--quiet", str(wheel))
    assert done.returncode == 0, done.stderr
    return found


@pytest.mark.thorough
def test_an_author_installs_writes_tests_and_finds_a_fault(
    machine: Machine,
) -> None:
    told = machine.types("ten-host", "new", "my_tts")
    assert told.returncode == 0, told.stderr
    inside = Machine(machine.folder / "my_tts", machine.python)

    tests = inside.types("pytest", "-q")
    scenarios = inside.types(
        *("pytest", "-q", "--pyargs", "ten_host.conformance")
    )
    file = inside.folder / "vendor.py"
    file.write_text(file.read_text().replace('word["word"]', 'word["text"]'))
    faulty = inside.types("pytest", "-q", "-k", "test_words")

    assert tests.returncode == 0, tests.stdout + tests.stderr
    assert re.search(r"^\d+ passed", tests.stdout.splitlines()[-1])
    last = scenarios.stdout.splitlines()[-1]
    assert re.match(r"\d+ passed, 1 skipped in ", last), scenarios.stdout
    assert faulty.returncode == 1
    assert "internal error" in faulty.stdout + faulty.stderr


@pytest.mark.thorough
def test_the_suite_for_ten_passes_on_the_kit_alone(machine: Machine) -> None:
    copy = machine.folder / "gradium_tts_python"
    for path in included_files(ROOT):
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, copy / path)
    needed = machine.types(
        *("pip", "install", "--quiet", "-r", f"{copy}/requirements.txt")
    )
    assert needed.returncode == 0, needed.stderr

    done = Machine(copy, machine.python).types("pytest", "-q")

    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    assert re.match(r"[1-9]\d+ passed", last), last
    assert not re.search(r"skipped|failed|error|xfailed", last), last


@pytest.mark.thorough
def test_the_tones_speak_without_any_extra(machine: Machine) -> None:
    absent = machine.types("python", "-c", "import espeakng_loader")
    code = (
        "from gradium_sim import SimThread, tones\n"
        "with SimThread(voice='tones') as sim: print(sim.url)"
    )
    done = machine.types("python", "-c", code)

    assert absent.returncode == 1
    assert done.stdout.startswith("ws://127.0.0.1:"), done.stderr
