# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""§5.5: the ways in which tests of other extensions take them apart."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any
from unittest.mock import AsyncMock, MagicMock, patch

import pytest
from key_scan import KEY
from scenario_kit import ADDON, END, Load

from gradium_sim import SimThread
from gradium_tts_python.config import GradiumTTSConfig
from gradium_tts_python.extension import GradiumTTSExtension
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

TEXT = "hello word, hello agora"
CLIENT = "gradium_tts_python.extension.GradiumTTSClient"


class SpeakTester(ExtensionTester):
    """Reads frames by their buffer, and stops from a timer's thread."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.payloads: dict[str, dict[str, Any]] = {}

    def on_start(self, ten_env_tester: TenEnvTester) -> None:
        text = TTSTextInput(request_id="r1", text=TEXT, text_input_end=True)
        data = Data.create("tts_text_input")
        data.set_property_from_json(None, text.model_dump_json())
        ten_env_tester.send_data(data)
        ten_env_tester.on_start_done()

    def on_data(self, ten_env_tester: TenEnvTester, data: Data) -> None:
        text, _ = data.get_property_to_json("")
        self.payloads[data.get_name()] = json.loads(text)
        if data.get_name() == END:
            threading.Timer(0.01, ten_env_tester.stop_test).start()

    def on_audio_frame(
        self, ten_env_tester: TenEnvTester, audio_frame: AudioFrame
    ) -> None:
        view = audio_frame.lock_buf()
        try:
            self.received += bytes(view)
        finally:
            audio_frame.unlock_buf(view)


def test_a_sync_tester_hears_what_the_server_said(
    load: Load, server: SimThread
) -> None:
    tester = SpeakTester()
    tester.set_test_mode_single(ADDON, json.dumps(load("dump").properties))

    error = tester.run()

    assert error is None
    assert tester.received == server.sessions[0].pcm
    assert tester.payloads[END]["reason"] == 1


class HelloTester(ExtensionTester):
    """Sends a command that nobody knows."""

    def __init__(self) -> None:
        self.status: StatusCode | None = None

    def on_start(self, ten_env_tester: TenEnvTester) -> None:
        cmd = Cmd.create("hello_world")
        ten_env_tester.send_cmd(cmd, self.answered)
        ten_env_tester.on_start_done()

    def answered(
        self,
        ten_env: TenEnvTester,
        result: CmdResult | None,
        error: TenError | None,
    ) -> None:
        if result is not None and error is None:
            self.status = result.get_status_code()
        ten_env.stop_test()


def test_an_unknown_command_is_answered_ok(load: Load) -> None:
    tester = HelloTester()
    tester.set_test_mode_single(ADDON, json.dumps(load("dump").properties))

    error = tester.run()

    assert error is None
    assert tester.status == StatusCode.OK


def test_settings_pass_through_to_a_patched_client(load: Load) -> None:
    properties = load("basic_audio_setting1").properties
    properties["params"]["future_setting"] = {"nested": [1, 2]}
    tester = HelloTester()
    tester.set_test_mode_single(ADDON, json.dumps(properties))

    with patch(CLIENT, autospec=True) as client_class:
        error = tester.run()

    assert error is None
    assert tester.status == StatusCode.OK
    (config,) = client_class.call_args.args
    assert config.params.api_key == KEY
    assert config.params.voice_id == properties["params"]["voice_id"]
    assert config.sample_rate_hz == 16000
    setup = json.loads(config.setup().frame())
    assert setup["future_setting"] == {"nested": [1, 2]}
    client_class.return_value.aclose.assert_awaited_once()


def test_everything_can_be_made_without_loop_or_runtime() -> None:
    extension = GradiumTTSExtension("tts")
    config = GradiumTTSConfig.load({"params": {"api_key": "k"}})

    assert (extension.name, extension.vendor()) == ("tts", "gradium")
    assert extension.synthesize_audio_sample_rate() == 24000
    assert config.sample_rate_hz == 24000


def test_an_extension_can_be_driven_without_the_runtime(
    server: SimThread,
) -> None:
    ten_env = MagicMock()
    ten_env.send_data = AsyncMock()
    ten_env.send_audio_frame = AsyncMock()
    settings = {"params": {"api_key": KEY, "url": server.url, "warm": "off"}}
    ten_env.get_property_to_json = AsyncMock(
        return_value=(json.dumps(settings), None)
    )

    def names() -> list[str]:
        return [
            call.args[0].get_name() for call in ten_env.send_data.mock_calls
        ]

    async def drive() -> None:
        extension = GradiumTTSExtension("tts")
        await extension.on_init(ten_env)
        text = TTSTextInput(request_id="r1", text=TEXT, text_input_end=True)
        await extension.request_tts(text)
        while END not in names():  # noqa: ASYNC110 - a mock tells nobody
            await asyncio.sleep(0.01)
        await extension.on_stop(ten_env)

    asyncio.run(asyncio.wait_for(drive(), 60.0))

    told = [name for name in names() if name.startswith("tts_")]
    assert told == ["tts_audio_start", "tts_audio_end"]
    assert ten_env.send_audio_frame.await_count > 1


@pytest.mark.parametrize("params", [{}, {"api_key": ""}])
def test_settings_without_a_key_are_refused_by_name(
    params: dict[str, Any],
) -> None:
    with pytest.raises(ValueError, match="api_key"):
        GradiumTTSConfig.load({"params": params})
