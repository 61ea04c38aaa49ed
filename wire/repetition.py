# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A request that may be one said before: found, or kept for the next time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from ..config import GradiumTTSConfig
from ..core.actions import Action
from ..core.intake import take
from ..core.parts import parts_of
from ..core.phrases import Phrase, Said, phrase_key, size_of
from ..core.protocol import Audio, ServerMessage, Unreadable, Word
from ..core.request import Ledger
from ..core.script import Script
from ..core.text import is_speakable
from ..fleet.phrase_store import PhraseStore
from .stream import MESSAGES_IN_A_TURN

Perform = Callable[[Action], Awaitable[None]]

# All of a phrase is there at once. After the first message, and every few,
# those who are to play it get their turn, other threads as well.
_PAUSE_S = 0.001
# A phrase is a sentence or two. One of more than a minute would drive out
# those that are worth keeping.
MOST_BYTES = 4_000_000


class Repetition:
    """One request, as something that may be said again.

    Attributes:
        is_cached: whether it is said from the store.
    """

    def __init__(
        self,
        store: PhraseStore,
        key: str,
        output_format: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Begin a request whose phrase has this key.

        Args:
            output_format: of its audio.
            clock: tells Unix time.
        """
        self.is_cached = False
        self._store = store
        self._key = key
        self._output_format = output_format
        self._clock = clock
        self._said: list[Said] = []
        self._bytes = 0
        self._is_given_up = False

    async def is_known(self) -> bool:
        """Whether it was said before."""
        return await self._store.find(self._key) is not None

    async def repeat(self, ledger: Ledger, perform: Perform) -> bool:
        """Say what was said before; false where nothing was.

        Cancelling is safe at any moment.

        Args:
            ledger: of the request.
            perform: given each action in order; the next waits for it.
        """
        phrase = await self._store.find(self._key)
        if phrase is None:
            return False
        self.is_cached = True
        now = asyncio.get_running_loop().time
        for number, message in enumerate(phrase.said):
            for part in parts_of(message):
                for action in take(
                    ledger, part, self._output_format, now(), "the store"
                ):
                    await perform(action)
                if part is not message:
                    await asyncio.sleep(0)
            if number % MESSAGES_IN_A_TURN == 0:
                await asyncio.sleep(_PAUSE_S)
        ledger.session_ended(ledger.script.word_count)
        return True

    def received(self, message: ServerMessage) -> None:
        """Take a message of its session; one that is broken is not kept."""
        if self._is_given_up:
            return
        if isinstance(message, (Audio, Word)):
            self._said.append(message)
            self._bytes += size_of(message)
        if isinstance(message, Unreadable) or self._bytes > MOST_BYTES:
            self._is_given_up = True
            self._said.clear()

    def completed(self) -> bool:
        """Keep what came: it was all, of one session, and unbroken.

        Returns:
            Whether it can be kept; without words nobody knows that it is all.
        """
        if not any(isinstance(said, Word) for said in self._said):
            return False
        phrase = Phrase(tuple(self._said), self._clock())
        self._store.keep(self._key, phrase)
        return True


def repetition_of(
    store: PhraseStore | None, config: GradiumTTSConfig, script: Script
) -> Repetition | None:
    """Return it for a request whose whole text came at once, if any is kept.

    Args:
        config: the request's own.
        script: as it is when the request begins.
    """
    if store is None or not script.came_at_once:
        return None
    text = " ".join(each for each in script.messages if isinstance(each, str))
    if not is_speakable(text):
        return None
    key = phrase_key(config.endpoint().url, config.setup(), text)
    return Repetition(store, key, config.params.output_format)
