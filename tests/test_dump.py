# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Dumps: names that stay in their folder, files that are complete."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import time
import wave
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradium_tts_python.graph.dump import Dump, DumpFile
from gradium_tts_python.graph.dump_retention import (
    Retention,
    dump_name,
    remove_surplus,
)

HOSTILE = [
    "../../etc/passwd",
    "/etc/passwd",
    "C:\\windows\\system32",
    "a/b",
    "a\0b",
    ".",
    "..",
    "~root",
    "-rf",
    "x" * 10_000,
    "\ud800",
    "übung",
    "",
    "a b\n",
]


@pytest.mark.parametrize(
    ("request_id", "name"),
    [
        ("r1", "gradium_dump_r1.pcm"),
        ("tts-request_0", "gradium_dump_tts-request_0.pcm"),
        ("a/b", "gradium_dump_a_b.c14cddc033f6.pcm"),
        ("..", "gradium_dump___.5ec1f7e700f3.pcm"),
    ],
)
def test_a_file_is_named_after_its_request(request_id: str, name: str) -> None:
    assert dump_name(request_id) == name


def test_a_wav_file_says_so() -> None:
    assert dump_name("r1", "wav") == "gradium_dump_r1.wav"


@given(st.text(st.characters()) | st.sampled_from(HOSTILE))
def test_any_id_gives_the_name_of_a_file_in_the_folder(request_id: str) -> None:
    name = dump_name(request_id)

    assert os.path.basename(name) == name
    assert name.isascii() and name.isprintable()
    assert name.startswith("gradium_dump_") and name.endswith(".pcm")
    assert len(name) <= 120


@given(st.lists(st.text(st.characters()), unique=True))
def test_different_ids_have_different_files(request_ids: list[str]) -> None:
    ids = {*request_ids, *HOSTILE}
    # Also where an id imitates the name that another one gets.
    ids |= {
        dump_name(request_id)[len("gradium_dump_") : -len(".pcm")]
        for request_id in HOSTILE
    }

    assert len({dump_name(request_id) for request_id in ids}) == len(ids)


async def test_a_file_holds_what_was_written_in_order(tmp_path: Path) -> None:
    dump = DumpFile(str(tmp_path / "new" / "folder"), "r1")

    for number in range(50):
        await dump.write(bytes([number]) * 100)
    await dump.aclose()

    assert dump.path == tmp_path / "new" / "folder" / "gradium_dump_r1.pcm"
    assert dump.path.read_bytes() == b"".join(
        bytes([number]) * 100 for number in range(50)
    )


async def test_without_audio_there_is_no_file(tmp_path: Path) -> None:
    dump = DumpFile(str(tmp_path / "folder"), "r1")

    await dump.aclose()

    assert list(tmp_path.iterdir()) == []


async def test_an_older_file_of_the_same_id_is_replaced(tmp_path: Path) -> None:
    for content in (b"first and longer", b"second"):
        dump = DumpFile(str(tmp_path), "r1")
        await dump.write(content)
        await dump.aclose()

    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"second"]


async def test_closing_twice_changes_nothing(tmp_path: Path) -> None:
    dump = DumpFile(str(tmp_path), "r1")
    await dump.write(b"ab")

    await dump.aclose()
    await dump.aclose()

    assert dump.path.read_bytes() == b"ab"


@pytest.mark.parametrize("turns", range(8))
async def test_a_write_that_is_cancelled_is_whole_once_closed(
    tmp_path: Path, turns: int
) -> None:
    dump = DumpFile(str(tmp_path), "r1")
    await dump.write(b"12")

    writing = asyncio.create_task(dump.write(b"34" * 10_000))
    for _ in range(turns):
        await asyncio.sleep(0)
    writing.cancel()
    await asyncio.wait({writing})
    await dump.aclose()

    # Not started is not written; started is written to its end.
    content = dump.path.read_bytes()
    assert content == b"12" + (b"34" * 10_000 if turns else b"")


async def test_a_folder_that_cannot_be_made_is_an_os_error(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_bytes(b"")
    dump = DumpFile(str(tmp_path / "file" / "folder"), "r1")

    with pytest.raises(OSError):
        await dump.write(b"ab")
    await dump.aclose()


@pytest.mark.parametrize("rate_hz", [8000, 22050, 48000])
async def test_a_wav_file_has_the_length_that_was_written(
    tmp_path: Path, rate_hz: int
) -> None:
    dump = DumpFile(str(tmp_path), "r1", wav_rate_hz=rate_hz)

    await dump.write(b"\1\0" * 100)
    await dump.write(b"\2\0" * 100)
    await dump.aclose()

    with wave.open(str(tmp_path / "gradium_dump_r1.wav")) as wav:
        assert wav.getparams()[:4] == (1, 2, rate_hz, 200)
        assert wav.readframes(999) == b"\1\0" * 100 + b"\2\0" * 100


async def test_the_newest_files_are_kept(tmp_path: Path) -> None:
    other = tmp_path / "other.pcm"
    other.write_bytes(b"not a dump")
    for age, name in enumerate(("r1", "r2", "r3", "r4")):
        dump = DumpFile(str(tmp_path), name, kept=Retention(max_files=2))
        await dump.write(b"ab")
        await dump.aclose()
        os.utime(dump.path, (1000 + age, 1000 + age))

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "gradium_dump_r3.pcm",
        "gradium_dump_r4.pcm",
        "other.pcm",
    ]


OTHERS = [
    "gradium_dump_notes.txt",
    "gradium_dump_r1.pcm.bak",
    "gradium_dump_r 1.pcm",
    "gradium_dump_rü.pcm",
    "gradium_dump_.x.pcm",
    "my_gradium_dump_r1.pcm",
    ".gradium_dump_r1.pcm.swp",
]

NOW_S = 1_700_000_000.0
# Age in seconds and size in bytes of r0, r1, …, and what is kept of them.
KEPT = [
    (Retention(), "01234"),
    (Retention(max_files=2), "01"),
    (Retention(max_bytes=1), "0"),
    (Retention(max_bytes=100), "0"),
    (Retention(max_bytes=300), "012"),
    (Retention(max_bytes=699), "012"),
    (Retention(max_bytes=700), "0123"),
    (Retention(max_age_s=5), "0"),
    (Retention(max_age_s=10), "01"),
    (Retention(max_age_s=25), "012"),
    (Retention(max_files=3, max_bytes=200, max_age_s=25), "01"),
    (Retention(max_files=4, max_bytes=700, max_age_s=15), "01"),
]
FILES = [(0, 100), (10, 100), (20, 100), (30, 400), (40, 1)]


@pytest.mark.parametrize(("kept", "left"), KEPT)
def test_what_is_too_much_is_removed_and_all_that_is_older(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kept: Retention,
    left: str,
) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW_S)
    for name in OTHERS:
        (tmp_path / name).write_bytes(b"mine" * 1000)
    for number, (age_s, size_bytes) in enumerate(FILES):
        path = tmp_path / dump_name(f"r{number}")
        path.write_bytes(b"x" * size_bytes)
        os.utime(path, (NOW_S - age_s, NOW_S - age_s))

    remove_surplus(tmp_path / dump_name("r0"), kept)

    assert {path.name for path in tmp_path.iterdir()} == {
        *OTHERS,
        *(dump_name(f"r{number}") for number in left),
    }


async def test_a_file_is_the_newest_whatever_the_clock_says(
    tmp_path: Path,
) -> None:
    for name in ("r9", "r1"):
        dump = DumpFile(str(tmp_path), name)
        await dump.write(b"ab")
        await dump.aclose()
        os.utime(dump.path, (2**31, 2**31))

    last = DumpFile(str(tmp_path), "r5", kept=Retention(max_files=1))
    await last.write(b"ab")
    await last.aclose()

    assert list(tmp_path.iterdir()) == [last.path]


async def test_dumps_may_be_removed_by_others_meanwhile(tmp_path: Path) -> None:
    names = [f"r{number}" for number in range(20)]

    async def dump_one(name: str) -> None:
        dump = DumpFile(str(tmp_path), name, kept=Retention(max_files=1))
        await dump.write(b"ab")
        await dump.aclose()

    # Each removes what the others are just looking at.
    await asyncio.gather(*map(dump_one, names))

    left = [path.name for path in tmp_path.iterdir()]
    assert left in [[dump_name(name)] for name in names] or left == []


async def test_a_link_in_its_place_is_replaced_and_not_followed(
    tmp_path: Path,
) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"untouched")
    folder = tmp_path / "dumps"
    folder.mkdir()
    dump = DumpFile(str(folder), "r1")
    dump.path.symlink_to(precious)

    await dump.write(b"ab")
    await dump.aclose()

    assert precious.read_bytes() == b"untouched"
    assert dump.path.read_bytes() == b"ab" and not dump.path.is_symlink()
    assert list(folder.iterdir()) == [dump.path]


async def test_a_dump_is_its_owners_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        dump = DumpFile(str(tmp_path), "r1")
        await dump.write(b"ab")
        modes = [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()]
        await dump.aclose()
    finally:
        os.umask(before)

    assert modes == [0o600]
    assert dump.path.stat().st_mode & 0o777 == 0o600


async def test_a_dump_has_its_name_once_it_is_complete(tmp_path: Path) -> None:
    dump = DumpFile(str(tmp_path), "r1")

    await dump.write(b"ab")
    while_written = [path.name for path in tmp_path.iterdir()]
    await dump.aclose()

    assert re.fullmatch(
        r"\.gradium_dump_r1\.pcm\.[0-9a-f]{16}\.part", *while_written
    )
    assert list(tmp_path.iterdir()) == [dump.path]


async def test_nothing_is_left_where_a_dump_cannot_have_its_name(
    tmp_path: Path,
) -> None:
    dump = DumpFile(str(tmp_path), "r1")
    (dump.path / "in the way").mkdir(parents=True)

    await dump.write(b"ab")
    with pytest.raises(OSError):
        await dump.aclose()

    assert list(tmp_path.iterdir()) == [dump.path]


async def test_only_dumps_are_removed(tmp_path: Path) -> None:
    for name in OTHERS:
        (tmp_path / name).write_text("mine")
        os.utime(tmp_path / name, (1, 1))
    (tmp_path / "gradium_dump_folder.pcm").mkdir()
    (tmp_path / "gradium_dump_link.pcm").symlink_to(tmp_path / OTHERS[0])
    others = set(tmp_path.iterdir())

    for name in ("r1", "a/b", "r3"):
        dump = DumpFile(str(tmp_path), name, kept=Retention(max_files=1))
        await dump.write(b"ab")
        await dump.aclose()

    assert set(tmp_path.iterdir()) == others | {dump.path}


async def test_what_a_crash_left_is_removed_after_an_hour(
    tmp_path: Path,
) -> None:
    crashed, running = (DumpFile(str(tmp_path), name) for name in ("r1", "r2"))
    await crashed.write(b"ab")
    (part,) = tmp_path.iterdir()
    os.utime(part, (time.time() - 3700, time.time() - 3700))
    await running.write(b"cd")

    dump = DumpFile(str(tmp_path), "r3", kept=Retention(max_files=2))
    await dump.write(b"ef")
    await dump.aclose()
    is_gone = not part.exists()
    await running.aclose()
    with pytest.raises(OSError):
        await crashed.aclose()

    assert is_gone
    assert sorted(tmp_path.iterdir()) == [running.path, dump.path]


async def test_one_that_cannot_be_removed_keeps_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = Path.unlink

    def refuse_one(path: Path, missing_ok: bool = False) -> None:
        if path.name == "gradium_dump_r1.pcm":
            raise PermissionError(1, "Operation not permitted", str(path))
        unlink(path, missing_ok)

    for age, name in enumerate(("r0", "r1", "r2")):
        dump = DumpFile(str(tmp_path), name)
        await dump.write(b"ab")
        await dump.aclose()
        os.utime(dump.path, (1000 + age, 1000 + age))
    monkeypatch.setattr(Path, "unlink", refuse_one)
    told: list[str] = []

    dump = DumpFile(str(tmp_path), "r3", kept=Retention(max_files=1))
    one = Dump(dump, told.append)
    await one.write(b"ab")
    await one.complete()
    await one.complete()

    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "gradium_dump_r1.pcm",
        "gradium_dump_r3.pcm",
    ]
    assert len(told) == 1 and "gradium_dump_r1.pcm" in told[0]


async def test_a_full_disk_ends_the_dump_and_keeps_what_it_took(
    tmp_path: Path,
) -> None:
    told: list[str] = []
    dump = DumpFile(str(tmp_path), "r1")
    one = Dump(dump, told.append)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        for _ in range(3):
            await one.write(b"ab" * 40_000)
        await one.complete()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert told and "File too large" in told[0]
    assert dump.path.read_bytes() == b"ab" * 50_000
    assert list(tmp_path.iterdir()) == [dump.path]
