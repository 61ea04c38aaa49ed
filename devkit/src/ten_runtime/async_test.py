# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Testers with coroutine callbacks, on a loop and thread of their own."""

from __future__ import annotations

from ._host import log_sinks
from ._host.loop_thread import LoopThread
from ._host.node import Node
from ._host.runners import LoopRunner
from ._host.sends import AsyncSends
from ._host.tester_run import TesterBase
from .audio_frame import AudioFrame
from .cmd import Cmd
from .data import Data
from .error import TenError
from .video_frame import VideoFrame


class AsyncTenEnvTester(AsyncSends):
    """No property calls here: a tester has no properties."""

    def stop_test(self, error: TenError | None = None) -> None:
        """End the test, from any thread; the first error is its result."""
        self._node.run.stop(error)


class AsyncExtensionTester(TesterBase):
    """A stage is done when its coroutine returns; messages become tasks."""

    def __init__(self) -> None:
        super().__init__()
        self._ten_is_made = True

    def run(self) -> TenError | None:
        """Run the test until everything is torn down.

        Raises:
            RuntimeError: `__init__` of this class was not called.
        """
        if not hasattr(self, "_ten_is_made"):
            raise RuntimeError(
                f"{type(self).__name__}.__init__ has to call super().__init__()"
            )
        thread = LoopThread("ten-tester")

        def sit_down(node: Node) -> None:
            node.instance = self
            node.env = AsyncTenEnvTester(node)
            node.runner = LoopRunner(thread, node, node.name)

        try:
            return self._ten_verdict(self._ten_begin(sit_down, lambda: None))
        finally:
            if not thread.stop():
                log_sinks.warn("tester", "its event loop is blocked")

    async def on_init(self, ten_env_tester: AsyncTenEnvTester) -> None:
        pass

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        pass

    async def on_stop(self, ten_env_tester: AsyncTenEnvTester) -> None:
        pass

    async def on_deinit(self, ten_env_tester: AsyncTenEnvTester) -> None:
        pass

    async def on_cmd(self, ten_env_tester: AsyncTenEnvTester, cmd: Cmd) -> None:
        pass

    async def on_data(
        self, ten_env_tester: AsyncTenEnvTester, data: Data
    ) -> None:
        pass

    async def on_audio_frame(
        self, ten_env_tester: AsyncTenEnvTester, audio_frame: AudioFrame
    ) -> None:
        pass

    async def on_video_frame(
        self, ten_env_tester: AsyncTenEnvTester, video_frame: VideoFrame
    ) -> None:
        pass
