# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The files of `dump`: of each request one, with what was sent."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ten_runtime import AsyncTenEnvTester

from ..messages import Message
from .kit import END, WORDS, Load, Scenario, text_input

IDS = ["one", "two", "tts-request-3"]
# TEN's suite looks a second after the end.
GRACE_S, POLL_S = 1.0, 0.02


class DumpTester(Scenario):
    """Reads the folder once all requests have ended."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.files: dict[str, bytes] = {}

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        for n, request_id in enumerate(IDS):
            text = " ".join(WORDS[: n + 3]) + "."
            data = text_input(request_id, text, is_end=True)
            await ten_env_tester.send_data(data)

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == END and len(self.named(END)) == len(IDS):
            for _ in range(round(GRACE_S / POLL_S)):
                self.read()
                if self.is_complete():
                    break
                await asyncio.sleep(POLL_S)
            self.stop(env)

    def read(self) -> None:
        paths = [path for path in self.folder.rglob("*") if path.is_file()]
        self.files = {str(path): path.read_bytes() for path in paths}

    def sent(self) -> list[bytes]:
        return sorted(self.pcm(request_id) for request_id in IDS)

    def is_complete(self) -> bool:
        return sorted(self.files.values()) == self.sent()


def test_each_request_is_in_a_file_of_its_own(
    load: Load, dump_folder: Path
) -> None:
    tester = DumpTester(dump_folder)

    tester.play(load("dump"))

    sizes = {name: len(content) for name, content in tester.files.items()}
    assert tester.is_complete(), (sizes, [len(pcm) for pcm in tester.sent()])
    assert all(tester.sent())


def test_nothing_is_written_without_dump(load: Load, dump_folder: Path) -> None:
    tester = DumpTester(dump_folder)

    error = tester.run_on(load("dump", dump=False))

    assert error is None, error.error_message()
    assert tester.files == {}
