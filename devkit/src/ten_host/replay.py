# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`./dev replay FILE.jsonl`: what a trace recorded, once more.

A trace holds what an extension was sent, what it sent, and what went over
its sockets. Here a server answers as the recorded one did, and the extension
gets the recorded messages at their recorded times, none of them before it
has sent what it had sent until then. What it sends is printed, and compared
with the recording: exit code 1 stands for another sequence of events.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NoReturn

from .recording import STOP, Input, Json, Recording, TraceError, read, told

if TYPE_CHECKING:
    from .host import ExtensionHost

ADDON = "gradium_tts_python"

# How much longer than recorded an event may take.
GRACE_S = 4.0

# Messages that came no later than this after each other are sent together.
AT_ONCE_S = 0.005

# Settings that would lead elsewhere than to the local server, or are masked.
_NOT_REPLAYED = {
    "api_key",
    "base_url",
    "ca_file",
    "headers",
    "phrases_path",
    "proxy",
    "region",
    "shared_url",
    "url",
}
_MASK = "***"


def main(arguments: list[str]) -> int:
    """Run the command; return the exit code."""
    os.environ.setdefault("TEN_HOST_LOG", "off")
    try:
        path = _parse(arguments)
        recording = read(path.read_text("utf-8"))
        with TemporaryDirectory() as folder:
            # Of its own: what was recorded must not be written into.
            trace = Path(folder, "replayed.jsonl")
            os.environ["GRADIUM_TTS_TRACE"] = str(trace)
            return asyncio.run(_replay(recording, trace))
    except (TraceError, UnicodeDecodeError) as error:
        return _fail(str(error))
    except BrokenPipeError:
        # The reader of our output left; Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _fail(f"cannot read {error.filename}: {error.strerror}")
    except KeyboardInterrupt:
        return 130


def _parse(arguments: list[str]) -> Path:
    parser = _Parser(
        prog="./dev replay",
        allow_abbrev=False,
        description="Play a trace that GRADIUM_TTS_TRACE=FILE.jsonl wrote once"
        " more, against a local server that answers as recorded.",
    )
    parser.add_argument("file", type=Path, metavar="FILE.jsonl")
    path: Path = parser.parse_args(arguments).file
    return path


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise TraceError(f"{message} (./dev replay --help tells more)")


def _fail(message: str) -> int:
    print(f"replay: {message}", file=sys.stderr)
    return 2


def first_difference(
    recorded: Sequence[str], replayed: Sequence[str]
) -> str | None:
    """Say where two sequences of events differ; `None` if they do not."""
    for index in range(max(len(recorded), len(replayed))):
        one = recorded[index] if index < len(recorded) else "nothing"
        other = replayed[index] if index < len(replayed) else "nothing"
        if one != other:
            return f"event {index + 1}: recorded {one}; replayed {other}"
    return None


# ------------------------------------------------------------------ the replay


async def _replay(recording: Recording, trace: Path) -> int:
    """Play it, and compare two traces: a tester would not see the stop."""
    from gradium_sim.replay import ReplayServer, recorded_sockets

    from .app import app_running
    from .host import ExtensionHost
    from .tester import HostError

    try:
        sockets = recorded_sockets(recording.wire)
    except ValueError as error:
        raise TraceError(str(error)) from None
    is_stopped = any(one.name == STOP for one in recording.inputs)
    async with ReplayServer(sockets) as server:
        with app_running():
            settings = _settings(recording.settings, server.url, "0")
            host = ExtensionHost(
                ADDON, settings, wait_s=_longest_wait(recording)
            )
            printer = _Printer(host)
            try:
                async with host:
                    await _drive(host, recording, printer)
            except (HostError, TimeoutError) as error:
                print(f"replay: {error}", file=sys.stderr)
                return 1
    printer.print_new()
    replayed = read(trace.read_text("utf-8"))
    return _verdict(
        recording.events,
        replayed.events if is_stopped else replayed.events_until_stop(),
    )


def _verdict(recorded: list[str], replayed: list[str]) -> int:
    difference = first_difference(recorded, replayed)
    if difference is None:
        print(f"replay: the same {len(recorded)} events as recorded")
        return 0
    print(f"replay: different from the recording at {difference}")
    return 1


def _longest_wait(recording: Recording) -> float:
    """Return the longest that any event may take."""
    times = [one.at_s for one in recording.inputs]
    wire = [float(line["t"]) for line in recording.wire]
    return max([0.0, *times]) + (max(wire) - min(wire) if wire else 0) + GRACE_S


def _settings(recorded: Json, url: str, key: str) -> dict[str, Any]:
    """Return the recorded settings, leading to the local server."""
    top = {k: v for k, v in recorded.items() if k not in _NOT_REPLAYED}
    return {
        **top,
        "dump": False,
        "params": {
            **_kept(recorded.get("params") or {}),
            "api_key": f"replayed-{key}",
            "url": url,
        },
    }


def _kept(params: Json) -> dict[str, Any]:
    kept = {
        name: value
        for name, value in params.items()
        if name not in _NOT_REPLAYED and value != _MASK
    }
    if kept.get("output_format", "pcm") != "pcm":
        # The trace has its default, too, which excludes other formats.
        kept.pop("sample_rate", None)
    if kept.get("phrases") == "disk":
        # What this machine has kept was not said in the recording.
        kept["phrases"] = "memory"
    return kept


async def _drive(
    host: ExtensionHost, recording: Recording, printer: _Printer
) -> None:
    """Send what was sent, when it was sent, and wait for what came of it."""
    start_s = time.monotonic()
    for group in _groups(recording.inputs):
        first = group[0]
        await printer.until(first.events_before)
        await asyncio.sleep(start_s + first.at_s - time.monotonic())
        # What came late delays what is to come.
        start_s = time.monotonic() - first.at_s
        if first.name == STOP:
            return
        await asyncio.gather(*(_send(host, one, printer) for one in group))
    await printer.until(len(recording.events))


def _groups(inputs: Sequence[Input]) -> list[list[Input]]:
    """Put together what came at once, without any event in between."""
    groups: list[list[Input]] = []
    for one in inputs:
        last = groups[-1][-1] if groups else None
        if (
            last is not None
            and one.name in ("tts_text_input", "tts_flush")
            and last.name in ("tts_text_input", "tts_flush")
            and one.events_before == last.events_before
            and one.at_s - last.at_s < AT_ONCE_S
        ):
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


async def _send(host: ExtensionHost, one: Input, printer: _Printer) -> None:
    printer.print_input(one)
    if one.name == "update_configs":
        key = f"{one.at_s:.6f}"
        await host.command(one.name, _changed(one.fields, key))
    else:
        await host.send_data(one.name, one.fields)


def _changed(recorded: Json, key: str) -> dict[str, Any]:
    """Return recorded changes; what opened another socket still does."""
    params = recorded.get("params")
    changes = {k: v for k, v in recorded.items() if k not in _NOT_REPLAYED}
    if isinstance(params, Mapping):
        changes["params"] = _kept(params)
        if _NOT_REPLAYED & set(params):
            changes["params"]["api_key"] = f"replayed-{key}"
    if _NOT_REPLAYED & set(recorded):
        changes["params"] = {
            **changes.get("params", {}),
            "api_key": f"replayed-{key}",
        }
    return changes


class _Printer:
    """Prints what the extension sends, and knows how much that is."""

    def __init__(self, host: ExtensionHost) -> None:
        self._host = host
        self._printed = 0
        self._told = 0
        self._start_s = time.monotonic()

    async def until(self, count: int) -> None:
        """Print until so many events came, or until no more may come."""
        try:
            while self._told < count:
                await self._host.until(lambda _: True, since=self._printed)
                self.print_new()
        except TimeoutError:
            # What is missing will be told in the end.
            pass

    def print_new(self) -> None:
        """Print what came since."""
        for event in self._host.events()[self._printed :]:
            self._printed += 1
            line = told(event)
            if line is not None:
                self._told += 1
                self._print(event.time_s, line)

    def print_input(self, one: Input) -> None:
        """Print what is being sent."""
        shown = one.fields.get("text", one.fields.get("flush_id", ""))
        self._print(time.monotonic(), f"> {one.name} {shown!r:.60}")

    def _print(self, time_s: float, text: str) -> None:
        print(f"{time_s - self._start_s:8.3f} s  {text}", flush=True)
