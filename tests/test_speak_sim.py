# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`./dev sim`, run as a user runs it: in a process of its own."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ten_host.serve import main

COMMAND = [sys.executable, "-m", "ten_host"]


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, listening; and its URL."""
    with subprocess.Popen(
        [*COMMAND, "sim", "--port", "0", "--voice", "tones"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            url = re.search(r"ws://\S+", process.stdout.readline())
            assert url is not None
            process.stdout.readline()
            yield process, url[0]
        finally:
            process.kill()


def test_the_server_speaks_and_prints_each_session(
    server: tuple[subprocess.Popen[str], str], tmp_path: Path
) -> None:
    process, url = server

    subprocess.run(
        [*COMMAND, "speak", "Hi there.", "--url", url],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=240,
    )

    assert process.stdout is not None
    assert re.fullmatch(
        r'session "Hi there\.": \d+ frames\n', process.stdout.readline()
    )


def test_an_interrupt_ends_the_server_quietly(
    server: tuple[subprocess.Popen[str], str],
) -> None:
    process, _ = server

    process.send_signal(signal.SIGINT)

    assert process.wait(timeout=240) == 0


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        done = subprocess.run(
            [*COMMAND, "sim", "--port", str(port), "--voice", "tones"],
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
