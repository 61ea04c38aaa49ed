# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Reads a trace while it is being written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

# Often enough for the eye.
LOOK_S = 0.04

PATIENCE_S = 20.0


async def lines_of(path: Path) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield the new lines of a trace at a steady pace, also if none came.

    The file is there. There is no end.
    """
    rest = b""
    with path.open("rb") as file:
        while True:
            *whole, rest = (rest + file.read()).split(b"\n")
            yield [json.loads(line) for line in whole]
            await asyncio.sleep(LOOK_S)


async def until_written(path: Path) -> None:
    """Wait until a trace has its first line.

    Raises:
        OSError: none came.
    """
    deadline_s = asyncio.get_running_loop().time() + PATIENCE_S
    while not path.stat().st_size:
        if asyncio.get_running_loop().time() > deadline_s:
            raise OSError("the extension did not start to write its trace")
        await asyncio.sleep(LOOK_S / 4)
