# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`./dev doctor`: what stands between this machine and speech.

One line for each part: that it is well, or one sentence on what to do. Exit
code 1 stands for something that is not well, 2 for wrong input.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

from .order import KEY_VARIABLE, LOCAL_KEY
from .own_trace import VARIABLE as TRACE_VARIABLE
from .property_file import PropertyFileError, settings_in
from .shared import ask, secret_of
from .way import Way, WayError

ADDON = "gradium_tts_python"
VENDOR_URL = "wss://api.gradium.ai/api/speech/tts"
TEXT = "Hello, is anybody there?"
SILENCE_S = 45.0

Json = dict[str, Any]


class _UsageError(Exception):
    """The input is wrong; exit code 2."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _UsageError(f"{message} (./dev doctor --help tells more)")


@dataclass
class Findings:
    """What was found, printed as it is found."""

    secrets: tuple[str, ...]
    failures: list[str] = field(default_factory=list)

    def well(self, part: str, told: str) -> None:
        """A part is well."""
        self._print("ok", part, told)

    def ill(self, part: str, told: str) -> None:
        """A part is not well; the sentence says what to do."""
        self.failures.append(part)
        self._print("FAIL", part, told)

    async def look(self, part: str, finding: Awaitable[str]) -> bool:
        """Look at a part; whether it is well."""
        try:
            self.well(part, await finding)
        except WayError as error:
            self.ill(part, str(error))
        return part not in self.failures

    def _print(self, mark: str, part: str, told: str) -> None:
        line = told.strip().splitlines()[0]
        for secret in filter(None, self.secrets):
            line = line.replace(secret, "***")
        print(f"{mark:<5} {part:<11} {line}", flush=True)


def main(arguments: list[str]) -> int:
    """Run the command; return the exit code."""
    os.environ.setdefault("TEN_HOST_LOG", "off")
    try:
        tree = _settings(arguments)
    except _UsageError as error:
        print(f"doctor: {error}", file=sys.stderr)
        return 2
    key = str(tree["params"].get("api_key") or "")
    password = secret_of(tree["params"].get("shared_url"))
    findings = Findings((key if key != LOCAL_KEY else "", password))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_look(tree, key, findings))
        if findings.failures:
            parts = dict.fromkeys(findings.failures)
            print(f"doctor: look after {', '.join(parts)}")
        return 1 if findings.failures else 0
    return 130


def _settings(arguments: list[str]) -> Json:
    """Return the settings that are tried.

    Raises:
        _UsageError: they cannot be read, or are none.
    """
    parser = _Parser(prog="./dev doctor", description=__doc__)
    parser.add_argument(
        "property",
        nargs="?",
        type=Path,
        metavar="PROPERTY.json",
        help="whose settings are tried: the extension's, or an app's with it"
        " in a graph (default: the key and nothing else)",
    )
    path = parser.parse_args(arguments).property
    if path is None:
        return {"params": {"api_key": os.environ.get(KEY_VARIABLE, "")}}
    try:
        return settings_in(path, ADDON)
    except PropertyFileError as error:
        raise _UsageError(str(error)) from None


async def _look(tree: Json, key: str, findings: Findings) -> None:
    _look_at_key(tree, key, findings)
    url = _url_of(tree["params"])
    way = Way.to(
        url, tree["params"].get("proxy"), tree["params"].get("ca_file")
    )
    is_there = await findings.look("DNS", way.resolve())
    findings.well("proxy", way.told_proxy())
    if is_there:
        is_there = await findings.look("round trip", way.round_trip())
    if is_there:
        await findings.look("TLS", way.encrypt())
    if shared_url := tree["params"].get("shared_url"):
        await findings.look("Redis", ask(str(shared_url)))
    await _look_at_session(tree, key, findings)


def _look_at_key(tree: Json, key: str, findings: Findings) -> None:
    if key:
        findings.well("key", f"there is one, of {len(key)} characters")
    else:
        findings.ill(
            "key",
            f"there is none: type export {KEY_VARIABLE}=… with one of"
            " https://gradium.ai; without it only the local server speaks",
        )


def _url_of(params: Json) -> str:
    """Return where the extension will go, as far as that is known here."""
    url = params.get("url") or params.get("base_url")
    region = params.get("region")
    if isinstance(url, str) and url:
        return url
    if region in ("eu", "us"):
        return VENDOR_URL.replace("api.", f"{region}.api.", 1)
    return VENDOR_URL


async def _look_at_session(tree: Json, key: str, findings: Findings) -> None:
    """Speak a sentence with these settings; tell the versions, too."""
    from .app import app_running, is_stand_in

    params = tree["params"]
    with contextlib.ExitStack() as stack:
        where = ""
        if not key:
            params = {**params, **stack.enter_context(_local_server())}
            where = " (the local server, for want of a key)"
        folder = stack.enter_context(TemporaryDirectory())
        trace = Path(folder, "trace.jsonl")
        os.environ[TRACE_VARIABLE] = str(trace)
        stack.callback(os.environ.pop, TRACE_VARIABLE, None)
        stack.enter_context(app_running())
        ill, told = "", ""
        try:
            told = await _speak({**tree, "params": params})
        except WayError as error:
            ill = str(error)
        lines = _lines_of(trace)
    # One that never began has not looked at its settings.
    if lines and not _are_taken(lines, tree, findings):
        findings.ill("settings", ill)
    elif ill:
        findings.ill("session", ill + where)
    else:
        findings.well("session", told + where)
    versions = lines[0]["versions"] if lines else {}
    if is_stand_in():
        versions["ten_runtime"] = versions["ten_ai_base"] = "(stand-in)"
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    findings.well("versions", told)


def _lines_of(trace: Path) -> list[Json]:
    """Return what the extension wrote; nothing if it never began."""
    if not trace.exists():
        return []
    return [json.loads(line) for line in trace.read_text("utf-8").splitlines()]


def _are_taken(lines: list[Json], tree: Json, findings: Findings) -> bool:
    """Whether the extension took the settings; tells what it warned of."""
    config = next((one for one in lines if one.get("ten") == "config"), None)
    if config is None:
        return False
    for warning in config["warnings"]:
        findings.ill("settings", warning)
    if not config["warnings"]:
        names = [name for name in tree if name != "params"]
        names += [f"params.{name}" for name in tree["params"]]
        findings.well("settings", f"understood: {', '.join(names)}")
    return True


@contextlib.contextmanager
def _local_server() -> Any:
    from gradium_sim.process import sim_process

    with sim_process(voice="espeak", key=LOCAL_KEY) as url:
        yield {"api_key": LOCAL_KEY, "url": url}


async def _speak(tree: Json) -> str:
    """Speak a sentence.

    Raises:
        WayError: nothing was heard.
    """
    from .events import EndReason
    from .host import ExtensionHost
    from .spoken import Spoken
    from .tester import HostError

    spoken = Spoken("doctor")
    host = ExtensionHost(ADDON, tree, wait_s=SILENCE_S)
    try:
        async with host:
            await host.send_text("doctor", TEXT, end=True)
            await host.ended("doctor")
            for event in host.events():
                spoken.add(event)
    except (HostError, TimeoutError) as error:
        raise WayError(str(error)) from None
    if spoken.errors:
        raise WayError(spoken.errors[0].message)
    if not spoken.frames or spoken.end is None:
        raise WayError("no sound came, and no reason was given")
    if spoken.end.reason is not EndReason.REQUEST_END:
        raise WayError("the speech broke off")
    return f"TTFB {spoken.ttfb_ms:.0f} ms, {spoken.audio_s:.2f} s of audio"
