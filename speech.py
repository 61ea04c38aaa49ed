"""One request, spoken over as many sessions as it takes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .core.audio import to_pcm
from .core.errors import ErrorKind, GradiumError, SynthesisError
from .core.protocol import Audio, Event, Word
from .core.recovery import GiveUp, Retry, next_step
from .core.redact import host_of
from .core.request import Action, SpeechRequest
from .core.script import SessionBudget
from .core.text import TextAssembler, is_speakable
from .gradium_tts import GradiumTTSClient
from .wire.stream import SpeechStream, StreamTimes

# The vendor's tag that has everything so far spoken.
FLUSH = "<flush>"

Perform = Callable[[Action], Awaitable[None]]


# So often a session may cut the same words short before it is no use to
# start them once more.
_MOST_CUTS = 4


@dataclass
class _Failures:
    """The failures since a word was last heard.

    Attributes:
        word: the first word that has not been heard.
        since: when the first of them happened, on the loop's clock.
        last_at: when the last of them did.
        count: how many there were; one on a stale reserve does not count.
        cuts: how many of them cut audio short.
    """

    word: int | None = -1
    since: float = 0.0
    last_at: float = 0.0
    count: int = 0
    cuts: int = 0
    has_met_stale: bool = False


class Speech:
    """Carries a request's text to the vendor and its audio back.

    Where a session fails, the next one says what has not been heard yet:
    everything, while nothing was, and else from the first word that was cut.
    """

    def __init__(
        self,
        request: SpeechRequest,
        client: GradiumTTSClient,
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.request = request
        self.times = StreamTimes()
        self.sessions = 0
        self.characters_sent = 0
        self.characters_spoken = 0
        self._name = f"request={request.request_id:.80}"
        self._log = client.log
        self._client = client
        # The settings of its beginning, whatever changes meanwhile.
        self._config = client.config
        self._params = client.config.params
        self._jitter = jitter
        self._assembler = TextAssembler(
            allow_tags=self._params.allow_tags,
            clean_markdown=self._params.clean_markdown,
            clean_emoji=self._params.clean_emoji,
        )
        self._changed = asyncio.Event()
        # Where the next session goes on, once this one is ended for its size.
        self._next_word: int | None = None
        self._idle_timer: asyncio.TimerHandle | None = None

    def push_fragment(self, fragment: str) -> None:
        """Say this next; whole words leave as soon as a socket is there."""
        self._stop_idle_timer()
        self._push(self._assembler.push(fragment))
        self._start_idle_timer()

    def end_input(self) -> None:
        """Say that no more text comes."""
        self._stop_idle_timer()
        self._push(self._assembler.flush())
        self.request.end_input()
        self._changed.set()

    def _push(self, messages: list[str]) -> None:
        for message in messages:
            self.request.push_text(message)
        self._changed.set()

    def _start_idle_timer(self) -> None:
        if self._params.idle_flush_ms:
            self._idle_timer = asyncio.get_running_loop().call_later(
                self._params.idle_flush_ms / 1000, self._flush_idle
            )

    def _flush_idle(self) -> None:
        """Let the tail be spoken while the LLM thinks; once a silence.

        The vendor's flush never ends a request: only `end_of_stream` is known
        to lose nothing. Inside a word it waits for as long again: a word that
        has not gone on by then is whole.
        """
        is_cut_safe = self._assembler.is_cut_safe
        self._push(self._assembler.flush())
        if not is_cut_safe:
            self._start_idle_timer()
        elif self.request.text.messages:
            self._push([FLUSH])

    def _stop_idle_timer(self) -> None:
        if self._idle_timer:
            self._idle_timer.cancel()
            self._idle_timer = None

    def close(self) -> None:
        """Stop the clock, and account for what was held back.

        `run` does so itself.
        """
        self._stop_idle_timer()
        self._push(self._assembler.flush())

    async def run(self, perform: Perform) -> None:
        """Speak until all is heard; the caller ends the request.

        Cancelling is safe at any moment and does no network I/O.

        Args:
            perform: given each action in order; the next waits for it.

        Raises:
            GradiumError: what was not heard will not be.
        """
        failures = _Failures()
        try:
            while await self._has_more_to_say():
                try:
                    await self._run_session(perform)
                    if self._next_word is None:
                        return
                    await self._rotate(perform, self._next_word)
                except GradiumError as error:
                    await self._client.failed(error, self._config)
                    await asyncio.sleep(self._delay_after(error, failures))
        finally:
            self.close()

    async def _has_more_to_say(self) -> bool:
        """Wait for something to say, or for the end of input."""
        while not is_speakable(self.request.unspoken_text()):
            if self.request.text.is_ended:
                return False
            await self._wait_for_text()
        return True

    async def _run_session(self, perform: Perform) -> None:
        request = self.request
        for action in request.begin_session():
            await perform(action)
        self.sessions += 1
        self._next_word = None
        async with self._client.open_stream(self._config) as stream:
            self.times = stream.times
            self._log.info(
                "vendor_status: %s session %d on a socket %s",
                self._name,
                self.sessions,
                "opened ahead" if stream.times.is_warm else "of its own",
            )
            sender = asyncio.create_task(
                self._send_text(stream),
                name=f"gradium:{request.request_id:.64}:text",
            )
            # Whatever ends the sender must not leave the receiver waiting.
            sender.add_done_callback(
                lambda task: stream.abort() if _failure_of(task) else None
            )
            try:
                async for event in stream:
                    for action in self._account(event):
                        await perform(action)
            finally:
                sender.cancel()
                await asyncio.wait({sender})
                failure = _failure_of(sender)
                # The receiver tells best why a socket broke.
                if failure and not isinstance(failure, GradiumError):
                    raise failure
        self._check_spoken()

    async def _send_text(self, stream: SpeechStream) -> None:
        """Send what is to be said, as it comes, while the session lasts."""
        text = self.request.text
        params = self._params
        budget = SessionBudget(params.session_max_s, params.session_max_chars)
        index, offset = text.locate(self.request.words_heard() or 0)
        while True:
            while index < len(text.messages):
                rest = text.messages[index][offset:].lstrip()
                offset = len(text.messages[index]) - len(rest)
                room = budget.room_for(rest, stream.age_s)
                message = rest[:room].rstrip()
                if message:
                    self.characters_sent += len(message)
                    budget.use(message)
                    self._log.debug(
                        "send_text_to_tts_server: %s characters=%d text=%r",
                        self._name,
                        len(message),
                        message,
                    )
                    await stream.send_text(message)
                if room < len(rest):
                    self._next_word = text.words_before(index, offset + room)
                    self.request.rotate_input()
                    await stream.end_input()
                    return
                index, offset = index + 1, 0
            if text.is_ended:
                await stream.end_input()
                return
            await self._wait_for_text()

    async def _rotate(self, perform: Perform, next_word: int) -> None:
        """Go on in a new session where this one was ended."""
        for action in self.request.complete_session(next_word):
            await perform(action)

    async def _wait_for_text(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _account(self, event: Event) -> list[Action]:
        if isinstance(event, Audio):
            self._log.debug(
                "receive_audio: %s bytes=%d", self._name, len(event.chunk)
            )
            pcm = to_pcm(event.chunk, self._params.output_format)
            return self.request.audio_received(pcm, self._now())
        if isinstance(event, Word):
            self.characters_spoken += len(event.text)
            self._log.debug("receive_words: %s %s", self._name, event)
            return self.request.word_received(event)
        return []

    def _check_spoken(self) -> None:
        """A success without any audio is none."""
        if not self.request.session_heard_s:
            host = host_of(self._config.endpoint().url)
            left = len(self.request.unspoken_text())
            raise SynthesisError(
                f"no audio came from {host} for {left} characters",
                ErrorKind.PROTOCOL,
            )

    def _delay_after(self, error: GradiumError, failures: _Failures) -> float:
        """Give the seconds until the next attempt; raises the last error."""
        step = self._next_step(error, failures)
        if isinstance(step, GiveUp):
            self._log.error(
                "vendor_error: %s given up: %s; %s", self._name, error, step.why
            )
            raise error
        self._log.warning(
            "vendor_error: %s retry in %.2f s: %s",
            self._name,
            step.delay_s,
            error,
        )
        return step.delay_s

    def _next_step(
        self, error: GradiumError, failures: _Failures
    ) -> Retry | GiveUp:
        self._count(failures)
        if self.request.has_started and not self._params.resume:
            return GiveUp("it is not to be resumed")
        if failures.cuts == _MOST_CUTS:
            return GiveUp("the same words were cut again and again")
        return next_step(
            error.kind,
            # Words that are heard again and again are worse than a pause.
            attempt=failures.count + 2 * max(0, failures.cuts - 1),
            failing_for_s=failures.last_at - failures.since,
            deadline_s=self._params.retry_deadline_s,
            is_position_known=failures.word is not None,
            jitter=self._jitter(),
        )

    def _count(self, failures: _Failures) -> None:
        now, heard = self._now(), self.request.words_heard()
        # A session that held longer than this was waiting for the agent.
        params = self._params
        patience_s = (
            params.retry_deadline_s
            + params.connect_timeout_s
            + self._config.ready_timeout_s
            + params.audio_timeout_s
        )
        if failures.word != heard or now > failures.last_at + patience_s:
            failures.word, failures.since = heard, now
            failures.count = failures.cuts = 0
        failures.last_at = now
        # A socket that died in reserve is nothing to wait for, once.
        was_reserve = self.times.is_warm and not self.times.ready_at
        failures.count += 0 if was_reserve and not failures.has_met_stale else 1
        failures.has_met_stale |= was_reserve
        failures.cuts += bool(self.request.session_heard_s)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _failure_of(task: asyncio.Task[None]) -> BaseException | None:
    if not task.done() or task.cancelled():
        return None
    return task.exception()
