# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The server in a process of its own, for measurements.

In the process of its client it would compete for the interpreter lock, and
what was measured would be the two together.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def sim_process(
    *, voice: str = "espeak", key: str = "test-key", speed: float | None = None
) -> Iterator[str]:
    """Run a server for as long as the block.

    It ends with its parent, however that ends.

    Yields:
        The address of its text-to-speech socket.

    Raises:
        OSError: it did not start.
    """
    command = [sys.executable, "-m", "gradium_sim", "--with-parent"]
    command += ["--voice", voice, "--key", key, "--port", "0"]
    if speed is not None:
        command += ["--speed", str(speed)]
    with subprocess.Popen(
        command,
        # Not the user's folder: Python would look for modules there.
        cwd=sys.prefix,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin and process.stdout
        try:
            line = process.stdout.readline()
            if not line:
                raise OSError("the local server did not start")
            yield address_in(line)
        finally:
            process.stdin.close()


def address_in(line: str) -> str:
    """Return the address that the command's first line tells."""
    return next(part for part in line.split() if part.startswith("ws://"))
