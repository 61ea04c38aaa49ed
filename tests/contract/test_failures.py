# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""§1.9 and the leak detector: what ends the process on TEN fails the run."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from contract_kit import Echo, Ten, Wire, nothing

from ten_runtime import (
    AsyncExtension,
    AsyncTenEnv,
    Cmd,
    Data,
    Extension,
    ExtensionTester,
    TenEnv,
    TenEnvTester,
)

pytestmark = pytest.mark.stand_in

CALLBACKS = ["on_configure", "on_init", "on_start", "on_stop", "on_deinit"]


def boom(*_args: Any) -> None:
    raise RuntimeError("boom")


async def async_boom(*_args: Any) -> None:
    raise RuntimeError("boom")


@pytest.mark.parametrize("callback", CALLBACKS)
@pytest.mark.parametrize("kind", [Extension, AsyncExtension])
def test_a_stage_that_raises_fails_the_run_with_its_traceback(
    ten: Ten, callback: str, kind: type
) -> None:
    body = boom if kind is Extension else async_boom
    extension = type("Failing", (kind,), {callback: body})

    error = ten.run(extension, nothing)

    assert error is not None and error.error_code() == 1
    assert "RuntimeError: boom" in error.error_message()
    assert "Traceback" in error.error_message()


@pytest.mark.parametrize("kind", [Extension, AsyncExtension])
def test_a_handler_that_raises_fails_the_run(ten: Ten, kind: type) -> None:
    body = boom if kind is Extension else async_boom
    extension = type("Failing", (kind,), {"on_data": body})

    async def script(wire: Wire) -> None:
        await wire.send("d")
        await asyncio.sleep(5)

    error = ten.run(extension, script)

    assert error is not None
    assert "on_data" in error.error_message()
    assert "RuntimeError: boom" in error.error_message()


def test_a_cancellation_that_escapes_a_handler_fails_the_run(
    ten: Ten,
) -> None:
    class Failing(AsyncExtension):
        async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
            raise asyncio.CancelledError

    async def script(wire: Wire) -> None:
        await wire.send("d")
        await asyncio.sleep(5)

    error = ten.run(Failing, script)

    assert error is not None
    assert "CancelledError" in error.error_message()


def test_a_failed_assertion_in_a_tester_fails_the_run(ten: Ten) -> None:
    class Tester(ExtensionTester):
        def on_start(self, ten_env_tester: TenEnvTester) -> None:
            ten_env_tester.on_start_done()
            raise AssertionError("not as expected")

    tester = Tester()
    tester.set_test_mode_single(ten.register(Echo))

    error = tester.run()

    assert error is not None
    assert "not as expected" in error.error_message()


def test_a_handler_that_does_not_end_fails_the_run(ten: Ten) -> None:
    class Hanging(AsyncExtension):
        async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
            await ten_env.send_data(data.clone())
            await asyncio.Event().wait()

    async def script(wire: Wire) -> None:
        await wire.send("d")
        await wire.next("d")

    error = ten.run(Hanging, script)

    assert error is not None
    assert "on_data was still running" in error.error_message()


def test_an_own_task_that_raises_does_not_fail_the_run(ten: Ten) -> None:
    class Careless(AsyncExtension):
        async def on_start(self, ten_env: AsyncTenEnv) -> None:
            task = asyncio.create_task(async_boom())
            await asyncio.wait([task])
            assert task.exception() is not None

    ten.play(Careless, nothing)


def test_an_unknown_addon_fails_the_run(ten: Ten) -> None:
    from contract_kit import ScriptTester

    tester = ScriptTester(nothing)
    tester.set_test_mode_single("there_is_no_such_addon")

    error = tester.run()

    assert error is not None
    assert "there_is_no_such_addon" in error.error_message()


def test_an_instance_that_is_no_extension_fails_the_run(ten: Ten) -> None:
    error = ten.run(lambda name: object(), nothing)

    assert error is not None
    assert "not an extension" in error.error_message()


def test_a_stage_that_does_not_end_is_named(
    ten: Ten, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ten_runtime._host import graph_run

    monkeypatch.setattr(graph_run, "GRACE_S", 0.1)

    class Hanging(AsyncExtension):
        async def on_stop(self, ten_env: AsyncTenEnv) -> None:
            await asyncio.Event().wait()

    error = ten.run(Hanging, nothing, limit_s=0.2)

    assert error is not None
    assert error.error_code() == 8
    from ten_runtime.run_report import last_run

    assert "does not come out of on_stop" in last_run().failures[0]


def test_a_root_that_is_no_object_is_refused_loudly() -> None:
    with pytest.raises(ValueError, match="TEN aborts"):
        Data.create("d").set_property_from_json(None, "[1]")


# -- what is left behind -----------------------------------------------------


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def leaks() -> list[str]:
    from ten_runtime.run_report import last_run

    return [str(leak) for leak in last_run().leaks]


def test_a_task_that_is_left_is_named(ten: Ten) -> None:
    class Leaky(AsyncExtension):
        async def on_start(self, ten_env: AsyncTenEnv) -> None:
            waiting = asyncio.Event().wait()
            self.task = asyncio.create_task(waiting, name="my task")

    ten.play(Leaky, nothing)

    assert len(leaks()) == 1
    assert "left a task behind: my task" in leaks()[0]


def test_a_socket_that_is_left_is_named(
    ten: Ten, server: socket.socket
) -> None:
    address = server.getsockname()
    kept = []

    class Leaky(AsyncExtension):
        async def on_start(self, ten_env: AsyncTenEnv) -> None:
            kept.append(socket.create_connection(address))

    ten.play(Leaky, nothing)

    assert len(leaks()) == 1
    assert "left a socket behind" in leaks()[0]
    assert str(address[1]) in leaks()[0]
    kept[0].close()


def test_a_file_that_is_left_is_named(ten: Ten, tmp_path: Path) -> None:
    file = tmp_path / "dump.pcm"
    kept: list[Any] = []

    class Leaky(AsyncExtension):
        async def on_start(self, ten_env: AsyncTenEnv) -> None:
            kept.append(await asyncio.to_thread(file.open, "wb"))

    ten.play(Leaky, nothing)

    assert len(leaks()) == 1
    assert f"left a file behind: {file}" in leaks()[0]
    kept[0].close()


def test_what_is_cleaned_up_is_no_leak(
    ten: Ten, server: socket.socket, tmp_path: Path
) -> None:
    address = server.getsockname()

    class Clean(AsyncExtension):
        async def on_start(self, ten_env: AsyncTenEnv) -> None:
            self.task = asyncio.create_task(asyncio.Event().wait())
            connection = await asyncio.open_connection(*address[:2])
            self.writer = connection[1]
            self.file = (tmp_path / "f").open("wb")

        async def on_stop(self, ten_env: AsyncTenEnv) -> None:
            self.task.cancel()
            self.writer.transport.abort()
            self.file.close()

    ten.play(Clean, nothing)

    assert leaks() == []


def test_a_run_can_be_made_to_fail_on_leaks(
    ten: Ten, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEN_HOST_STRICT", "leaks")

    class Leaky(AsyncExtension):
        async def on_start(self, ten_env: AsyncTenEnv) -> None:
            self.task = asyncio.create_task(asyncio.Event().wait())

    error = ten.run(Leaky, nothing)

    assert error is not None
    assert "left a task behind" in error.error_message()


def test_refused_messages_and_unanswered_commands_are_reported(
    ten: Ten,
) -> None:
    from ten_runtime.run_report import last_run

    class Silent(Extension):
        def on_cmd(self, ten_env: TenEnv, cmd: Cmd) -> None:
            ten_env.send_data(cmd_data())
            tester.env.stop_test()

    def cmd_data() -> Data:
        data = Data.create("m")
        data.set_property_string("i", "no")
        return data

    class Tester(ExtensionTester):
        def on_start(self, ten_env_tester: TenEnvTester) -> None:
            self.env = ten_env_tester
            ten_env_tester.send_cmd(Cmd.create("c"))
            ten_env_tester.on_start_done()

    types = {"i": {"type": "int64"}}
    declared = [{"name": "m", "property": {"properties": types}}]
    tester = Tester()
    tester.set_test_mode_single(
        ten.register(Silent, api={"data_out": declared})
    )

    assert tester.run() is None
    assert "i is string, not int64" in last_run().refused[0]
    assert "c from" in last_run().unanswered[0]


def test_a_run_can_be_made_to_raise(
    ten: Ten, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEN_HOST_STRICT", "raise")
    extension = type("Failing", (AsyncExtension,), {"on_start": async_boom})

    with pytest.raises(RuntimeError, match="boom"):
        ten.run(extension, nothing)
