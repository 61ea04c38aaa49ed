# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""livekit-plugins-gradium: the plugin of LiveKit's agents, as they use it."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
from client import VOICE_ID, Client, Speaking, Target
from livekit.agents import tts as agents_tts
from livekit.plugins.gradium import TTS, __version__


class LiveKit(Client):
    """A stream of the plugin for each request."""

    async def open(self) -> None:
        self._session = aiohttp.ClientSession()
        self._tts = TTS(
            api_key=self.target.key,
            model_endpoint=self.target.url,
            voice_id=VOICE_ID,
            http_session=self._session,
        )
        self._tts.prewarm()
        self._stream: Any = None
        self._listening: asyncio.Task[None] | None = None

    async def start(self, pieces: list[str]) -> Speaking:
        speaking = Speaking()
        self._stream = stream = self._tts.stream()
        for piece in pieces:
            stream.push_text(piece)
        stream.end_input()
        self._listening = asyncio.create_task(self._listen(stream, speaking))
        return speaking

    async def _listen(
        self, stream: agents_tts.SynthesizeStream, to: Speaking
    ) -> None:
        try:
            async with stream:
                async for one in stream:
                    to.heard(len(one.frame.data) * 2)
        finally:
            to.ended()

    async def interrupt(self) -> None:
        if self._listening:
            self._listening.cancel()
            await asyncio.wait({self._listening})

    async def close(self) -> None:
        await self.interrupt()
        await self._tts.aclose()
        await self._session.close()


def make(target: Target) -> Client:
    return LiveKit(target)


VERSION = f"livekit-plugins-gradium {__version__}"
