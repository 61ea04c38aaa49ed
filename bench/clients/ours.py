# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Our client alone: `GradiumTTSClient`, without TEN."""

from __future__ import annotations

import asyncio
from typing import Any

from client import SAMPLE_RATE_HZ, Client, Speaking, Target

from gradium_tts_python.config import GradiumTTSConfig
from gradium_tts_python.core.protocol import Audio
from gradium_tts_python.gradium_tts import GradiumTTSClient


def properties(target: Target) -> dict[str, Any]:
    """Return a node's property for this server."""
    params: dict[str, Any] = {
        "url": target.url,
        "api_key": target.key,
        "sample_rate": SAMPLE_RATE_HZ,
        "phrases": target.phrases,
        "phrases_path": target.phrases_path,
    }
    if target.ca_file:
        params["ca_file"] = target.ca_file
    return {"params": params, "enable_words": target.with_words}


class Ours(Client):
    """A stream for each request."""

    async def open(self) -> None:
        self._client = GradiumTTSClient(
            GradiumTTSConfig.load(properties(self.target))
        )
        self._task: asyncio.Task[None] | None = None
        self._client.prewarm()

    async def start(self, pieces: list[str]) -> Speaking:
        speaking = Speaking()
        self._task = asyncio.create_task(self._speak(pieces, speaking))
        return speaking

    async def _speak(self, pieces: list[str], speaking: Speaking) -> None:
        try:
            async with self._client.open_stream() as stream:
                for piece in pieces:
                    await stream.send_text(piece)
                await stream.end_input()
                async for message in stream:
                    if isinstance(message, Audio):
                        speaking.heard(len(message.chunk))
        finally:
            speaking.ended()

    async def interrupt(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def close(self) -> None:
        await self.interrupt()
        await self._client.aclose()


def make(target: Target) -> Client:
    return Ours(target)


VERSION = "gradium_tts_python"
