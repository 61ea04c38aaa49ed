# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""One session: from `setup` to `end_of_stream`."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing

from . import setup_rules, wire
from .actions import Action, Alteration, Over
from .audio import Chunk, Speech, Style, TimedWord
from .faults import Progress
from .framer import Frame, Framer
from .line import Line
from .points import Point
from .records import Json, SessionRecord, SessionTimes
from .scene import meet, visit
from .setup_rules import INTERNAL, PROTOCOL, Refusal, Terms
from .text_feed import Break, TextFeed


class LimitReached(Exception):
    """The session must not go on."""

    def __init__(self, action: Action) -> None:
        super().__init__(repr(action))
        self.action = action


class Session:
    """Answers one `setup`."""

    def __init__(self, line: Line, setup: Json) -> None:
        self._line = line
        self._rules = line.rules
        self.record = SessionRecord(
            setup=setup,
            connection=line.record,
            times=SessionTimes(setup_s=time.monotonic()),
            request_id=str(uuid.uuid4()),
        )
        self.id = self.record.client_req_id
        self.is_over = False
        self._texts: list[str] = []
        self._feed: TextFeed | None = None
        self._terms: Terms | None = None
        self._alterations: list[Alteration] = []
        self._first_audio_s: float | None = None

    def push_text(self, text: str) -> None:
        """The client sent text, perhaps before it was answered.

        Raises:
            Refusal: the client had said that there is no more.
        """
        self._check_not_ended()
        self.record.texts.append(text)
        if self.record.times.first_text_s is None:
            self.record.times.first_text_s = time.monotonic()
        if self._feed is None:
            self._texts.append(text)
        else:
            self._feed.push(text)

    def end_input(self) -> None:
        """The client has no more text.

        Raises:
            Refusal: it said so before.
        """
        self._check_not_ended()
        self.record.is_ended = True
        if self._feed is not None:
            self._feed.end()

    def alter(self, alteration: Alteration) -> None:
        """Change what goes out from now on."""
        self._alterations.append(alteration)

    def ready_message(self) -> Json:
        """Return the session's `ready`; only once it was accepted."""
        assert self._terms is not None
        output = self._terms.output_format
        return wire.ready(
            self.record.request_id,
            self._terms.model_name,
            output.sample_rate_hz,
            output.frame_samples,
            self.id,
        )

    async def run(self) -> None:
        """Live until the end; ends quietly however it ends."""
        limits = self._rules.limits
        try:
            try:
                await asyncio.wait_for(self._live(), limits.session_s)
            except asyncio.TimeoutError:
                await meet(self._line, limits.at_session_limit, self)
            except LimitReached as reached:
                await meet(self._line, reached.action, self)
            except Refusal as refusal:
                await self._line.refuse(refusal, self)
        except Over:
            pass
        finally:
            self._leave()

    async def _live(self) -> None:
        terms = await self._admit()
        style = Style(
            terms.voice_id,
            terms.output_format.sample_rate_hz,
            terms.duration_factor,
        )
        speech = self._rules.voice.open(style)
        try:
            await self._speak(speech, terms)
        finally:
            speech.cancel()
        await self._visit(Point.LAST_WORD)
        # The slot is free before the client can know that it has the end.
        self._leave()
        self.record.times.end_of_stream_s = time.monotonic()
        self.record.is_complete = True
        await self._send(wire.end_of_stream(self.id))
        if terms.is_closing:
            await self._visit(Point.CLOSE)
            await self._line.close(1000, "")

    async def _admit(self) -> Terms:
        await self._visit(Point.SETUP)
        self._terms = terms = setup_rules.read(
            self.record.setup, self._rules.known
        )
        self._line.account.enter(self)
        await self._find_worker(terms.retry_for_s)
        await self._line.sleep(self._rules.ready_delay_s)
        await self._visit(Point.READY)
        self.record.times.ready_s = time.monotonic()
        await self._send(self.ready_message())
        return terms

    async def _find_worker(self, retry_for_s: float | None) -> None:
        busy_s = self._rules.worker_busy_s()
        if busy_s <= 0:
            return
        if (retry_for_s or 0.0) < busy_s:
            await self._line.sleep(retry_for_s or 0.0)
            raise Refusal("No worker available, try again", INTERNAL)
        await self._line.sleep(busy_s)

    async def _speak(self, speech: Speech, terms: Terms) -> None:
        framer = Framer(terms.output_format)
        async with aclosing(self._chunks(speech)) as chunks:
            async for chunk in chunks:
                framer.add(chunk)
                while framer.has_frame():
                    await self._send_frame(framer)
        while await self._send_frame(framer):
            continue
        await self._visit(Point.LAST_AUDIO)
        await self._send_words(framer.rest_of_words())

    async def _chunks(self, speech: Speech) -> AsyncGenerator[Chunk, None]:
        self._feed = feed = self._open_feed(speech)
        is_silent = True
        while (unit := await feed.next()) is not None:
            if is_silent:
                is_silent = False
                await self._line.sleep(self._rules.first_audio_delay_s)
            if isinstance(unit, Break):
                chunks = speech.pause(unit.duration_s)
            else:
                self._spend(len(" ".join(unit.words)))
                chunks = speech.speak(unit.words)
            async with aclosing(chunks):
                async for chunk in chunks:
                    yield chunk
        if not is_silent:
            rest = speech.finish(self._rules.trailing_silence_s)
            async with aclosing(rest):
                async for chunk in rest:
                    yield chunk

    def _open_feed(self, speech: Speech) -> TextFeed:
        feed = TextFeed(speech.unit_size, self._rules.lag_words)
        for text in self._texts:
            feed.push(text)
        if self.record.is_ended:
            feed.end()
        return feed

    def _spend(self, chars: int) -> None:
        """Count characters before they are spoken, and stop at a limit."""
        limits = self._rules.limits
        # One space stands between a unit and the one before.
        total = self.record.chars_synthesised + chars
        total += 1 if self.record.chars_synthesised else 0
        if limits.free_tier_chars is not None:
            if total > limits.free_tier_chars:
                raise LimitReached(limits.at_free_tier)
        if limits.session_chars is not None and total > limits.session_chars:
            raise LimitReached(limits.at_session_limit)
        self._line.account.spend(total - self.record.chars_synthesised)
        self.record.chars_synthesised = total

    async def _send_frame(self, framer: Framer) -> bool:
        """Send the next frame and the words due after it."""
        is_odd = any(one.is_odd for one in self._alterations)
        words_before = framer.complete_words
        frame = framer.next_frame(is_odd)
        if frame is None:
            return False
        if not self.record.frames_sent:
            await self._visit(Point.FIRST_AUDIO)
        await self._keep_pace(frame)
        await self._send(
            wire.audio(frame.payload, frame.start_s, frame.stop_s, self.id)
        )
        self._count_frame(frame)
        await self._send_words(framer.due_words())
        await self._visit(
            Point.AUDIO,
            Progress(
                self.record.frames_sent, words_before, framer.complete_words
            ),
        )
        limit_s = self._rules.limits.session_audio_s
        if limit_s is not None and frame.stop_s >= limit_s:
            raise LimitReached(self._rules.limits.at_session_limit)
        # Sessions on one socket take turns, and the reader gets one.
        await asyncio.sleep(0)
        return True

    async def _keep_pace(self, frame: Frame) -> None:
        now = time.monotonic()
        if self._first_audio_s is None:
            self._first_audio_s = now
        speed = self._rules.speed
        if speed is not None:
            due_s = self._first_audio_s + frame.start_s / speed
            await self._line.sleep(due_s - now)

    def _count_frame(self, frame: Frame) -> None:
        times, now_s = self.record.times, time.monotonic()
        if times.first_audio_s is None:
            times.first_audio_s = now_s
        times.frames_s.append(now_s)
        self.record.frames_sent += 1
        if self._rules.is_keeping_sound:
            self.record.sound += frame.payload
        self._line.changes.notify()

    async def _send_words(self, words: list[TimedWord]) -> None:
        for word in words:
            await self._send(wire.word(word, self.id))
            times = (round(word.start_s, 6), round(word.stop_s, 6))
            self.record.words.append((word.text, *times))
            self.record.chars_delivered += len(word.text)
            self.record.chars_delivered += (
                1 if len(self.record.words) > 1 else 0
            )

    async def _send(self, message: Json) -> None:
        dropped = {
            name
            for one in self._alterations
            if one.message_type == message["type"]
            for name in one.dropped_fields
        }
        kept = {key: message[key] for key in message if key not in dropped}
        await self._line.send_json(kept)

    async def _visit(
        self, point: Point, progress: Progress | None = None
    ) -> None:
        await visit(self._line, point, self, progress or Progress())

    def _check_not_ended(self) -> None:
        if self.record.is_ended:
            raise Refusal("Session input already ended", PROTOCOL)

    def _leave(self) -> None:
        """Give back the slot and the id; at the first call only."""
        if not self.is_over:
            self.is_over = True
            self._line.left(self)
