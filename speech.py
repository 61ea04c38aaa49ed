"""One request, spoken over as many sessions as it takes."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .gradium_tts import (
    GradiumError,
    GradiumTTSClient,
    SpeechStream,
    StreamTimes,
    SynthesisError,
)
from .protocol import Audio, ErrorKind, Event, Word
from .request import Action, GiveUp, SpeechRequest, next_step
from .text import is_speakable

Perform = Callable[[Action], Awaitable[None]]


@dataclass
class _Failures:
    """The failures since audio last came."""

    since: float = 0.0
    count: int = 0


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
        self._client = client
        self._params = client.config.params
        self._jitter = jitter
        self._changed = asyncio.Event()

    def push_text(self, message: str) -> None:
        """Say this next; it leaves as soon as a socket is there."""
        self.request.push_text(message, self._now())
        self._changed.set()

    def end_input(self) -> None:
        """Say that no more text comes."""
        self.request.end_input()
        self._changed.set()

    async def run(self, perform: Perform) -> None:
        """Speak until all is heard; the caller ends the request.

        Cancelling is safe at any moment and does no network I/O.

        Args:
            perform: given each action in order; the next waits for it.

        Raises:
            GradiumError: what was not heard will not be.
        """
        failures = _Failures()
        while await self._has_more_to_say():
            try:
                await self._run_session(perform, failures)
                return
            except GradiumError as error:
                await asyncio.sleep(self._delay_after(error, failures))

    async def _has_more_to_say(self) -> bool:
        """Wait for something to say, or for the end of input."""
        while not is_speakable(self.request.unspoken_text()):
            if self.request.text.is_ended:
                return False
            await self._wait_for_text()
        return True

    async def _run_session(
        self, perform: Perform, failures: _Failures
    ) -> None:
        request = self.request
        for action in request.begin_session():
            await perform(action)
        self.sessions += 1
        async with self._client.open_stream() as stream:
            self.times = stream.times
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
                    for action in self._account(event, failures):
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
        """Send what is to be said, as it comes, up to the end of input."""
        text = self.request.text
        index, offset = text.locate(self.request.words_heard() or 0)
        while True:
            while index < len(text.messages):
                message = text.messages[index][offset:].strip()
                index, offset = index + 1, 0
                self.characters_sent += len(message)
                await stream.send_text(message)
            if text.is_ended:
                await stream.end_input()
                return
            await self._wait_for_text()

    async def _wait_for_text(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _account(self, event: Event, failures: _Failures) -> list[Action]:
        if isinstance(event, Audio):
            actions = self.request.audio_received(event.chunk, self._now())
            if actions:
                failures.count = 0
            return actions
        if isinstance(event, Word):
            self.characters_spoken += len(event.text)
            return self.request.word_received(event)
        return []

    def _check_spoken(self) -> None:
        """A success without any audio is none."""
        if not self.request.session_heard_s:
            raise SynthesisError(
                f"no audio came for {self.request.text.characters} characters",
                ErrorKind.PROTOCOL,
            )

    def _delay_after(self, error: GradiumError, failures: _Failures) -> float:
        """Give the seconds until the next attempt; raises the last error."""
        now = self._now()
        if not failures.count:
            failures.since = now
        failures.count += 1
        if error.kind is ErrorKind.CAPACITY:
            self._client.drop_warm()
        may_go_on = self._params.resume or not self.request.has_started
        step = next_step(
            error.kind,
            attempt=failures.count,
            failing_for_s=now - failures.since,
            deadline_s=self._params.retry_deadline_s,
            is_position_known=(
                may_go_on and self.request.words_heard() is not None
            ),
            jitter=self._jitter(),
        )
        log = self._client.log
        if isinstance(step, GiveUp):
            log.error("given up: %s; %s", error, step.why)
            raise error
        log.warning("retry in %.2f s: %s", step.delay_s, error)
        return step.delay_s

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _failure_of(task: asyncio.Task[None]) -> BaseException | None:
    if not task.done() or task.cancelled():
        return None
    return task.exception()
