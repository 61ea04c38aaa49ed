# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What the user of `./dev speak` asks for, read from its command line."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from .output import OutputError, check_picture, check_wav
from .player import PlayerError, find_players
from .program import called
from .target import Target, TargetError, add_target_options, target_of
from .wishes import Wish, wish_of

SAMPLE_RATES_HZ = (8000, 16000, 22050, 24000, 44100, 48000)

OF_GRADIUM = ("url", "voice", "voice_id", "set", "sample_rate")

STDOUT = Path("-")
"""The output that is no file."""

KEY_VARIABLE = "GRADIUM_API_KEY"

# The key that the local server takes.
LOCAL_KEY = "test-key"


class UsageError(Exception):
    """The input is wrong; exit code 2."""


@dataclass(frozen=True)
class Order:
    """What the user asked for, checked.

    Attributes:
        output: of the sound; `STDOUT` for none.
        settings: of the extension, besides key and URL.
        voice: the name of the one who is to speak.
        wishes: settings to be changed before it speaks, as an update has
            them: the extension tells which of them it does not know.
        tokens_per_s: pace at which a language model would write the text; 0
            for all at once.
        players: paths of the programs that may play it; none for silence.
    """

    text: str
    output: Path
    settings: dict[str, Any]
    voice: str | None
    wishes: dict[str, Any]
    tokens_per_s: float
    players: tuple[str, ...]
    url: str | None
    key: str | None
    repeat: int
    timeline: Path | None
    log: str | None
    target: Target | None = None
    """Another extension than Gradium's."""

    @property
    def is_local(self) -> bool:
        """Whether the local server has to be started."""
        is_ours = self.target is None
        return is_ours and self.url is None and self.key is None


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
    target = _target(options)
    output, timeline = options.output, options.timeline
    try:
        if output != STDOUT:
            check_wav(output)
        if timeline:
            check_picture(timeline)
    except OutputError as error:
        raise UsageError(str(error)) from None
    return Order(
        text=text,
        output=output,
        settings=_settings(options),
        voice=options.voice,
        wishes=_wishes(options.set),
        tokens_per_s=options.llm,
        players=_players() if options.play else (),
        url=options.url,
        key=key,
        repeat=options.repeat,
        timeline=timeline,
        log=options.log,
        target=target,
    )


def _target(options: argparse.Namespace) -> Target | None:
    try:
        target = target_of(options)
    except TargetError as error:
        raise UsageError(str(error)) from None
    for name in OF_GRADIUM if target is not None else ():
        if getattr(options, name):
            option = name.replace("_", "-")
            raise UsageError(
                f"--{option} is for Gradium; what another extension speaks"
                " with stands in --property FILE"
            )
    return target


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        help_text = f"{called('speak')} --help lists the options"
        raise UsageError(f"{message} ({help_text})")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=called("speak"),
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
        default=Path("speak.wav"),
        metavar="FILE.wav",
        help="where to write the sound (default: speak.wav in this folder);"
        " - is stdout",
    )
    add("--play", action="store_true", help="let it be heard, as it comes")
    add("--voice", metavar="NAME", help="a voice by its name (./dev voices)")
    add("--voice-id", metavar="ID", help="… by the vendor's id")
    add(
        "--set",
        action="append",
        default=[],
        type=_wish,
        metavar="NAME=VALUE",
        help="any setting, as speed=1.2; may be given several times",
    )
    add(
        "--sample-rate",
        type=_sample_rate,
        metavar="HZ",
        help=", ".join(map(str, SAMPLE_RATES_HZ)) + " (default: 24000)",
    )
    add(
        "--llm",
        type=_rate,
        default=0.0,
        metavar="RATE",
        help="write the text like a language model: so many tokens a second",
    )
    add(
        "--url",
        type=url_argument,
        help="the server to talk to (ws:// or wss://)",
    )
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
        metavar="FILE",
        help="draw what happened, on one clock: .png, .svg, .pdf or .html",
    )
    add(
        "--log",
        choices=("error", "warn", "info", "debug"),
        help="show TEN's log from this level on, on stderr (default: none)",
    )
    add_target_options(parser)
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


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0.1 <= rate <= 10_000:
        raise argparse.ArgumentTypeError(
            f"must be tokens a second, from 0.1 to 10000, not {text}"
        )
    return rate


def _wish(text: str) -> Wish:
    try:
        return wish_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings as a property.json has them."""
    tree: dict[str, Any] = {"enable_words": True, "params": {}}
    params = tree["params"]
    for name in ("voice_id", "sample_rate"):
        if getattr(options, name) is not None:
            params[name] = getattr(options, name)
    return tree


def _wishes(given: list[Wish]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for wish in given:
        wish.put_into(tree)
    return tree


def _players() -> tuple[str, ...]:
    try:
        return tuple(find_players())
    except PlayerError as error:
        raise UsageError(str(error)) from None


def url_argument(text: str) -> str:
    """Return a websocket's URL, checked."""
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
        f"{host} wants a key; type: GRADIUM_API_KEY=… {called('speak')} …"
    )


def _clean_text(argument: str | None) -> str:
    text = argument
    if text is None or text == "-":
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError(
                f'there is no text; type: {called("speak")} "Hello." or pipe'
                " one in"
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
        raise UsageError(f'the text is empty; type: {called("speak")} "Hello."')
    return text.strip()
