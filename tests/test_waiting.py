# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Who waits for what, since when and where, while a run goes on."""

from __future__ import annotations

import asyncio
import re
import threading
from typing import Any

import pytest

from ten_ai_base.struct import TTSTextInput
from ten_ai_base.tts2 import AsyncTTS2BaseExtension
from ten_host import ExtensionHost
from ten_runtime import (
    Addon,
    AsyncExtension,
    AsyncTenEnv,
    Data,
    TenEnv,
    register_addon_as_extension,
)

pytestmark = pytest.mark.stand_in

HERE = re.escape(__file__)


class Mill(AsyncExtension):
    """Has a task that waits for a gate, either as it should or not."""

    is_inside = threading.Event()
    gate = threading.Event()

    async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
        work = self.grind() if data.get_name() == "grind" else self.rest()
        self.task = asyncio.create_task(work, name="mill")

    async def grind(self) -> None:
        self.is_inside.set()
        self.gate.wait()

    async def rest(self) -> None:
        self.is_inside.set()
        await asyncio.to_thread(self.gate.wait)


@register_addon_as_extension("mill")
class MillAddon(Addon):
    def on_create_instance(
        self, ten_env: TenEnv, name: str, context: Any
    ) -> None:
        ten_env.on_create_instance_done(Mill(name), context)


@pytest.mark.parametrize(
    ("name", "does"), [("grind", "blocks its loop"), ("rest", "waits")]
)
async def test_a_task_is_told_with_its_age_and_its_line(
    name: str, does: str
) -> None:
    from ten_runtime.run_report import who_waits

    Mill.is_inside.clear()
    Mill.gate.clear()
    async with ExtensionHost("mill") as host:
        await host.send_data(name, {})
        await asyncio.to_thread(Mill.is_inside.wait)
        line = ""
        # From its last line before it waits, it is a moment.
        while does not in line:
            (line,) = (one for one in who_waits() if "the task mill" in one)
            await asyncio.sleep(0)
        Mill.gate.set()

    assert re.fullmatch(
        rf"the task mill of mill, made \d+\.\d s ago, {does},"
        rf" in {name} \({HERE}:\d+\)",
        line,
    ), line


class Forgetful(AsyncTTS2BaseExtension):
    """Ends the audio of a request, and never the request."""

    def vendor(self) -> str:
        return "acme"

    def synthesize_audio_sample_rate(self) -> int:
        return 16000

    async def request_tts(self, t: TTSTextInput) -> None:
        await self.send_tts_audio_end(t.request_id, 0, 0)


@register_addon_as_extension("forgetful_tts")
class ForgetfulAddon(Addon):
    def on_create_instance(
        self, ten_env: TenEnv, name: str, context: Any
    ) -> None:
        ten_env.on_create_instance_done(Forgetful(name), context)


async def test_a_request_that_waits_for_another_is_told() -> None:
    from ten_runtime.run_report import who_waits

    async with ExtensionHost("forgetful_tts") as host:
        await host.send_text("r1", "Hello.", end=True)
        await host.ended("r1")
        await host.send_text("r2", "Hello.", end=True)
        told: list[str] = []
        while "forgetful_tts: the request r2 waits for r1" not in told:
            told = who_waits()
            await asyncio.sleep(0)

    assert (
        "forgetful_tts: the request r1 is not finished: finish_request was not"
        " called"
    ) in told
