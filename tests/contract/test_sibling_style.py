# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""§5.5: what the tests of other extensions do, on a package like theirs."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import AsyncMock, MagicMock, patch

import pytest

from ten_ai_base.struct import TTSTextInput
from ten_runtime import (
    AudioFrame,
    Cmd,
    CmdResult,
    Data,
    ExtensionTester,
    StatusCode,
    TenEnvTester,
    TenError,
)

NAME = "contract_vendor_tts"

ADDON = f"""
from ten_runtime import Addon, TenEnv, register_addon_as_extension

@register_addon_as_extension("{NAME}")
class VendorAddon(Addon):
    def on_create_instance(self, ten_env: TenEnv, name: str, context) -> None:
        from .extension import VendorExtension
        ten_env.on_create_instance_done(VendorExtension(name), context)
"""

EXTENSION = """
import json
from ten_ai_base.tts2 import AsyncTTS2BaseExtension

class VendorClient:
    def __init__(self, params):
        raise RuntimeError("no test reaches the vendor")

class VendorExtension(AsyncTTS2BaseExtension):
    async def on_init(self, ten_env):
        await super().on_init(ten_env)
        text, _ = await ten_env.get_property_to_json("")
        self.client = VendorClient(json.loads(text)["params"])

    def vendor(self):
        return "vendor"

    def synthesize_audio_sample_rate(self):
        return 16000

    async def request_tts(self, t):
        await self.send_tts_audio_start(t.request_id)
        async for chunk in self.client.get(t.text):
            await self.send_tts_audio_data(chunk)
        await self.send_tts_audio_end(t.request_id, 0, 0)
        await self.finish_request(t.request_id)

    async def on_stop(self, ten_env):
        await self.client.clean()
        await super().on_stop(ten_env)
"""


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = tmp_path / NAME
    folder.mkdir()
    (folder / "__init__.py").write_text("from . import addon\n")
    (folder / "addon.py").write_text(ADDON)
    (folder / "extension.py").write_text(EXTENSION)
    (folder / "property.json").write_text("{}")
    manifest = {"type": "extension", "name": NAME, "version": "0.1.0"}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    monkeypatch.syspath_prepend(str(tmp_path))
    __import__(NAME)
    yield
    for name in [m for m in sys.modules if m.split(".")[0] == NAME]:
        del sys.modules[name]


class SpeakTester(ExtensionTester):
    def __init__(self) -> None:
        # As the siblings have it: without a call of super().__init__().
        self.audio_end_received = False
        self.received = bytearray()

    def on_start(self, ten_env_tester: TenEnvTester) -> None:
        data = Data.create("tts_text_input")
        text = TTSTextInput(request_id="r", text="hi", text_input_end=True)
        data.set_property_from_json(None, text.model_dump_json())
        ten_env_tester.send_data(data)
        ten_env_tester.on_start_done()

    def on_data(self, ten_env_tester: TenEnvTester, data: Data) -> None:
        if data.get_name() == "tts_audio_end":
            self.audio_end_received = True
            # Twice and late, as some do.
            threading.Timer(0.01, ten_env_tester.stop_test).start()

    def on_audio_frame(
        self, ten_env_tester: TenEnvTester, audio_frame: AudioFrame
    ) -> None:
        buf = audio_frame.lock_buf()
        try:
            self.received.extend(bytes(buf))
        finally:
            audio_frame.unlock_buf(buf)


def test_a_patched_client_speaks_through_a_sync_tester() -> None:
    with patch(f"{NAME}.extension.VendorClient") as client_class:
        client = client_class.return_value
        client.clean = AsyncMock()

        async def get(text: str) -> object:
            for index in range(5):
                yield bytes([index, index])

        client.get.side_effect = get
        tester = SpeakTester()
        tester.set_test_mode_single(NAME, '{"params": {"key": "k"}}')

        error = tester.run()

    assert error is None
    assert tester.audio_end_received
    assert tester.received == bytes([0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    client_class.assert_called_once_with({"key": "k"})
    client.clean.assert_awaited_once()


class ParamsTester(ExtensionTester):
    def __init__(self) -> None:
        self.status: StatusCode | None = None

    def check_hello(
        self,
        ten_env: TenEnvTester,
        result: CmdResult | None,
        error: TenError | None,
    ) -> None:
        if error is not None or result is None:
            raise AssertionError(error)
        self.status = result.get_status_code()
        ten_env.stop_test()

    def on_start(self, ten_env_tester: TenEnvTester) -> None:
        ten_env_tester.send_cmd(Cmd.create("hello_world"), self.check_hello)
        ten_env_tester.on_start_done()


def test_params_pass_through_to_the_patched_client() -> None:
    params = {"key": "k", "nested": {"speed": 1.5}}
    with patch(f"{NAME}.extension.VendorClient") as client_class:
        client_class.return_value.clean = AsyncMock()
        tester = ParamsTester()
        tester.set_test_mode_single(NAME, json.dumps({"params": params}))

        tester.run()

    assert tester.status == StatusCode.OK
    client_class.assert_called_once_with(params)


async def test_an_extension_can_be_driven_without_the_runtime() -> None:
    extension_module = sys.modules.get(f"{NAME}.extension") or __import__(
        f"{NAME}.extension", fromlist=["VendorExtension"]
    )
    extension = extension_module.VendorExtension("tts")
    ten_env = MagicMock()
    ten_env.send_data = AsyncMock()
    ten_env.send_audio_frame = AsyncMock()
    extension.ten_env = ten_env

    async def get(text: str) -> object:
        yield b"ab"

    extension.client = MagicMock()
    extension.client.get.side_effect = get
    text = TTSTextInput(request_id="r", text="hi", text_input_end=True)

    await extension.request_tts(text)

    names = [call.args[0].get_name() for call in ten_env.send_data.mock_calls]
    assert names == ["tts_audio_start", "tts_audio_end"]
    assert ten_env.send_audio_frame.await_count == 1
