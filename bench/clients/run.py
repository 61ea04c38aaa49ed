# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A client in a process of its own: `python run.py ADAPTER`.

It says one line of JSON when it is ready, reads one for each scenario, and
answers with one. All clocks are the machine's monotonic one. What anything
else prints goes to stderr.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import json
import os
import platform
import sys
import time
import traceback
from typing import Any


def main() -> None:
    """Serve until stdin is closed."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(**fields: Any) -> None:
        answers.write(json.dumps(fields) + "\n")
        answers.flush()

    before_s = time.perf_counter()
    try:
        adapter = importlib.import_module(sys.argv[1])
    except Exception as error:
        answer(failure=f"{type(error).__name__}: {error}")
        return
    import_s = time.perf_counter() - before_s
    # Not before: they would be imported on its account, or it on theirs.
    from client import Target
    from scenarios import SCENARIOS, resident_bytes

    answer(
        version=adapter.VERSION,
        python=platform.python_version(),
        import_s=import_s,
        resident_bytes=resident_bytes(),
    )
    for line in sys.stdin:
        order = json.loads(line)
        target = Target(**order.pop("target"))
        scenario = SCENARIOS[order.pop("scenario")]

        try:
            make = functools.partial(adapter.make, target)
            answer(result=asyncio.run(scenario(make, **order)))
        except Exception as error:
            traceback.print_exc()
            answer(failure=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
