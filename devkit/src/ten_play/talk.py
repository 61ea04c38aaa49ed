# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Who speaks: a text as it is, a language model, or a whole conversation.

One thing is said at a time; the next one interrupts it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from ten_agent.chat import Chat, ChatError
from ten_host.pace import written

from .relay import number_of
from .stage import Stage
from .texts import CONVERSATION, Turn

Json = dict[str, Any]

# Between the end of an answer and what the user says next.
THINKING_S = 0.7
# How long a page may take to tell what was heard of an answer that was cut.
TELLING_S = 1.0


@dataclass
class Heard:
    """How far the page is with an answer, as it tells.

    Attributes:
        played_s: how much of its sound was heard.
        is_over: whether nothing more of it will be heard.
    """

    request_id: str = ""
    played_s: float = 0.0
    is_over: bool = False


class Talk:
    """What is said on a stage.

    Args:
        chat: the language model, if there is one.
    """

    def __init__(self, stage: Stage, chat: Chat | None) -> None:
        self._stage = stage
        self._chat = chat
        self._saying: asyncio.Task[None] | None = None
        self._conversing: asyncio.Task[None] | None = None
        self._heard = self._heard_before = Heard(is_over=True)
        self._has_heard = asyncio.Event()
        self._flushes = 0

    async def say(self, text: str, tokens_per_s: float) -> None:
        """Say a text at the pace of a model."""
        self.stop_conversation()
        await self._begin(written(text, tokens_per_s))

    async def ask(self, text: str, tokens_per_s: float) -> None:
        """Let the agent answer."""
        self.stop_conversation()
        self._stage.tell({"type": "user", "text": text})
        await self._begin(self._answer(text, tokens_per_s))

    def converse(self, tokens_per_s: float) -> None:
        """Let the scripted conversation begin."""
        self.stop_conversation()
        self._conversing = self._stage.start(self._converse(tokens_per_s))

    def stop_conversation(self) -> None:
        """End the scripted conversation, but not what is being said."""
        if self._conversing:
            self._conversing.cancel()
            self._conversing = None

    async def interrupt(self) -> None:
        """Let the agent fall silent, the page too."""
        self._stage.tell({"type": "interrupted"})
        saying, self._saying = self._saying, None
        if saying:
            saying.cancel()
            await asyncio.wait({saying})
        self._flushes += 1
        await self._stage.flush(f"flush-{self._flushes}")

    def heard(
        self, request_id: str, played_s: float, is_over: bool, text: str
    ) -> None:
        """Learn from the page how far it is, and what was heard so far."""
        if is_over and self._chat:
            self._chat.correct(text, number_of(request_id))
        for one in (self._heard, self._heard_before):
            if one.request_id == request_id:
                one.played_s, one.is_over = played_s, is_over
        self._has_heard.set()

    # -------------------------------------------------------------- internal

    async def _begin(self, pieces: AsyncIterator[str]) -> None:
        """Say something new; what is being said is interrupted."""
        if self._saying and not self._heard.is_over:
            await self.interrupt()
        request_id = self._stage.begin()
        self._heard, self._heard_before = Heard(request_id), self._heard
        self._saying = self._stage.start(self._say(request_id, pieces))

    async def _say(self, request_id: str, pieces: AsyncIterator[str]) -> None:
        try:
            async for piece in pieces:
                await self._stage.write(request_id, piece, end=False)
        except ChatError as error:
            self._stage.tell({"type": "error", "text": str(error)})
        await self._stage.write(request_id, "", end=True)

    async def _answer(
        self, text: str, tokens_per_s: float
    ) -> AsyncIterator[str]:
        if self._chat is None:
            reply = f"You said: {text.rstrip('.?!')}. I am only a script."
            async for token in written(reply, tokens_per_s):
                yield token
            return
        await self._until_told(self._heard_before)
        turn_id = number_of(self._heard.request_id)
        async for token in self._chat.answer(text, turn_id):
            yield token

    async def _converse(self, tokens_per_s: float) -> None:
        for turn in CONVERSATION:
            await self._take_turn(turn, tokens_per_s)
            await self._until_heard(self._heard, turn.stays_for_s)
            if not turn.stays_for_s:
                await asyncio.sleep(THINKING_S)
        self._stage.tell({"type": "conversation", "is_over": True})

    async def _take_turn(self, turn: Turn, tokens_per_s: float) -> None:
        self._stage.tell({"type": "user", "text": turn.user})
        await self._begin(written(turn.reply, tokens_per_s))

    async def _until_told(self, answer: Heard) -> None:
        """The model is to know what was heard of what it said last."""
        telling = self._stage.start(self._until_heard(answer, 0.0))
        try:
            await asyncio.wait({telling}, timeout=TELLING_S)
        finally:
            telling.cancel()

    async def _until_heard(self, answer: Heard, enough_s: float) -> None:
        """Wait until so much of it was heard; at 0, until all was."""
        while not answer.is_over:
            if enough_s and answer.played_s >= enough_s:
                return
            self._has_heard.clear()
            await self._has_heard.wait()
