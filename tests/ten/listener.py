# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A tester that says what a test has it say, and writes down what comes."""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ten_runtime import (
    AsyncExtensionTester,
    AsyncTenEnvTester,
    AudioFrame,
    Cmd,
    Data,
    StatusCode,
    TenError,
    TenErrorCode,
)

ADDON = "gradium_tts_python"

FRAME = "pcm_frame"
START = "tts_audio_start"
END = "tts_audio_end"
FLUSH_END = "tts_flush_end"
TEXT_RESULT = "tts_text_result"
STATUS = "connection_status_changed"
METRICS = "metrics"
HEARD = "tts_heard"
ERROR = "error"

COMPLETE, INTERRUPTED, FAILED = 1, 2, 3
FATAL, NON_FATAL = -1000, 1000

LIMIT_S = 30.0


@dataclass(frozen=True)
class Message:
    """A message that came.

    Attributes:
        fields: its properties; of a frame those are its metadata.
        pcm: of a frame, its samples.
    """

    name: str
    fields: Mapping[str, Any]
    pcm: bytes = field(default=b"", repr=False)
    sample_rate_hz: int = 0
    timestamp_ms: int = 0


Script = Callable[["Listener"], Awaitable[None]]
# Makes the properties of a node: `properties({"voice_id": "…"}, dump=True)`.
Properties = Callable[..., dict[str, Any]]


class Listener(AsyncExtensionTester):
    """Plays a script, and ends the run with it.

    Attributes:
        messages: what came until then, in order.
    """

    def __init__(self, script: Script) -> None:
        super().__init__()
        self.messages: list[Message] = []
        self._script = script
        self._task: asyncio.Task[None] | None = None
        self._has_come = asyncio.Event()
        self._is_over = False
        self._env: AsyncTenEnvTester

    # ------------------------------------------------------------- for scripts

    async def say(
        self,
        request_id: str,
        text: str,
        *,
        is_end: bool = False,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Send a `tts_text_input`."""
        fields: dict[str, Any] = {
            "request_id": request_id,
            "text": text,
            "text_input_end": is_end,
        }
        if metadata is not None:
            fields["metadata"] = metadata
        await self._send("tts_text_input", fields)

    async def flush(self, flush_id: str = "flush") -> None:
        """Send a `tts_flush` and wait for its answer."""
        await self._send("tts_flush", {"flush_id": flush_id})
        await self.until(FLUSH_END, flush_id=flush_id)

    async def command(self, name: str, **fields: Any) -> StatusCode:
        """Send a command and give the status of its result."""
        cmd = Cmd.create(name)
        cmd.set_property_from_json(None, json.dumps(fields))
        result, error = await self._env.send_cmd(cmd)
        assert error is None and result is not None, error
        return result.get_status_code()

    async def until(self, name: str, count: int = 1, **fields: Any) -> None:
        """Wait for messages of this name and with these fields."""
        while len(self.named(name, **fields)) < count:
            await self._has_come.wait()
            self._has_come.clear()

    async def _send(self, name: str, fields: Mapping[str, Any]) -> None:
        data = Data.create(name)
        data.set_property_from_json(None, json.dumps(fields))
        error = await self._env.send_data(data)
        assert error is None, error

    # -------------------------------------------------- looking at what came

    def named(self, name: str, **fields: Any) -> list[Message]:
        """List the messages of this name and with these fields."""
        return [
            message
            for message in self.messages
            if message.name == name
            and fields.items() <= dict(message.fields).items()
        ]

    def one(self, name: str, **fields: Any) -> Mapping[str, Any]:
        """Give the fields of the only message of this name."""
        (message,) = self.named(name, **fields)
        return message.fields

    def story(self, *left_out: str) -> list[str]:
        """Names in the order received, rows of frames as one.

        Metrics, connection states and what was heard, which comes when the
        audio has been played, are told only by tests of them.
        """
        names: list[str] = []
        for message in self.messages:
            is_next_frame = message.name == FRAME and names[-1:] == [FRAME]
            is_told = message.name not in (METRICS, STATUS, HEARD, *left_out)
            if is_told and not is_next_frame:
                names.append(message.name)
        return names

    def pcm(self, request_id: str) -> bytes:
        """Give the samples between start and end of a request."""
        active, pcm = "", bytearray()
        for message in self.messages:
            if message.name == START:
                active = message.fields["request_id"]
            elif message.name == END:
                active = ""
            elif message.name == FRAME and active == request_id:
                pcm += message.pcm
        return bytes(pcm)

    # ------------------------------------------------------- called by TEN

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        self._env = ten_env_tester
        self._task = asyncio.create_task(self._play())

    async def _play(self) -> None:
        error = None
        try:
            await self._script(self)
        except Exception:
            generic = TenErrorCode.ErrorCodeGeneric
            error = TenError.create(generic, traceback.format_exc())
        self._is_over = True
        self._env.stop_test(error)

    async def on_data(
        self, ten_env_tester: AsyncTenEnvTester, data: Data
    ) -> None:
        text, _ = data.get_property_to_json("")
        self._came(Message(data.get_name(), json.loads(text)))

    async def on_audio_frame(
        self, ten_env_tester: AsyncTenEnvTester, audio_frame: AudioFrame
    ) -> None:
        text, _ = audio_frame.get_property_to_json("metadata")
        self._came(
            Message(
                audio_frame.get_name(),
                json.loads(text) if text else {},
                bytes(audio_frame.get_buf()),
                audio_frame.get_sample_rate(),
                audio_frame.get_timestamp(),
            )
        )

    def _came(self, message: Message) -> None:
        # What comes while everything stops differs from run to run.
        if not self._is_over:
            self.messages.append(message)
            self._has_come.set()


def play(
    properties: Mapping[str, Any], script: Script, *, addon: str = ADDON
) -> Listener:
    """Run the extension with these properties until the script ends.

    Returns:
        The listener, to be asked for what came.

    Raises:
        AssertionError: the run failed: the script did, the extension could
            not start, or it took longer than 30 s.
    """
    listener = Listener(script)
    listener.set_test_mode_single(addon, json.dumps(properties))
    listener.set_timeout(int(LIMIT_S * 1_000_000))
    error = listener.run()
    assert error is None, f"{error.error_message()} {listener.story()}"
    return listener
