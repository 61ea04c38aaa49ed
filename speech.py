# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""One request, spoken over as many sessions as it takes."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from functools import cached_property

from .config import GradiumTTSConfig
from .core.actions import Action
from .core.completeness import missing_at_end
from .core.errors import ErrorKind, GradiumError, StallError
from .core.intake import take
from .core.parts import parts_of
from .core.playback import Playback, PlaybackClock
from .core.protocol import Audio, Ready, ServerMessage, Unreadable, Word
from .core.recovery import Failure, GiveUp, Patience, Recovery
from .core.redact import host_of
from .core.request import Ledger, Usage
from .core.script import SessionBudget, SessionText
from .core.text import TextAssembler, is_speakable, without_tags
from .core.wishes import refusal_of
from .gradium_tts import GradiumTTSClient
from .wire.debt import StreamTimes, Terms
from .wire.inbox import Inbox
from .wire.lane import Lane, Rival
from .wire.owner import Left
from .wire.repetition import Repetition, repetition_of
from .wire.slots import next_ticket
from .wire.stream import Stream

Perform = Callable[[Action], Awaitable[None]]


class Speech:
    """Carries a request's text to the vendor and its audio back.

    Where a session fails, the next one says what was not delivered yet:
    everything, while nothing was, and else from the first word that was cut.
    """

    def __init__(
        self,
        ledger: Ledger,
        client: GradiumTTSClient,
        config: GradiumTTSConfig | None = None,
        *,
        clock: PlaybackClock | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Begin a request; `config` is its own settings, if it has any."""
        self.ledger = ledger
        # Noted by whoever gives the frames to the graph.
        self.playback = Playback(clock or PlaybackClock())
        self.usage = Usage()
        self._client = client
        # The settings of its beginning, whatever changes meanwhile; those of
        # all where the vendor refuses its own.
        self._config, self._common = config or client.config, client.config
        params = self._config.params
        self._inbox = Inbox(
            ledger.script,
            TextAssembler(params.text_options()),
            params.idle_flush_ms / 1000,
        )
        self._recovery = Recovery(
            Patience(
                0.0 if client.is_server_down else self._config.silence_s,
                params.capacity_wait_s,
                is_resumed=params.resume,
            ),
            jitter,
        )
        self._ticket = next_ticket()
        # The one that is heard now, and another that may take its place.
        self._stream: Stream | None = None
        self._rival: Rival | None = None
        self._repetition: Repetition | None = None

    @property
    def is_cached(self) -> bool:
        """Whether it is said from the store, without the vendor."""
        return self._repetition is not None and self._repetition.is_cached

    @property
    def times(self) -> StreamTimes:
        """When things happened in the present session."""
        return self._stream.times if self._stream else StreamTimes()

    # ------------------------------------------------------- from the agent

    def push_fragment(self, fragment: str) -> None:
        """Say this next; whole words leave as soon as a socket is there."""
        self._inbox.push_fragment(fragment)

    def end_input(self) -> None:
        """Say that no more text comes."""
        self._inbox.end_input()

    def settle(self) -> None:
        """Wait no longer for what the last word may go on with.

        What was held back is in the script then. `run` does so on its way
        out.
        """
        self._inbox.settle()

    # ----------------------------------------------------------- the sessions

    async def run(self, perform: Perform) -> None:
        """Speak until all is delivered; the caller ends the request.

        Cancelling is safe at any moment and does no network I/O.

        Args:
            perform: given each action in order; the next waits for it.

        Raises:
            GradiumError: what was not delivered will not be.
        """
        try:
            if not await self._repeat(perform):
                async with self._client.phrases.making_way():
                    await self._run_sessions(perform)
        finally:
            self.settle()
            await self._drop_rival()

    async def _repeat(self, perform: Perform) -> bool:
        """Say it from the store, if all of it was said before."""
        store, ledger = self._client.phrases.store, self.ledger
        found = repetition_of(store, self._config, ledger.script)
        self._repetition = found
        return found is not None and await found.repeat(ledger, perform)

    async def _run_sessions(self, perform: Perform) -> None:
        lane = None
        from_word, is_cut = 0, False
        while await self._has_more_to_say(from_word):
            if is_cut:
                actions = self.ledger.cut_session(from_word)
                await self._perform(perform, actions)
            lane = lane or await self._next_lane(from_word)
            try:
                goes_on_at = await self._run_session(lane, perform)
            except (GradiumError, Left) as why:
                lane, from_word = await self._go_on_after(
                    why, from_word, perform
                )
                is_cut = True
                continue
            if goes_on_at is None:
                if self._repetition and self.usage.sessions == 1:
                    self._repetition.completed()
                return
            lane, from_word, is_cut = None, goes_on_at, False
            actions = self.ledger.complete_session(from_word)
            await self._perform(perform, actions)

    @staticmethod
    async def _perform(perform: Perform, actions: list[Action]) -> None:
        for action in actions:
            await perform(action)

    async def _has_more_to_say(self, from_word: int) -> bool:
        """Wait for something to say, or for the end of input.

        What is held back is enough: the setup need not wait for it.
        """
        while not (self._has_text(from_word) or self._inbox.is_holding):
            if self.ledger.script.is_input_ended:
                return False
            await self._inbox.wait_for_news()
        return True

    def _has_text(self, from_word: int) -> bool:
        return is_speakable(self.ledger.script.text_from(from_word))

    def _is_all_said(self, next_word: int | None) -> bool:
        is_known = next_word is not None and self.ledger.script.is_input_ended
        return is_known and not self._has_text(next_word or 0)

    async def _next_lane(self, from_word: int) -> Lane:
        """Make a session that says all from this word on."""
        now, recovery = self._now(), self._recovery
        terms = self._terms(
            recovery.slot_wait_ends_at(now), recovery.silent_since
        )
        stream = await self._client.take_stream(self._reached_config, terms)
        return self._lane(from_word, stream)

    def _rival_lane(self, from_word: int, late: Stream) -> Lane:
        """Make one that is tried beside another."""
        terms = self._terms(self._now(), late.silent_since, is_rival=True)
        stream = self._client.open_stream(self._reached_config, terms)
        return self._lane(from_word, stream)

    @property
    def _reached_config(self) -> GradiumTTSConfig:
        # The key may have been changed, and the old one be refused.
        return self._config.reached_as(self._client.config)

    def _terms(
        self,
        slot_by: float,
        silent_since: float | None,
        *,
        is_rival: bool = False,
    ) -> Terms:
        silence_s = self._config.silence_s or math.inf
        return Terms(self._ticket, slot_by, silence_s, silent_since, is_rival)

    def _lane(self, from_word: int, stream: Stream) -> Lane:
        params = self._config.params
        text = SessionText(
            self.ledger.script,
            from_word,
            SessionBudget(params.session_max_s, params.session_max_chars),
        )
        name = self.ledger.request_id
        return Lane(name, stream, text, self._inbox, self._sent)

    async def _run_session(self, lane: Lane, perform: Perform) -> int | None:
        """Speak in one session; returns where the next one has to go on."""
        self._stream = stream = lane.stream
        self.usage.sessions += 1
        stream.when_late(lambda what: self._start_rival(lane, what))
        lane.when_full(self.ledger.hold_last_silence)
        async with lane:
            self._client.log.info(
                "vendor_status: %s session %d on a socket %s",
                self._name,
                self.usage.sessions,
                "opened ahead" if stream.times.is_warm else "of its own",
            )
            async for message in lane:
                if self._rival and not isinstance(message, (Ready, Unreadable)):
                    await self._drop_rival()
                if self._repetition:
                    self._repetition.received(message)
                for part in parts_of(message):
                    await self._perform(perform, self._account(part))
                    if part is not message:
                        await asyncio.sleep(0)
            missing = missing_at_end(
                self.ledger, lane.text.goes_on_at, self._host
            )
            if missing:
                raise missing
        self._recovery.session_completed()
        return lane.text.goes_on_at

    def _sent(self, message: str) -> None:
        self.usage.characters_sent += len(without_tags(message))
        self._client.log.debug(
            "send_text_to_tts_server: %s characters=%d text=%r",
            self._name,
            len(message),
            message,
        )

    def _account(self, message: ServerMessage) -> list[Action]:
        if isinstance(message, Audio):
            self._client.log.debug(
                "receive_audio: %s bytes=%d", self._name, len(message.chunk)
            )
        elif isinstance(message, Word):
            self.usage.characters_spoken += len(message.text)
            self._client.log.debug("receive_words: %s %s", self._name, message)
        elif isinstance(message, Ready):
            self._client.log.info(
                "vendor_status: %s accepted as %s",
                self._name,
                message.request_id,
            )
        output_format = self._config.params.output_format
        return take(
            self.ledger, message, output_format, self._now(), self._host
        )

    # ------------------------------------------------------------- a failure

    def _start_rival(self, late: Lane, what: str) -> None:
        """Try a second session beside one that is late, if that may help."""
        next_word = self.ledger.next_word()
        is_resumed = self._config.params.resume or not self.ledger.has_started
        if self._rival or next_word is None or not is_resumed:
            return
        if self._is_all_said(next_word):
            # All was heard, but for the end of it.
            late.stream.abort(
                StallError(f"no {what} came", ErrorKind.TRANSIENT)
            )
            return
        self._client.log.warning(
            "vendor_error: %s %s is late: a second session is tried",
            self._name,
            what,
        )
        rival = self._rival_lane(next_word, late.stream)
        self._rival = Rival(rival, next_word, late, self._client.log)

    async def _drop_rival(self) -> None:
        rival, self._rival = self._rival, None
        if rival:
            await rival.aclose()

    async def _go_on_after(
        self, why: GradiumError | Left, from_word: int, perform: Perform
    ) -> tuple[Lane | None, int]:
        """Return the lane that goes on, and from which word.

        Args:
            why: the last one ended.
            from_word: where that began.

        Raises:
            GradiumError: `why`; it is not worth trying again.
        """
        rival = self._rival
        if rival and (lane := await rival.outcome()):
            self._rival = None
            await lane.stream.adopt()
            return lane, rival.first_word
        await self._drop_rival()
        if isinstance(why, Left):
            return None, from_word
        own, common = self._config.params, self._common.params
        if refused := refusal_of(why, own, common):
            self._config = self._common
            await perform(refused)
            return None, from_word
        return None, await self._recover(why)

    async def _recover(self, error: GradiumError) -> int:
        """Wait until it is worth trying again.

        Returns:
            The first word that the next session says.

        Raises:
            GradiumError: `error`; it is not worth trying again.
        """
        times, log = self.times, self._client.log
        step = self._recovery.step_after(self._failure(error))
        if isinstance(step, GiveUp):
            log.error(
                "vendor_error: %s given up: %s; %s", self._name, error, step.why
            )
            was_ignored = times.slot_at and not times.ready_at
            if was_ignored and error.kind is ErrorKind.TRANSIENT:
                self._client.given_up()
            # As TEN has it: the ceiling of the retries is an end, unless
            # something was heard.
            has_retries = self._config.silence_s > 0 and error.kind.is_retryable
            error.was_retried_in_vain = (
                has_retries and not self.ledger.has_started
            )
            raise error
        log.warning(
            "vendor_error: %s retry in %.2f s: %s",
            self._name,
            step.delay_s,
            error,
        )
        await asyncio.sleep(step.delay_s)
        return step.from_word

    def _failure(self, error: GradiumError) -> Failure:
        """Return what is known of the session that has just failed."""
        ledger, times = self.ledger, self.times
        next_word = ledger.next_word()
        return Failure(
            error,
            self._now(),
            self._stream.silent_since if self._stream else self._now(),
            next_word,
            is_all_said=self._is_all_said(next_word),
            has_started=ledger.has_started,
            was_accepted=times.ready_at > 0,
            was_cut=ledger.session_delivered_s > 0,
            was_stale=times.is_warm and not times.ready_at,
        )

    @cached_property
    def _host(self) -> str:
        return host_of(self._config.endpoint().url)

    @cached_property
    def _name(self) -> str:
        return f"request={self.ledger.request_id:.80}"

    @cached_property
    def _now(self) -> Callable[[], float]:
        return asyncio.get_running_loop().time
