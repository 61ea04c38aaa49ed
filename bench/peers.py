# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Other clients, each in an environment of its own, made on demand."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from partner import BenchError

# The newest versions of some need a newer Python than TEN has.
PYTHONS = ("python3.12", "python3.13", "python3.11")


@dataclass(frozen=True)
class Peer:
    """A client of another project.

    Attributes:
        requirement: what pip installs.
        adapter: its module in `clients/`.
    """

    requirement: str
    adapter: str


PEERS = {
    "livekit": Peer("livekit-plugins-gradium", "livekit_plugin"),
    "pipecat": Peer("pipecat-ai[gradium]", "pipecat_service"),
    "sdk": Peer("gradium", "sdk"),
}


def python_of(name: str, say: Callable[[str], None]) -> Path:
    """Return the Python of a peer's environment; makes it once.

    Raises:
        BenchError: it cannot be made.
    """
    folder = cache_folder() / f"{name}-{Path(newest_python()).name}"
    python = folder / "bin" / "python"
    done = folder / ".complete"
    if done.exists():
        return python
    say(f"making an environment for {PEERS[name].requirement} (once) …")
    shutil.rmtree(folder, ignore_errors=True)
    _run(name, [newest_python(), "-m", "venv", str(folder)])
    pip = [str(python), "-m", "pip", "install", "--quiet"]
    pip += ["--disable-pip-version-check", "--no-input"]
    _run(name, [*pip, PEERS[name].requirement])
    done.touch()
    return python


def cache_folder() -> Path:
    """Return where environments are kept; XDG_CACHE_HOME moves it."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "gradium_tts_python" / "peers"


def newest_python() -> str:
    """Return an interpreter that all peers run on, if there is one."""
    for name in PYTHONS:
        for found in _candidates(name):
            if _runs(found):
                return found
    return sys.executable


def _candidates(name: str) -> list[str]:
    version = name.removeprefix("python")
    home = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    real = sorted(home.glob(f"versions/{version}.*/bin/{name}"))
    on_path = shutil.which(name)
    return [*map(str, real), *([on_path] if on_path else [])]


def _runs(python: str) -> bool:
    tried = subprocess.run(
        [python, "-c", "import ensurepip, venv"],
        capture_output=True,
        check=False,
    )
    return tried.returncode == 0


def _run(name: str, command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        reason = lines[-1] if lines else f"code {done.returncode}"
        raise BenchError(f"{name} cannot be installed: {reason}")
