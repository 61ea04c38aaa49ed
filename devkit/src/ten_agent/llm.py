# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The LLM: the script's replies, or an endpoint of OpenAI's kind."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from typing import Any

from ten_runtime import (
    Addon,
    AsyncExtension,
    AsyncTenEnv,
    Data,
    TenEnv,
    register_addon_as_extension,
)

from .heard import trim
from .messages import fields_of, properties_of, send

# A token is a word or a mark with the space before it.
_TOKEN = re.compile(r"\s*(?:\w+|[^\w\s])")
_WITHOUT_LLM = "You said: {text}. I am only a script, so I cannot say more."


class LLMExtension(AsyncExtension):
    """Answers one request at a time, token by token."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._properties: dict[str, Any] = {}
        self._answering: asyncio.Task[None] | None = None
        self._history: list[dict[str, str]] = []
        # By turn, the replies of which it is not known yet what was heard.
        self._unheard: dict[int, dict[str, str]] = {}

    async def on_init(self, ten_env: AsyncTenEnv) -> None:
        self._properties = await properties_of(ten_env)

    async def on_stop(self, ten_env: AsyncTenEnv) -> None:
        self._abort()

    async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
        fields = fields_of(data)
        if data.get_name() == "llm_heard":
            self._heard(fields["turn_id"], fields["heard_text"])
            return
        self._abort()
        if data.get_name() == "llm_request":
            request = fields
            self._answering = asyncio.create_task(
                self._answer(ten_env, request["turn_id"], request["text"])
            )

    def _heard(self, turn_id: int, heard_text: str) -> None:
        """Believe to have said what was heard, and no more."""
        reply = self._unheard.pop(turn_id, None)
        if reply:
            trim(self._history, reply, heard_text)

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
        except Exception as error:  # the agent must not wait for ever
            ten_env.log_error(f"the llm failed: {error!r}")
        await send(ten_env, "llm_text", turn_id=turn_id, text="", is_end=True)

    def _tokens(self, turn_id: int, text: str) -> AsyncIterator[str]:
        if self._properties.get("url"):
            return self._stream(turn_id, text)
        replies = self._properties.get("replies") or []
        reply = (
            replies[turn_id - 1]
            if turn_id <= len(replies)
            else _WITHOUT_LLM.format(text=text.rstrip(".?!"))
        )
        return self._spell(reply)

    async def _spell(self, reply: str) -> AsyncIterator[str]:
        for token in _TOKEN.findall(reply):
            yield token
            await asyncio.sleep(self._properties.get("token_s", 0.0))

    async def _stream(self, turn_id: int, text: str) -> AsyncIterator[str]:
        """Ask the endpoint; remembers what was said."""
        import httpx

        self._history.append({"role": "user", "content": text})
        body = {
            "model": self._properties.get("model", ""),
            "messages": [*self._history],
            "stream": True,
        }
        key = os.environ.get("OPENAI_API_KEY", "")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        url = f"{self._properties['url'].rstrip('/')}/chat/completions"
        reply = {"role": "assistant", "content": ""}
        self._history.append(reply)
        self._unheard[turn_id] = reply
        async with (
            httpx.AsyncClient(timeout=60, headers=headers) as client,
            client.stream("POST", url, json=body) as response,
        ):
            response.raise_for_status()
            async for line in response.aiter_lines():
                token = _token_of(line)
                reply["content"] += token
                if token:
                    yield token


def _token_of(line: str) -> str:
    """Return the text of one line of a stream of server-sent events."""
    payload = line.removeprefix("data:").strip()
    if not line.startswith("data:") or payload == "[DONE]":
        return ""
    choices = json.loads(payload).get("choices") or [{}]
    return choices[0].get("delta", {}).get("content") or ""


@register_addon_as_extension("agent_llm")
class LLMAddon(Addon):
    """Creates the LLM."""

    def on_create_instance(
        self, ten_env: TenEnv, name: str, context: Any
    ) -> None:
        ten_env.on_create_instance_done(LLMExtension(name), context)
