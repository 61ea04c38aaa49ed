# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The control: drives the TTS the way TEN's main control does.

Every partial result of more than two characters flushes the TTS, also when it
is silent; a reply goes out cut at each mark, under an id made of the turn's
number, and is closed by a message without text; the greeting has an id that
recurs whenever the user joins.

What TEN's main control does not do: it tells the LLM what was heard of its
replies, and asks it only once that is known, when the flush is over.
"""

from __future__ import annotations

import itertools
from typing import Any

from ten_runtime import (
    Addon,
    AsyncExtension,
    AsyncTenEnv,
    Cmd,
    CmdResult,
    Data,
    StatusCode,
    TenEnv,
    register_addon_as_extension,
)

from .messages import fields_of, properties_of, send

_MARKS = frozenset(",.?!:，。？！：")
_SHORTEST_PARTIAL = 3


class ControlExtension(AsyncExtension):
    """Turns what the user says into requests of the LLM and the TTS."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._greeting = ""
        self._turn_id = 0
        self._fragment = ""
        # The request whose text has begun.
        self._begun = ""
        self._flushes = itertools.count(1)
        self._flush_id = ""
        # What the user said, until the LLM may be asked.
        self._question = ""

    async def on_init(self, ten_env: AsyncTenEnv) -> None:
        self._greeting = (await properties_of(ten_env)).get("greeting", "")

    async def on_cmd(self, ten_env: AsyncTenEnv, cmd: Cmd) -> None:
        if cmd.get_name() == "on_user_joined" and self._greeting:
            self._begun = ""
            await self._speak(ten_env, 0, self._greeting, is_end=True)
        await ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))

    async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
        fields = fields_of(data)
        if data.get_name() == "asr_result":
            await self._heard(ten_env, fields["text"], fields["final"])
        elif data.get_name() == "llm_text":
            await self._written(ten_env, fields)
        elif data.get_name() == "tts_heard":
            await send(
                ten_env,
                "llm_heard",
                turn_id=fields["metadata"]["turn_id"],
                heard_text=fields["heard_text"],
            )
        elif data.get_name() == "tts_flush_end":
            await self._flushed(ten_env, fields["flush_id"])

    async def _heard(
        self, ten_env: AsyncTenEnv, text: str, is_final: bool
    ) -> None:
        if is_final:
            self._turn_id += 1
            await send(ten_env, "user_said", text=text)
            # With what has not been asked yet.
            self._question = f"{self._question} {text}".strip()
        if is_final or len(text) >= _SHORTEST_PARTIAL:
            await self._interrupt(ten_env)

    async def _interrupt(self, ten_env: AsyncTenEnv) -> None:
        self._fragment = ""
        await send(ten_env, "llm_abort")
        self._flush_id = f"flush-{next(self._flushes)}"
        await send(ten_env, "interrupted", flush_id=self._flush_id)
        await send(ten_env, "tts_flush", to="tts", flush_id=self._flush_id)

    async def _flushed(self, ten_env: AsyncTenEnv, flush_id: str) -> None:
        """Ask the LLM: it knows by now what was heard of its last reply."""
        question = self._question
        if question and flush_id == self._flush_id:
            self._question = ""
            await send(
                ten_env, "llm_request", turn_id=self._turn_id, text=question
            )

    async def _written(
        self, ten_env: AsyncTenEnv, fields: dict[str, Any]
    ) -> None:
        if fields["turn_id"] != self._turn_id:
            return  # of a turn that was interrupted
        for character in fields["text"]:
            self._fragment += character
            if character in _MARKS:
                await self._say_fragment(ten_env)
        if fields["is_end"]:
            if self._fragment.strip():
                await self._say_fragment(ten_env)
            await self._speak(ten_env, self._turn_id, "", is_end=True)

    async def _say_fragment(self, ten_env: AsyncTenEnv) -> None:
        fragment, self._fragment = self._fragment, ""
        await self._speak(ten_env, self._turn_id, fragment, is_end=False)

    async def _speak(
        self, ten_env: AsyncTenEnv, turn_id: int, text: str, *, is_end: bool
    ) -> None:
        request_id = f"tts-request-{turn_id}"
        is_first, self._begun = self._begun != request_id, request_id
        await send(
            ten_env,
            "said",
            request_id=request_id,
            text=text,
            is_first=is_first,
        )
        await send(
            ten_env,
            "tts_text_input",
            to="tts",
            request_id=request_id,
            text=text,
            text_input_end=is_end,
            metadata={"session_id": "local", "turn_id": turn_id},
        )


@register_addon_as_extension("agent_control")
class ControlAddon(Addon):
    """Creates the control."""

    def on_create_instance(
        self, ten_env: TenEnv, name: str, context: Any
    ) -> None:
        ten_env.on_create_instance_done(ControlExtension(name), context)
