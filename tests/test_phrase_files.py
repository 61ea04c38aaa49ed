# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Phrases on disk: for their owner only, whole or not at all, never too many."""

from __future__ import annotations

import os
import random
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gradium_tts_python.core.phrases import Phrase
from gradium_tts_python.core.protocol import Audio, Word
from gradium_tts_python.fleet.phrase_files import FOLDER, PhraseFiles

MB = 1_000_000
KEYS = [f"{number:064x}" for number in range(10)]


def phrase(number: int = 0, size_bytes: int = 1000, age_s: float = 0) -> Phrase:
    sound = random.Random(number).randbytes(size_bytes)
    said = Audio(sound, 0.0, 1.0), Word(f"word{number}", 0.1, 0.2)
    return Phrase(said, time.time() - age_s)


def sound_of(found: Phrase | None) -> bytes | None:
    return found.said[0].chunk if found else None  # type: ignore[union-attr]


def files_in(
    tmp_path: Path, most_bytes: int = MB, ttl_s: float = 0.0
) -> PhraseFiles:
    return PhraseFiles(tmp_path, most_bytes, ttl_s)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_phrase_is_there_for_every_process(tmp_path: Path) -> None:
    files_in(tmp_path).write(KEYS[0], phrase(1))

    assert sound_of(files_in(tmp_path).read(KEYS[0])) == sound_of(phrase(1))
    assert files_in(tmp_path).read(KEYS[1]) is None


def test_only_the_owner_may_look(tmp_path: Path) -> None:
    old_mask = os.umask(0)
    try:
        files_in(tmp_path).write(KEYS[0], phrase())
    finally:
        os.umask(old_mask)

    (file,) = (tmp_path / FOLDER).iterdir()
    assert (mode_of(tmp_path / FOLDER), mode_of(file)) == (0o700, 0o600)
    assert file.name == f"{KEYS[0]}.phrase"


def test_a_folder_that_others_may_read_is_closed_to_them(
    tmp_path: Path,
) -> None:
    (tmp_path / FOLDER).mkdir(mode=0o755)

    files_in(tmp_path).write(KEYS[0], phrase())

    assert mode_of(tmp_path / FOLDER) == 0o700


def test_a_link_in_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / FOLDER).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(OSError):
        files_in(tmp_path).write(KEYS[0], phrase())

    assert list((tmp_path / "elsewhere").iterdir()) == []


as_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="needs to give files away"
)


@as_root
def test_a_file_of_somebody_else_is_not_heard(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    files.write(KEYS[0], phrase())
    os.chown(tmp_path / FOLDER / f"{KEYS[0]}.phrase", 12345, 12345)

    assert files.read(KEYS[0]) is None


@as_root
def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    os.chown(tmp_path / FOLDER, 12345, 12345)

    with pytest.raises(PermissionError, match="is not a folder of ours"):
        files_in(tmp_path).write(KEYS[0], phrase())


def test_a_damaged_file_is_removed(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    files.write(KEYS[0], phrase())
    path = tmp_path / FOLDER / f"{KEYS[0]}.phrase"
    path.write_bytes(path.read_bytes()[:-1])

    assert files.read(KEYS[0]) is None
    assert not path.exists()


def test_a_file_of_another_name_is_damaged(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    files.write(KEYS[0], phrase())
    path = tmp_path / FOLDER / f"{KEYS[0]}.phrase"
    path.rename(path.with_name(f"{KEYS[1]}.phrase"))

    assert files.read(KEYS[1]) is None


@pytest.mark.parametrize("what", ["folder", "pipe", "link", "huge"])
def test_what_is_no_file_of_ours_is_neither_read_nor_in_the_way(
    tmp_path: Path, what: str
) -> None:
    files = files_in(tmp_path)
    files.write(KEYS[1], phrase(1))
    path = tmp_path / FOLDER / f"{KEYS[0]}.phrase"
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "link":
        path.symlink_to(path.with_name(f"{KEYS[1]}.phrase"))
    else:
        with path.open("wb") as file:
            file.truncate(1 << 40)

    assert files.read(KEYS[0]) is None
    files.write(KEYS[0], phrase(2))
    assert sound_of(files.read(KEYS[0])) == sound_of(phrase(2))


def test_an_old_phrase_is_removed_when_it_is_read(tmp_path: Path) -> None:
    files = files_in(tmp_path, ttl_s=60)
    files.write(KEYS[0], phrase(age_s=50))
    files.write(KEYS[1], phrase(age_s=70))

    assert files.read(KEYS[0])
    assert files.read(KEYS[1]) is None
    assert len(list((tmp_path / FOLDER).iterdir())) == 1


def test_what_nobody_has_used_for_so_long_goes_by_itself(
    tmp_path: Path,
) -> None:
    files = files_in(tmp_path, ttl_s=60)
    files.write(KEYS[0], phrase())
    path = tmp_path / FOLDER / f"{KEYS[0]}.phrase"
    os.utime(path, (0, time.time() - 61))

    files.write(KEYS[1], phrase())

    assert not path.exists()


def test_the_folder_is_made_and_swept_at_the_start(tmp_path: Path) -> None:
    files_in(tmp_path).write(KEYS[0], phrase())
    path = tmp_path / FOLDER / f"{KEYS[0]}.phrase"
    os.utime(path, (0, time.time() - 61))

    assert files_in(tmp_path, ttl_s=60).open(MB) == {}
    assert files_in(tmp_path / "new").open(MB) == {}

    assert not path.exists()
    assert mode_of(tmp_path / "new" / FOLDER) == 0o700


def test_what_was_used_last_is_read_at_the_start(tmp_path: Path) -> None:
    files, before_s = files_in(tmp_path), time.time() - 100
    for number in range(4):
        files.write(KEYS[number], phrase(number))
        path = tmp_path / FOLDER / f"{KEYS[number]}.phrase"
        os.utime(path, (before_s, before_s + number))

    recent = files_in(tmp_path).open(2500)

    assert list(recent) == [KEYS[3], KEYS[2]]
    assert sound_of(recent[KEYS[3]]) == sound_of(phrase(3))
    assert path.stat().st_mtime == pytest.approx(before_s + 3, abs=1)


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    files = files_in(tmp_path, most_bytes=3500)
    for number in range(3):
        files.write(KEYS[number], phrase(number))
        path = tmp_path / FOLDER / f"{KEYS[number]}.phrase"
        os.utime(path, (0, time.time() - 100 + number))
    assert files.read(KEYS[0])

    files.write(KEYS[3], phrase(3))

    found = [files.read(key) is not None for key in KEYS[:4]]
    assert found == [True, False, True, True]


def test_what_a_killed_process_left_is_swept_away_in_the_end(
    tmp_path: Path,
) -> None:
    files = files_in(tmp_path)
    files.write(KEYS[0], phrase())
    folder = tmp_path / FOLDER
    old, new = folder / f".{1:016x}.part", folder / f".{2:016x}.part"
    for part in (old, new):
        part.write_bytes(b"half")
    os.utime(old, (0, time.time() - 3600))
    (folder / "notes.txt").write_text("none of ours")

    files.write(KEYS[1], phrase())

    assert not old.exists()
    assert new.exists() and (folder / "notes.txt").exists()


def test_only_one_process_has_the_lead(tmp_path: Path) -> None:
    lead = files_in(tmp_path).take_lead()
    assert lead
    assert files_in(tmp_path).take_lead() is None

    lead.close()

    again = files_in(tmp_path).take_lead()
    assert again
    again.close()


def damage(path: Path, chance: random.Random, others: list[Path]) -> None:
    """Do something to a file that disks, people and crashes do."""
    blob = bytearray(path.read_bytes())
    at = chance.randrange(len(blob))
    deed = chance.choice("flip cut add zero swap empty noise".split())
    if deed == "flip":
        blob[at] ^= 1 << chance.randrange(8)
    elif deed == "cut":
        del blob[at:]
    elif deed == "add":
        blob[at:at] = chance.randbytes(chance.randint(1, 600))
    elif deed == "zero":
        blob[at : at + 512] = bytes(len(blob[at : at + 512]))
    elif deed == "swap":
        blob = bytearray(chance.choice(others).read_bytes())
    elif deed == "empty":
        blob.clear()
    else:
        blob = bytearray(chance.randbytes(len(blob)))
    path.write_bytes(blob)


@pytest.mark.thorough
def test_a_thousand_damages_are_never_heard(tmp_path: Path) -> None:
    files, chance = files_in(tmp_path), random.Random(17)
    paths = [tmp_path / FOLDER / f"{key}.phrase" for key in KEYS]
    spoken = 0
    for _ in range(1000):
        for number, path in enumerate(paths):
            if not path.exists():
                files.write(KEYS[number], phrase(number))
                spoken += 1
        victim = chance.randrange(len(KEYS))
        damage(paths[victim], chance, paths)

        found = files.read(KEYS[victim])

        # A range of zeros may have been one before, and a file its own.
        assert sound_of(found) in (None, sound_of(phrase(victim)))

    assert spoken > 900
    assert all(files.read(key) for key in KEYS if key != KEYS[victim])


WRITER = """
import sys
from test_phrase_files import KEYS, files_in, phrase
from pathlib import Path
files = files_in(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    for number in range(10):
        files.write(KEYS[number], phrase(number, 50_000))
"""


@pytest.mark.thorough
def test_processes_that_are_killed_while_they_write_leave_nothing_wrong(
    tmp_path: Path,
) -> None:
    files, chance = files_in(tmp_path), random.Random(3)
    sounds = [sound_of(phrase(number, 50_000)) for number in range(10)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for _ in range(25):
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, str(tmp_path)],
                stdout=subprocess.PIPE,
                env=environment,
            )
            for _ in range(4)
        ]
        for writer in writers:
            assert writer.stdout
            assert writer.stdout.readline() == b"ready\n"
        for writer in writers:
            for _ in range(chance.randint(1, 20)):
                number = chance.randrange(10)
                assert sound_of(files.read(KEYS[number])) in (
                    None,
                    sounds[number],
                )
            writer.send_signal(signal.SIGKILL)
            writer.communicate()

    found = [sound_of(files.read(key)) for key in KEYS]
    assert found == sounds
