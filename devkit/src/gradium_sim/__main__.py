# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`python -m gradium_sim`: run the server until it is interrupted."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys

from .server import GradiumSim


def main() -> int:
    """Serve; the last word of the first line printed is the address."""
    options = _options()
    try:
        asyncio.run(_serve(options))
    except KeyboardInterrupt:
        return 0
    except OSError as error:
        print(f"cannot listen: {error.strerror}", file=sys.stderr)
        return 1
    return 0


async def _serve(options: argparse.Namespace) -> None:
    async with GradiumSim(
        voice=options.voice,
        host=options.host,
        port=options.port,
        api_keys=options.key or ("test-key",),
        first_audio_delay_s=options.first_audio_ms / 1000,
        ready_delay_s=options.ready_ms / 1000,
        speed=options.speed,
        is_keeping_sound=False,
    ) as sim:
        print(f"gradium_sim listens on {sim.url}", flush=True)
        with contextlib.suppress(asyncio.CancelledError):
            if options.with_parent:
                await asyncio.to_thread(sys.stdin.read)
            else:
                await asyncio.Event().wait()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="gradium_sim",
        description="A local server that speaks Gradium's protocol.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any")
    parser.add_argument(
        "--voice", choices=("espeak", "tones"), default="espeak"
    )
    parser.add_argument(
        "--key", action="append", help="a good key (default test-key)"
    )
    parser.add_argument(
        "--speed", type=float, help="times real time (default: unlimited)"
    )
    parser.add_argument("--ready-ms", type=float, default=0.0)
    parser.add_argument("--first-audio-ms", type=float, default=0.0)
    parser.add_argument(
        "--with-parent", action="store_true", help="end when stdin closes"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
