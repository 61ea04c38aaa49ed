# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Extensions with plain callbacks, one at a time on a thread."""

from __future__ import annotations

from .audio_frame import AudioFrame
from .cmd import Cmd
from .data import Data
from .ten_env import TenEnv
from .video_frame import VideoFrame


class Extension:
    """An override of a life cycle callback must call its `…_done` itself."""

    def __new__(cls, name: str) -> Extension:
        """Takes the name and nothing else, whatever `__init__` takes.

        As in TEN, a class whose abstract methods are missing has instances:
        its type is made in C, which does not ask for them.
        """
        made = object.__new__(Extension)
        made.__class__ = cls
        return made

    def __init__(self, name: str) -> None:
        self.name = name

    def on_configure(self, ten_env: TenEnv) -> None:
        ten_env.on_configure_done()

    def on_init(self, ten_env: TenEnv) -> None:
        ten_env.on_init_done()

    def on_start(self, ten_env: TenEnv) -> None:
        ten_env.on_start_done()

    def on_stop(self, ten_env: TenEnv) -> None:
        ten_env.on_stop_done()

    def on_deinit(self, ten_env: TenEnv) -> None:
        ten_env.on_deinit_done()

    def on_cmd(self, ten_env: TenEnv, cmd: Cmd) -> None:
        pass

    def on_data(self, ten_env: TenEnv, data: Data) -> None:
        pass

    def on_audio_frame(self, ten_env: TenEnv, audio_frame: AudioFrame) -> None:
        pass

    def on_video_frame(self, ten_env: TenEnv, video_frame: VideoFrame) -> None:
        pass
