# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""One session of a request, and a second one beside it where it is late."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from types import TracebackType

from ..core.errors import GradiumError
from ..core.protocol import Audio, ServerMessage
from ..core.script import FLUSH, SessionText
from .inbox import Inbox
from .owner import Left
from .stream import Stream


class Lane:
    """A stream, with the text that goes out on it in a task of its own."""

    def __init__(
        self,
        name: str,
        stream: Stream,
        text: SessionText,
        inbox: Inbox,
        sent: Callable[[str], None],
    ) -> None:
        """Make a lane; entering it connects.

        Args:
            name: the request's id, for its tasks and the log.
            text: what its session is given.
            inbox: tells when there is more of it.
            sent: told of each text, before it leaves.
        """
        self.name = name
        self.stream = stream
        self.text = text
        self._inbox = inbox
        self._sent = sent
        self._tell_full: Callable[[], None] | None = None
        self._sender: asyncio.Task[None] | None = None
        # What was received before anybody asked for it.
        self._early: list[ServerMessage] = []

    async def __aenter__(self) -> Lane:
        """Connect and begin to send; a lane that is entered stays so.

        Raises:
            GradiumError: no session can be begun.
        """
        if self._sender is None:
            await self.stream.begin(self._first_text)
            self._sender = asyncio.create_task(
                self._send(), name=f"gradium:{self.name:.64}:text"
            )
            # Whatever ends the sender must not leave the receiver waiting.
            self._sender.add_done_callback(self._sender_ended)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the session; never waits for the peer.

        Raises:
            Exception: a bug that ended the sender.
        """
        bug = None
        if self._sender:
            self._sender.cancel()
            await asyncio.wait({self._sender})
            failure = _failure_of(self._sender)
            # The receiver tells best why a socket broke.
            if failure and not isinstance(failure, GradiumError):
                bug = exc = failure
        await self.stream.__aexit__(type(exc) if exc else None, exc, traceback)
        if bug:
            raise bug

    def __aiter__(self) -> Lane:
        return self

    async def __anext__(self) -> ServerMessage:
        """Wait for what the server says; see `Stream.__anext__`."""
        if self._early:
            return self._early.pop(0)
        return await self.stream.__anext__()

    async def listen(self) -> bool:
        """Wait until it speaks; false where it ends without a sound."""
        async for message in self.stream:
            self._early.append(message)
            if isinstance(message, Audio):
                return True
        return False

    def when_full(self, tell: Callable[[], None]) -> None:
        """Have it told that more text comes, though not in this session."""
        self._tell_full = tell

    def _first_text(self) -> str | None:
        """Take what leaves with the setup, if there is any text yet."""
        message = self.text.take(0.0)
        # There is nothing yet that a flush could have spoken.
        if message is None or message is FLUSH:
            return None
        self._sent(message)
        return message

    async def _send(self) -> None:
        """Send what is to be said, as it comes, while the session lasts."""
        stream, text = self.stream, self.text
        while True:
            while (message := text.take(stream.age_s)) is not None:
                if message is FLUSH:
                    await stream.flush()
                else:
                    self._sent(message)
                    await stream.send_text(message)
            if text.goes_on_at is not None and self._tell_full:
                self._tell_full()
            if text.is_over:
                break
            await self._inbox.wait_for_news()
        if text.is_untouched:
            # What was held back is not to be heard; an end without any text
            # is not known to be answered.
            stream.abort(Left())
        else:
            await stream.end_input()

    def _sender_ended(self, sender: asyncio.Task[None]) -> None:
        if _failure_of(sender):
            self.stream.abort()


class Rival:
    """A second lane beside one that is late; the first to speak goes on."""

    def __init__(
        self, lane: Lane, first_word: int, late: Lane, log: logging.Logger
    ) -> None:
        """Begin to open it.

        Args:
            first_word: where it begins in the script.
            late: is cut once this one speaks.
        """
        self.first_word = first_word
        self._lane = lane
        self._late = late
        self._log = log
        self._task = asyncio.create_task(
            self._challenge(), name=f"gradium:{lane.name:.64}:rival"
        )

    async def outcome(self) -> Lane | None:
        """Return the lane once it speaks; `None` where it fails.

        Cancelling is safe; the rival is to be closed all the same.
        """
        await asyncio.wait({self._task})
        return self._lane if self._task.result() else None

    async def aclose(self) -> None:
        """Leave the lane, which is not wanted any more."""
        self._task.cancel()
        await asyncio.wait({self._task})
        left = Left()
        await self._lane.__aexit__(type(left), left, None)

    async def _challenge(self) -> bool:
        lane = self._lane
        try:
            await lane.__aenter__()
            has_spoken = await lane.listen()
        except GradiumError as error:
            await lane.__aexit__(type(error), error, error.__traceback__)
            self._log.warning(
                "vendor_error: request=%.80s its second session failed: %s",
                lane.name,
                error,
            )
            return False
        if has_spoken:
            self._late.stream.abort(Left())
        return has_spoken


def _failure_of(task: asyncio.Task[None]) -> BaseException | None:
    if not task.done() or task.cancelled():
        return None
    return task.exception()
