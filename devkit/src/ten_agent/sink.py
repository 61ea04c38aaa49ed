# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The listener: hears the TTS in real time, as a person on a call does.

What is delivered is not heard yet. Words are shown when they are, the user
is told how much was, and an interruption silences what is left.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from ten_host.messages import message_of_data, message_of_frame
from ten_host.player import Player
from ten_runtime import (
    Addon,
    AsyncExtension,
    AsyncTenEnv,
    AudioFrame,
    Data,
    TenEnv,
    register_addon_as_extension,
)

from .finish import failures, seen
from .messages import fields_of, properties_of, send
from .records import Records
from .screen import the_screen
from .utterance import Speech

_REASONS = {1: "end", 2: "interrupted", 3: "error"}
# How often is looked at what has been heard: often enough for the eye.
_LOOK_S = 0.03


class SinkExtension(AsyncExtension):
    """Listens to the TTS, and tells the user what can be heard."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._screen = the_screen()
        self._began_s = time.monotonic()
        self._records = Records(None)
        self._pace = 1.0
        self._players: list[str] = []
        self._player: Player | None = None
        self._current: Speech | None = None
        self._texts: dict[str, str] = {}
        self._ttfb_ms: int | None = None
        # When each flush was asked for, and what it cut.
        self._cuts: dict[str, tuple[float, Speech]] = {}
        self._listening: asyncio.Task[None] | None = None

    async def on_init(self, ten_env: AsyncTenEnv) -> None:
        properties = await properties_of(ten_env)
        folder = properties.get("folder")
        self._records = Records(Path(folder) if folder else None)
        self._pace = float(properties.get("pace") or 1.0)
        self._players = properties.get("players") or []

    async def on_start(self, ten_env: AsyncTenEnv) -> None:
        self._listening = asyncio.create_task(self._listen(ten_env))

    async def on_stop(self, ten_env: AsyncTenEnv) -> None:
        if self._listening:
            self._listening.cancel()
            await asyncio.wait({self._listening})
        if self._current:
            await self._over(ten_env, self._current, "stopped")
        self._records.write()

    async def on_audio_frame(
        self, ten_env: AsyncTenEnv, audio_frame: AudioFrame
    ) -> None:
        if seen.is_wanted:
            seen.came(message_of_frame(audio_frame, time.monotonic()))
        speech = self._current
        if speech is None or speech.is_delivered:
            self._records.stray_frames += 1
            return
        pcm, rate_hz = (
            bytes(audio_frame.get_buf()),
            audio_frame.get_sample_rate(),
        )
        if not speech.has_sound and self._players:
            self._player = Player(self._players, rate_hz)
        timestamp_ms = audio_frame.get_timestamp()
        speech.frame(pcm, rate_hz, self._now_s(), timestamp_ms)
        if self._player:
            self._player.play(pcm)

    async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
        seen.came(message_of_data(data, time.monotonic()))
        name, fields = data.get_name(), fields_of(data)
        if name == "said":
            self._said(fields)
        elif name == "user_said":
            self._screen.user(fields["text"])
            self._records.user(fields["text"], self._now_s())
        elif name == "interrupted":
            await self._interrupted(ten_env, fields["flush_id"])
        elif name == "tts_audio_start":
            await self._start(ten_env, fields["request_id"])
        elif name == "tts_audio_end":
            await self._end(ten_env, fields)
        elif name == "tts_text_result":
            self._words(fields)
        elif name == "tts_flush_end":
            self._flushed(fields["flush_id"])
        elif name == "metrics" and "ttfb" in fields["metrics"]:
            # It comes before the start of the audio it belongs to.
            self._ttfb_ms = fields["metrics"]["ttfb"]
        elif name == "error":
            self._records.errors.append(fields["message"])
            self._screen.note(f"error: {fields['message']}")

    # ---------------------------------------------------- what is to be heard

    def _said(self, fields: dict[str, Any]) -> None:
        """The control passed a text on; the first one begins a life."""
        request_id = fields["request_id"]
        before = "" if fields["is_first"] else self._texts.get(request_id, "")
        self._texts[request_id] = before + fields["text"]
        current = self._current
        if current and current.request_id == request_id:
            current.text = self._texts[request_id]

    async def _start(self, ten_env: AsyncTenEnv, request_id: str) -> None:
        if self._current:
            await self._over(ten_env, self._current, "end")
        text = self._texts.get(request_id, "")
        self._current = Speech(request_id, text)
        self._current.ttfb_ms, self._ttfb_ms = self._ttfb_ms, None

    def _words(self, fields: dict[str, Any]) -> None:
        speech = self._current
        if speech and speech.request_id == fields["request_id"]:
            for word in fields.get("words") or ():
                speech.told(word)

    async def _end(self, ten_env: AsyncTenEnv, fields: dict[str, Any]) -> None:
        request_id, reason = fields["request_id"], _REASONS[fields["reason"]]
        speech = self._current
        if speech is None or speech.request_id != request_id:
            is_known = any(
                cut.request_id == request_id for _, cut in self._cuts.values()
            )
            if is_known and reason == "interrupted":
                return  # silent already
            speech = Speech(request_id, self._texts.get(request_id, ""))
        speech.is_delivered = True
        if self._player and speech is self._current:
            self._player.end()
        if reason == "interrupted" or not speech.has_sound:
            await self._over(ten_env, speech, reason)
        else:
            speech.reason = reason  # once it was heard out

    # ------------------------------------------------------------- listening

    async def _listen(self, ten_env: AsyncTenEnv) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            speech = self._current
            if speech is None or not speech.has_sound:
                continue
            now_s = self._now_s()
            self._show(speech, now_s)
            if speech.is_heard_out(now_s):
                await self._over(ten_env, speech, speech.reason)
            else:
                await self._report(ten_env, speech, is_over=False)

    def _show(self, speech: Speech, at_s: float) -> None:
        for word in speech.new_words(at_s):
            self._screen.word(word)

    async def _interrupted(self, ten_env: AsyncTenEnv, flush_id: str) -> None:
        """The user spoke: what is left of the sound is dropped at once."""
        speech = self._current
        if speech is not None:
            if speech.has_sound:
                self._cuts[flush_id] = (time.monotonic(), speech)
            await self._over(ten_env, speech, "interrupted")

    def _flushed(self, flush_id: str) -> None:
        since_s, speech = self._cuts.pop(flush_id, (0.0, None))
        if speech is None:
            return
        took_ms = (time.monotonic() - since_s) * 1000
        count = len(speech.heard_text.split())
        at_s = f"{self._now_s():.1f} s"
        self._screen.note(
            f"       interrupted at {at_s}: flushed within {took_ms:.0f} ms,"
            f" {count} of {len(speech.text.split())} words heard"
        )

    async def _over(
        self, ten_env: AsyncTenEnv, speech: Speech, reason: str
    ) -> None:
        """Nothing more of it is heard."""
        now_s = self._now_s()
        self._show(speech, now_s)
        is_cut = reason != "end"
        speech.stop(now_s, reason)
        if self._player and speech is self._current:
            self._close_player(self._player, is_cut)
        self._screen.over(speech.unheard_text if is_cut else "")
        self._records.spoken(speech, now_s)
        if speech is self._current:
            self._current = None
        await self._report(ten_env, speech, is_over=True)

    def _close_player(self, player: Player, is_cut: bool) -> None:
        self._player = None
        if is_cut:
            player.cut()
            return
        if player.fault:
            failures.append(player.fault)
            self._players = []
            self._screen.note(player.fault)

    async def _report(
        self, ten_env: AsyncTenEnv, speech: Speech, *, is_over: bool
    ) -> None:
        await send(
            ten_env,
            "heard",
            request_id=speech.request_id,
            audio_ms=round(speech.heard_s(self._now_s()) * 1000),
            is_over=is_over,
        )

    def _now_s(self) -> float:
        """On the listener's clock, which runs at the pace that was chosen."""
        return (time.monotonic() - self._began_s) * self._pace


@register_addon_as_extension("agent_sink")
class SinkAddon(Addon):
    """Creates the listener."""

    def on_create_instance(
        self, ten_env: TenEnv, name: str, context: Any
    ) -> None:
        ten_env.on_create_instance_done(SinkExtension(name), context)
