# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The tester behind `ExtensionHost`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ten_runtime import AsyncTenEnvTester, Cmd, CmdResult, StatusCode

from .events import Event, event_of
from .messages import Collector, Message


class Tester(Collector):
    """Hands on what comes as events."""

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

    async def came(self, env: AsyncTenEnvTester, message: Message) -> None:
        self._on_event(event_of(message))

    async def on_cmd(self, ten_env: AsyncTenEnvTester, cmd: Cmd) -> None:
        await ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))
