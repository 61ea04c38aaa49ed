# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Plays sound on this machine, with whatever player it has."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable
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


def find_player() -> str:
    """Return the path of a player.

    Raises:
        PlayerError: there is none.
    """
    names = (_FILE_PLAYER, *_STREAMING)
    found = (shutil.which(name) for name in names)
    path = next((one for one in found if one), None)
    if path is None:
        raise PlayerError(
            f"none of {', '.join(names)} is on this machine to play it with;"
            " on Debian: apt-get install alsa-utils"
        )
    return path


class Player:
    """Plays one run of sound; every call returns at once.

    Args:
        path: of the player.
        rate_hz: of the samples.
    """

    def __init__(self, path: str, rate_hz: int) -> None:
        self._path = path
        self._rate_hz = rate_hz
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
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
        """Wait until all was played.

        Raises:
            PlayerError: it was not.
        """
        self._thread.join()
        if self.fault and not self._is_cut:
            raise PlayerError(self.fault)

    def _run(self) -> None:
        name = Path(self._path).name
        try:
            if name in _STREAMING:
                self._stream(*_STREAMING[name])
            else:
                self._play_file()
        except OSError as error:
            self.fault = f"{name}: {error.strerror}"

    def _stream(self, command: Command, has_header: bool) -> None:
        process = self._start(*command(self._rate_hz))
        assert process.stdin
        try:
            if has_header:
                process.stdin.write(endless_header(self._rate_hz))
            while (pcm := self._queue.get()) is not None and not self._is_cut:
                process.stdin.write(pcm)
                process.stdin.flush()
            process.stdin.close()
        except BrokenPipeError:
            pass  # it ended early, and says why
        self._finish(process)

    def _play_file(self) -> None:
        pcm = b""
        while (piece := self._queue.get()) is not None:
            pcm += piece
        if self._is_cut:
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "speech.wav")
            write_wav(path, pcm, self._rate_hz)
            process = self._start(str(path))
            assert process.stdin
            process.stdin.close()
            self._finish(process)

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            [self._path, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        return self._process

    def _finish(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr
        said = process.stderr.read().decode(errors="replace").strip()
        process.stderr.close()
        if process.wait() != 0:
            reason = said.splitlines()[-1] if said else "it failed"
            self.fault = f"{Path(self._path).name} cannot play it: {reason}"
