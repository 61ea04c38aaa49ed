# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What the contract tests share: a tester that runs scripts, and extensions.

Everything here uses the public names of `ten_runtime` and `ten_ai_base`, so
that the tests run on TEN's own packages too when those stand on PYTHONPATH.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import subprocess
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from ten_ai_base.message import TTSAudioEndReason
from ten_ai_base.struct import TTSTextInput
from ten_ai_base.tts2 import AsyncTTS2BaseExtension
from ten_host.messages import Collector, Message, message_of_data
from ten_runtime import (
    Addon,
    AsyncExtension,
    AsyncTenEnv,
    AsyncTenEnvTester,
    Cmd,
    CmdResult,
    Data,
    StatusCode,
    TenEnv,
    TenError,
    register_addon_as_extension,
)

WAIT_S = 20.0
_numbers = itertools.count()

# Set once the instance of an add-on is through its `on_start`.
_started: dict[str, threading.Event] = {}


class Wire:
    """The tester's end: sends, and receives in order.

    Its scripts run on the tester's own loop, with its environment, and the
    result of the run is the test's to judge: what is tested here is the
    runtime, which `ExtensionHost` hides.
    """

    def __init__(self) -> None:
        self.env: AsyncTenEnvTester
        self.log: list[Message] = []
        self.addons: list[str] = []
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()

    async def started(self) -> None:
        """Wait for the end of every extension's `on_start`.

        Who is stopped before never sees its `on_init`.
        """
        for addon in self.addons:
            while not _started[addon].is_set():  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    async def send(self, name: str, **properties: Any) -> None:
        data = Data.create(name)
        data.set_property_from_json(None, json.dumps(properties))
        assert await self.env.send_data(data) is None

    async def text(
        self, request_id: str, text: str, end: bool = False, **more: Any
    ) -> None:
        await self.send(
            "tts_text_input",
            request_id=request_id,
            text=text,
            text_input_end=end,
            **more,
        )

    async def cmd(
        self, name: str, **properties: Any
    ) -> tuple[StatusCode, dict[str, Any]]:
        cmd = Cmd.create(name)
        cmd.set_property_from_json(None, json.dumps(properties))
        answer = self.env.send_cmd(cmd)
        result, error = await asyncio.wait_for(answer, WAIT_S)
        assert error is None and result is not None, str(error)
        text, _ = result.get_property_to_json("")
        return result.get_status_code(), json.loads(text)

    async def state(self) -> dict[str, Any]:
        """What a `ScriptedTTS` knows about itself."""
        return (await self.cmd("state"))[1]

    async def do(self, request_id: str, actions: str) -> None:
        """Let a `ScriptedTTS` act outside of its `request_tts`."""
        await self.cmd("do", request_id=request_id, actions=actions)

    async def next(self, name: str | None = None) -> Message:
        """The next message, or the next of that name."""
        while True:
            seen = await asyncio.wait_for(self._inbox.get(), WAIT_S)
            if name in (None, seen.name):
                return seen

    async def seen_texts(self, count: int) -> list[str]:
        """The texts of the next calls of `request_tts`."""
        return [(await self.next("seen")).fields["text"] for _ in range(count)]

    def names(self) -> list[str]:
        return [seen.name for seen in self.log]

    def received(self, message: Message) -> None:
        self.log.append(message)
        self._inbox.put_nowait(message)


Script = Callable[[Wire], Awaitable[None]]


class ScriptTester(Collector):
    """Runs a script as a task, so that a failing run can end around it."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self.wire = Wire()
        self._script = script
        self._task: asyncio.Task[None] | None = None

    def set_test_mode_single(self, addon_name: str, *property: Any) -> None:
        self._expect(addon_name)
        super().set_test_mode_single(addon_name, *property)

    def set_test_mode_graph(self, graph_json: str) -> None:
        with contextlib.suppress(ValueError, LookupError, TypeError):
            for node in json.loads(graph_json)["nodes"]:
                self._expect(node["addon"])
        super().set_test_mode_graph(graph_json)

    def _expect(self, addon: str) -> None:
        if addon in _started:
            _started[addon].clear()
            self.wire.addons.append(addon)

    async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
        self.wire.env = ten_env_tester
        self._task = asyncio.create_task(self._play(ten_env_tester))

    async def _play(self, env: AsyncTenEnvTester) -> None:
        try:
            await self._script(self.wire)
            # TEN bears few stops before an `on_init` in a process.
            await self.wire.started()
        except Exception:
            env.stop_test(TenError.create(1, traceback.format_exc()))
        else:
            env.stop_test()

    async def came(self, env: AsyncTenEnvTester, message: Message) -> None:
        self.wire.received(message)


class Ten:
    """Registers extensions and runs scripts on them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.tester: ScriptTester | None = None

    def register(
        self,
        extension: Callable[[str], Any],
        *,
        api: Mapping[str, Any] | None = None,
        package: Mapping[str, Any] | None = None,
    ) -> str:
        """An add-on in a folder of its own; gives its name."""
        name = f"contract_{next(_numbers)}"
        folder = self._folder / name
        folder.mkdir()
        manifest = {
            "type": "extension",
            "name": name,
            "version": "0.1.0",
            "dependencies": [],
            "api": api or {},
        }
        (folder / "manifest.json").write_text(json.dumps(manifest))
        (folder / "property.json").write_text(json.dumps(package or {}))

        started = _started[name] = threading.Event()

        @register_addon_as_extension(name, str(folder / "addon.py"))
        class ContractAddon(Addon):
            def on_create_instance(
                self, ten_env: TenEnv, name: str, context: Any
            ) -> None:
                instance = extension(name)
                _tell_when_started(instance, started)
                ten_env.on_create_instance_done(instance, context)

        return name

    def run(
        self,
        extension: Callable[[str], Any],
        script: Script,
        *,
        node: Mapping[str, Any] | None = None,
        limit_s: float = 10.0,
        **registration: Any,
    ) -> TenError | None:
        """Run a script in single mode and give the run's result."""
        name = self.register(extension, **registration)
        self.tester = ScriptTester(script)
        self.tester.set_test_mode_single(name, json.dumps(node or {}))
        self.tester.set_timeout(int(limit_s * 1e6))
        return self.tester.run()

    def play(
        self, extension: Callable[[str], Any], script: Script, **options: Any
    ) -> list[Message]:
        """Run a script that has to succeed; gives what the tester saw."""
        error = self.run(extension, script, **options)
        assert error is None, error.error_message()
        assert self.tester is not None
        return self.tester.wire.log


def _tell_when_started(instance: Any, started: threading.Event) -> None:
    """Put something behind the `on_start` of an extension."""
    on_start = getattr(instance, "on_start", None)
    if on_start is None:
        return  # a test of what is no extension

    async def start_async(env: Any) -> None:
        await on_start(env)
        started.set()

    def start(env: Any) -> None:
        on_start(env)
        started.set()

    is_async = isinstance(instance, AsyncExtension)
    instance.on_start = start_async if is_async else start


async def nothing(wire: Wire) -> None:
    """The script that does nothing; the stop follows the start."""


def wait_until_started(addon: str) -> None:
    """Wait for the `on_start` of an add-on's instance, on this thread."""
    assert _started[addon].wait(WAIT_S)


class Tap:
    """An environment that notes what is sent through it.

    What an extension sends from its `on_stop` is seen by nobody else.
    """

    def __init__(self, env: AsyncTenEnv, sent: list[Message]) -> None:
        self._env = env
        self._sent = sent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._env, name)

    async def send_data(self, data: Data, *rest: Any) -> Any:
        self._sent.append(message_of_data(data, 0.0))
        return await self._env.send_data(data, *rest)


def tapped(kind: type[Any], sent: list[Message]) -> type[Any]:
    """An extension of the base whose data are noted in `sent`."""

    class Tapped(kind):  # type: ignore[misc,valid-type,unused-ignore]
        async def on_init(self, ten_env: AsyncTenEnv) -> None:
            await super().on_init(ten_env)
            self.ten_env = Tap(ten_env, sent)

    return Tapped


class Echo(AsyncExtension):
    """Sends every data message back under its name; answers commands."""

    async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
        copy = Data.create(data.get_name())
        copy.set_property_from_json(None, data.get_property_to_json("")[0])
        await ten_env.send_data(copy)

    async def on_cmd(self, ten_env: AsyncTenEnv, cmd: Cmd) -> None:
        await ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))


class ScriptedTTS(AsyncTTS2BaseExtension):
    """Its texts say what it does: `start audio end finish` and so on.

    Before that, every call of `request_tts` is told as data `seen`.
    """

    rate = 16000
    cancels = "end_interrupted"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.gate = asyncio.Event()

    def vendor(self) -> str:
        return "acme"

    def synthesize_audio_sample_rate(self) -> int:
        return self.rate

    async def request_tts(self, t: TTSTextInput) -> None:
        await self._tell(
            "seen", text=t.text, id=t.request_id, end=t.text_input_end
        )
        await self.act(t.request_id, t.text)

    async def cancel_tts(self) -> None:
        await self._tell("cancel", id=self._processing_request_id)
        await self.act(self._processing_request_id or "", self.cancels)

    async def update_configs(self, configs: dict[str, Any]) -> None:
        if "url" in configs:
            raise ValueError(f"no such url: {configs['url']}")
        await self._tell("configs", configs=configs)

    async def on_cmd(self, ten_env: AsyncTenEnv, cmd: Cmd) -> None:
        if cmd.get_name() not in ("do", "state"):
            await super().on_cmd(ten_env, cmd)
            return
        if cmd.get_name() == "do":
            request_id, _ = cmd.get_property_string("request_id")
            actions, _ = cmd.get_property_string("actions")
            await self.act(request_id, actions)
        result = CmdResult.create(StatusCode.OK, cmd)
        result.set_property_from_json(
            None,
            json.dumps(
                {
                    "states": {
                        request_id: state.name
                        for request_id, state in self.request_states.items()
                    },
                    "metadatas": self.metadatas,
                    "processing": self._processing_request_id or "",
                    "leftover": len(self.leftover_bytes),
                }
            ),
        )
        await ten_env.return_result(result)

    async def act(self, request_id: str, actions: str) -> None:
        for action in actions.split():
            await self._one(request_id, action)

    async def _one(self, request_id: str, action: str) -> None:
        if action == "start":
            await self.send_tts_audio_start(request_id)
        elif action == "audio":
            await self.send_tts_audio_data(bytes(3200), 1700000000000)
        elif action == "odd":
            await self.send_tts_audio_data(b"\x01\x02\x03")
        elif action == "byte":
            await self.send_tts_audio_data(b"\x04")
        elif action == "end":
            await self.send_tts_audio_end(request_id, 5, 100)
        elif action == "end_interrupted":
            reason = TTSAudioEndReason.INTERRUPTED
            await self.send_tts_audio_end(request_id, 5, 100, reason=reason)
        elif action == "finish":
            await self.finish_request(request_id)
        elif action == "wait":
            await self.gate.wait()
        elif action == "open":
            self.gate.set()
        elif action == "raise":
            raise RuntimeError("as the script says")
        elif action == "cancelled":
            raise asyncio.CancelledError

    async def _tell(self, name: str, **properties: Any) -> None:
        data = Data.create(name)
        data.set_property_from_json(None, json.dumps(properties))
        await self.ten_env.send_data(data)


def threads() -> set[threading.Thread]:
    """This process's threads, but those that Python did not make."""
    return {
        thread
        for thread in threading.enumerate()
        if not thread.name.startswith("Dummy-")
    }


def python(code: str, cwd: Path) -> str:
    """Run code in a process of its own; gives what it printed."""
    done = process(code, cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def process(code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, whatever its end."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=240,
    )
