# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What the stand-ins lack is said at once, and which TEN they stand for."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import ten_ai_base
import ten_runtime
from ten_ai_base._base_version import chosen_version
from ten_ai_base.tts2 import AsyncTTS2BaseExtension
from ten_host import ExtensionHost, HostError
from ten_runtime import (
    Addon,
    AsyncExtension,
    AsyncExtensionTester,
    AsyncTenEnv,
    Cmd,
    Data,
    StartGraphCmd,
    StopGraphCmd,
    TenEnv,
    TriggerLifeCycleCmd,
    register_addon_as_extension,
)

pytestmark = pytest.mark.stand_in

UNKNOWN = "nor is it known that TEN has it"


@pytest.mark.parametrize("package", [ten_runtime, ten_ai_base])
def test_a_name_that_is_not_there_is_said_by_its_import(package: Any) -> None:
    name = package.__name__

    with pytest.raises(ImportError) as caught:
        exec(f"from {name} import AsyncSomething")

    sentence = f"{name} stand-in has no AsyncSomething, {UNKNOWN}"
    assert str(caught.value) == sentence


@pytest.mark.parametrize("package", [ten_runtime, ten_ai_base])
def test_private_names_are_looked_for_as_everywhere(package: Any) -> None:
    assert not hasattr(package, "__wrapped__")


@pytest.mark.parametrize("name", ["asr", "llm", "llm2", "llm_tool", "tts"])
def test_a_module_of_ten_is_missing_by_name(name: str) -> None:
    with pytest.raises(ModuleNotFoundError) as caught:
        importlib.import_module(f"ten_ai_base.{name}")

    assert str(caught.value) == (
        f"ten_ai_base stand-in has no module {name} (ten_ai_base 0.7.41 has it)"
    )
    assert caught.value.name == f"ten_ai_base.{name}"


def test_other_packages_are_not_meant() -> None:
    with pytest.raises(ModuleNotFoundError, match="^No module named"):
        importlib.import_module("json.there_is_no_such_module")


@pytest.mark.parametrize(
    ("there", "owner"),
    [
        (Data.create("d"), "Data"),
        (Cmd.create("c"), "Cmd"),
        (AsyncExtensionTester(), "AsyncExtensionTester"),
        (AsyncTenEnv(None), "AsyncTenEnv"),  # type: ignore[arg-type]
        (TenEnv(None), "TenEnv"),  # type: ignore[arg-type]
    ],
)
def test_a_method_that_is_not_there_is_said_with_its_class(
    there: Any, owner: str
) -> None:
    with pytest.raises(AttributeError) as caught:
        there.get_property_something("x")

    assert str(caught.value) == (
        f"ten_runtime stand-in has no {owner}.get_property_something, {UNKNOWN}"
    )
    assert not hasattr(there, "get_property_something")


@pytest.mark.parametrize(
    "kind", [StartGraphCmd, StopGraphCmd, TriggerLifeCycleCmd]
)
@pytest.mark.ten_expects("failures")
async def test_a_command_for_tens_app_fails_the_run_at_once(
    kind: type[Any],
) -> None:
    class Asking(AsyncExtension):
        async def on_start(self, ten_env: AsyncTenEnv) -> None:
            try:
                await ten_env.send_cmd(kind.create())
            except Exception:
                # As many do; nothing would come any more.
                return

    @register_addon_as_extension("missing_names_asking")
    class AskingAddon(Addon):
        def on_create_instance(
            self, ten_env: TenEnv, name: str, context: Any
        ) -> None:
            ten_env.on_create_instance_done(Asking(name), context)

    with pytest.raises(HostError) as caught:
        async with ExtensionHost("missing_names_asking") as host:
            await host.until(lambda _: True, what="an answer")

    assert (
        f"ten_runtime stand-in has no app that carries out a {kind.__name__}"
        " (TEN 0.11 has it)"
    ) in str(caught.value)


NEWER = (
    "on_connecting on_connected on_disconnected vendor_metadata"
    " send_tts_request_metrics send_tts_request_final_marker"
).split()


class Plain(AsyncTTS2BaseExtension):
    def vendor(self) -> str:
        return "acme"

    def synthesize_audio_sample_rate(self) -> int:
        return 16000

    async def request_tts(self, t: Any) -> None:
        """Say nothing."""


@pytest.mark.parametrize("name", NEWER)
def test_what_only_newer_base_classes_have_is_said_with_the_way(
    name: str,
) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(Plain("x"), name)

    assert str(caught.value) == (
        f"ten_ai_base 0.7.41 stand-in has no {name}"
        " (newer ones have it: TEN_HOST_BASE=0.8)"
    )
    assert not hasattr(Plain, name)


def test_any_other_attribute_is_missed_as_everywhere() -> None:
    with pytest.raises(AttributeError, match="^'Plain' object has no"):
        Plain("x").volume  # type: ignore[attr-defined]  # noqa: B018


CONNECTING = """
import asyncio, json
from ten_ai_base.message import ModuleErrorVendorInfo
from ten_ai_base._base_version import chosen_version
from ten_ai_base.tts2 import AsyncTTS2BaseExtension
from ten_host import ConnectionStatus, ExtensionHost, Metrics
from ten_runtime import Addon, register_addon_as_extension

class Newer(AsyncTTS2BaseExtension):
    def vendor(self):
        return "acme"

    def vendor_metadata(self):
        return {**super().vendor_metadata(), "model": "m1"}

    def synthesize_audio_sample_rate(self):
        return 16000

    async def request_tts(self, t):
        await self.on_connecting()
        await self.on_connecting()
        await self.on_connected()
        await self.send_tts_request_metrics(t.request_id, 7, t.text)
        await self.send_tts_request_final_marker()
        info = ModuleErrorVendorInfo(vendor="acme", code="1006", message="gone")
        await self.on_disconnected(1006, "connection lost", info)
        await self.send_tts_audio_end(t.request_id, 0, 0)

@register_addon_as_extension("newer_tts")
class NewerAddon(Addon):
    def on_create_instance(self, ten_env, name, context):
        ten_env.on_create_instance_done(Newer(name), context)

async def main():
    async with ExtensionHost("newer_tts") as host:
        await host.send_text("r1", "Hello.", end=True)
        await host.ended("r1")
    states = [e for e in host.events() if isinstance(e, ConnectionStatus)]
    metrics = [e.metrics for e in host.events() if isinstance(e, Metrics)]
    print(json.dumps({
        "steps": [[s.last, s.current, s.code, s.message] for s in states],
        "vendors": [s.vendor_info for s in states],
        "metadata": [s.metadata for s in states],
        "metrics": metrics,
    }))

asyncio.run(main())
"""


def test_the_newer_base_class_is_there_on_request(tmp_path: Path) -> None:
    told = json.loads(run(CONNECTING, tmp_path, "0.8").stdout)

    assert told["steps"] == [
        ["disconnected", "connecting", 0, ""],
        ["connecting", "connected", 0, ""],
        ["connected", "disconnected", 1006, "connection lost"],
    ]
    assert [info["vendor"] for info in told["vendors"]] == ["acme"] * 3
    assert told["vendors"][2]["code"] == "1006"
    assert told["metadata"] == [{"vendor_metadata": {"model": "m1"}}] * 3
    assert told["metrics"] == [{"request_time": 7}]


@pytest.mark.parametrize(
    ("asked", "got"), [("", "0.7"), ("0.7", "0.7"), ("0.8", "0.8")]
)
def test_the_base_class_is_the_one_that_is_asked_for(
    asked: str, got: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEN_HOST_BASE", asked)

    assert chosen_version() == got


def test_a_base_class_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    done = run("import ten_ai_base", tmp_path, "0.9")

    last = done.stderr.splitlines()[-1]
    assert last == "ImportError: TEN_HOST_BASE must be 0.7 or 0.8, not '0.9'"


def run(
    code: str, folder: Path, version: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "TEN_HOST_BASE": version},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
