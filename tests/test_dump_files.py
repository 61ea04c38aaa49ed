# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Dumps of running requests: what the graph was sent, whatever happens."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gradium_sim import Error, Fault, FaultPlan, GradiumSim, Point
from gradium_tts_python.graph.dump import DumpFile
from gradium_tts_python.graph.dump_retention import dump_name
from ten_host import AudioEnd, EndReason, Event, ExtensionHost, Frame
from ten_host.testing.log import TenLog

from .properties.test_life_properties import Player, Say, Script, Wait
from .story import spoken, tell

StartHost = Callable[..., Awaitable[ExtensionHost]]

TEXT = "one two three four five six seven eight. "


class DumpReader(Player):
    """Reads each request's file in the moment in which its end is told.

    Attributes:
        files: by request, what was in its file then.
        frames: by request, what had been sent for it until then.
        all_told: set once five requests have ended.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(Script(()), dump=True, dump_path=str(folder))
        self._folder = folder
        self._pcm = b""
        self.files: dict[str, bytes] = {}
        self.frames: dict[str, bytes] = {}
        self.all_told = asyncio.Event()

    def on_event(self, event: Event) -> None:
        super().on_event(event)
        if isinstance(event, Frame):
            self._pcm += event.pcm
        elif isinstance(event, AudioEnd):
            path = self._folder / dump_name(event.request_id)
            content = path.read_bytes() if path.exists() else b""
            self.files[event.request_id] = content
            self.frames[event.request_id], self._pcm = self._pcm, b""
            if len(self.files) == 5:
                self.all_told.set()


async def test_a_dump_is_complete_when_the_end_is_told(tmp_path: Path) -> None:
    reader = DumpReader(tmp_path)
    async with reader.running():
        for n in range(5):
            await reader.do(Say(f"r{n}x", 4, True))
        await reader.all_told.wait()

    assert reader.files == reader.frames
    assert {len(pcm) for pcm in reader.files.values()} == {4 * 1600}


async def test_a_dump_of_an_interrupted_request_is_complete_too(
    tmp_path: Path,
) -> None:
    reader = DumpReader(tmp_path)
    async with reader.running():
        # At any moment from the first text to the last event: 4 words take
        # 14 messages, 10 ms each.
        for n in range(24):
            await reader.do(Say(f"r{n}x", 4, True))
            await reader.do(Wait(n * 0.0065))
            await reader.flush()

    lengths = {len(pcm) for pcm in reader.files.values()}
    assert reader.files == reader.frames
    assert len(reader.files) == 24
    assert len(lengths) > 4


async def test_closing_goes_on_where_it_was_cancelled(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    busy, free = threading.Event(), threading.Event()
    dump = DumpFile(str(tmp_path), "r1", wav_rate_hz=8000)
    with ThreadPoolExecutor(1) as executor:
        loop.set_default_executor(executor)
        await dump.write(b"ab" * 100)
        blocker = loop.run_in_executor(None, _block, busy, free)
        busy.wait()
        try:
            first = await _started(dump.aclose())
            first.cancel()
            await asyncio.wait({first})
            second = await _started(dump.aclose())
            was_done = second.done()
        finally:
            free.set()
        await second
        content = dump.path.read_bytes()
        await blocker

    assert not was_done
    assert content[-200:] == b"ab" * 100
    assert content[40:44] == (200).to_bytes(4, "little")


async def _started(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Run something until it can get no further by itself."""
    task = asyncio.create_task(work)
    for _ in range(5):
        await asyncio.sleep(0)
    return task


def _block(busy: threading.Event, free: threading.Event) -> None:
    busy.set()
    free.wait()


@pytest.mark.parametrize("is_ended", [True, False])
async def test_a_dump_is_what_was_sent_where_a_request_fails(
    sim: GradiumSim, start_host: StartHost, tmp_path: Path, is_ended: bool
) -> None:
    refusal = Error("no such thing", 1002)
    sim.faults = FaultPlan(Fault(Point.AUDIO, refusal, after_frames=4))
    # A setup that is refused after audio is a drop: it would be resumed.
    host = await start_host(
        {"resume": False}, dump=True, dump_path=str(tmp_path)
    )

    await host.send_text("r1", TEXT, end=is_ended)
    end = await host.ended("r1")

    content = (tmp_path / dump_name("r1")).read_bytes()
    assert content == host.pcm("r1") != b""
    assert end.reason is EndReason.ERROR


@pytest.mark.parametrize(
    "request_id",
    [
        "../../escaped",
        "/tmp/escaped",
        "a/b/c",
        "..",
        "nul\0byte",
        "C:\\aux",
        "line\nbreak",
        "\u202eback",
        "x" * 10_000,
    ],
    ids=lambda name: repr(name)[:20],
)
async def test_a_hostile_id_stays_inside_the_folder(
    start_host: StartHost, tmp_path: Path, request_id: str
) -> None:
    folder = tmp_path / "deep" / "dumps"
    host = await start_host(dump=True, dump_path=str(folder))

    await host.send_text(request_id, TEXT, end=True)
    await host.ended(request_id)

    assert tell(host.events()) == spoken(request_id)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files == [folder / dump_name(request_id)]
    assert files[0].read_bytes() == host.pcm(request_id)


def _a_file_in_the_way(folder: Path) -> None:
    folder.write_text("not a folder")


def _a_link_in_the_way(folder: Path) -> None:
    folder.mkdir()
    (folder / dump_name("r1")).symlink_to("/dev/full")


def _a_folder_in_the_way(folder: Path) -> None:
    (folder / dump_name("r1")).mkdir(parents=True)


@pytest.mark.parametrize(
    "prepare",
    [_a_file_in_the_way, _a_link_in_the_way, _a_folder_in_the_way],
    ids=lambda prepare: prepare.__name__,
)
async def test_a_dump_that_fails_costs_nothing_but_itself(
    start_host: StartHost, tmp_path: Path, prepare: Any
) -> None:
    folder = tmp_path / "dumps"
    prepare(folder)
    host = await start_host(dump=True, dump_path=str(folder))

    for request_id in ("r1", "r2"):
        await host.send_text(request_id, TEXT, end=True)
    await host.ended("r2")

    assert tell(host.events()) == [*spoken("r1"), *spoken("r2")]
    assert host.pcm("r1") == host.pcm("r2")


async def test_a_dump_that_cannot_be_written_is_one_warning(
    start_host: StartHost,
    tmp_path: Path,
    ten_log: TenLog,
) -> None:
    (tmp_path / "taken").write_text("no folder")
    host = await start_host(dump=True, dump_path=str(tmp_path / "taken"))

    await host.send_text("r1", TEXT, end=True)
    await host.ended("r1")

    assert tell(host.events()) == spoken("r1")
    assert re.findall(r"WARN .*request=r1 no dump: .*taken", ten_log.text())
    assert ten_log.text().count("no dump") == 1
