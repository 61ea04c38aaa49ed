# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Dumps: names that stay in their folder, files that are complete."""

from __future__ import annotations

import asyncio
import os
import wave
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradium_tts_python.graph.dump import DumpFile, dump_name

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
        dump = DumpFile(str(tmp_path), name, max_files=2)
        await dump.write(b"ab")
        await dump.aclose()
        os.utime(dump.path, (1000 + age, 1000 + age))

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "gradium_dump_r3.pcm",
        "gradium_dump_r4.pcm",
        "other.pcm",
    ]


async def test_a_file_is_the_newest_whatever_the_clock_says(
    tmp_path: Path,
) -> None:
    for name in ("r9", "r1"):
        dump = DumpFile(str(tmp_path), name)
        await dump.write(b"ab")
        await dump.aclose()
        os.utime(dump.path, (2**31, 2**31))

    last = DumpFile(str(tmp_path), "r5", max_files=1)
    await last.write(b"ab")
    await last.aclose()

    assert list(tmp_path.iterdir()) == [last.path]


async def test_dumps_may_be_removed_by_others_meanwhile(tmp_path: Path) -> None:
    # A name that stands in the folder, and a file that does not exist.
    (tmp_path / "gradium_dump_gone.pcm").symlink_to(tmp_path / "nowhere")
    dump = DumpFile(str(tmp_path), "r1", max_files=1)

    await dump.write(b"ab")
    await dump.aclose()

    assert list(tmp_path.iterdir()) == [dump.path]
