# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The trace that Gradium's extension writes, read while it is written."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from trace_timeline import TraceTail

VARIABLE = "GRADIUM_TTS_TRACE"


@contextlib.contextmanager
def own_trace() -> Iterator[TraceTail]:
    """Have a trace written; the user's own, where one is asked for.

    Another extension leaves it empty.
    """
    named = os.environ.get(VARIABLE)
    if named:
        path = Path(named)
        yield TraceTail(path, path.stat().st_size if path.exists() else 0)
        return
    with TemporaryDirectory() as folder:
        path = Path(folder, "trace.jsonl")
        os.environ[VARIABLE] = str(path)
        try:
            yield TraceTail(path)
        finally:
            del os.environ[VARIABLE]
