# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`python -m ten_host host`: runs one extension, and talks JSON with it.

Each line of standard input is sent to it: {"data": NAME, …} with the
properties beside the name, or {"cmd": NAME, …}, whose result is printed. What
it sends is printed as {EVENT: {…}}, a frame with its size, `at_s` after the
first line of the input. After the end of the input it listens until the event
of --until, or until there is silence.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

from .app import app_running
from .events import Event, Frame
from .host import ExtensionHost
from .output import OutputError, check_picture, draw
from .program import called
from .seen import Seen
from .target import Target, TargetError, add_target_options, target_of
from .tester import HostError
from .vendor import VendorError, running_vendor

SILENCE_S = 1.0
"""How long an extension is listened to after the last that was heard."""

PATIENCE_S = 30.0
"""As long, where the last event is known."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise TargetError(f"{message} ({called('host')} --help lists the rest)")


def main(arguments: list[str]) -> int:
    """Run the command; return the exit code."""
    os.environ.setdefault("TEN_HOST_LOG", "off")
    parser = _Parser(
        prog=called("host"),
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_target_options(parser)
    add = parser.add_argument
    add("--until", metavar="EVENT", help="end at this event, like AudioEnd")
    add(
        "--silence",
        type=float,
        metavar="SECONDS",
        help="end when nothing came for so long (default: 1; 30 with --until)",
    )
    add(
        "--timeline",
        type=Path,
        metavar="FILE",
        help="draw what was seen of it: .png, .svg, .pdf or .html",
    )
    try:
        options = parser.parse_args(arguments)
        target = target_of(options)
        if target is None:
            raise TargetError("--package PATH or --addon NAME is needed")
        if options.timeline:
            check_picture(options.timeline)
        _talk(options, target)
        return 0
    except (TargetError, VendorError, OutputError) as error:
        print(f"host: {error}", file=sys.stderr)
        return 2
    except HostError as error:
        print(f"host: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _talk(options: argparse.Namespace, target: Target) -> None:
    seen = Seen()
    host = ExtensionHost(target.addon, target.properties, seen=seen)
    talk = Talk(host, options.until, options.silence)
    with running_vendor(target.vendor), app_running():
        asyncio.run(talk.run())
    if options.timeline:
        draw(options.timeline, seen.lines(), target.addon)


class Talk:
    """Lines in, events out.

    Args:
        last: the kind of event at which it ends; None for no such.
        silence_s: how long nothing may come after the end of the input.
    """

    def __init__(
        self, host: ExtensionHost, last: str | None, silence_s: float | None
    ) -> None:
        self._host = host
        self._last = last
        self._silence_s = silence_s or (PATIENCE_S if last else SILENCE_S)
        self._printed = 0
        self._has_last = False
        self._began_s: float | None = None

    async def run(self) -> None:
        """Talk to the end.

        Raises:
            HostError: the extension failed.
        """
        async with self._host:
            lines = asyncio.create_task(self._send_lines())
            try:
                while not (lines.done() and self._has_last):
                    has_news = await self._news()
                    self._print_news()
                    if lines.done() and not has_news:
                        break
            finally:
                lines.cancel()
                await asyncio.wait([lines])
        if not lines.cancelled():
            lines.result()

    async def _news(self) -> bool:
        """Wait for an event; False where none came in time."""
        coming = asyncio.create_task(
            self._host.until(lambda _: True, since=self._printed)
        )
        try:
            await asyncio.wait([coming], timeout=self._silence_s)
            return coming.done() and coming.result() is not None
        except TimeoutError:
            return False
        finally:
            coming.cancel()

    def _print_news(self) -> None:
        for event in self._host.events()[self._printed :]:
            self._printed += 1
            kind = type(event).__name__
            self._has_last = self._has_last or kind == self._last
            _print({kind: {**_told(event), **self._time(event)}})

    def _time(self, event: Event) -> dict[str, float]:
        """When it came; before anything was typed there is no clock."""
        if self._began_s is None:
            return {}
        return {"at_s": round(event.time_s - self._began_s, 4)}

    async def _send_lines(self) -> None:
        """Send what is typed, to the end of the input."""
        lines = _typed()
        while (line := await lines.get()) is not None:
            if line.strip():
                self._began_s = self._began_s or time.monotonic()
                await _send(self._host, line)


def _typed() -> asyncio.Queue[str | None]:
    """Return what is typed, line by line; None is the end."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, None)

    # A daemon: nothing can wake a thread that waits for the keyboard.
    threading.Thread(target=read, daemon=True).start()
    return lines


async def _send(host: ExtensionHost, line: str) -> None:
    """Send one line; one that cannot be sent is answered with a sentence."""
    try:
        message = json.loads(line)
        kinds = [kind for kind in ("data", "cmd") if kind in message]
        if not isinstance(message, dict) or len(kinds) != 1:
            raise ValueError('it has to have one of "data" and "cmd"')
    except ValueError as error:
        print(f"host: {line.strip()}: {error}", file=sys.stderr)
        return
    name = str(message.pop(kinds[0]))
    if kinds == ["data"]:
        await host.send_data(name, message)
        return
    try:
        result = await host.command(name, message)
    except TimeoutError as error:
        print(f"host: {error}", file=sys.stderr)
    else:
        told = {"ok": result.is_ok, **result.properties}
        _print({"Result": {"cmd": name, **told}})


def _told(event: Event) -> dict[str, Any]:
    fields = dataclasses.asdict(event)
    del fields["time_s"]
    if isinstance(event, Frame):
        fields["pcm"] = f"{len(event.pcm)} bytes"
    return fields


def _print(told: dict[str, Any]) -> None:
    print(json.dumps(told, ensure_ascii=False, default=str), flush=True)
