# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`./dev sim`, run as a user runs it: in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from gradium_sim.__main__ import main
from gradium_sim.probe import Closed, Probe
from gradium_sim.process import address_in, sim_process

COMMAND = [sys.executable, "-m", "gradium_sim", "--voice", "tones"]
SPEAK = [sys.executable, "-m", "ten_host", "speak"]


@dataclass(frozen=True)
class Server:
    """The command, listening."""

    process: subprocess.Popen[str]
    out: IO[str]
    first_line: str

    @property
    def url(self) -> str:
        return address_in(self.first_line)


@contextlib.contextmanager
def listening(*options: str) -> Iterator[Server]:
    with subprocess.Popen(
        [*COMMAND, "--port", "0", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield Server(process, process.stdout, process.stdout.readline())
        finally:
            process.kill()


def first_answer(url: str, key: str = "test-key") -> str:
    """Set a session up; return the type of what comes back, or `closed`."""

    async def asking() -> str:
        async with Probe(url, key=key) as probe:
            await probe.setup()
            answer = await probe.receive()
            return "closed" if isinstance(answer, Closed) else answer["type"]

    return asyncio.run(asking())


def test_the_first_lines_say_how_to_reach_it() -> None:
    with listening() as server:
        second = server.out.readline()

    assert server.first_line == (
        f'listening on {server.url} with the key "test-key"\n'
    )
    assert second == f'try: ./dev speak "Hello." --url {server.url}\n'


def test_the_server_speaks_and_prints_each_session(tmp_path: Path) -> None:
    with listening() as server:
        server.out.readline()
        subprocess.run(
            [*SPEAK, "Hi there.", "--url", server.url],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            timeout=240,
        )
        line = server.out.readline()

    assert re.fullmatch(r'session "Hi there\.": \d+ frames\n', line)


def test_the_key_of_the_environment_is_good_too_and_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GRADIUM_API_KEY", "mine")

    with listening() as server:
        answers = [first_answer(server.url, k) for k in ("mine", "test-key")]

    assert answers == ["ready", "ready"]
    assert "mine" not in server.first_line


def test_given_keys_replace_all_others_and_are_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GRADIUM_API_KEY", "theirs")
    keys = ("mine", "yours", "theirs", "test-key")

    with listening("--key", "mine", "--key", "yours") as server:
        answers = [first_answer(server.url, key) for key in keys]

    assert server.first_line == f"listening on {server.url} with your key\n"
    assert answers == ["ready", "ready", "error", "error"]


def test_ready_comes_no_sooner_than_asked_for() -> None:
    with listening("--ready-ms", "50") as server:
        asked_s = time.monotonic()
        first_answer(server.url)

        assert time.monotonic() - asked_s >= 0.05


def test_it_ends_with_its_parent() -> None:
    with listening("--with-parent") as server:
        assert server.process.stdin is not None
        server.process.stdin.close()

        assert server.process.wait(timeout=240) == 0
        assert server.out.read() == ""


def test_a_process_of_it_takes_the_key_that_it_was_given() -> None:
    with sim_process(voice="tones", key="mine") as url:
        assert first_answer(url, "mine") == "ready"


def test_an_interrupt_ends_the_server_quietly() -> None:
    with listening() as server:
        server.process.send_signal(signal.SIGINT)

        assert server.process.wait(timeout=240) == 0


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        done = subprocess.run(
            [*COMMAND, "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr == (
        f"sim: cannot listen on 127.0.0.1, port {port}: "
        "Address already in use\n"
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--port", "x"], "must be 0 to 65535, not x"),
        (["--port", "70000"], "must be 0 to 65535, not 70000"),
        (["--speed", "-1"], "must be above 0, not -1"),
        (["--speed", "nan"], "must be above 0, not nan"),
        (["--ready-ms", "-1"], "must be 0 or more, not -1"),
        (["--first-audio-ms", "soon"], "must be 0 or more, not soon"),
        (["--voice", "opera"], "opera"),
        (["extra"], "extra"),
    ],
)
def test_bad_options_end_in_one_sentence(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)

    said = capsys.readouterr().err
    assert left.value.code == 2
    assert said.startswith("sim: ")
    assert says in said
    assert said.count("\n") == 1
