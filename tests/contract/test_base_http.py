# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""§3.11: the base class for vendors that answer one request per text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from contract_kit import Message, Ten, Wire, tapped

from ten_ai_base.struct import TTS2HttpResponseEventType as Kind
from ten_ai_base.tts2_http import (
    AsyncTTS2HttpClient,
    AsyncTTS2HttpConfig,
    AsyncTTS2HttpExtension,
)
from ten_runtime import AsyncTenEnv

# The shapes of its configuration and client are not part of the contract.
pytestmark = pytest.mark.stand_in


class Config(AsyncTTS2HttpConfig):
    def validate_params(self) -> None:
        if "api_key" not in self.params:
            raise ValueError("api_key is missing")


class Client(AsyncTTS2HttpClient):
    """Speaks 3200 bytes per text; two texts name errors."""

    async def get(
        self, text: str, request_id: str
    ) -> AsyncIterator[tuple[bytes | None, Kind]]:
        if text == "bad key":
            yield b"wrong key", Kind.INVALID_KEY_ERROR
        elif text == "fail":
            yield b"overloaded", Kind.ERROR
        else:
            yield bytes(3200), Kind.RESPONSE
            yield None, Kind.END

    async def cancel(self) -> None:
        pass

    async def clean(self) -> None:
        pass


class Http(AsyncTTS2HttpExtension):
    async def create_config(self, config_json_str: str) -> Config:
        return Config.model_validate_json(config_json_str)

    async def create_client(
        self, config: AsyncTTS2HttpConfig, ten_env: AsyncTenEnv
    ) -> Client:
        return Client()

    def vendor(self) -> str:
        return "acme"

    def synthesize_audio_sample_rate(self) -> int:
        return 16000


NODE = {"params": {"api_key": "k"}}


def speak(ten: Ten, text: str, **node: Any) -> list[Message]:
    async def script(wire: Wire) -> None:
        await wire.text("r", text, end=True)
        await wire.next("tts_audio_end")

    return ten.play(Http, script, node={**NODE, **node})


def test_a_request_is_told_from_its_first_byte_to_its_end(ten: Ten) -> None:
    log = speak(ten, "hello")

    assert [seen.name for seen in log] == [
        "metrics",
        "tts_audio_start",
        "pcm_frame",
        "metrics",
        "tts_audio_end",
    ]
    assert log[4].fields["request_total_audio_duration_ms"] == 100
    assert log[4].fields["reason"] == 1


@pytest.mark.parametrize(("text", "code"), [("bad key", -1000), ("fail", 1000)])
def test_an_error_of_the_vendor_comes_before_the_end(
    ten: Ten, text: str, code: int
) -> None:
    log = speak(ten, text)

    names = [seen.name for seen in log]
    assert names.index("error") < names.index("tts_audio_end")
    assert log[names.index("error")].fields["code"] == code


def test_a_bad_configuration_is_a_fatal_error_without_request(
    ten: Ten,
) -> None:
    async def script(wire: Wire) -> None:
        error = await wire.next("error")
        assert error.fields["code"] == -1000
        assert error.fields["id"] == ""

    ten.play(Http, script, node={})


def test_a_dump_holds_what_was_sent(ten: Ten, tmp_path: Path) -> None:
    speak(ten, "hello", dump=True, dump_path=str(tmp_path))

    assert (tmp_path / "acme_dump_r.pcm").read_bytes() == bytes(3200)


def test_a_client_that_is_absent_is_made_at_the_next_request(
    ten: Ten,
) -> None:
    made: list[Client] = []

    class Stubborn(Http):
        async def create_client(
            self, config: AsyncTTS2HttpConfig, ten_env: AsyncTenEnv
        ) -> Client:
            made.append(Client())
            if len(made) == 1:
                raise ConnectionError("not now")
            return made[-1]

    async def script(wire: Wire) -> None:
        await wire.next("error")
        await wire.text("r", "hello", end=True)
        end = await wire.next("tts_audio_end")
        assert end.fields["reason"] == 1
        await wire.text("r2", "again", end=True)
        await wire.next("tts_audio_end")

    ten.play(Stubborn, script, node=NODE)

    assert len(made) == 2


def test_a_request_that_had_to_wait_never_ends(ten: Ten) -> None:
    sent: list[Message] = []

    async def script(wire: Wire) -> None:
        await wire.text("a", "one")
        await wire.text("b", "two", end=True)
        await wire.text("a", "three", end=True)
        await wire.next("tts_audio_end")
        await wire.next("tts_audio_start")
        await wire.cmd("sync")

    ten.play(tapped(Http, sent), script, node=NODE)

    ended = [
        (seen.fields["request_id"], seen.fields["reason"])
        for seen in sent
        if seen.name == "tts_audio_end"
    ]
    # The second end is the stop's.
    assert ended == [("a", 1), ("b", 2)]
