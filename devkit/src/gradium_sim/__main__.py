# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`./dev sim`, `python -m gradium_sim`: the server, until it is interrupted."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from typing import NoReturn

from .records import SessionRecord
from .server import GradiumSim
from .serving import Parser, end_on, reason_of

# The key of every example.
LOCAL_KEY = "test-key"

DEFAULT_PORT = 8765


def main(arguments: list[str]) -> int:
    """Run the command; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        asyncio.run(_serve(options))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 0
    except OSError as error:
        place = f"{options.host}, port {options.port}"
        print(
            f"sim: cannot listen on {place}: {reason_of(error)}",
            file=sys.stderr,
        )
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="sim",
        allow_abbrev=False,
        description="A local server that speaks Gradium's protocol; it prints "
        "each session when it is over.",
    )
    add = parser.add_argument
    parser.add_port(DEFAULT_PORT)
    add("--host", default="127.0.0.1", help="address to listen on")
    add(
        "--voice",
        choices=("espeak", "tones"),
        default="espeak",
        help="real speech, or words that can be read back from the samples",
    )
    add(
        "--key",
        action="append",
        help=f'a good key, may be repeated (default: "{LOCAL_KEY}", and '
        "GRADIUM_API_KEY where it is set)",
    )
    add(
        "--speed",
        type=_speed,
        metavar="X",
        help="pace as a multiple of real time (default: as fast as it can)",
    )
    for name, of in (
        ("ready", "of the answer to a setup"),
        ("first-audio", "of the first audio"),
    ):
        add(
            f"--{name}-ms",
            type=_delay,
            default=0.0,
            metavar="MS",
            help=f"delay {of} (default 0)",
        )
    add(
        "--with-parent",
        action="store_true",
        help="end when stdin closes, and print the first line only",
    )
    return parser


def _speed(text: str) -> float:
    speed = _number(text)
    if not 0.0 < speed <= 1000.0:
        raise argparse.ArgumentTypeError(f"must be above 0, not {text}")
    return speed


def _delay(text: str) -> float:
    delay_ms = _number(text)
    if not 0.0 <= delay_ms <= 3_600_000.0:
        raise argparse.ArgumentTypeError(f"must be 0 or more, not {text}")
    return delay_ms


def _number(text: str) -> float:
    """Return what it says, or a number that is out of every range."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _keys(given: list[str] | None) -> set[str]:
    return set(given or (LOCAL_KEY, os.environ.get("GRADIUM_API_KEY") or ""))


async def _serve(options: argparse.Namespace) -> None:
    end_on(signal.SIGINT)
    async with GradiumSim(
        options.voice,
        options.port,
        api_keys=_keys(options.key) - {""},
        first_audio_delay_s=options.first_audio_ms / 1000,
        ready_delay_s=options.ready_ms / 1000,
        speed=options.speed,
        host=options.host,
        is_keeping_sound=False,
    ) as sim:
        key = "your key" if options.key else f'the key "{LOCAL_KEY}"'
        _say(f"listening on {sim.url} with {key}")
        if options.with_parent:
            await asyncio.to_thread(sys.stdin.read)
            return
        _say(f'try: ./dev speak "Hello." --url {sim.url}')
        await _print_sessions(sim)


async def _print_sessions(sim: GradiumSim) -> NoReturn:
    printed: set[int] = set()
    while True:
        over = _over(sim, printed)
        for index in over:
            _say(_described(sim.sessions[index]))
        printed.update(over)
        await sim.until(lambda sim: bool(_over(sim, printed)))


def _over(sim: GradiumSim, printed: set[int]) -> list[int]:
    """Return the sessions that are over and not yet printed."""
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
