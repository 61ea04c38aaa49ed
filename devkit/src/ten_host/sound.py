# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Where the sound of `./dev speak` goes while it comes: stdout, a player."""

from __future__ import annotations

import sys

from .events import Event, Frame
from .order import STDOUT, Order
from .player import Player
from .wav import endless_header


class Sound:
    """Takes the frames of one or more requests, as one run of sound."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._player: Player | None = None
        self._has_begun = False

    def __enter__(self) -> Sound:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._player is not None:
            if kind is None:
                self._player.end()
            else:
                self._player.cut()

    def take(self, event: Event) -> None:
        """Pass on what can be heard of an event."""
        if not isinstance(event, Frame):
            return
        if not self._has_begun:
            self._begin(event.sample_rate_hz)
        if self._player is not None:
            self._player.play(event.pcm)
        if self._order.output == STDOUT:
            sys.stdout.buffer.write(event.pcm)
            sys.stdout.buffer.flush()

    def wait(self) -> None:
        """Wait until all was heard; only after the block.

        Raises:
            PlayerError: it could not be played.
        """
        if self._player is not None:
            self._player.wait()

    def _begin(self, rate_hz: int) -> None:
        self._has_begun = True
        if self._order.players:
            self._player = Player(self._order.players, rate_hz)
        if self._order.output == STDOUT:
            sys.stdout.buffer.write(endless_header(rate_hz))
