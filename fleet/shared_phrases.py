# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Phrases in the Redis of a fleet; one in trouble is the same as none."""

from __future__ import annotations

import asyncio
import importlib
import logging
import time
from collections.abc import Callable
from typing import Final

from ..core.phrases import DamagedPhrase, Phrase, decode_phrase
from .redis_link import PREFIX, LinkDown, RedisLink, join

# What is longer than half a minute would hold up the others of a connection,
# and of the loop that reads it.
MOST_BYTES: Final = 1_500_000
# Redis forgets by itself, even what is to be used for ever.
_LONGEST_TTL_S: Final = 30 * 24 * 3600.0


class SharedPhrases:
    """The phrases of all machines that share one Redis."""

    def __init__(
        self,
        url: str,
        ttl_s: float,
        log: logging.Logger,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Connect to nothing yet.

        Args:
            ttl_s: how long after it was spoken one may be used; 0 is for
                ever.
            clock: tells Unix time.
        """
        self._url = url
        self._ttl_s = ttl_s
        self._log = log
        self._clock = clock
        self._link: RedisLink | None = None

    async def open(self) -> None:
        """Connect ahead, so that no request waits for that."""
        # It takes a tenth of a second, once in a process.
        await asyncio.to_thread(importlib.import_module, "redis.asyncio")
        try:
            await self._joined().call("PING")
        except LinkDown:
            pass

    async def get(self, key: str) -> Phrase | None:
        """Return what another machine kept; bounded as every call is."""
        try:
            blob = await self._joined().call("GET", _name(key))
            phrase = decode_phrase(key, blob) if blob else None
        except (LinkDown, DamagedPhrase):
            # What is damaged is written anew once it was spoken.
            return None
        is_old = phrase and phrase.is_old(self._clock(), self._ttl_s)
        return None if is_old else phrase

    async def put(self, key: str, phrase: Phrase, blob: bytes) -> None:
        """Let other machines have a phrase, unless it is too long."""
        longest_s = min(self._ttl_s or _LONGEST_TTL_S, _LONGEST_TTL_S)
        ttl_ms = round(1000 * (phrase.spoken_at + longest_s - self._clock()))
        if len(blob) > MOST_BYTES or ttl_ms <= 0:
            return
        try:
            await self._joined().call("SET", _name(key), blob, "PX", ttl_ms)
        except LinkDown:
            pass

    async def aclose(self) -> None:
        """Use it no more."""
        link, self._link = self._link, None
        if link:
            await link.leave()

    def _joined(self) -> RedisLink:
        if self._link is None:
            self._link = join(self._url, self._log)
        return self._link


def _name(key: str) -> str:
    return f"{PREFIX}phrase:{key}"
