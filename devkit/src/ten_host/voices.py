# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`./dev voices`: who can speak."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from typing import NoReturn

from .catalogue import (
    HTTP_URL,
    CatalogueError,
    Voice,
    http_url_of,
    local_voices,
    voices_of,
)
from .order import KEY_VARIABLE, url_argument


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"voices: {message} (--help lists them)", file=sys.stderr)
        sys.exit(2)


def main(arguments: list[str]) -> int:
    """Run the command; return the exit code."""
    parser = _Parser(
        prog="./dev voices",
        allow_abbrev=False,
        description="List the voices: with GRADIUM_API_KEY Gradium's, else"
        " the local server's.",
    )
    parser.add_argument("language", nargs="?", help="only of this, as en or fr")
    parser.add_argument("--url", type=url_argument, help="another server")
    options = parser.parse_args(arguments)
    key = os.environ.get(KEY_VARIABLE, "").strip()
    try:
        voices = asyncio.run(_voices(options.url, key))
    except CatalogueError as error:
        print(f"voices: {error}", file=sys.stderr)
        return 1
    wanted = (options.language or "").casefold()
    shown = [v for v in voices if v["language"].casefold().startswith(wanted)]
    _print(shown)
    if not key:
        print("the local server's; with GRADIUM_API_KEY: Gradium's")
    return 0


async def _voices(url: str | None, key: str) -> list[Voice]:
    if not key:
        return local_voices()
    return await voices_of(http_url_of(url) if url else HTTP_URL, key)


def _print(voices: list[Voice]) -> None:
    width = max([len(voice["name"]) for voice in voices], default=0)
    for voice in voices:
        name, language = voice["name"].ljust(width), voice["language"]
        print(f"{name}  {language:<6}  {voice['id']}")
