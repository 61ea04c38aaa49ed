# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""gradium: the vendor's own SDK, by its realtime interface."""

from __future__ import annotations

import asyncio
from importlib.metadata import version

from client import Client, Speaking, Target
from gradium.client import GradiumClient


class Sdk(Client):
    """A realtime session for each request."""

    async def open(self) -> None:
        base_url = self.target.url.removesuffix("speech/tts")
        self._client = GradiumClient(
            base_url=base_url.replace("ws", "http", 1), api_key=self.target.key
        )
        self._speaking: asyncio.Task[None] | None = None

    async def start(self, pieces: list[str]) -> Speaking:
        speaking = Speaking()
        self._speaking = asyncio.create_task(self._speak(pieces, speaking))
        return speaking

    async def _speak(self, pieces: list[str], to: Speaking) -> None:
        try:
            async with self._client.tts_realtime(
                model_name="default", output_format="pcm"
            ) as session:
                for piece in pieces:
                    await session.send_text(piece)
                await session.send_eos()
                async for message in session:
                    if message["type"] == "audio":
                        to.heard(len(message["audio"]))
                    elif message["type"] == "end_of_stream":
                        break
        finally:
            to.ended()

    async def interrupt(self) -> None:
        if self._speaking:
            self._speaking.cancel()
            await asyncio.wait({self._speaking})

    async def close(self) -> None:
        await self.interrupt()


def make(target: Target) -> Client:
    return Sdk(target)


VERSION = f"gradium {version('gradium')}"
