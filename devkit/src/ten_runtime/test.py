# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Testers with plain callbacks, on the thread that calls `run`."""

from __future__ import annotations

from ._host.node import Node, Stage
from ._host.runners import TurnRunner
from ._host.sends import SyncSends
from ._host.tester_run import TesterBase
from .audio_frame import AudioFrame
from .cmd import Cmd
from .data import Data
from .error import TenError
from .video_frame import VideoFrame


class TenEnvTester(SyncSends):
    """No property calls here: a tester has no properties."""

    ends_stages_on_return = False

    def on_init_done(self) -> None:
        self._node.stage_done(Stage.INIT)

    def on_start_done(self) -> None:
        self._node.stage_done(Stage.START)

    def on_stop_done(self) -> None:
        self._node.stage_done(Stage.STOP)

    def on_deinit_done(self) -> None:
        self._node.stage_done(Stage.DEINIT)

    def stop_test(self, error: TenError | None = None) -> None:
        """End the test, from any thread; the first error is its result."""
        self._node.run.stop(error)


class ExtensionTester(TesterBase):
    """An override of a life cycle callback must call its `…_done` itself."""

    def run(self) -> TenError | None:
        """Run the test until everything is torn down."""
        turns = TurnRunner()

        def sit_down(node: Node) -> None:
            node.instance = self
            node.env = TenEnvTester(node)
            node.runner = turns

        run = self._ten_begin(sit_down, turns.end)
        try:
            turns.serve()
        except BaseException:
            run.give_up()
            raise
        return self._ten_verdict(run)

    def on_init(self, ten_env_tester: TenEnvTester) -> None:
        ten_env_tester.on_init_done()

    def on_start(self, ten_env_tester: TenEnvTester) -> None:
        ten_env_tester.on_start_done()

    def on_stop(self, ten_env_tester: TenEnvTester) -> None:
        ten_env_tester.on_stop_done()

    def on_deinit(self, ten_env_tester: TenEnvTester) -> None:
        ten_env_tester.on_deinit_done()

    def on_cmd(self, ten_env_tester: TenEnvTester, cmd: Cmd) -> None:
        pass

    def on_data(self, ten_env_tester: TenEnvTester, data: Data) -> None:
        pass

    def on_audio_frame(
        self, ten_env_tester: TenEnvTester, audio_frame: AudioFrame
    ) -> None:
        pass

    def on_video_frame(
        self, ten_env_tester: TenEnvTester, video_frame: VideoFrame
    ) -> None:
        pass
