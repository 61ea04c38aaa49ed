# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The dump of a request is what the graph got."""

from __future__ import annotations

from pathlib import Path

from scenario_kit import END, Load, Message, Scenario, text_input

from ten_runtime import AsyncTenEnvTester


class DumpTester(Scenario):
    """Reads the folder as soon as the request has ended."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.at_end: dict[str, bytes] = {}

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        text = "hello, this is a text to be written into a file"
        await ten_env_tester.send_data(text_input("r1", text, is_end=True))

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == END:
            paths = self.folder.iterdir()
            self.at_end = {path.name: path.read_bytes() for path in paths}
            self.stop(env)


def test_the_dump_is_complete_when_the_end_is_told(
    load: Load, tmp_path: Path
) -> None:
    tester = DumpTester(tmp_path / "dump")

    tester.play(load("dump"))

    assert tester.at_end == {"gradium_dump_r1.pcm": tester.pcm("r1")}
    assert tester.pcm("r1")
