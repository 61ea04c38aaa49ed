# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Whoever listens at the other end of the graph, and what they have heard.

Each request that had something to say is told of once, as `tts_heard`: when
its last audio has been played, or when a flush cuts that off, whichever comes
first. Its other events end earlier, so requests are remembered until then.
"""

from __future__ import annotations

import asyncio
import json
import traceback
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ten_ai_base.tts2 import AsyncTTS2BaseExtension
from ten_runtime import Data

from ..core.actions import EndReason
from ..core.hearing import Heard, Transcript
from ..core.playback import Playback, PlaybackClock
from ..speech import Speech
from .figures import fields_of
from .log import GraphLog

DATA_HEARD: Final = "tts_heard"
# Of more requests than this, the oldest is taken for heard before its time.
MOST_REMEMBERED: Final = 256


@dataclass(frozen=True)
class _Spoken:
    """A request that has ended, and may still be playing."""

    request_id: str
    reason: EndReason
    metadata: Mapping[str, Any]
    transcript: Transcript
    playback: Playback

    def heard(self, now: float) -> Heard:
        return self.transcript.heard(
            self.playback.played_s(now), self.playback.delivered_s
        )


class Listener:
    """Plays along, and tells what was heard."""

    def __init__(self, base: AsyncTTS2BaseExtension, log: GraphLog) -> None:
        """Listen to what an extension sends."""
        # All requests are played on one track.
        self.clock = PlaybackClock()
        self._base = base
        self._log = log
        self._playing: deque[_Spoken] = deque()
        self._telling: asyncio.Task[None] | None = None

    async def ended(self, speech: Speech, reason: EndReason) -> None:
        """Take a request whose events have ended; it may still play.

        Nothing is told of one that had nothing to say.
        """
        request_id = speech.ledger.request_id
        transcript = speech.ledger.transcript()
        if not transcript.words:
            return
        spoken = _Spoken(
            request_id,
            reason,
            dict(self._base.metadatas.get(request_id, {})),
            transcript,
            speech.playback,
        )
        if spoken.playback.is_stopped:
            await self._tell(spoken)
            return
        self._playing.append(spoken)
        if len(self._playing) > MOST_REMEMBERED:
            await self._tell(self._playing.popleft(), is_early=True)
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(
                self._tell_in_time(), name="gradium:heard"
            )

    def left_out(self, request_id: str, text: str) -> None:
        """Note a text of a request that has failed: it is unheard, too."""
        for index, spoken in enumerate(self._playing):
            is_failed = spoken.reason is EndReason.ERROR
            if is_failed and spoken.request_id == request_id:
                script = spoken.transcript
                longer = replace(script, left_out=script.left_out + text)
                self._playing[index] = replace(spoken, transcript=longer)

    async def interrupted(self) -> None:
        """Tell what was heard of all that is playing: it ends here."""
        await self.aclose()
        # What comes to its end meanwhile is cut off as well.
        while self._playing:
            spoken = self._playing.popleft()
            spoken.playback.stop(self._now())
            await self._tell(spoken)

    def flushed(self) -> None:
        """Learn that nothing plays any more."""
        for spoken in self._playing:
            spoken.playback.stop(self._now())
        self.clock.flush(self._now())

    async def aclose(self) -> None:
        """Wait for nothing that is still to be played."""
        telling, self._telling = self._telling, None
        if telling:
            telling.cancel()
            await asyncio.wait({telling})

    async def _tell_in_time(self) -> None:
        while self._playing:
            left_s = self._playing[0].playback.over_at - self._now()
            await asyncio.sleep(max(0.0, left_s))
            await self._tell(self._playing.popleft())

    async def _tell(self, spoken: _Spoken, *, is_early: bool = False) -> None:
        playback = spoken.playback
        heard = spoken.heard(playback.over_at if is_early else self._now())
        is_cut = playback.is_stopped
        reason = EndReason.INTERRUPTED if is_cut else spoken.reason
        is_exact = heard.is_exact and not is_early
        fields = fields_of(heard)
        try:
            self._log.key_point(
                f"request={spoken.request_id} heard {reason.name.lower()}"
                f" heard_ms={fields['heard_ms']}"
                f" delivered_ms={fields['delivered_ms']}"
                f" heard_characters={len(heard.heard_text)}"
                f" unheard_characters={len(heard.unheard_text)}"
                f" is_exact={is_exact}"
            )
            self._log.vendor.debug(
                "heard: request=%.80s heard=%r unheard=%r",
                spoken.request_id,
                heard.heard_text,
                heard.unheard_text,
            )
            await self._send(
                request_id=spoken.request_id,
                reason=int(reason),
                **fields,
                is_exact=is_exact,
                metadata=spoken.metadata,
            )
        except Exception:  # the others are told of all the same
            self._log.bug(spoken.request_id, traceback.format_exc())

    async def _send(self, **fields: Any) -> None:
        data = Data.create(DATA_HEARD)
        data.set_property_from_json(None, json.dumps(fields))
        await self._base.ten_env.send_data(data)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
