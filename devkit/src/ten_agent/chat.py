# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A conversation with an endpoint that speaks OpenAI's protocol."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator

from .heard import trim

# A model that thinks for longer than that is not one to talk to.
ANSWER_S = 60.0
_CHECK_S = 5.0


class ChatError(Exception):
    """The endpoint did not answer; one sentence says why."""


class Chat:
    """Asks, and remembers what was said.

    Args:
        url: of the endpoint, as `http://localhost:11434/v1`.
        model: which of its models.
    """

    def __init__(self, url: str, model: str) -> None:
        self._url = f"{url.rstrip('/')}/chat/completions"
        self._model = model
        self._history: list[dict[str, str]] = []
        # By turn, the answers of which it is not known what was heard.
        self._replies: dict[int, dict[str, str]] = {}

    async def check(self) -> None:
        """See whether anybody answers there, whatever it is.

        Raises:
            ChatError: nobody does.
        """
        import httpx

        try:
            async with httpx.AsyncClient(timeout=_CHECK_S) as client:
                await client.get(self._url)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise self._error(error) from None

    async def answer(self, text: str, turn_id: int = 0) -> AsyncIterator[str]:
        """Yield the answer piece by piece, as it is written.

        Args:
            turn_id: which answer it is, for `correct`.

        Raises:
            ChatError: there is none, or it broke off.
        """
        import httpx

        self._history.append({"role": "user", "content": text})
        asked = [*self._history]
        reply = {"role": "assistant", "content": ""}
        self._history.append(reply)
        self._replies[turn_id] = reply
        try:
            async for piece in self._pieces(asked):
                reply["content"] += piece
                yield piece
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise self._error(error) from None

    def correct(self, heard: str, turn_id: int = 0) -> None:
        """Believe to have said what was heard of an answer, and no more."""
        reply = self._replies.pop(turn_id, None)
        if reply:
            trim(self._history, reply, heard)

    def _error(self, error: Exception) -> ChatError:
        where = f"the language model at {self._url}"
        return ChatError(f"no answer from {where}: {_reason(error)}")

    async def _pieces(self, asked: list[dict[str, str]]) -> AsyncIterator[str]:
        import httpx

        key = os.environ.get("OPENAI_API_KEY", "")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        body = {
            "model": self._model,
            "messages": asked,
            "stream": True,
        }
        async with (
            httpx.AsyncClient(timeout=ANSWER_S, headers=headers) as client,
            client.stream("POST", self._url, json=body) as response,
        ):
            response.raise_for_status()
            async for line in response.aiter_lines():
                piece = piece_of(line)
                if piece:
                    yield piece


def piece_of(line: str) -> str:
    """Return the text in one line of a stream of server-sent events.

    Raises:
        ValueError: it is not what such an endpoint sends.
    """
    payload = line.removeprefix("data:").strip()
    if not line.startswith("data:") or payload == "[DONE]":
        return ""
    choices = json.loads(payload).get("choices") or [{}]
    return choices[0].get("delta", {}).get("content") or ""


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP {response.status_code}"
    return str(error) or type(error).__name__
