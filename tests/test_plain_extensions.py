# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Plain extensions of both kinds, in packages of their own, in one graph.

A telephone: `ear` counts what it hears and asks `book` who calls; `book`, a
synchronous one, answers; `mouth` turns the answer into sound.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ten_host.messages import Collector, Message
from ten_host.package import make_importable
from ten_runtime import (
    AsyncTenEnvTester,
    AudioFrame,
    TenError,
)

EAR = """
import json

from ten_runtime import (
    Addon, AsyncExtension, Cmd, Data, register_addon_as_extension
)

class Ear(AsyncExtension):
    async def on_init(self, ten_env):
        self.samples = 0

    async def on_audio_frame(self, ten_env, frame):
        self.samples += frame.get_samples_per_channel()
        if not frame.is_eof():
            return
        cmd = Cmd.create("who")
        cmd.set_property_int("number", self.samples)
        result, error = await ten_env.send_cmd(cmd)
        assert error is None, error
        name, _ = result.get_property_string("name")
        data = Data.create("caller")
        data.set_property_from_json(None, json.dumps({"name": name}))
        await ten_env.send_data(data)

@register_addon_as_extension("plain_ear")
class EarAddon(Addon):
    def on_create_instance(self, ten_env, name, context):
        ten_env.on_create_instance_done(Ear(name), context)
"""
BOOK = """
from ten_runtime import (
    Addon, CmdResult, Extension, StatusCode, register_addon_as_extension
)

class Book(Extension):
    def on_start(self, ten_env):
        self.greeting, _ = ten_env.get_property_string("greeting")
        ten_env.on_start_done()

    def on_cmd(self, ten_env, cmd):
        number, _ = cmd.get_property_int("number")
        result = CmdResult.create(StatusCode.OK, cmd)
        result.set_property_string("name", f"{self.greeting} {number}")
        ten_env.return_result(result)

@register_addon_as_extension("plain_book")
class BookAddon(Addon):
    def on_create_instance(self, ten_env, name, context):
        ten_env.on_create_instance_done(Book(name), context)
"""
MOUTH = """
from ten_runtime import (
    Addon, AsyncExtension, AudioFrame, register_addon_as_extension
)

class Mouth(AsyncExtension):
    async def on_data(self, ten_env, data):
        name, _ = data.get_property_string("name")
        frame = AudioFrame.create("pcm_frame")
        frame.set_sample_rate(8000)
        frame.set_bytes_per_sample(2)
        frame.set_number_of_channels(1)
        frame.set_samples_per_channel(len(name))
        frame.alloc_buf(2 * len(name))
        view = frame.lock_buf()
        view[:] = name.encode("utf-16-le")
        frame.unlock_buf(view)
        await ten_env.send_audio_frame(frame)

@register_addon_as_extension("plain_mouth")
class MouthAddon(Addon):
    def on_create_instance(self, ten_env, name, context):
        ten_env.on_create_instance_done(Mouth(name), context)
"""
CODE = {"plain_ear": EAR, "plain_book": BOOK, "plain_mouth": MOUTH}


@pytest.fixture
def packages(tmp_path: Path) -> Iterator[None]:
    """The three packages, in folders that are called otherwise."""
    finders = list(sys.meta_path)
    for name, code in CODE.items():
        folder = tmp_path / f"checkout-of-{name}"
        folder.mkdir()
        (folder / "__init__.py").write_text(code)
        manifest = {
            "type": "extension",
            "name": name,
            "version": "0.1.0",
            "dependencies": [],
        }
        (folder / "manifest.json").write_text(json.dumps(manifest))
        make_importable(folder)
    (tmp_path / "checkout-of-plain_book" / "property.json").write_text(
        '{"greeting": "nobody"}'
    )
    yield
    sys.meta_path[:] = finders
    for name in CODE:
        sys.modules.pop(name, None)


def node(name: str, addon: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "extension",
        "name": name,
        "addon": addon,
        "property": properties,
    }


def link(sender: str, kind: str, name: str, receiver: str) -> dict[str, Any]:
    flow = {"name": name, "dest": [{"extension": receiver}]}
    return {"extension": sender, kind: [flow]}


GRAPH = {
    "nodes": [
        {"type": "extension", "name": "line", "addon": "ten:test_extension"},
        node("ear", "plain_ear"),
        node("book", "plain_book", greeting="Number"),
        node("mouth", "plain_mouth"),
    ],
    "connections": [
        link("line", "audio_frame", "voice", "ear"),
        link("ear", "cmd", "who", "book"),
        link("ear", "data", "caller", "mouth"),
        link("mouth", "audio_frame", "pcm_frame", "line"),
    ],
}


class Line(Collector):
    """Sends a few frames, and waits for the sound that answers."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Message] = []

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        for n in range(3):
            frame = AudioFrame.create("voice")
            frame.set_samples_per_channel(100 + n)
            frame.set_eof(n == 2)
            await ten_env_tester.send_audio_frame(frame)
            await asyncio.sleep(0)

    async def came(self, env: AsyncTenEnvTester, message: Message) -> None:
        self.heard.append(message)
        env.stop_test()


@pytest.mark.stand_in
def test_extensions_of_both_kinds_talk_in_one_graph(packages: None) -> None:
    line = Line()
    line.set_test_mode_graph(json.dumps(GRAPH))
    line.set_timeout(20_000_000)

    error: TenError | None = line.run()

    assert error is None, error.error_message()
    (frame,) = line.heard
    assert frame.pcm.decode("utf-16-le") == "Number 303"
    assert (frame.samples, frame.sample_rate_hz) == (10, 8000)
