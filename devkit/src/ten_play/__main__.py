# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`./dev play`: a page on this machine that speaks with the extension."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import webbrowser

from gradium_sim.serving import Parser, end_on, reason_of

DEFAULT_PORT = 8700


def main(arguments: list[str]) -> int:
    """Run the command; return the exit code."""
    options = _parser().parse_args(arguments)
    os.environ.setdefault("TEN_HOST_LOG", "off")
    try:
        asyncio.run(_serve(options))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("play: ended; the page comes back with ./dev play")
        return 0
    except OSError as error:
        print(
            f"play: cannot listen on port {options.port}: {reason_of(error)};"
            " --port 0 takes any that is free",
            file=sys.stderr,
        )
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="./dev play",
        allow_abbrev=False,
        description="A page on this machine: type, hear, interrupt, make "
        "trouble, and see what happens. Ctrl-C ends it.",
    )
    parser.add_port(DEFAULT_PORT)
    add = parser.add_argument
    add("--no-open", action="store_true", help="do not open the browser")
    add("--llm-url", metavar="URL", help="an endpoint of OpenAI's kind: …/v1")
    add("--llm-model", default="gpt-4o-mini", metavar="NAME", help="its model")
    add(
        "--local-voice",
        choices=("espeak", "tones"),
        default="espeak",
        help="of the local server: speech, or tones that a test can read",
    )
    return parser


async def _serve(options: argparse.Namespace) -> None:
    from ten_host import app_running

    from .server import Order, PlayServer

    end_on(signal.SIGINT, signal.SIGTERM)
    order = Order(
        options.port, options.local_voice, options.llm_url, options.llm_model
    )
    with app_running():
        async with PlayServer(order) as server:
            print(f"play: {server.url} (Ctrl-C ends it)", flush=True)
            if not options.no_open:
                webbrowser.open(server.url)
            await asyncio.Event().wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
