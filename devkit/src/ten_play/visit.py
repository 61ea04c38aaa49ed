# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""One page that is open: what it asks for, and what it is told."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import WSMsgType, web

from ten_agent.chat import Chat

from .line import Line
from .stage import Stage
from .talk import Talk

Json = dict[str, Any]

# Of one message; a long text is some 100 kB.
MOST_BYTES = 2**20

LONGEST_TEXT = 100_000
MOST_TOKENS_PER_S = 500.0
LONGEST_ROUND_TRIP_S = 2.0


class Visit:
    """Serves one page for as long as its socket is open.

    Args:
        line: to the vendor; running.
        chat: the language model, if there is one.
        starting: see `Stage`.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        line: Line,
        chat: Chat | None,
        starting: asyncio.Lock,
    ) -> None:
        self._socket = socket
        self._line = line
        self._chat = chat
        self._starting = starting
        self._outgoing: asyncio.Queue[Json | bytes] = asyncio.Queue()

    async def run(self, greeting: Json) -> None:
        """Serve it; returns when the page is gone."""
        put = self._outgoing.put_nowait
        async with Stage(self._line, put, put, self._starting) as stage:
            talk = Talk(stage, self._chat)
            sender = asyncio.create_task(self._send())
            try:
                settings = stage.settings.property_tree()
                put(
                    {
                        "type": "hello",
                        "settings": settings,
                        "troubles": stage.mischief.choice(),
                        **greeting,
                    }
                )
                await self._receive(Requests(stage, talk))
            finally:
                sender.cancel()
                await asyncio.wait({sender})

    async def _send(self) -> None:
        while True:
            message = await self._outgoing.get()
            try:
                if isinstance(message, bytes):
                    await self._socket.send_bytes(message)
                else:
                    await self._socket.send_str(json.dumps(message))
            except ConnectionError:  # the page left; the receiver knows
                return

    async def _receive(self, requests: Requests) -> None:
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                await requests.take(json.loads(message.data))
            except (KeyError, TypeError, ValueError) as error:
                problem = f"not understood: {error}"
                self._outgoing.put_nowait({"type": "error", "text": problem})


class Requests:
    """What a page may ask for; each method is one type of message."""

    def __init__(self, stage: Stage, talk: Talk) -> None:
        self._stage = stage
        self._talk = talk
        self._by_type: dict[str, Callable[[Json], Awaitable[None]]] = {
            "say": self._say,
            "ask": self._ask,
            "converse": self._converse,
            "interrupt": self._interrupt,
            "heard": self._heard,
            "silent": self._silent,
            "settings": self._settings,
            "round_trip": self._round_trip,
            "trouble": self._trouble,
            "clock": self._clock,
        }

    async def take(self, message: Json) -> None:
        """Do what a message asks for.

        Raises:
            KeyError, TypeError, ValueError: it is not understood.
        """
        await self._by_type[message["type"]](message)

    async def _say(self, message: Json) -> None:
        await self._talk.say(_text(message), _rate(message))

    async def _ask(self, message: Json) -> None:
        await self._talk.ask(_text(message), _rate(message))

    async def _converse(self, message: Json) -> None:
        self._talk.converse(_rate(message))

    async def _interrupt(self, message: Json) -> None:
        self._talk.stop_conversation()
        await self._talk.interrupt()

    async def _heard(self, message: Json) -> None:
        self._note(message, "played")

    async def _silent(self, message: Json) -> None:
        self._note(message, "silent", after_ms=float(message["after_ms"]))

    def _note(self, message: Json, what: str, **more: Any) -> None:
        request_id = str(message["request_id"])
        played_s = float(message["played_s"])
        is_over = bool(message["is_over"])
        at_s = float(message["at_s"])
        self._talk.heard(
            request_id, played_s, is_over, str(message.get("text", ""))
        )
        self._stage.note(
            {
                "t": round(at_s, 6),
                "page": what,
                "request_id": request_id,
                "played_s": round(played_s, 4),
                **more,
            }
        )

    async def _settings(self, message: Json) -> None:
        changes = message["changes"]
        if not isinstance(changes, dict):
            raise ValueError("changes are no object")
        await self._stage.update(changes)

    async def _round_trip(self, message: Json) -> None:
        rtt_s = float(message["ms"]) / 1000
        if not 0.0 <= rtt_s <= LONGEST_ROUND_TRIP_S:
            raise ValueError(f"a round trip of {rtt_s} s")
        self._stage.line.set_round_trip(rtt_s)

    async def _trouble(self, message: Json) -> None:
        # Some of it takes a while; the page can be used meanwhile.
        self._stage.start(self._stage.mischief.make(str(message["name"])))

    async def _clock(self, message: Json) -> None:
        self._stage.tell(
            {
                "type": "clock",
                "page_ms": float(message["page_ms"]),
                "server_s": time.monotonic(),
            }
        )


def _text(message: Json) -> str:
    text = str(message["text"]).strip()
    if not text or len(text) > LONGEST_TEXT:
        raise ValueError(f"a text of {len(text)} characters")
    return text


def _rate(message: Json) -> float:
    rate = float(message["tokens_per_s"])
    if not 0.0 <= rate <= MOST_TOKENS_PER_S:
        raise ValueError(f"{rate} tokens a second")
    return rate
