# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Our client with a request on it: `Speech` and its ledger, without TEN."""

from __future__ import annotations

import asyncio

from ours import Ours
from speaking import Client, Speaking, Target

from gradium_tts_python.core.actions import Action, Pcm
from gradium_tts_python.core.request import Ledger
from gradium_tts_python.speech import Speech


class Spoken(Ours):
    """A `Speech` for each request; its actions go nowhere."""

    async def _speak(self, pieces: list[str], speaking: Speaking) -> None:
        config = self._client.config
        ledger = Ledger(
            "r1",
            sample_rate_hz=config.sample_rate_hz,
            with_words=config.enable_words,
        )
        ledger.asked(asyncio.get_running_loop().time())
        speech = Speech(ledger, self._client)
        for piece in pieces:
            speech.push_fragment(piece)
        speech.end_input()

        async def perform(action: Action) -> None:
            if isinstance(action, Pcm):
                speaking.heard(len(action.pcm))

        try:
            await speech.run(perform)
        finally:
            speaking.ended()


def make(target: Target) -> Client:
    return Spoken(target)


VERSION = "gradium_tts_python"
