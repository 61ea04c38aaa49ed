# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a listener has heard of the frames that the graph was given.

A server is faster than speech: what was *delivered* is far ahead of what was
*played*. `PlaybackClock` is the one track on which all frames play, one after
the other in the order of their arrival, whatever request or session they are
of; a full session, a resume and the fade at a cut are frames like all others.
`Playback` is what of the track belongs to one request.

No clock here: times are passed in, in seconds on one monotonic clock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

# Shorter silences are roundings of a server that keeps real time.
_SHORTEST_STALL_S: Final = 1e-3


class PlaybackClock:
    """The track: a frame plays from its arrival on, or after those before.

    Where no frame is left, the clock waits for the next one.
    """

    def __init__(self) -> None:
        self.delivered_s = 0.0
        # When the last frame is over.
        self.empty_at = -math.inf

    def deliver(self, duration_s: float, now: float) -> float:
        """Take a frame; returns when it starts to play."""
        starts_at = max(now, self.empty_at)
        self.empty_at = starts_at + duration_s
        self.delivered_s += duration_s
        return starts_at

    def buffered_s(self, now: float) -> float:
        """Return how much is still to be played."""
        return max(0.0, self.empty_at - now)

    def played_s(self, now: float) -> float:
        """Return how much was played."""
        return self.delivered_s - self.buffered_s(now)

    def flush(self, now: float) -> None:
        """Drop what was not played yet: the graph was interrupted."""
        self.delivered_s = self.played_s(now)
        self.empty_at = min(self.empty_at, now)


@dataclass(frozen=True)
class Stall:
    """A silence within a request: its audio came too late.

    Attributes:
        at_s: after how much audio of the request.
        silence_s: how long nothing was heard.
    """

    at_s: float
    silence_s: float


class Playback:
    """What was played of one request, and how evenly its frames came.

    Attributes:
        delivered_s: audio of the request that the graph was given.
        over_at: when the last of it has been played; before all time, while
            there is none.
        stalls: where a listener heard silence; what came between the audio
            of two requests is none.
        largest_gap_s: the longest time from one frame to the next.
    """

    def __init__(self, clock: PlaybackClock) -> None:
        self.delivered_s = 0.0
        self.over_at = -math.inf
        self.stalls: list[Stall] = []
        self.largest_gap_s = 0.0
        self._clock = clock
        # Where on the track the request begins, and when that is heard.
        self._track_s = 0.0
        self._begins_at = math.inf
        self._first_at = self._last_at = 0.0
        self._last_frame_s = 0.0
        self._stopped_s: float | None = None

    def deliver(self, duration_s: float, now: float) -> None:
        """Note a frame that the graph is given now."""
        if not self.delivered_s:
            self._track_s = self._clock.delivered_s
            self._first_at = self._last_at = now
        else:
            self._note_silence(now)
            self.largest_gap_s = max(self.largest_gap_s, now - self._last_at)
        starts_at = self._clock.deliver(duration_s, now)
        self._begins_at = min(self._begins_at, starts_at)
        self._last_at, self._last_frame_s = now, duration_s
        self.delivered_s += duration_s
        self.over_at = self._clock.empty_at

    def stop(self, now: float) -> None:
        """Stop listening; nothing more of the request will be heard."""
        if self._stopped_s is None:
            self.break_off(now)
            self._stopped_s = self.played_s(now)

    def break_off(self, now: float) -> None:
        """Note that more was to come, and that it will not."""
        if self.delivered_s:
            self._note_silence(now)

    def played_s(self, now: float) -> float:
        """Return how much of the request was played."""
        if self._stopped_s is not None:
            return self._stopped_s
        if now >= self.over_at:
            return self.delivered_s
        played_s = self._clock.played_s(now) - self._track_s
        return min(max(played_s, 0.0), self.delivered_s)

    def will_play(self, audio_s: float) -> bool:
        """Whether a place in the request's audio is heard, now or later."""
        heard_s = self._stopped_s
        return audio_s < (self.delivered_s if heard_s is None else heard_s)

    def heard_at(self, audio_s: float) -> float:
        """Return when a place in the request's audio is heard."""
        silence_s = sum(
            stall.silence_s for stall in self.stalls if stall.at_s <= audio_s
        )
        return self._begins_at + audio_s + silence_s

    @property
    def is_stopped(self) -> bool:
        """Whether listening has ended before the request has."""
        return self._stopped_s is not None

    @property
    def stalled_s(self) -> float:
        """How long nothing was heard within the request."""
        return sum(stall.silence_s for stall in self.stalls)

    @property
    def real_time_factor(self) -> float | None:
        """How long a second of audio takes to come; above 1 it is too slow.

        The last frame is left out: it was on its way while the others came.
        `None` for a single frame.
        """
        before_last_s = self.delivered_s - self._last_frame_s
        if before_last_s <= 0:
            return None
        return (self._last_at - self._first_at) / before_last_s

    def _note_silence(self, now: float) -> None:
        silence_s = now - self._clock.empty_at
        if silence_s >= _SHORTEST_STALL_S:
            self.stalls.append(Stall(self.delivered_s, silence_s))
