# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The host, driving an extension that answers everything at once."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ten_shipping.ten_files import refusal

from ten_host import (
    AudioEnd,
    AudioStart,
    EndReason,
    Error,
    ExtensionHost,
    FlushEnd,
    Frame,
    HostError,
    Metrics,
    OtherData,
    TextResult,
    Word,
    describe,
)
from ten_host.app import LOG_LEVELS, app_property, running_app
from ten_host.tester import Tester as HostTester
from ten_runtime import AsyncTenEnvTester

ADDON = "ten_host_echo"

FILES = {
    "__init__.py": "from . import addon\n",
    "manifest.json": '{"type": "extension", "name": "ten_host_echo",'
    ' "version": "0.1.0"}',
    "property.json": "{}",
    "addon.py": """
from ten_runtime import Addon, register_addon_as_extension

@register_addon_as_extension("ten_host_echo")
class EchoAddon(Addon):
    def on_create_instance(self, ten_env, name, context):
        from .extension import Echo
        ten_env.on_create_instance_done(Echo(name), context)
""",
    "extension.py": """
import json

from ten_runtime import (
    AsyncExtension, AudioFrame, CmdResult, Data, StatusCode
)

class Echo(AsyncExtension):
    async def on_init(self, ten_env):
        self.properties = (await ten_env.get_property_to_json(""))[0]

    async def on_data(self, ten_env, data):
        fields = json.loads(data.get_property_to_json("")[0])
        if data.get_name() == "tts_flush":
            return await self.send(ten_env, "tts_flush_end", fields)
        if fields["text"] == "raise":
            raise ValueError("as asked")
        if fields["text"] == "other":
            return await self.send(ten_env, "other", {"text": "bye"})
        head = {k: fields[k] for k in ("request_id", "metadata")}
        await self.send(ten_env, "metrics", {"metrics": {"ttfb": 7}})
        await self.send(ten_env, "tts_audio_start", head)
        for text in fields["text"].split():
            frame = AudioFrame.create("pcm_frame")
            frame.alloc_buf(4)
            view = frame.lock_buf()
            view[:] = text[:2].encode() * 2
            frame.unlock_buf(view)
            frame.set_sample_rate(8000)
            frame.set_timestamp(1000)
            await ten_env.send_audio_frame(frame)
            word = {"word": text, "start_ms": 1, "duration_ms": 2}
            await self.send(ten_env, "tts_text_result", {
                **head, "text": text, "start_ms": 1, "duration_ms": 2,
                "words": [word], "text_result_end": False})
        await self.send(ten_env, "error", {
            "id": fields["request_id"], "code": 1000, "message": "done",
            "vendor_info": {"vendor": "echo"}})
        await self.send(ten_env, "tts_audio_end", {
            **head, "request_event_interval_ms": 3,
            "request_total_audio_duration_ms": 4, "reason": 1})

    async def on_cmd(self, ten_env, cmd):
        if cmd.get_name() == "ignored":
            return
        if cmd.get_name() == "raise":
            raise ValueError("as asked")
        is_known = cmd.get_name() == "known"
        status = StatusCode.OK if is_known else StatusCode.ERROR
        result = CmdResult.create(status, cmd)
        result.set_property_from_json(None, self.properties)
        await ten_env.return_result(result)

    async def on_stop(self, ten_env):
        # Nobody hears it, as in TEN.
        await self.send(ten_env, "last_words", {"text": "bye"})

    async def send(self, ten_env, name, fields):
        data = Data.create(name)
        data.set_property_from_json(None, json.dumps(fields))
        await ten_env.send_data(data)
""",
}


SLOW = """
import asyncio
from ten_runtime import AsyncExtension, CmdResult, StatusCode

stages = []

class Slow(AsyncExtension):
    async def on_configure(self, ten_env):
        await asyncio.sleep(0.05)

    async def on_init(self, ten_env):
        stages.append("on_init")

    async def on_start(self, ten_env):
        stages.append("on_start")

    async def on_stop(self, ten_env):
        stages.append("on_stop")

    async def on_cmd(self, ten_env, cmd):
        await ten_env.return_result(CmdResult.create(StatusCode.ERROR, cmd))
"""


@pytest.fixture(autouse=True, scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Puts the extension's package on the path."""
    folder = tmp_path_factory.mktemp("echo")
    package = folder / ADDON
    package.mkdir()
    slow = folder / "ten_host_slow"
    slow.mkdir()
    for name, text in FILES.items():
        (package / name).write_text(text)
        text = text.replace("ten_host_echo", "ten_host_slow")
        (slow / name).write_text(text.replace("Echo", "Slow"))
    (slow / "extension.py").write_text(SLOW)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    yield
    sys.path.remove(str(folder))


def threads() -> set[threading.Thread]:
    """This process's threads, but those of TEN's runtime."""
    return {
        thread
        for thread in threading.enumerate()
        if not thread.name.startswith("Dummy-")
    }


async def test_events_arrive_typed_and_in_order() -> None:
    metadata = {"session_id": "s", "turn_id": 1}

    async with ExtensionHost(ADDON) as host:
        await host.send_text("r1", "ab", end=True, metadata=metadata)
        await host.ended("r1")

    assert host.events() == [
        Metrics({"ttfb": 7}),
        AudioStart("r1", metadata),
        Frame(b"abab", 8000, 1000, {}),
        TextResult("r1", "ab", 1, 2, (Word("ab", 1, 2),), False, metadata),
        Error("r1", 1000, "done", {"vendor": "echo"}, {}),
        AudioEnd("r1", 3, 4, EndReason.REQUEST_END, metadata),
    ]


async def test_data_of_another_name_is_kept_as_it_is() -> None:
    async with ExtensionHost(ADDON) as host:
        await host.send_text("r1", "other")
        event = await host.until(lambda e: True)

    assert event == OtherData("other", {"text": "bye"})


async def test_an_extension_is_stopped_after_its_start_only() -> None:
    async with ExtensionHost("ten_host_slow"):
        pass

    slow = importlib.import_module("ten_host_slow.extension")
    assert slow.stages == ["on_init", "on_start", "on_stop"]


@pytest.mark.stand_in
def test_an_app_runs_on_the_thread_that_makes_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    with running_app(app_property("off")):
        assert "ten-app" in {t.name for t in threading.enumerate()}

    assert "ten-app" not in {t.name for t in threading.enumerate()}


@pytest.mark.stand_in
def test_an_app_that_does_not_start_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("threading.excepthook", lambda args: None)

    with pytest.raises(RuntimeError, match="did not start"):
        with running_app({"not": {"JSON"}}):
            pass


@pytest.mark.parametrize("level", LOG_LEVELS)
def test_the_property_of_the_log_is_one_that_ten_takes(
    tmp_path: Path, level: str
) -> None:
    file = tmp_path / "property.json"
    file.write_text(json.dumps(app_property(level)))

    assert refusal(file) is None


async def test_a_request_owns_what_came_between_its_start_and_end() -> None:
    async with ExtensionHost(ADDON) as host:
        await host.send_text("r1", "ab cd")
        await host.send_text("r2", "ef")
        await host.ended("r2")

    assert host.pcm("r1") == b"ababcdcd"
    assert host.pcm("r2") == b"efef"
    assert describe(host.events("r1")) == (
        "AudioStart, Frame, TextResult, Frame, TextResult, Error, AudioEnd"
    )


async def test_arrival_times_ascend() -> None:
    async with ExtensionHost(ADDON) as host:
        await host.send_text("r1", "ab cd ef")
        await host.ended("r1")

    times = [event.time_s for event in host.events()]
    assert times == sorted(times)


async def test_flush_returns_the_time_until_its_own_end() -> None:
    async with ExtensionHost(ADDON) as host:
        began_s = time.monotonic()
        first_s = await host.flush("f1", {"session_id": "s"})
        second_s = await host.flush()
        both_s = time.monotonic() - began_s

    ends = [e for e in host.events() if isinstance(e, FlushEnd)]
    assert ends == [FlushEnd("f1", {"session_id": "s"}), FlushEnd("flush-2")]
    assert first_s > 0
    assert second_s > 0
    assert first_s + second_s <= both_s


async def test_a_command_brings_its_result_and_properties() -> None:
    async with ExtensionHost(ADDON, {"params": {"a": 1}}) as host:
        known = await host.command("known", {"x": 1})
        unknown = await host.command("unknown")

    assert (known.is_ok, known.properties) == (True, {"params": {"a": 1}})
    assert not unknown.is_ok


async def test_a_command_that_nobody_answers_is_told() -> None:
    async with ExtensionHost(ADDON, wait_s=0.1) as host:
        with pytest.raises(TimeoutError) as caught:
            await host.command("ignored")

    # The stand-in tells below who waits for what.
    told = str(caught.value).splitlines()[0]
    assert told == "ignored was not answered within 0.1 s"


@pytest.mark.stand_in
@pytest.mark.ten_expects("failures")
async def test_a_command_that_ends_the_run_tells_why_at_once() -> None:
    host = ExtensionHost(ADDON)
    await host.__aenter__()

    with pytest.raises(HostError, match="ValueError: as asked"):
        await host.command("raise")
    with pytest.raises(HostError, match="ValueError: as asked"):
        await host.__aexit__(None, None, None)


async def test_a_wait_that_is_too_long_tells_what_came_instead() -> None:
    async with ExtensionHost(ADDON) as host:
        await host.send_text("r1", "ab")
        await host.ended("r1")
        host._wait_s = 0.2  # not from the start, which takes its time

        with pytest.raises(TimeoutError) as caught:
            await host.ended("r2")

    assert str(caught.value) == (
        "the end of r2 did not come within 0.2 s; came: "
        "Metrics, AudioStart, Frame, TextResult, Error, AudioEnd"
    )


@pytest.mark.stand_in
@pytest.mark.ten_expects("failures")
async def test_an_exception_in_the_extension_fails_the_wait_and_the_run() -> (
    None
):
    with pytest.raises(HostError, match="ValueError: as asked"):
        async with ExtensionHost(ADDON) as host:
            await host.send_text("r1", "raise")
            await host.ended("r1")


@pytest.mark.stand_in
@pytest.mark.ten_expects("failures")
async def test_an_exception_that_nothing_waited_for_fails_the_run() -> None:
    with pytest.raises(HostError, match="ValueError: as asked"):
        async with ExtensionHost(ADDON) as host:
            await host.send_text("r1", "raise")


@pytest.mark.stand_in
@pytest.mark.ten_expects("failures")
async def test_an_unknown_addon_fails_on_entering() -> None:
    with pytest.raises(HostError, match="no_such_addon"):
        async with ExtensionHost("no_such_addon"):
            pass


async def test_a_stopped_host_refuses_to_send() -> None:
    async with ExtensionHost(ADDON) as host:
        pass

    with pytest.raises(HostError, match="not running"):
        await host.send_text("r1", "ab")


async def test_a_cancelled_test_leaves_no_thread() -> None:
    before = threads()
    is_running = asyncio.Event()

    async def endless() -> None:
        async with ExtensionHost(ADDON) as host:
            is_running.set()
            await host.ended("never")

    task = asyncio.create_task(endless())
    await is_running.wait()
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert threads() == before


class LateTester(HostTester):
    """Starts only once it is stopped."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.was_stopped = threading.Event()

    def stop(self) -> None:
        super().stop()
        self.was_stopped.set()

    async def on_init(self, ten_env: AsyncTenEnvTester) -> None:
        await asyncio.to_thread(self.was_stopped.wait)


async def test_a_host_that_is_cancelled_while_it_starts_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = threads()
    monkeypatch.setattr("ten_host.host.Tester", LateTester)

    task = asyncio.create_task(ExtensionHost(ADDON).__aenter__())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert threads() == before


async def test_a_start_that_takes_too_long_is_told_and_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = threads()
    monkeypatch.setattr("ten_host.host.Tester", LateTester)
    monkeypatch.setattr("ten_host.host.START_S", 0.0)

    with pytest.raises(HostError) as caught:
        await ExtensionHost(ADDON).__aenter__()

    told = str(caught.value).splitlines()[0]
    assert told == "its start did not come within 0.0 s; came: nothing"
    assert threads() == before


async def test_twenty_hosts_after_each_other_leave_nothing() -> None:
    before = threads()

    for index in range(20):
        async with ExtensionHost(ADDON) as host:
            await host.send_text(f"r{index}", "ab")
            await host.ended(f"r{index}")

    assert threads() == before
