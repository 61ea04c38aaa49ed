# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a client keeps of what was said, and what it speaks ahead for that."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ..config import GradiumTTSParams
from ..fleet.phrase_files import PhraseFiles
from ..fleet.phrase_store import PhraseStore
from ..fleet.shared_phrases import SharedPhrases
from .preload import Preload, Speaker

# The settings that say where it is kept.
_KEPT_BY = (
    "phrases",
    "phrases_path",
    "phrases_max_mb",
    "phrases_ttl_h",
    "shared_url",
)


class Phrases:
    """What was said and is kept, as the settings of a client have it.

    Attributes:
        store: `None` where nothing is kept.
    """

    def __init__(self, speaker: Speaker) -> None:
        """Begin with the settings of a client; opens nothing."""
        self.store: PhraseStore | None = None
        self._speaker = speaker
        self._kept_by: tuple[object, ...] = ()
        self._preload = Preload(speaker)
        # What a request still uses, it may have begun with.
        self._former: list[PhraseStore] = []
        self._is_started = False
        self._requests = 0
        self.settings_changed()

    def start(self) -> None:
        """Speak ahead what the settings say, in the background."""
        if not self._is_started:
            self._is_started = True
            self._begin()

    def settings_changed(self) -> None:
        """Use the present settings of the client from now on."""
        params = self._speaker.config.params
        kept_by = tuple(getattr(params, name) for name in _KEPT_BY)
        if kept_by != self._kept_by:
            self._kept_by = kept_by
            if self.store:
                self._former.append(self.store)
            self.store = _store_of(params, self._speaker.log)
        if self._is_started:
            self._begin()

    @asynccontextmanager
    async def making_way(self) -> AsyncIterator[None]:
        """Be a request: nothing is spoken ahead meanwhile."""
        self._requests += 1
        try:
            await self._preload.stop()
            yield
        finally:
            self._requests -= 1
            if not self._requests:
                self._preload.go_on()

    async def aclose(self) -> None:
        """Speak no more ahead, and have all on disk that was kept."""
        # What ends now must not begin again.
        self._is_started = False
        self._preload.speak((), None)
        await self._preload.stop()
        for store in (*self._former, self.store):
            if store:
                await store.aclose()

    def _begin(self) -> None:
        """Speak ahead, anew: what is in the store is not spoken again."""
        if self.store:
            self.store.open()
        texts = self._speaker.config.params.preload
        self._preload.speak(texts, self.store)
        if not self._requests:
            self._preload.go_on()


def _store_of(
    params: GradiumTTSParams, log: logging.Logger
) -> PhraseStore | None:
    if params.phrases == "off":
        return None
    most_bytes = params.phrases_max_mb * 1_000_000
    ttl_s = params.phrases_ttl_h * 3600
    files = None
    if params.phrases == "disk":
        try:
            folder = Path(params.phrases_path).expanduser()
            files = PhraseFiles(folder, most_bytes, ttl_s)
        except RuntimeError as error:  # in a container, for a user unknown
            log.warning("phrases are kept in memory only: %s", error)
    shared = None
    if params.shared_url:
        shared = SharedPhrases(params.shared_url, ttl_s, log)
    return PhraseStore(most_bytes, ttl_s, log, files=files, shared=shared)
