# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Extensions with coroutine callbacks on a shared event loop."""

from __future__ import annotations

from .async_ten_env import AsyncTenEnv
from .audio_frame import AudioFrame
from .cmd import Cmd
from .data import Data
from .video_frame import VideoFrame


class AsyncExtension:
    """A stage of the life cycle is done when its coroutine returns.

    Every message starts its handler as a task of its own; the handlers start
    in the order in which the messages were sent.
    """

    def __new__(cls, name: str) -> AsyncExtension:
        """Takes the name and nothing else, whatever `__init__` takes.

        As in TEN, a class whose abstract methods are missing has instances:
        its type is made in C, which does not ask for them.
        """
        made = object.__new__(AsyncExtension)
        made.__class__ = cls
        return made

    def __init__(self, name: str) -> None:
        self.name = name

    async def on_configure(self, ten_env: AsyncTenEnv) -> None:
        pass

    async def on_init(self, ten_env: AsyncTenEnv) -> None:
        pass

    async def on_start(self, ten_env: AsyncTenEnv) -> None:
        pass

    async def on_stop(self, ten_env: AsyncTenEnv) -> None:
        pass

    async def on_deinit(self, ten_env: AsyncTenEnv) -> None:
        pass

    async def on_cmd(self, ten_env: AsyncTenEnv, cmd: Cmd) -> None:
        pass

    async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
        pass

    async def on_audio_frame(
        self, ten_env: AsyncTenEnv, audio_frame: AudioFrame
    ) -> None:
        pass

    async def on_video_frame(
        self, ten_env: AsyncTenEnv, video_frame: VideoFrame
    ) -> None:
        pass
