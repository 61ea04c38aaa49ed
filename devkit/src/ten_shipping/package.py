# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Builds what the TEN registry would ship, and proves that it works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from .include import included_files
from .ten_files import refusal

# Runs in a fresh interpreter, in the folder of an app: the package is
# imported as TEN's loader does it, and speaks one request.
_PROOF = """
import asyncio, contextlib, importlib, json, os, sys
name, properties, vendor = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
# The environment may know a checkout under the same name: not that one.
sys.path[:] = [p for p in sys.path if not os.path.exists(os.path.join(p, name))]
importlib.import_module("ten_packages.extension." + name)
from ten_host import ExtensionHost, app_running

@contextlib.contextmanager
def their_vendor():
    from ten_host.vendor import running_vendor
    with running_vendor(vendor or None):
        yield properties

@contextlib.contextmanager
def our_vendor():
    from gradium_sim import SimThread
    with SimThread(voice="tones", api_keys=("local",)) as sim:
        yield {"params": {"url": sim.url, "api_key": "local"}}

async def speak(properties):
    async with ExtensionHost(name, properties) as host:
        await host.send_text("proof", "The package speaks.", end=True)
        end = await host.ended("proof")
        return end.reason.name, end.duration_ms

run_vendor = our_vendor if properties is None else their_vendor
with run_vendor() as properties, app_running():
    reason, duration_ms = asyncio.run(speak(properties))
assert name not in sys.modules, "imported under another name, too"
assert (reason, duration_ms > 0) == ("REQUEST_END", True), (reason, duration_ms)
print(duration_ms)
"""


class PackageError(Exception):
    """There is nothing to build a package of; one sentence for the user."""


def build(root: Path, folder: Path) -> Path:
    """Write the archive; the same files give the same bytes.

    Returns:
        The archive, named after the manifest's name and version.

    Raises:
        PackageError: there is no manifest, or TEN would refuse it or the
            property.
    """
    if not (root / "manifest.json").is_file():
        raise PackageError(f"there is no manifest.json in {root.absolute()}")
    for name in ("manifest.json", "property.json"):
        if (root / name).is_file() and (reason := refusal(root / name)):
            raise PackageError(
                f"TEN refuses {name}, and would run the extension without any"
                f" schema: {reason}"
            )
    manifest = json.loads((root / "manifest.json").read_text())
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / f"{manifest['name']}-{manifest['version']}.tpkg"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as package:
        for path in included_files(root):
            entry = zipfile.ZipInfo(path.as_posix(), (1980, 1, 1, 0, 0, 0))
            is_executable = (root / path).stat().st_mode & 0o100
            entry.external_attr = (0o755 if is_executable else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(entry, (root / path).read_bytes())
    return archive


def prove(
    archive: Path,
    app: Path,
    name: str,
    properties: dict[str, Any] | None = None,
    vendor: str | None = None,
) -> int:
    """Unpack into an app's folder, import it there and speak one request.

    Args:
        properties: of its node; by default those that have this repository's
            extension speak with the local server.
        vendor: what runs its vendor, see `ten_host.vendor`.

    Returns:
        The milliseconds of audio.

    Raises:
        subprocess.CalledProcessError: it does not work; `stderr` says why.
    """
    target = app / "ten_packages" / "extension" / name
    with zipfile.ZipFile(archive) as package:
        package.extractall(target)
    # Of the present path only the kit may be seen, never this checkout.
    kit = Path(__file__).resolve().parents[1]
    environment = {**os.environ, "PYTHONPATH": f"{app}{os.pathsep}{kit}"}
    environment.pop("GRADIUM_API_KEY", None)
    done = subprocess.run(
        [
            *(sys.executable, "-c", _PROOF, name),
            *(json.dumps(properties), vendor or ""),
        ],
        cwd=app,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return int(done.stdout.split()[-1])
