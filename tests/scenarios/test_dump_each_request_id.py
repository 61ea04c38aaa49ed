# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Every request has a dump of its own."""

from __future__ import annotations

from pathlib import Path

from heard import WORDS
from scenario_kit import END, Load, Message, Scenario, text_input

from ten_runtime import AsyncTenEnvTester

# The last ones are no file names.
IDS = ["one", "two", "tts-request-3", "a/b", "../up", "id mit ü"]


class EachTester(Scenario):
    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        for n, request_id in enumerate(IDS):
            text = " ".join(WORDS[: n + 1])
            data = text_input(request_id, text, is_end=True)
            await ten_env_tester.send_data(data)

    async def saw(self, env: AsyncTenEnvTester, message: Message) -> None:
        if message.name == END and len(self.named(END)) == len(IDS):
            self.stop(env)


def test_each_request_is_in_a_file_of_its_own(
    load: Load, tmp_path: Path
) -> None:
    tester = EachTester()

    tester.play(load("dump"))

    files = list((tmp_path / "dump").iterdir())
    assert [end.request_id for end in tester.named(END)] == IDS
    assert {p.read_bytes() for p in files} == {tester.pcm(i) for i in IDS}
    assert len(files) == len(IDS)
