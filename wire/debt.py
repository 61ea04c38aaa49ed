# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a server owes in each phase of a session, and until when."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ..config import GradiumTTSConfig
from ..core.protocol import Input, Session
from .watchdog import Owed

# A slot that was free is held sooner than this.
SLOT_WAIT_S = 0.05
# No answer takes longer than this and so much for each character.
CEILING_S, CEILING_S_PER_CHARACTER = 10.0, 0.25


@dataclass(frozen=True)
class Terms:
    """How long a stream is borne with; times are of the loop's clock.

    Without a limit of silence, the timeouts of the settings end it. With one
    they only say when it is late: as long as it answers pings, a server may
    be slow.

    Attributes:
        ticket: the place among those who wait for a session slot; 0 is the
            last.
        slot_by: until when to wait for one.
        silence_s: how long the listener may wait in vain.
        silent_since: since when that is, if longer than the stream is there;
            a stream that had to wait for its slot has it all before it.
        is_rival: whether it runs beside another of its request: it waits for
            no slot, and the owner is not told of its failure.
    """

    ticket: int = 0
    slot_by: float = math.inf
    silence_s: float = math.inf
    silent_since: float | None = None
    is_rival: bool = False


@dataclass
class StreamTimes:
    """When things happened, in seconds of the loop's clock; 0 is never."""

    opened_at: float = 0.0
    slot_at: float = 0.0
    setup_at: float = 0.0
    ready_at: float = 0.0
    text_at: float = 0.0
    audio_at: float = 0.0
    input_ended_at: float = 0.0
    heard_at: float = 0.0
    is_warm: bool = False


class Debts:
    """What is owed in one session."""

    def __init__(
        self,
        config: GradiumTTSConfig,
        session: Session,
        terms: Terms,
        times: StreamTimes,
    ) -> None:
        """Look at a session; nothing is owed before its slot is held."""
        self._config = config
        self._session = session
        self.terms = terms
        self._times = times
        # Of the text that was sent.
        self.characters = 0
        # What is owed stays the same from message to message, most of all.
        self._phase: tuple[object, ...] = ()
        self._owed: Owed | None = None

    @property
    def speaks_by(self) -> float:
        """Until when something has to be heard, on the loop's clock."""
        return self._begun_at + self.terms.silence_s

    @property
    def had_to_wait(self) -> bool:
        """Whether its slot was not free at once."""
        return self._times.slot_at > self._times.opened_at + SLOT_WAIT_S

    @property
    def _begun_at(self) -> float:
        """Since when the listener waits for the first of this session."""
        since = self.terms.silent_since
        if since is None or self.had_to_wait:
            return self._times.slot_at
        return since

    def owed(self) -> Owed | None:
        """Tell what is owed now; the same object while that is the same."""
        times = self._times
        phase = (
            self._session.input,
            self.characters,
            times.slot_at,
            times.ready_at,
            times.audio_at,
            times.input_ended_at,
        )
        if phase != self._phase:
            self._phase, self._owed = phase, self._work_out()
        return self._owed

    def _work_out(self) -> Owed | None:
        """Say what is owed; the phases of a session, in order."""
        params, times = self._config.params, self._times
        if not times.ready_at:
            limit_s = self._config.ready_timeout_s
            return self._debt("answer to the setup", limit_s, self.speaks_by)
        if self._session.input is not Input.ENDED:
            # The last words wait for more text, so it cannot be known what
            # is owed now, but a sign of life is.
            return Owed("audio") if self.characters else None
        what, by = "audio", self.speaks_by
        if times.audio_at:
            what, by = "end of the audio", math.inf
        elif times.input_ended_at > times.ready_at:
            by = times.input_ended_at + self.terms.silence_s
        return replace(
            self._debt(what, params.audio_timeout_s, by),
            asked_at=times.input_ended_at,
            ceiling_s=CEILING_S + CEILING_S_PER_CHARACTER * self.characters,
        )

    def silent_since(self, now: float) -> float:
        """Return since when the listener has waited; now, if in no vain."""
        times = self._times
        if not times.slot_at:
            return now
        if not times.ready_at:
            return self._begun_at
        if self._session.input is not Input.ENDED:
            return now
        if times.audio_at:
            return times.heard_at
        is_late_end = times.input_ended_at > times.ready_at
        return times.input_ended_at if is_late_end else self._begun_at

    def _debt(self, what: str, limit_s: float, by: float) -> Owed:
        """Make a debt of a limit in the settings, as the terms take it."""
        silence_s = self.terms.silence_s
        if silence_s == math.inf:
            return Owed(what, limit_s)
        return Owed(what, silence_s, late_s=limit_s, by=by)
