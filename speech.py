# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""One request, spoken over as many sessions as it takes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .core.actions import Action
from .core.audio import to_pcm
from .core.errors import ErrorKind, GradiumError, SynthesisError
from .core.protocol import Audio, Ready, ServerMessage, Word
from .core.recovery import Failure, GiveUp, Patience, Recovery
from .core.redact import host_of
from .core.request import Ledger
from .core.script import FLUSH, SessionBudget, SessionText
from .core.text import TextAssembler, is_speakable, without_tags
from .gradium_tts import GradiumTTSClient
from .wire.stream import Stream, StreamTimes

# After so many times `idle_flush_ms` a word without an ending counts as whole.
UNFINISHED_WORD_SILENCES = 2

Perform = Callable[[Action], Awaitable[None]]


@dataclass
class Usage:
    """What a request has used.

    Attributes:
        sessions: how many sessions it took.
        characters_sent: of text, to the vendor; a resumed word counts again.
        characters_spoken: of the words that the vendor timed.
    """

    sessions: int = 0
    characters_sent: int = 0
    characters_spoken: int = 0


class Speech:
    """Carries a request's text to the vendor and its audio back.

    Where a session fails, the next one says what was not delivered yet:
    everything, while nothing was, and else from the first word that was cut.
    """

    def __init__(
        self,
        ledger: Ledger,
        client: GradiumTTSClient,
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.ledger = ledger
        self.times = StreamTimes()
        self.usage = Usage()
        self._client = client
        # The settings of its beginning, whatever changes meanwhile.
        self._config = client.config
        params = self._config.params
        self._assembler = TextAssembler(
            allow_tags=params.allow_tags,
            clean_markdown=params.clean_markdown,
            clean_emoji=params.clean_emoji,
        )
        self._recovery = Recovery(
            Patience(
                params.retry_deadline_s,
                self._config.attempt_s,
                is_resumed=params.resume,
            ),
            jitter,
        )
        self._has_grown = asyncio.Event()
        self._silence_timer: asyncio.TimerHandle | None = None

    # ------------------------------------------------------- from the agent

    def push_fragment(self, fragment: str) -> None:
        """Say this next; whole words leave as soon as a socket is there."""
        self._stop_silence_timer()
        self._push(self._assembler.push(fragment))
        self._start_silence_timer(1, self._speak_what_is_whole)

    def end_input(self) -> None:
        """Say that no more text comes."""
        self.settle()
        self.ledger.script.end_input()
        self._has_grown.set()

    def settle(self) -> None:
        """Wait no longer for what the last word may go on with.

        What was held back is in the script then. `run` does so on its way
        out.
        """
        self._stop_silence_timer()
        self._push(self._assembler.flush())

    def _push(self, messages: list[str]) -> None:
        for message in messages:
            self.ledger.script.push(message)
        self._has_grown.set()

    def _speak_what_is_whole(self) -> None:
        """Let what is surely whole be spoken while the LLM thinks."""
        self._push(self._assembler.flush_idle())
        self.ledger.script.push_flush()
        if self._assembler.is_holding:
            self._start_silence_timer(
                UNFINISHED_WORD_SILENCES - 1, self._speak_unfinished_word
            )

    def _speak_unfinished_word(self) -> None:
        """Take the last word for whole: nothing has come to go on with it."""
        self._push(self._assembler.flush_stalled())
        self.ledger.script.push_flush()

    def _start_silence_timer(
        self, silences: float, on_silence: Callable[[], None]
    ) -> None:
        silence_s = self._config.params.idle_flush_ms / 1000
        if silence_s:
            self._silence_timer = asyncio.get_running_loop().call_later(
                silences * silence_s, on_silence
            )

    def _stop_silence_timer(self) -> None:
        if self._silence_timer:
            self._silence_timer.cancel()
            self._silence_timer = None

    # ----------------------------------------------------------- the sessions

    async def run(self, perform: Perform) -> None:
        """Speak until all is delivered; the caller ends the request.

        Cancelling is safe at any moment and does no network I/O.

        Args:
            perform: given each action in order; the next waits for it.

        Raises:
            GradiumError: what was not delivered will not be.
        """
        from_word, is_cut = 0, False
        try:
            while await self._has_more_to_say(from_word):
                if is_cut:
                    await self._perform(
                        perform, self.ledger.cut_session(from_word)
                    )
                try:
                    goes_on_at = await self._run_session(from_word, perform)
                except GradiumError as error:
                    from_word, is_cut = await self._recover(error), True
                    continue
                if goes_on_at is None:
                    return
                from_word, is_cut = goes_on_at, False
                await self._perform(
                    perform, self.ledger.complete_session(from_word)
                )
        finally:
            self.settle()

    @staticmethod
    async def _perform(perform: Perform, actions: list[Action]) -> None:
        for action in actions:
            await perform(action)

    async def _has_more_to_say(self, from_word: int) -> bool:
        """Wait for something to say, or for the end of input."""
        script = self.ledger.script
        while not is_speakable(script.text_from(from_word)):
            if script.is_input_ended:
                return False
            await self._wait_for_text()
        return True

    async def _run_session(
        self, from_word: int, perform: Perform
    ) -> int | None:
        """Speak in one session; returns where the next one has to go on."""
        self.usage.sessions += 1
        params = self._config.params
        text = SessionText(
            self.ledger.script,
            from_word,
            SessionBudget(params.session_max_s, params.session_max_chars),
        )
        async with self._client.open_stream(self._config) as stream:
            self.times = stream.times
            self._client.log.info(
                "vendor_status: %s session %d on a socket %s",
                self._name,
                self.usage.sessions,
                "opened ahead" if stream.times.is_warm else "of its own",
            )
            sender = asyncio.create_task(
                self._send(text, stream),
                name=f"gradium:{self.ledger.request_id:.64}:text",
            )
            # Whatever ends the sender must not leave the receiver waiting.
            sender.add_done_callback(
                lambda task: stream.abort() if _failure_of(task) else None
            )
            try:
                async for message in stream:
                    await self._perform(perform, self._account(message))
            finally:
                sender.cancel()
                await asyncio.wait({sender})
                failure = _failure_of(sender)
                # The receiver tells best why a socket broke.
                if failure and not isinstance(failure, GradiumError):
                    raise failure
            self._check_spoken(text.goes_on_at)
        return text.goes_on_at

    async def _send(self, text: SessionText, stream: Stream) -> None:
        """Send what is to be said, as it comes, while the session lasts."""
        script = self.ledger.script
        while True:
            while (message := text.take(stream.age_s)) is not None:
                if message is FLUSH:
                    await stream.flush()
                else:
                    await self._send_text(message, stream)
            if text.goes_on_at is not None:
                self.ledger.hold_last_silence()
            if text.goes_on_at is not None or script.is_input_ended:
                await stream.end_input()
                return
            await self._wait_for_text()

    async def _send_text(self, message: str, stream: Stream) -> None:
        self.usage.characters_sent += len(without_tags(message))
        self._client.log.debug(
            "send_text_to_tts_server: %s characters=%d text=%r",
            self._name,
            len(message),
            message,
        )
        await stream.send_text(message)

    async def _wait_for_text(self) -> None:
        self._has_grown.clear()
        await self._has_grown.wait()

    def _account(self, message: ServerMessage) -> list[Action]:
        if isinstance(message, Audio):
            self._client.log.debug(
                "receive_audio: %s bytes=%d", self._name, len(message.chunk)
            )
            pcm = to_pcm(message.chunk, self._config.params.output_format)
            return self.ledger.audio_received(pcm, self._now())
        if isinstance(message, Word):
            self.usage.characters_spoken += len(message.text)
            self._client.log.debug("receive_words: %s %s", self._name, message)
            return self.ledger.word_received(message)
        if isinstance(message, Ready):
            self._client.log.info(
                "vendor_status: %s accepted as %s",
                self._name,
                message.request_id,
            )
        return []

    def _check_spoken(self, goes_on_at: int | None) -> None:
        """A session that ended without an error may yet have left words out."""
        ledger = self.ledger
        if goes_on_at is None:
            goes_on_at = ledger.script.word_count
        if not ledger.session_delivered_s:
            kind = ErrorKind.PROTOCOL
            what = "no audio came from {} for {} characters"
        elif not ledger.is_session_complete(goes_on_at):
            kind = ErrorKind.TRANSIENT
            what = "{} ended the speech {} characters early"
        else:
            return
        host = host_of(self._config.endpoint().url)
        left = len(ledger.undelivered_text())
        raise SynthesisError(what.format(host, left), kind)

    # ------------------------------------------------------------- a failure

    async def _recover(self, error: GradiumError) -> int:
        """Wait until it is worth trying again.

        Returns:
            The first word that the next session says.

        Raises:
            GradiumError: `error`; it is not worth trying again.
        """
        ledger, times = self.ledger, self.times
        step = self._recovery.step_after(
            Failure(
                error.kind,
                self._now(),
                ledger.next_word(),
                has_started=ledger.has_started,
                was_cut=ledger.session_delivered_s > 0,
                was_stale=times.is_warm and not times.ready_at,
            )
        )
        log = self._client.log
        if isinstance(step, GiveUp):
            log.error(
                "vendor_error: %s given up: %s; %s", self._name, error, step.why
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

    @property
    def _name(self) -> str:
        return f"request={self.ledger.request_id:.80}"

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _failure_of(task: asyncio.Task[None]) -> BaseException | None:
    if not task.done() or task.cancelled():
        return None
    return task.exception()
