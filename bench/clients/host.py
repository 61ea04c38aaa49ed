# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Our whole extension on the kit's host: threads and messages as in TEN."""

from __future__ import annotations

import asyncio
import time

from client import Client, Speaking, Target
from ours import properties

from ten_host import AudioEnd, AudioStart, ExtensionHost, Frame
from ten_host.events import Event


class Hosted(Client):
    """An extension of its own run, driven by TEN's tester API."""

    async def open(self) -> None:
        self._requests = 0
        self._is_ours = False
        self._speaking: Speaking | None = None
        self._host = ExtensionHost(
            "gradium_tts_python",
            properties(self.target),
            wait_s=3600.0,
            timeout_s=3600.0,
        )
        await self._host.__aenter__()
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        await self._host.until(self._heard)

    def _heard(self, event: Event) -> bool:
        """Take what belongs to the running request; go on listening."""
        # What ended an older one may be looked at after this one began.
        if isinstance(event, AudioStart):
            self._is_ours = event.request_id == self._request_id
        elif self._speaking and self._is_ours and isinstance(event, Frame):
            # Now, not `event.time_s`: until then it is still on its way.
            self._speaking.heard(len(event.pcm), time.monotonic())
        elif isinstance(event, AudioEnd):
            if self._speaking and event.request_id == self._request_id:
                self._speaking.ended()
        return False

    @property
    def _request_id(self) -> str:
        return f"r{self._requests}"

    async def start(self, pieces: list[str]) -> Speaking:
        self._requests += 1
        self._is_ours = False
        self._speaking = speaking = Speaking()
        for number, piece in enumerate(pieces, 1):
            await self._host.send_text(
                self._request_id, piece, end=number == len(pieces)
            )
        return speaking

    async def interrupt(self) -> None:
        await self._host.flush()
        if self._speaking:
            self._speaking.ended()

    async def close(self) -> None:
        self._listening.cancel()
        await asyncio.wait({self._listening})
        await self._host.__aexit__(None, None, None)


def make(target: Target) -> Client:
    return Hosted(target)


VERSION = "gradium_tts_python"
