# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a client under measurement is, to those that measure.

Standard library only: this runs in the environments of the peers, too.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass

# What all are asked for: the rate that the peers cannot change.
SAMPLE_RATE_HZ = 48_000
BYTES_PER_S = SAMPLE_RATE_HZ * 2
# One that the local server knows; each has another by default.
VOICE_ID = "cLONiZ4hQ8VpQ4Sz"


@dataclass(frozen=True)
class Target:
    """Where the server is; `ca_file` makes its certificate good.

    `phrases` and `phrases_path` are settings of those that have them.
    """

    url: str
    key: str
    ca_file: str | None = None
    with_words: bool = False
    phrases: str = "off"
    phrases_path: str = ""


class Speaking:
    """One request, as its caller sees it; times are monotonic seconds."""

    def __init__(self) -> None:
        self.asked_s = time.monotonic()
        # When audio came, and how many bytes there were by then.
        self.arrivals: list[tuple[float, int]] = []
        self.begun = asyncio.Event()
        self.over = asyncio.Event()

    @property
    def heard_bytes(self) -> int:
        return self.arrivals[-1][1] if self.arrivals else 0

    @property
    def first_ms(self) -> float:
        """Return how long its first audio took."""
        return (self.arrivals[0][0] - self.asked_s) * 1000

    def heard(self, size_bytes: int, now_s: float | None = None) -> None:
        """Take note of audio that reached the caller."""
        now_s = time.monotonic() if now_s is None else now_s
        self.arrivals.append((now_s, self.heard_bytes + size_bytes))
        self.begun.set()

    def ended(self) -> None:
        """Take note of its end, whatever the reason."""
        self.over.set()
        self.begun.set()


class Client(ABC):
    """One voice of one conversation: a request at a time."""

    def __init__(self, target: Target) -> None:
        self.target = target

    @abstractmethod
    async def open(self) -> None:
        """Get ready, as one does when a conversation begins."""

    @abstractmethod
    async def start(self, pieces: list[str]) -> Speaking:
        """Ask for speech: all text, in these pieces, and its end."""

    @abstractmethod
    async def interrupt(self) -> None:
        """Stop the request; returns when the client says that it has."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of everything."""
