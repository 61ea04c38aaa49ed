# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The sending calls, as coroutines and as plain calls with handlers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

from ..audio_frame import AudioFrame
from ..cmd import Cmd
from ..cmd_result import CmdResult
from ..data import Data
from ..error import TenError
from ..msg import Msg
from ..send_options import SendOptions
from ..video_frame import VideoFrame
from . import dispatch
from .absent import Complete
from .commands import OnResult
from .log_calls import LogCalls
from .node import Node

Answer = tuple[CmdResult | None, TenError | None]
ResultHandler = Callable[[Any, CmdResult | None, TenError | None], Any]
ErrorHandler = Callable[[Any, TenError | None], Any]


class NodeEnv(LogCalls, Complete):
    """An environment of a node in a graph."""

    ends_stages_on_return = True
    """A stage is done when its callback returns; else by a `…_done` call."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def _log_source(self) -> tuple[str, TenError | None]:
        return self._node.name, self._closed()

    def _closed(self) -> TenError | None:
        return dispatch.closed_error() if self._node.is_gone else None


class AsyncSends(NodeEnv):
    async def send_cmd(self, cmd: Cmd) -> Answer:
        """Send a command and wait for its final result."""
        answers, error = self._ask(cmd, wants_all=False)
        return await answers.get() if error is None else (None, error)

    async def send_cmd_ex(self, cmd: Cmd) -> AsyncGenerator[Answer, None]:
        """Send a command and yield every result until it is completed."""
        answers, error = self._ask(cmd, wants_all=True)
        if error is not None:
            yield None, error
            return
        while True:
            result, error = await answers.get()
            is_last = result is None or result.is_completed()
            yield result, error
            if is_last:
                return

    async def send_data(
        self, data: Data, options: SendOptions | None = None
    ) -> TenError | None:
        """Hand over without suspending; see `SendOptions` for refusals."""
        return await self._send(data, options)

    async def send_audio_frame(
        self, audio_frame: AudioFrame, options: SendOptions | None = None
    ) -> TenError | None:
        return await self._send(audio_frame, options)

    async def send_video_frame(
        self, video_frame: VideoFrame, options: SendOptions | None = None
    ) -> TenError | None:
        return await self._send(video_frame, options)

    async def return_result(
        self, result: CmdResult, options: SendOptions | None = None
    ) -> TenError | None:
        return dispatch.return_result(self._node, result)

    async def _send(
        self, message: Msg, options: SendOptions | None
    ) -> TenError | None:
        is_strict = options is not None and options.wait_for_result
        error = dispatch.send(self._node, message, is_strict)
        if is_strict:
            await asyncio.sleep(0)
        return error

    def _ask(
        self, cmd: Cmd, wants_all: bool
    ) -> tuple[asyncio.Queue[Answer], TenError | None]:
        answers: asyncio.Queue[Answer] = asyncio.Queue()
        on_result = _onto_loop(asyncio.get_running_loop(), answers)
        error = dispatch.send_command(self._node, cmd, on_result, wants_all)
        return answers, error


def _onto_loop(
    loop: asyncio.AbstractEventLoop, answers: asyncio.Queue[Answer]
) -> OnResult:
    """The asker may run on another loop than its extension's callbacks."""

    def on_result(result: CmdResult | None, error: TenError | None) -> None:
        if asyncio.get_running_loop() is loop:
            answers.put_nowait((result, error))
        elif not loop.is_closed():
            loop.call_soon_threadsafe(answers.put_nowait, (result, error))

    return on_result


class SyncSends(NodeEnv):
    def send_cmd(
        self, cmd: Cmd, handler: ResultHandler | None = None
    ) -> TenError | None:
        """`handler(env, result, error)` gets the final result."""
        return self._ask(cmd, handler, wants_all=False)

    def send_cmd_ex(
        self, cmd: Cmd, handler: ResultHandler | None = None
    ) -> TenError | None:
        """`handler(env, result, error)` gets every result."""
        return self._ask(cmd, handler, wants_all=True)

    def send_data(
        self, data: Data, handler: ErrorHandler | None = None
    ) -> TenError | None:
        """`handler(env, error)` learns about refusals."""
        return self._send(data, handler)

    def send_audio_frame(
        self, audio_frame: AudioFrame, handler: ErrorHandler | None = None
    ) -> TenError | None:
        return self._send(audio_frame, handler)

    def send_video_frame(
        self, video_frame: VideoFrame, handler: ErrorHandler | None = None
    ) -> TenError | None:
        return self._send(video_frame, handler)

    def return_result(
        self, result: CmdResult, handler: ErrorHandler | None = None
    ) -> TenError | None:
        error = dispatch.return_result(self._node, result)
        if handler is not None and error is None:
            self._later(handler, None)
        return error

    def _send(
        self, message: Msg, handler: ErrorHandler | None
    ) -> TenError | None:
        if closed := self._closed():
            return closed
        if handler is None:
            return dispatch.send(self._node, message, is_strict=False)
        self._later(handler, dispatch.send(self._node, message, True))
        return None

    def _ask(
        self, cmd: Cmd, handler: ResultHandler | None, wants_all: bool
    ) -> TenError | None:
        if closed := self._closed():
            return closed

        def on_result(result: CmdResult | None, error: TenError | None) -> None:
            if handler is not None:
                self._call(handler, result, error)

        error = dispatch.send_command(self._node, cmd, on_result, wants_all)
        if error is not None and handler is not None:
            self._later(handler, None, error)
            return None
        return error

    def _later(self, handler: Callable[..., Any], *args: Any) -> None:
        """Call a handler in turn with the node's callbacks."""
        self._node.runner.post(lambda: self._call(handler, *args))

    def _call(self, handler: Callable[..., Any], *args: Any) -> None:
        try:
            handler(self, *args)
        except Exception as error:
            self._node.run.callback_failed(self._node, "a handler", error)
