# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""§1.2 and §1.5: what sending means, order, windows, commands."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any

import pytest
from contract_kit import Echo, Message, Ten, Wire, nothing

from ten_runtime import (
    AsyncExtension,
    AsyncTenEnv,
    AudioFrame,
    Cmd,
    CmdResult,
    Data,
    Extension,
    ExtensionTester,
    Loc,
    SendOptions,
    StatusCode,
    TenEnv,
    TenEnvTester,
    TenError,
)


def pcm_frame(pcm: bytes) -> AudioFrame:
    frame = AudioFrame.create("pcm_frame")
    frame.alloc_buf(len(pcm))
    view = frame.lock_buf()
    view[:] = pcm
    frame.unlock_buf(view)
    return frame


class Burst(AsyncExtension):
    """Answers `go` with data, frames and data again."""

    async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
        for index in range(20):
            await ten_env.send_data(Data.create(f"d{index}"))
            await ten_env.send_audio_frame(pcm_frame(b"%02d" % index))
        await ten_env.send_data(Data.create("last"))


def test_messages_arrive_in_the_order_sent_across_kinds(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.send("go")
        await wire.next("last")

    log = ten.play(Burst, script)

    expected: list[Any] = []
    for index in range(20):
        expected += [f"d{index}", b"%02d" % index]
    assert [m.pcm or m.name for m in log] == [*expected, "last"]


def test_results_keep_their_place_among_data(ten: Ten) -> None:
    class Answerer(AsyncExtension):
        async def on_cmd(self, ten_env: AsyncTenEnv, cmd: Cmd) -> None:
            await ten_env.send_data(Data.create("before"))
            result = CmdResult.create(StatusCode.OK, cmd)
            await ten_env.return_result(result)
            await ten_env.send_data(Data.create("after"))

    order = []

    class Tester(ExtensionTester):
        def on_start(self, ten_env_tester: TenEnvTester) -> None:
            def handler(env: Any, result: Any, error: Any) -> None:
                order.append("result")

            ten_env_tester.send_cmd(Cmd.create("c"), handler)
            ten_env_tester.on_start_done()

        def on_data(self, ten_env_tester: TenEnvTester, data: Data) -> None:
            order.append(data.get_name())
            if data.get_name() == "after":
                ten_env_tester.stop_test()

    tester = Tester()
    tester.set_test_mode_single(ten.register(Answerer))

    assert tester.run() is None
    assert order == ["before", "result", "after"]


def test_a_send_does_not_yield_to_the_loop(ten: Ten) -> None:
    ran: list[str] = []

    class Sender(AsyncExtension):
        async def on_start(self, ten_env: AsyncTenEnv) -> None:
            other = asyncio.create_task(self._other())
            for _ in range(50):
                await ten_env.send_data(Data.create("d"))
                await ten_env.send_audio_frame(pcm_frame(b"x"))
            ran.append("sent")
            await other

        async def _other(self) -> None:
            ran.append("other")

    ten.play(Sender, nothing)

    assert ran == ["sent", "other"]


def test_a_handler_that_awaits_lets_the_next_one_run(ten: Ten) -> None:
    class Slow(AsyncExtension):
        def __init__(self, name: str) -> None:
            super().__init__(name)
            self.second = asyncio.Event()

        async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
            if data.get_name() == "first":
                await self.second.wait()
            self.second.set()
            await ten_env.send_data(data.clone())

    async def script(wire: Wire) -> None:
        await wire.send("first")
        await wire.send("second")
        await wire.next("first")

    log = ten.play(Slow, script)

    assert [seen.name for seen in log] == ["second", "first"]


def test_sync_handlers_run_one_at_a_time_to_completion(ten: Ten) -> None:
    class Slow(Extension):
        def on_data(self, ten_env: TenEnv, data: Data) -> None:
            ten_env.send_data(Data.create("in"))
            time.sleep(0.01)
            ten_env.send_data(Data.create("out"))

    async def script(wire: Wire) -> None:
        await wire.send("a")
        await wire.send("b")
        for _ in range(4):
            await wire.next()

    log = ten.play(Slow, script)

    assert [seen.name for seen in log] == ["in", "out", "in", "out"]


def test_a_sent_message_is_invalidated(ten: Ten) -> None:
    texts = []

    async def script(wire: Wire) -> None:
        data = Data.create("d")
        await wire.env.send_data(data)
        with pytest.raises(ValueError) as raised:
            data.get_property_string("x")
        texts.append(str(raised.value))

    ten.play(Echo, script)

    assert texts == ["Msg is invalidated."]


def test_frames_arrive_with_all_their_numbers(ten: Ten) -> None:
    class Sender(AsyncExtension):
        async def on_start(self, ten_env: AsyncTenEnv) -> None:
            frame = pcm_frame(b"\1\2\3\4")
            frame.set_sample_rate(22050)
            frame.set_samples_per_channel(2)
            frame.set_timestamp(123)
            frame.set_property_from_json("metadata", '{"turn_id": 7}')
            await ten_env.send_audio_frame(frame)

    async def script(wire: Wire) -> None:
        await wire.next("pcm_frame")

    (frame,) = ten.play(Sender, script)

    assert frame == Message(
        "pcm_frame",
        {"metadata": {"turn_id": 7}},
        is_frame=True,
        pcm=b"\1\2\3\4",
        sample_rate_hz=22050,
        samples=2,
        timestamp_ms=123,
    )


def test_explicit_destinations_are_harmless_in_single_mode(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        data = Data.create("d")
        data.set_dests([Loc("", "", "tts")])
        await wire.env.send_data(data)
        await wire.next("d")

    ten.play(Echo, script)


def test_undeclared_names_pass(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.send("connection_status_changed", current="connected")
        seen = await wire.next("connection_status_changed")
        assert seen.fields == {"current": "connected"}

    ten.play(Echo, script)


def test_what_on_init_sends_reaches_the_tester(ten: Ten) -> None:
    class Early(AsyncExtension):
        async def on_init(self, ten_env: AsyncTenEnv) -> None:
            for name in ("one", "two"):
                await ten_env.send_data(Data.create(name))

    async def script(wire: Wire) -> None:
        await wire.next("two")

    log = ten.play(Early, script)

    assert [seen.name for seen in log] == ["one", "two"]


def test_messages_wait_in_order_for_the_end_of_on_init(ten: Ten) -> None:
    events: list[str] = []

    class Late(AsyncExtension):
        async def on_init(self, ten_env: AsyncTenEnv) -> None:
            await asyncio.sleep(0.05)
            events.append("init")

        async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
            events.append(data.get_name())
            await ten_env.send_data(data.clone())

    async def script(wire: Wire) -> None:
        await wire.send("a")
        await wire.send("b")
        await wire.next("b")

    ten.play(Late, script)

    assert events == ["init", "a", "b"]


def test_messages_do_not_wait_for_the_end_of_on_start(ten: Ten) -> None:
    class Starting(AsyncExtension):
        def __init__(self, name: str) -> None:
            super().__init__(name)
            self.has_data = asyncio.Event()

        async def on_start(self, ten_env: AsyncTenEnv) -> None:
            await asyncio.wait_for(self.has_data.wait(), 20)

        async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
            self.has_data.set()
            await ten_env.send_data(data.clone())

    async def script(wire: Wire) -> None:
        await wire.send("d")
        await wire.next("d")

    ten.play(Starting, script)


def test_a_command_is_answered_with_status_and_properties(ten: Ten) -> None:
    class Adder(AsyncExtension):
        async def on_cmd(self, ten_env: AsyncTenEnv, cmd: Cmd) -> None:
            value, _ = cmd.get_property_int("x")
            result = CmdResult.create(StatusCode.ERROR, cmd)
            result.set_property_int("y", value + 1)
            await ten_env.return_result(result)

    async def script(wire: Wire) -> None:
        assert await wire.cmd("add", x=1) == (StatusCode.ERROR, {"y": 2})

    ten.play(Adder, script)


class Streamer(AsyncExtension):
    """Answers with two partial results and a final one."""

    async def on_cmd(self, ten_env: AsyncTenEnv, cmd: Cmd) -> None:
        for index in range(3):
            result = CmdResult.create(StatusCode.OK, cmd)
            result.set_property_int("i", index)
            result.set_final(index == 2)
            await ten_env.return_result(result)


def test_send_cmd_waits_for_the_final_result(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        assert await wire.cmd("c") == (StatusCode.OK, {"i": 2})

    ten.play(Streamer, script)


def test_send_cmd_ex_gives_every_result_and_ends(ten: Ten) -> None:
    got = []

    async def script(wire: Wire) -> None:
        async for result, error in wire.env.send_cmd_ex(Cmd.create("c")):
            assert result is not None and error is None
            value, _ = result.get_property_int("i")
            got.append((value, result.is_completed()))

    ten.play(Streamer, script)

    assert got == [(0, False), (1, False), (2, True)]


def test_an_extension_can_command_the_tester(ten: Ten) -> None:
    answers: list[StatusCode] = []

    class Asker(Extension):
        def on_start(self, ten_env: TenEnv) -> None:
            def handler(
                env: TenEnv, result: CmdResult | None, error: TenError | None
            ) -> None:
                assert result is not None
                answers.append(result.get_status_code())
                env.send_data(Data.create("answered"))

            ten_env.send_cmd(Cmd.create("ask"), handler)
            ten_env.on_start_done()

    class Tester(ExtensionTester):
        def on_cmd(self, ten_env_tester: TenEnvTester, cmd: Cmd) -> None:
            result = CmdResult.create(StatusCode.OK, cmd)
            ten_env_tester.return_result(result)

        def on_data(self, ten_env_tester: TenEnvTester, data: Data) -> None:
            ten_env_tester.stop_test()

    tester = Tester()
    tester.set_test_mode_single(ten.register(Asker))

    assert tester.run() is None
    assert answers == [StatusCode.OK]


def test_a_send_with_a_handler_reports_to_it(ten: Ten) -> None:
    reports: list[TenError | None] = []

    class Sender(Extension):
        def on_start(self, ten_env: TenEnv) -> None:
            def handler(env: TenEnv, error: TenError | None) -> None:
                reports.append(error)
                env.on_start_done()

            assert ten_env.send_data(Data.create("d"), handler) is None

    async def script(wire: Wire) -> None:
        await wire.next("d")

    ten.play(Sender, script)

    assert reports == [None]


def test_waiting_for_the_result_of_a_send_gives_none_on_success(
    ten: Ten,
) -> None:
    async def script(wire: Wire) -> None:
        options = SendOptions(wait_for_result=True)
        assert await wire.env.send_data(Data.create("d"), options) is None

    ten.play(Echo, script)


def test_environment_calls_from_other_threads_are_legal(ten: Ten) -> None:
    class Threaded(AsyncExtension):
        async def on_start(self, ten_env: AsyncTenEnv) -> None:
            def work() -> None:
                async def send() -> None:
                    await ten_env.send_data(Data.create("from_thread"))

                asyncio.run(send())

            thread = threading.Thread(target=work)
            thread.start()
            await asyncio.to_thread(thread.join)

    async def script(wire: Wire) -> None:
        await wire.next("from_thread")

    ten.play(Threaded, script)


def test_after_the_end_every_call_gives_code_6(ten: Ten) -> None:
    envs: list[AsyncTenEnv] = []

    class Keeper(AsyncExtension):
        async def on_deinit(self, ten_env: AsyncTenEnv) -> None:
            envs.append(ten_env)

    ten.play(Keeper, nothing)

    async def late() -> list[TenError | None]:
        (env,) = envs
        return [
            await env.send_data(Data.create("d")),
            (await env.get_property_int("x"))[1],
            await env.set_property_int("x", 1),
            (await env.send_cmd(Cmd.create("c")))[1],
        ]

    errors = asyncio.run(late())
    assert [error and error.error_code() for error in errors] == [6] * 4


def test_extensions_read_their_property_by_type(ten: Ten) -> None:
    answers: dict[str, Any] = {}

    class Reader(AsyncExtension):
        async def on_init(self, ten_env: AsyncTenEnv) -> None:
            answers["int"] = await ten_env.get_property_int("i")
            answers["float"] = await ten_env.get_property_float("f")
            answers["bool"] = await ten_env.get_property_bool("p.b")
            answers["string"] = await ten_env.get_property_string("s")
            answers["exists"] = await ten_env.is_property_exist("s")
            answers["absent"] = await ten_env.is_property_exist("t")
            text, _ = await ten_env.get_property_to_json("")
            answers["all"] = json.loads(text)

    node = {"i": 1, "f": 1.5, "p": {"b": True}, "s": "x"}
    ten.play(Reader, nothing, node=node)

    assert answers["int"] == (1, None)
    assert answers["float"] == (1.5, None)
    assert answers["bool"] == (True, None)
    assert answers["string"] == ("x", None)
    assert answers["exists"][0] is True
    assert answers["absent"][0] is False
    assert answers["all"] == node


def test_extensions_set_their_property(ten: Ten) -> None:
    got: list[Any] = []

    class Writer(AsyncExtension):
        async def on_init(self, ten_env: AsyncTenEnv) -> None:
            await ten_env.set_property_string("a.b", "x")
            await ten_env.set_property_from_json("c", "[1, 2]")
            got.append(await ten_env.get_property_to_json("a"))
            got.append(await ten_env.get_property_int("c[1]"))

    ten.play(Writer, nothing)

    assert json.loads(got[0][0]) == {"b": "x"}
    assert got[1] == (2, None)


@pytest.mark.parametrize("level", ["debug", "info", "warn", "error"])
def test_logging_takes_category_and_fields(ten: Ten, level: str) -> None:
    results: list[Any] = []

    class Logger(AsyncExtension):
        async def on_init(self, ten_env: AsyncTenEnv) -> None:
            log = getattr(ten_env, f"log_{level}")
            results.append(log("plain"))
            results.append(log("key", category="key_point", fields={"a": 1}))
            results.append(log("bad", fields={"a": object()}))
            with pytest.raises(ValueError):
                log(5)

    ten.play(Logger, nothing)

    assert results == [None, None, None]


def test_testers_have_no_property_calls() -> None:
    from ten_runtime import AsyncTenEnvTester

    for env in (TenEnvTester, AsyncTenEnvTester):
        assert not hasattr(env, "get_property_int")
        assert not hasattr(env, "set_property_from_json")
