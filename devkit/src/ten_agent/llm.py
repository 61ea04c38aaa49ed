# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The LLM: the script's replies, or an endpoint of OpenAI's kind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from ten_host.pace import tokens_of
from ten_runtime import (
    Addon,
    AsyncExtension,
    AsyncTenEnv,
    Data,
    TenEnv,
    register_addon_as_extension,
)

from .chat import Chat, ChatError
from .finish import failures
from .messages import fields_of, properties_of, send
from .screen import the_screen

_WITHOUT_LLM = "You said: {text}. I am only a script, so I cannot say more."


class LLMExtension(AsyncExtension):
    """Answers one request at a time, token by token."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._properties: dict[str, Any] = {}
        self._answering: asyncio.Task[None] | None = None
        self._chat: Chat | None = None

    async def on_init(self, ten_env: AsyncTenEnv) -> None:
        self._properties = await properties_of(ten_env)
        url = self._properties.get("url")
        if url:
            self._chat = Chat(url, self._properties.get("model", ""))

    async def on_stop(self, ten_env: AsyncTenEnv) -> None:
        self._abort()

    async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
        name, fields = data.get_name(), fields_of(data)
        if name == "llm_heard":
            if self._chat:
                self._chat.correct(fields["heard_text"], fields["turn_id"])
            return
        self._abort()
        if name == "llm_request":
            self._answering = asyncio.create_task(
                self._answer(ten_env, fields["turn_id"], fields["text"])
            )

    def _abort(self) -> None:
        if self._answering:
            self._answering.cancel()
            self._answering = None

    async def _answer(
        self, ten_env: AsyncTenEnv, turn_id: int, text: str
    ) -> None:
        try:
            async for token in self._tokens(turn_id, text):
                await send(
                    ten_env,
                    "llm_text",
                    turn_id=turn_id,
                    text=token,
                    is_end=False,
                )
        except ChatError as error:
            failures.append(str(error))
            the_screen().note(str(error))
        await send(ten_env, "llm_text", turn_id=turn_id, text="", is_end=True)

    def _tokens(self, turn_id: int, text: str) -> AsyncIterator[str]:
        if self._chat:
            return self._chat.answer(text, turn_id)
        replies = self._properties.get("replies") or []
        reply = (
            replies[turn_id - 1]
            if turn_id <= len(replies)
            else _WITHOUT_LLM.format(text=text.rstrip(".?!"))
        )
        return self._spell(reply)

    async def _spell(self, reply: str) -> AsyncIterator[str]:
        for token in tokens_of(reply):
            yield token
            await asyncio.sleep(self._properties.get("token_s", 0.0))


@register_addon_as_extension("agent_llm")
class LLMAddon(Addon):
    """Creates the LLM."""

    def on_create_instance(
        self, ten_env: TenEnv, name: str, context: Any
    ) -> None:
        ten_env.on_create_instance_done(LLMExtension(name), context)
