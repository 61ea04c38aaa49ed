# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`./dev speak`: one text through the real extension, into a WAV file.

Without a key the local server speaks; with `GRADIUM_API_KEY` Gradium does.
Exit code 2 stands for wrong input, 1 for a failure on the way; both come with
one sentence on stderr.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import sys
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from .host import ExtensionHost
    from .live import Live
    from .spoken import Spoken

ADDON = "gradium_tts_python"
SAMPLE_RATES_HZ = (8000, 16000, 22050, 24000, 44100, 48000)
DEFAULT_SAMPLE_RATE_HZ = 24000

# The key that the local server takes.
LOCAL_KEY = "test-key"

# Pace of the local server, as a multiple of real time. As fast as it can, it
# would take the processor away from the threads that pass on its first audio,
# which the vendor's machine does not.
LOCAL_SPEED = 25.0

# The pace of a fast language model's tokens.
SEGMENT_PAUSE_S = 0.015

# Between repeated requests, as between two turns of a talk: the next socket
# gets opened in it. A remote handshake takes longer than a local one.
LOCAL_PAUSE_S = 0.1
REMOTE_PAUSE_S = 1.0

# Without any event for so long, nobody is going to answer any more.
SILENCE_S = 30.0


class UsageError(Exception):
    """The input is wrong; exit code 2."""


class SpeakError(Exception):
    """It went wrong on the way; exit code 1."""


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
        """The text as it is sent: whole, or cut like a model's tokens."""
        if not self.is_segmented:
            return [self.text]
        return re.findall(r"\s*\S+", self.text)


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    key = os.environ.get("GRADIUM_API_KEY") or None
    is_verbose = "TEN_HOST_LOG" in os.environ
    # The user wants the sound and its events; what failed is in an event too.
    os.environ.setdefault("TEN_HOST_LOG", "off")
    try:
        order = parse(arguments, key)
        if order.log is not None:
            os.environ["TEN_HOST_LOG"] = order.log
        return asyncio.run(_speak(order))
    except UsageError as error:
        return _fail(str(error), key, 2)
    except SpeakError as error:
        return _fail(str(error), key, 1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output left. Python would complain once more when
        # it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if is_verbose:
            raise
        return _fail(
            f"{type(error).__name__}: {error} (a bug; TEN_HOST_LOG=debug shows"
            " where)",
            key,
            1,
        )


def parse(arguments: list[str], key: str | None) -> Order:
    """The order that the command line and the environment stand for.

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


def _fail(message: str, key: str | None, code: int) -> int:
    line = message.strip().splitlines()[0] if message.strip() else "it failed"
    if key:
        line = line.replace(key, "***")
    print(f"speak: {line}", file=sys.stderr)
    return code


async def _speak(order: Order) -> int:
    # Imported here: wrong input is answered without loading all of this.
    from .app import app_running
    from .live import Live
    from .spoken import summary

    live = Live(order)
    with _server(order) as url, app_running():
        spoken = await _run(order, url, live)
    _write_wav(order, spoken[-1].pcm)
    if order.timeline is not None:
        from .timeline import draw

        draw(spoken[-1], order.timeline)
    live.line(summary(spoken, str(order.output)))
    return 0


@contextlib.contextmanager
def _server(order: Order) -> Iterator[str | None]:
    """The URL to use; the local server runs meanwhile if it is needed."""
    if not order.is_local:
        yield order.url
        return
    from gradium_sim.process import sim_process

    with sim_process(voice="espeak", key=LOCAL_KEY, speed=LOCAL_SPEED) as url:
        yield url


def _properties(order: Order, url: str | None) -> dict[str, object]:
    params: dict[str, object] = {
        "api_key": order.key or LOCAL_KEY,
        "sample_rate": order.sample_rate_hz,
    }
    if url is not None:
        params["url"] = url
    if order.voice_id is not None:
        params["voice_id"] = order.voice_id
    return {"enable_words": True, "params": params}


async def _run(order: Order, url: str | None, live: Live) -> list[Spoken]:
    from .host import ExtensionHost, HostError

    is_near = order.is_local or order.key == LOCAL_KEY
    pause_s = LOCAL_PAUSE_S if is_near else REMOTE_PAUSE_S
    spoken: list[Spoken] = []
    host = ExtensionHost(ADDON, _properties(order, url), wait_s=SILENCE_S)
    try:
        async with host:
            for index in range(order.repeat):
                if order.repeat > 1:
                    await asyncio.sleep(pause_s)
                spoken.append(
                    await _request(host, f"r{index + 1}", order, live)
                )
    except HostError as error:
        raise SpeakError(str(error)) from error
    except TimeoutError as error:
        raise SpeakError(
            f"no answer from {url or 'Gradium'} within {SILENCE_S:.0f} s"
        ) from error
    finally:
        live.close()
    return spoken


async def _request(
    host: ExtensionHost, request_id: str, order: Order, live: Live
) -> Spoken:
    """Speak the text once, showing every event as it comes."""
    from .events import EndReason, Error
    from .spoken import Spoken

    spoken = Spoken(request_id, order.sample_rate_hz)
    since = len(host.events())
    live.begin(spoken)
    sender = asyncio.create_task(
        _send(host, spoken, order, live), name="speak:text"
    )
    errors: list[Error] = [e for e in host.events() if isinstance(e, Error)]
    try:
        while spoken.end is None:
            event = await host.until(lambda _: True, since=since)
            since += 1
            spoken.add(event)
            live.show(event)
            if isinstance(event, Error):
                errors.append(event)
    finally:
        sender.cancel()
        await asyncio.wait([sender])
    if spoken.end.reason is not EndReason.REQUEST_END:
        reason = errors[0].message if errors else "the audio broke off"
        raise SpeakError(reason)
    if not spoken.frames:
        raise UsageError("the text has nothing in it that can be spoken")
    return spoken


async def _send(
    host: ExtensionHost, spoken: Spoken, order: Order, live: Live
) -> None:
    pieces = order.pieces()
    for index, piece in enumerate(pieces):
        if index > 0:
            await asyncio.sleep(SEGMENT_PAUSE_S)
        is_end = not order.is_segmented
        live.show_text(spoken.sent(piece), piece, is_end)
        await host.send_text(spoken.request_id, piece, end=is_end)
    if order.is_segmented:
        await host.send_text(spoken.request_id, "", end=True)


def _write_wav(order: Order, pcm: bytes) -> None:
    try:
        with wave.open(str(order.output), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(order.sample_rate_hz)
            file.writeframes(pcm)
    except OSError as error:
        raise SpeakError(
            f"cannot write {order.output}: {error.strerror}"
        ) from error
