# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""§1.7 and §1.8: stages, the end, threads and loops."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from typing import Any

import pytest
from contract_kit import (
    Echo,
    ScriptTester,
    Ten,
    Wire,
    nothing,
    threads,
    wait_until_started,
)

from ten_host.testing.log import TenLog
from ten_runtime import (
    AsyncExtension,
    AsyncExtensionTester,
    AsyncTenEnv,
    AsyncTenEnvTester,
    Cmd,
    Data,
    Extension,
    ExtensionTester,
    StatusCode,
    TenEnv,
    TenEnvTester,
    TenError,
    TenErrorCode,
)

STAGES = ["on_configure", "on_init", "on_start", "on_stop", "on_deinit"]


class AsyncStages(AsyncExtension):
    seen: list[Any]

    async def on_configure(self, ten_env: AsyncTenEnv) -> None:
        await asyncio.sleep(0.002)
        self.seen.append("on_configure")

    async def on_init(self, ten_env: AsyncTenEnv) -> None:
        await asyncio.sleep(0.002)
        self.seen.append("on_init")

    async def on_start(self, ten_env: AsyncTenEnv) -> None:
        await asyncio.sleep(0.002)
        self.seen.append("on_start")

    async def on_stop(self, ten_env: AsyncTenEnv) -> None:
        await asyncio.sleep(0.002)
        self.seen.append("on_stop")

    async def on_deinit(self, ten_env: AsyncTenEnv) -> None:
        self.seen.append("on_deinit")


class SyncStages(Extension):
    """Its stages end later, from another thread."""

    seen: list[Any]

    def on_configure(self, ten_env: TenEnv) -> None:
        self._later("on_configure", ten_env.on_configure_done)

    def on_init(self, ten_env: TenEnv) -> None:
        self._later("on_init", ten_env.on_init_done)

    def on_start(self, ten_env: TenEnv) -> None:
        self._later("on_start", ten_env.on_start_done)

    def on_stop(self, ten_env: TenEnv) -> None:
        self._later("on_stop", ten_env.on_stop_done)

    def on_deinit(self, ten_env: TenEnv) -> None:
        self._later("on_deinit", ten_env.on_deinit_done)

    def _later(self, stage: str, done: Any) -> None:
        def end() -> None:
            self.seen.append(stage)
            done()

        threading.Timer(0.002, end).start()


@pytest.mark.parametrize("kind", [AsyncStages, SyncStages])
def test_each_stage_begins_when_the_one_before_is_done(
    ten: Ten, kind: Any
) -> None:
    seen: list[str] = []

    ten.play(type("Staged", (kind,), {"seen": seen}), nothing)

    assert seen == STAGES


def test_the_property_is_there_in_on_init_but_not_before(ten: Ten) -> None:
    seen: list[Any] = []

    class Reader(AsyncExtension):
        async def on_configure(self, ten_env: AsyncTenEnv) -> None:
            seen.append((await ten_env.is_property_exist("x"))[0])

        async def on_init(self, ten_env: AsyncTenEnv) -> None:
            seen.append((await ten_env.is_property_exist("x"))[0])

    ten.play(Reader, nothing, package={"x": 1})

    assert seen[-1] is True


def test_on_stop_waits_for_the_end_of_on_start(ten: Ten) -> None:
    seen: list[str] = []

    class Slow(AsyncStages):
        async def on_start(self, ten_env: AsyncTenEnv) -> None:
            await asyncio.sleep(0.05)
            seen.append("on_start")

    Slow.seen = seen

    ten.play(Slow, nothing)

    assert seen == STAGES


def test_stop_test_inside_on_start_lets_on_start_end_first(ten: Ten) -> None:
    seen: list[str] = []

    class Tester(ScriptTester):
        async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
            await self.wire.started()
            ten_env_tester.stop_test()
            await asyncio.sleep(0.01)
            seen.append("on_start")

        async def on_stop(self, ten_env_tester: AsyncTenEnvTester) -> None:
            seen.append("on_stop")

        async def on_deinit(self, ten_env_tester: AsyncTenEnvTester) -> None:
            seen.append("on_deinit")

    tester = Tester(nothing)
    tester.set_test_mode_single(ten.register(Echo))

    assert tester.run() is None
    assert seen == ["on_start", "on_stop", "on_deinit"]


def test_what_on_stop_sends_does_not_reach_the_tester(ten: Ten) -> None:
    sent: list[Any] = []

    class Parting(AsyncExtension):
        async def on_stop(self, ten_env: AsyncTenEnv) -> None:
            await asyncio.sleep(0.05)
            sent.append(await ten_env.send_data(Data.create("bye")))

    log = ten.play(Parting, nothing)

    assert sent == [None]
    assert log == []


@pytest.mark.stand_in
def test_what_on_stop_sends_at_once_does_not_either(ten: Ten) -> None:
    class Parting(AsyncExtension):
        async def on_stop(self, ten_env: AsyncTenEnv) -> None:
            await ten_env.send_data(Data.create("bye"))

    for _ in range(20):
        assert ten.play(Parting, nothing) == []


def test_the_tester_deinits_without_waiting_for_the_extension(
    ten: Ten,
) -> None:
    seen: list[str] = []
    has_deinited = threading.Event()

    class Slow(AsyncExtension):
        async def on_stop(self, ten_env: AsyncTenEnv) -> None:
            if await asyncio.to_thread(has_deinited.wait, 2):
                seen.append("extension on_stop")

    class Tester(ScriptTester):
        async def on_deinit(self, ten_env_tester: AsyncTenEnvTester) -> None:
            seen.append("tester on_deinit")
            has_deinited.set()

    tester = Tester(nothing)
    tester.set_test_mode_single(ten.register(Slow))

    assert tester.run() is None
    assert seen == ["tester on_deinit", "extension on_stop"]


def test_a_stop_before_on_init_leaves_out_on_init_and_on_start(
    ten: Ten,
) -> None:
    seen: list[str] = []
    is_stopping = threading.Event()

    class Early(AsyncStages):
        async def on_configure(self, ten_env: AsyncTenEnv) -> None:
            await asyncio.to_thread(is_stopping.wait, 2)
            seen.append("on_configure")

    class Tester(AsyncExtensionTester):
        async def on_start(self, ten_env_tester: AsyncTenEnvTester) -> None:
            ten_env_tester.stop_test()

        async def on_stop(self, ten_env_tester: AsyncTenEnvTester) -> None:
            is_stopping.set()

    Early.seen = seen
    tester = Tester()
    tester.set_test_mode_single(ten.register(Early))

    assert tester.run() is None
    assert seen == ["on_configure", "on_stop", "on_deinit"]


def test_both_sides_stop_at_the_same_time(ten: Ten) -> None:
    both = threading.Barrier(2, timeout=20)

    class Meeting(AsyncExtension):
        async def on_stop(self, ten_env: AsyncTenEnv) -> None:
            await asyncio.to_thread(both.wait)

    class Tester(ScriptTester):
        async def on_stop(self, ten_env_tester: AsyncTenEnvTester) -> None:
            await asyncio.to_thread(both.wait)

    tester = Tester(nothing)
    tester.set_test_mode_single(ten.register(Meeting))

    assert tester.run() is None


def test_the_tester_starts_while_the_extension_is_in_on_init(
    ten: Ten,
) -> None:
    has_started = threading.Event()
    was_early: list[bool] = []

    class Slow(AsyncExtension):
        async def on_init(self, ten_env: AsyncTenEnv) -> None:
            was_early.append(await asyncio.to_thread(has_started.wait, 20))

    async def script(wire: Wire) -> None:
        has_started.set()

    ten.play(Slow, script)

    assert was_early == [True]


@pytest.mark.parametrize("kind", [AsyncExtension, Extension])
def test_a_command_to_an_extension_that_has_ended_is_an_error(
    ten: Ten, kind: type
) -> None:
    results: list[Any] = []

    class Tester(ScriptTester):
        async def on_stop(self, ten_env_tester: AsyncTenEnvTester) -> None:
            # The extension may be a moment from its end: then it never
            # answers, or has done so.
            while True:
                cmd = ten_env_tester.send_cmd(Cmd.create("c"))
                try:
                    results.append(await asyncio.wait_for(cmd, 0.1))
                    return
                except asyncio.TimeoutError:
                    continue

    tester = Tester(nothing)
    tester.set_test_mode_single(ten.register(kind))
    tester.run()

    ((result, error),) = results
    assert error is None
    assert result.get_status_code() is StatusCode.ERROR


# -- threads and loops -------------------------------------------------------


def test_async_extensions_share_the_global_main_thread(ten: Ten) -> None:
    names: list[str] = []

    class Where(AsyncExtension):
        async def on_init(self, ten_env: AsyncTenEnv) -> None:
            names.append(threading.current_thread().name)

    ten.play(Where, nothing)

    assert names == ["PythonGlobalMainThread"]


def test_multi_thread_mode_gives_each_extension_another_thread(
    ten: Ten, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEN_PYTHON_THREAD_MODE", "multi_thread")
    names: list[str] = []

    class Where(AsyncExtension):
        async def on_init(self, ten_env: AsyncTenEnv) -> None:
            names.append(threading.current_thread().name)

    ten.play(Where, nothing)

    assert names != ["PythonGlobalMainThread"]


def test_every_run_has_a_fresh_loop(ten: Ten) -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    class Where(AsyncExtension):
        async def on_init(self, ten_env: AsyncTenEnv) -> None:
            loops.append(asyncio.get_running_loop())

    ten.play(Where, nothing)
    ten.play(Where, nothing)

    assert loops[0] is not loops[1]
    assert loops[0].is_closed()


def test_extension_and_tester_run_on_different_threads(ten: Ten) -> None:
    threads: list[int] = []

    class Where(AsyncExtension):
        async def on_init(self, ten_env: AsyncTenEnv) -> None:
            threads.append(threading.get_ident())

    async def script(wire: Wire) -> None:
        threads.append(threading.get_ident())

    ten.play(Where, script)

    assert len({*threads, threading.get_ident()}) == 3


def test_sync_testers_are_called_on_the_thread_that_runs_them(
    ten: Ten,
) -> None:
    threads: list[int] = []

    class Tester(ExtensionTester):
        def on_start(self, ten_env_tester: TenEnvTester) -> None:
            threads.append(threading.get_ident())
            ten_env_tester.send_data(Data.create("d"))
            ten_env_tester.on_start_done()

        def on_data(self, ten_env_tester: TenEnvTester, data: Data) -> None:
            threads.append(threading.get_ident())
            ten_env_tester.stop_test()

    tester = Tester()
    tester.set_test_mode_single(ten.register(Echo))
    tester.run()

    assert threads == [threading.get_ident()] * 2


def test_extensions_are_made_where_no_loop_runs(ten: Ten) -> None:
    class Early(AsyncExtension):
        def __init__(self, name: str) -> None:
            super().__init__(name)
            with pytest.raises(RuntimeError):
                asyncio.get_running_loop()
            self.lock = asyncio.Lock()
            self.event = asyncio.Event()

        async def on_init(self, ten_env: AsyncTenEnv) -> None:
            async with self.lock:
                self.event.set()

    ten.play(Early, nothing)


def test_a_blocked_tester_does_not_hold_up_the_extension(ten: Ten) -> None:
    has_run = threading.Event()

    class Busy(AsyncExtension):
        async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
            await asyncio.sleep(0.01)
            has_run.set()

    async def script(wire: Wire) -> None:
        await wire.send("go")
        # Blocks the tester's loop on purpose.
        assert has_run.wait(20)

    ten.play(Busy, script)


def test_a_limit_holds_while_the_testers_loop_is_blocked(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        time.sleep(1.0)

    error = ten.run(Echo, script, limit_s=0.05)

    assert error is not None
    assert error.error_code() == TenErrorCode.ErrorCodeTimeout


def test_27_runs_leave_no_thread_behind(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.send("d")
        await wire.next("d")

    name = ten.register(Echo)
    before = threads()

    for _ in range(27):
        tester = ScriptTester(script)
        tester.set_test_mode_single(name)
        assert tester.run() is None

    assert threads() <= before


# -- testers -----------------------------------------------------------------


def test_a_run_that_is_too_long_ends_with_test_timeout(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await asyncio.Event().wait()  # for ever

    error = ten.run(Echo, script, limit_s=0.05)

    assert error is not None
    assert error.error_code() == 8
    assert error.error_message() == "Test timeout."


def test_the_limit_is_in_microseconds(ten: Ten) -> None:
    """50,000 of them are over before three seconds are, and no sooner."""
    tester = ScriptTester(lambda wire: asyncio.sleep(3))
    tester.set_test_mode_single(ten.register(Echo))
    tester.set_timeout(50_000)
    begun_s = time.monotonic()

    error = tester.run()

    assert error is not None
    assert error.error_message() == "Test timeout."
    assert time.monotonic() - begun_s >= 0.05


def test_the_first_error_of_stop_test_wins(ten: Ten) -> None:
    async def script(wire: Wire) -> None:
        await wire.started()
        for text in ("first", "second"):
            error = TenError.create(TenErrorCode.ErrorCodeGeneric, text)
            wire.env.stop_test(error)

    error = ten.run(Echo, script)

    assert error is not None
    assert error.error_message() == "first"


def test_stop_test_may_come_from_another_thread(ten: Ten) -> None:
    class Tester(ExtensionTester):
        def on_start(self, ten_env_tester: TenEnvTester) -> None:
            threading.Timer(0.01, ten_env_tester.stop_test).start()
            ten_env_tester.on_start_done()

    tester = Tester()
    tester.set_test_mode_single(ten.register(Echo))

    assert tester.run() is None


@pytest.mark.stand_in
def test_stop_test_after_the_end_is_refused(ten: Ten) -> None:
    envs: list[AsyncTenEnvTester] = []

    async def script(wire: Wire) -> None:
        envs.append(wire.env)

    ten.play(Echo, script)

    with pytest.raises(RuntimeError, match="TEN aborts"):
        envs[0].stop_test()


def test_an_instance_is_named_like_its_addon_in_single_mode(ten: Ten) -> None:
    names: list[str] = []

    class Named(AsyncExtension):
        async def on_init(self, ten_env: AsyncTenEnv) -> None:
            names.append(self.name)

    name = ten.register(Named)
    tester = ScriptTester(nothing)
    tester.set_test_mode_single(name)
    tester.run()

    assert names == [name]


def test_callbacks_default_to_doing_nothing(ten: Ten) -> None:
    class Tester(ExtensionTester):
        def on_start(self, ten_env_tester: TenEnvTester) -> None:
            ten_env_tester.send_data(Data.create("d"))
            ten_env_tester.on_start_done()
            wait_until_started(name)
            ten_env_tester.stop_test()

    for kind in (AsyncExtension, Extension):
        tester = Tester()
        name = ten.register(kind)
        tester.set_test_mode_single(name)
        assert tester.run() is None


@pytest.mark.parametrize("property_json", ["{", "[]"])
@pytest.mark.stand_in
def test_the_property_of_the_node_must_be_a_json_object(
    ten: Ten, property_json: str
) -> None:
    tester = ScriptTester(nothing)

    with pytest.raises(ValueError):
        tester.set_test_mode_single(ten.register(Echo), property_json)


@pytest.mark.stand_in
def test_an_on_init_that_takes_long_is_warned_of(
    ten: Ten, ten_log: TenLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ten_runtime._host.node.SLOW_INIT_S", 0.0)

    ten.play(Echo, nothing)

    assert re.search(r"on_init took 0\.\d{3} s", ten_log.text())


@pytest.mark.stand_in
def test_an_async_tester_has_to_be_made_by_its_base(ten: Ten) -> None:
    class Hasty(AsyncExtensionTester):
        def __init__(self) -> None:
            pass

    tester = Hasty()
    tester.set_test_mode_single(ten.register(Echo))

    with pytest.raises(RuntimeError, match="Hasty.__init__ has to call super"):
        tester.run()
