# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Plays sound on this machine, with whatever player it has.

A player that is installed need not be able to play: `paplay` wants a server,
`aplay` a sound card. The first one that can plays it.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue

from .wav import endless_header, write_wav

Command = Callable[[int], list[str]]
"""What to start for samples of this rate in Hz."""

# Of each: what is started, and whether it wants a header. They read stdin.
_STREAMING: dict[str, tuple[Command, bool]] = {
    "paplay": (
        lambda hz: f"--raw --format=s16le --channels=1 --rate={hz}".split(),
        False,
    ),
    "aplay": (
        lambda hz: f"-q -t raw -f S16_LE -c 1 -r {hz} -".split(),
        False,
    ),
    "ffplay": (
        lambda hz: "-nodisp -autoexit -loglevel error -i -".split(),
        True,
    ),
}
# Reads files only.
_FILE_PLAYER = "afplay"


class PlayerError(Exception):
    """It cannot be played; one sentence says why."""


def find_players() -> list[str]:
    """Return the paths of the players, the one to be tried first in front.

    Raises:
        PlayerError: there is none.
    """
    names = (_FILE_PLAYER, *_STREAMING)
    paths = [path for name in names if (path := shutil.which(name))]
    if not paths:
        raise PlayerError(
            f"none of {', '.join(names)} is on this machine to play it with;"
            " on Debian: apt-get install alsa-utils"
        )
    return paths


class Player:
    """Plays one run of sound; every call returns at once, but `wait`.

    Args:
        paths: of players; the next one begins anew where one fails.
        rate_hz: of the samples.
    """

    def __init__(self, paths: Sequence[str], rate_hz: int) -> None:
        self._paths = paths
        self._rate_hz = rate_hz
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        # What was taken out of it; its end, too.
        self._taken: list[bytes | None] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._is_cut = False
        self.fault = ""
        # A pipe to a player that plays is full: writing to it waits.
        self._thread = threading.Thread(target=self._run, name="player")
        self._thread.start()

    def play(self, pcm: bytes) -> None:
        """Play these samples after what came before."""
        self._queue.put(pcm)

    def cut(self) -> None:
        """Be silent now."""
        self._is_cut = True
        if self._process:
            self._process.kill()
        self._queue.put(None)

    def end(self) -> None:
        """Nothing more will come."""
        self._queue.put(None)

    def wait(self) -> None:
        """Wait until all was played; one who stops waiting silences it.

        Raises:
            PlayerError: it was not.
        """
        try:
            self._thread.join()
        except BaseException:
            self.cut()
            raise
        if self.fault and not self._is_cut:
            raise PlayerError(self.fault)

    def _run(self) -> None:
        faults = []
        for path in self._paths:
            fault = self._fault_of(path)
            if not fault or self._is_cut:
                return
            faults.append(f"{Path(path).name} cannot play it: {fault}")
        self.fault = "; ".join(faults)

    def _fault_of(self, path: str) -> str:
        """Let one play all of it; return why it could not, or ""."""
        name = Path(path).name
        try:
            if name in _STREAMING:
                command, has_header = _STREAMING[name]
                process = self._start(path, *command(self._rate_hz))
                self._feed(process, has_header)
                return _end_of(process)
            return self._play_file(path)
        except OSError as error:
            return error.strerror or "it failed"

    def _feed(self, process: subprocess.Popen[bytes], has_header: bool) -> None:
        assert process.stdin
        with contextlib.suppress(BrokenPipeError):  # it says why itself
            if has_header:
                process.stdin.write(endless_header(self._rate_hz))
            for pcm in self._pieces():
                process.stdin.write(pcm)
                process.stdin.flush()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()

    def _pieces(self) -> Iterator[bytes]:
        """Yield the sound from its beginning, up to its end or a cut."""
        for number in itertools.count():
            if number == len(self._taken):
                self._taken.append(self._queue.get())
            pcm = self._taken[number]
            if pcm is None or self._is_cut:
                return
            yield pcm

    def _play_file(self, path: str) -> str:
        pcm = b"".join(self._pieces())
        if self._is_cut:
            return ""
        with tempfile.TemporaryDirectory() as folder:
            wav = Path(folder, "speech.wav")
            write_wav(wav, pcm, self._rate_hz)
            process = self._start(path, str(wav))
            assert process.stdin
            process.stdin.close()
            return _end_of(process)

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        return self._process


def _end_of(process: subprocess.Popen[bytes]) -> str:
    """Wait for a player; return why it failed, or ""."""
    assert process.stderr
    said = process.stderr.read().decode(errors="replace").strip()
    process.stderr.close()
    if process.wait() == 0:
        return ""
    # What ffplay says last, in brackets, is a guess at the reason before it.
    lines = [line for line in said.splitlines() if not line.startswith("(")]
    return lines[-1] if lines else "it failed"
