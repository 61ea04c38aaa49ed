# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The user's side: a script, or the console, in the place of RTC and STT."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from typing import Any

from ten_runtime import (
    Addon,
    AsyncExtension,
    AsyncTenEnv,
    Cmd,
    Data,
    TenEnv,
    register_addon_as_extension,
)

from .conversation import Conversation, Turn
from .finish import finished
from .messages import fields_of, properties_of, send
from .screen import the_screen

QUIT = ("/quit", "/exit", "/q")
_END = "\x04"


class UserExtension(AsyncExtension):
    """Speaks in partial results and a final one, as a recogniser does."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._speaking: asyncio.Task[None] | None = None
        self._turn_id = 0
        self._heard_ms = 0
        self._is_over = False
        self._request_id = ""
        self._changed = asyncio.Event()

    async def on_start(self, ten_env: AsyncTenEnv) -> None:
        tree = (await properties_of(ten_env)).get("conversation")
        talk = (
            self._play(ten_env, Conversation.of(tree))
            if tree
            else self._read_console(ten_env)
        )
        self._speaking = asyncio.create_task(talk)
        self._speaking.add_done_callback(lambda _: finished.set())

    async def on_stop(self, ten_env: AsyncTenEnv) -> None:
        if self._speaking:
            self._speaking.cancel()
            await asyncio.wait({self._speaking})

    async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
        """The sink tells how much of the reply has been heard."""
        heard = fields_of(data)
        if heard["request_id"] == self._request_id:
            self._heard_ms = heard["audio_ms"]
            self._is_over = heard["is_over"]
            self._changed.set()

    async def _play(
        self, ten_env: AsyncTenEnv, conversation: Conversation
    ) -> None:
        await self._join(ten_env)
        await self._until_heard(None)
        for turn in conversation.turns:
            if turn.is_return:
                await self._join(ten_env)
            else:
                self._turn_id += 1
                self._listen_to(self._turn_id)
                await self._say(ten_env, turn)
            await self._until_heard(turn.interrupt_after_s)

    async def _join(self, ten_env: AsyncTenEnv) -> None:
        self._listen_to(0)
        await ten_env.send_cmd(Cmd.create("on_user_joined"))

    def _listen_to(self, turn_id: int) -> None:
        self._request_id = f"tts-request-{turn_id}"
        self._heard_ms, self._is_over = 0, False

    async def _say(self, ten_env: AsyncTenEnv, turn: Turn) -> None:
        words = turn.user.split()
        for count in range(1, len(words)):
            await self._hear(ten_env, " ".join(words[:count]), is_final=False)
            await asyncio.sleep(0.02)
        await self._hear(ten_env, turn.user, is_final=True)

    async def _hear(
        self, ten_env: AsyncTenEnv, text: str, *, is_final: bool
    ) -> None:
        metadata = {"session_id": "local"}
        await send(
            ten_env, "asr_result", text=text, final=is_final, metadata=metadata
        )

    async def _until_heard(self, seconds: float | None) -> None:
        """Wait until so much was heard, or the reply is over."""
        enough_ms = float("inf") if seconds is None else seconds * 1000
        while not self._is_over and self._heard_ms < enough_ms:
            self._changed.clear()
            await self._changed.wait()

    async def _read_console(self, ten_env: AsyncTenEnv) -> None:
        """Take each line for something said; it interrupts the agent."""
        await self._join(ten_env)
        if sys.stdin.isatty() and sys.stdout.isatty():
            await self._read_terminal(ten_env)
        else:
            await self._read_pipe(ten_env)
            await self._until_heard(None)

    async def _read_terminal(self, ten_env: AsyncTenEnv) -> None:
        screen = the_screen()
        with contextlib.suppress(EOFError, KeyboardInterrupt):
            while (line := (await screen.ask()).strip()) not in QUIT:
                await self._say_line(ten_env, line)

    async def _read_pipe(self, ten_env: AsyncTenEnv) -> None:
        lines: asyncio.Queue[str] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def read() -> None:
            for line in sys.stdin:
                loop.call_soon_threadsafe(lines.put_nowait, line.strip())
            loop.call_soon_threadsafe(lines.put_nowait, _END)

        # A daemon: nothing can wake a thread that waits for the keyboard.
        threading.Thread(target=read, daemon=True).start()
        while (line := await lines.get()) != _END:
            await self._say_line(ten_env, line)

    async def _say_line(self, ten_env: AsyncTenEnv, line: str) -> None:
        if line:
            self._turn_id += 1
            self._listen_to(self._turn_id)
            await self._say(ten_env, Turn(user=line))


@register_addon_as_extension("agent_user")
class UserAddon(Addon):
    """Creates the user."""

    def on_create_instance(
        self, ten_env: TenEnv, name: str, context: Any
    ) -> None:
        ten_env.on_create_instance_done(UserExtension(name), context)
