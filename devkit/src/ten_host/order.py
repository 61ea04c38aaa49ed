# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What the user of `./dev speak` asks for, read from its command line."""

from __future__ import annotations

import argparse
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

SAMPLE_RATES_HZ = (8000, 16000, 22050, 24000, 44100, 48000)
DEFAULT_SAMPLE_RATE_HZ = 24000

# The key that the local server takes.
LOCAL_KEY = "test-key"


class UsageError(Exception):
    """The input is wrong; exit code 2."""


@dataclass(frozen=True)
class Order:
    """What the user asked for, checked."""

    text: str
    output: Path
    voice_id: str | None
    sample_rate_hz: int
    is_segmented: bool
    url: str | None
    key: str | None
    repeat: int
    timeline: Path | None
    log: str | None

    @property
    def is_local(self) -> bool:
        """Whether the local server has to be started."""
        return self.url is None and self.key is None

    def pieces(self) -> list[str]:
        """Return the text as it is sent: whole, or cut like tokens."""
        if not self.is_segmented:
            return [self.text]
        return re.findall(r"\s*\S+", self.text)


def parse(arguments: list[str], key: str | None) -> Order:
    """Read the command line.

    Args:
        key: the key of the environment, if it has one.


    Raises:
        UsageError: with the sentence for the user.
    """
    options = _parser().parse_args(arguments)
    text = _clean_text(options.text)
    if options.url is not None:
        key = key or _key_for(options.url)
    output = _writable(options.output or Path("speak.wav"))
    timeline = options.timeline and _writable(options.timeline)
    return Order(
        text=text,
        output=output,
        voice_id=options.voice_id,
        sample_rate_hz=options.sample_rate,
        is_segmented=options.segments,
        url=options.url,
        key=key,
        repeat=options.repeat,
        timeline=timeline,
        log=options.log,
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (./dev speak --help lists the options)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="./dev speak",
        allow_abbrev=False,
        description="Speak a text through the extension into a WAV file. "
        "Without GRADIUM_API_KEY a local server with a real voice answers.",
    )
    add = parser.add_argument
    add("text", nargs="?", help="what to say; read from a pipe if left out")
    add(
        "-o",
        "--output",
        type=Path,
        metavar="FILE.wav",
        help="where to write the sound (default: speak.wav in this folder)",
    )
    add("--voice-id", metavar="ID", help="the vendor's id of the voice")
    add(
        "--sample-rate",
        type=_sample_rate,
        default=DEFAULT_SAMPLE_RATE_HZ,
        metavar="HZ",
        help=", ".join(map(str, SAMPLE_RATES_HZ)) + " (default: 24000)",
    )
    add(
        "--segments",
        action="store_true",
        help="send the text in fragments, as a language model writes it",
    )
    add("--url", type=_url, help="the server to talk to (ws:// or wss://)")
    add(
        "--repeat",
        type=_count,
        default=1,
        metavar="N",
        help="N requests after each other; prints median and p90 latency",
    )
    add(
        "--timeline",
        type=Path,
        metavar="FILE.png",
        help="draw text in, frames out and words over the waveform",
    )
    add(
        "--log",
        choices=("error", "warn", "info", "debug"),
        help="show TEN's log from this level on, on stderr (default: none)",
    )
    return parser


def _sample_rate(text: str) -> int:
    if text not in map(str, SAMPLE_RATES_HZ):
        allowed = ", ".join(map(str, SAMPLE_RATES_HZ))
        raise argparse.ArgumentTypeError(
            f"must be one of {allowed}, not {text}"
        )
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 10_000:
        raise argparse.ArgumentTypeError(
            f"must be a number from 1 to 10000, not {text}"
        )
    return int(text)


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_valid = bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_valid = False
    if not is_valid or parts.scheme not in ("ws", "wss"):
        # Only the start: the rest may hold a token.
        start = text.split("?")[0][:60]
        raise argparse.ArgumentTypeError(
            f"must look like wss://host/path, not {start}"
        )
    return text


def _key_for(url: str) -> str:
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host == "::1" or host.startswith("127."):
        return LOCAL_KEY
    raise UsageError(
        f"{host} wants a key; type: GRADIUM_API_KEY=… ./dev speak …"
    )


def _clean_text(argument: str | None) -> str:
    text = argument
    if text is None or text == "-":
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError(
                'there is no text; type: ./dev speak "Hello." or pipe one in'
            )
        try:
            text = sys.stdin.buffer.read().decode()
        except UnicodeDecodeError:
            raise UsageError("the text on stdin is not UTF-8") from None
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError("the text is not UTF-8") from None
    if not text.strip():
        raise UsageError('the text is empty; type: ./dev speak "Hello."')
    return text.strip()


def _writable(path: Path) -> Path:
    folder = path.parent
    if not folder.is_dir():
        raise UsageError(f"cannot write {path}: there is no folder {folder}")
    if path.is_dir():
        raise UsageError(f"cannot write {path}: it is a folder")
    target = path if path.exists() else folder
    if not os.access(target, os.W_OK):
        raise UsageError(f"cannot write {path}: permission denied")
    return path
