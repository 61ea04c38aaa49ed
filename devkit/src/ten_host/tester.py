# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The tester behind `ExtensionHost`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from ten_runtime import (
    AsyncExtensionTester,
    AsyncTenEnvTester,
    AudioFrame,
    Cmd,
    CmdResult,
    Data,
    StatusCode,
)

from .events import Event, event_of_data, event_of_frame


class Tester(AsyncExtensionTester):
    """Turns messages into events, without a single await in between."""

    def __init__(
        self, on_event: Callable[[Event], None], on_started: Callable[[], None]
    ) -> None:
        super().__init__()
        self._on_event = on_event
        self._on_started = on_started
        self.env: AsyncTenEnvTester | None = None
        self.loop: asyncio.AbstractEventLoop | None = None

    async def on_init(self, ten_env: AsyncTenEnvTester) -> None:
        self.env = ten_env
        self.loop = asyncio.get_running_loop()

    async def on_start(self, ten_env: AsyncTenEnvTester) -> None:
        self._on_started()

    async def on_data(self, ten_env: AsyncTenEnvTester, data: Data) -> None:
        self._on_event(event_of_data(data, time.monotonic()))

    async def on_audio_frame(
        self, ten_env: AsyncTenEnvTester, audio_frame: AudioFrame
    ) -> None:
        self._on_event(event_of_frame(audio_frame, time.monotonic()))

    async def on_cmd(self, ten_env: AsyncTenEnvTester, cmd: Cmd) -> None:
        await ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))
