# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`./dev sim`: the local Gradium server, until it is interrupted."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from typing import NoReturn

from gradium_sim import GradiumSim, SessionRecord

# The key of every example; the environment's own is good as well.
LOCAL_KEY = "test-key"

DEFAULT_PORT = 8765


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(
            f"sim: {message} (./dev sim --help lists the options)",
            file=sys.stderr,
        )
        sys.exit(2)


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        asyncio.run(_serve(options))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 0
    except OSError as error:
        place = f"{options.host}, port {options.port}"
        reason = os.strerror(error.errno) if error.errno else str(error)
        print(f"sim: cannot listen on {place}: {reason}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="./dev sim",
        allow_abbrev=False,
        description="A local server that speaks Gradium's protocol; it prints "
        "each session when it is over.",
    )
    add = parser.add_argument
    add(
        "--port",
        type=_port,
        default=DEFAULT_PORT,
        metavar="N",
        help=f"default {DEFAULT_PORT}; 0 takes any that is free",
    )
    add("--host", default="127.0.0.1", help="address to listen on")
    add(
        "--voice",
        choices=("espeak", "tones"),
        default="espeak",
        help="real speech, or words that can be read back from the samples",
    )
    add(
        "--speed",
        type=_speed,
        metavar="X",
        help="pace as a multiple of real time (default: as fast as it can)",
    )
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"must be 0 to 65535, not {text}")
    return int(text)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0.0 < speed <= 1000.0:
        raise argparse.ArgumentTypeError(f"must be above 0, not {text}")
    return speed


async def _serve(options: argparse.Namespace) -> None:
    _end_on_interrupt()
    keys = {LOCAL_KEY, os.environ.get("GRADIUM_API_KEY") or LOCAL_KEY}
    async with GradiumSim(
        options.voice,
        options.port,
        api_keys=keys,
        speed=options.speed,
        host=options.host,
        is_keeping_sound=False,
    ) as sim:
        _say(f'listening on {sim.url} with the key "{LOCAL_KEY}"')
        _say(f'try: ./dev speak "Hello." --url {sim.url}')
        printed: set[int] = set()
        while True:
            over = _over(sim, printed)
            for index in over:
                _say(_described(sim.sessions[index]))
            printed.update(over)
            await sim.until(lambda sim: bool(_over(sim, printed)))


def _end_on_interrupt() -> None:
    """Let Ctrl-C cancel this task.

    Python 3.10 raises KeyboardInterrupt between any two instructions, also
    where it is lost: in a destructor, or before a coroutine is awaited.
    """
    task = asyncio.current_task()
    assert task is not None
    # Where loops take no signals (Windows) it is raised all the same.
    with contextlib.suppress(NotImplementedError):
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, task.cancel)


def _over(sim: GradiumSim, printed: set[int]) -> list[int]:
    """Sessions that are over and not yet printed."""
    return [
        index
        for index, session in enumerate(sim.sessions)
        if index not in printed
        and (session.is_complete or session.error or session.closed_by)
    ]


def _described(session: SessionRecord) -> str:
    outcome = session.error or f"{session.frames_sent} frames"
    if not session.is_complete and not session.error:
        outcome += f", closed by the {session.closed_by}"
    return f'session "{session.text}": {outcome.splitlines()[0]}'


def _say(line: str) -> None:
    print(line, flush=True)
