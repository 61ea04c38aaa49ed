# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""pytest as the author of another extension has it, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

# An author has the kit installed, which both plugins come with. Those of this
# repository are not the author's, and take a second to load.
COMMAND = (
    *(sys.executable, "-m", "pytest", "-q"),
    *("-p", "asyncio", "-p", "ten_host.testing.plugin"),
)


def run_pytest(
    folder: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run it in a folder; it leaves nothing there but what the tests do."""
    kept = {k: v for k, v in os.environ.items() if k != "TEN_HOST_LOG"}
    return subprocess.run(
        [*COMMAND, "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={
            **kept,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            **(environment or {}),
        },
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
