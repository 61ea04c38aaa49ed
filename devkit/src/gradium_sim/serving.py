# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What the commands that serve on a port have in common."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """Tells what is wrong in one sentence; exit code 2."""

    def error(self, message: str) -> NoReturn:
        name = self.prog.split()[-1]
        print(f"{name}: {message} (--help lists the options)", file=sys.stderr)
        sys.exit(2)

    def add_port(self, default: int) -> None:
        """Add `--port`."""
        self.add_argument(
            "--port",
            type=_port,
            default=default,
            metavar="N",
            help=f"default {default}; 0 takes any that is free",
        )


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"must be 0 to 65535, not {text}")
    return int(text)


def reason_of(error: OSError) -> str:
    """Return why an address cannot be listened on, without the address."""
    return os.strerror(error.errno) if error.errno else str(error)


def end_on(*signals: signal.Signals) -> None:
    """Let signals cancel this task, between two turns of the loop.

    Python 3.10 raises KeyboardInterrupt between any two instructions, also
    where it is lost: in a destructor, or before a coroutine is awaited.
    """
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    for number in signals:
        # Where loops take none (Windows) Ctrl-C raises all the same.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, task.cancel)
