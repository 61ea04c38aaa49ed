# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Fixtures of all tests: the server, the extension on its host, the leak check.

* `sim`: a local Gradium server; `@pytest.mark.sim(...)` gives its options.
* `host`: the extension on that server; `start_host` for other properties.
* After every test nothing of ours may be left: no task, thread, socket, file.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
)
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from key_scan import KEY, debug_log, pytest_runtest_makereport, shows_key
from ten_log import TenLogPlugin, ten_log

__all__ = ["debug_log", "pytest_runtest_makereport", "ten_log"]

if TYPE_CHECKING:
    from gradium_sim import GradiumSim
    from ten_host import ExtensionHost

ADDON = "gradium_tts_python"

# `python -m pytest` puts the root on the path, whose modules would be there a
# second time under their bare names; one of them is called like the standard
# library's `trace`.
ROOT = Path(__file__).resolve().parent.parent
sys.path[:] = [p for p in sys.path if Path(p).resolve() != ROOT]

# No key of the machine may get into a test, and no test to the vendor.
os.environ.pop("GRADIUM_API_KEY", None)

# A deadline would measure the machine, not the code.
# The default run is the same each time; the thorough one looks for news.
hypothesis.settings.register_profile(
    "default", deadline=None, max_examples=100, derandomize=True
)
hypothesis.settings.register_profile(
    "thorough", deadline=None, max_examples=2000
)

StartHost = Callable[..., Awaitable["ExtensionHost"]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--thorough",
        action="store_true",
        help="run the tests marked thorough too, and more examples of each",
    )


def pytest_configure(config: pytest.Config) -> None:
    is_thorough = config.getoption("--thorough")
    hypothesis.settings.load_profile("thorough" if is_thorough else "default")
    is_shown = config.getoption("capture") == "no"
    plugin = TenLogPlugin(is_shown=is_shown)
    config.pluginmanager.register(plugin, "ten_log_plugin")


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    from ten_host import is_stand_in

    is_thorough = config.getoption("--thorough")
    skip = pytest.mark.skip(reason="need --thorough")
    not_ten = pytest.mark.skip(
        reason="about the stand-in itself, or what ends the process of TEN"
    )
    for item in items:
        if item.get_closest_marker("stand_in") and not is_stand_in():
            item.add_marker(not_ten)
        if is_thorough:
            item.add_marker(pytest.mark.timeout(3600))
        elif item.get_closest_marker("thorough"):
            item.add_marker(skip)
        if isinstance(item, pytest.Function):
            _check_tasks_of(item)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what was measured, and what was left out and why.

    A test measures with `record_property("measured", …)`.
    """
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "measured":
                terminalreporter.write_line(f"{report.nodeid}: {value}")
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.getreports("skipped")
        if isinstance(report.longrepr, tuple)
    )
    if reasons:
        told = (f"{count} {reason}" for reason, count in reasons.most_common())
        terminalreporter.write_line(f"skipped: {', '.join(told)}")


def _check_tasks_of(item: pytest.Function) -> None:
    """Put the task check before all other fixtures of a test with a loop.

    It cannot be autouse: that would give every plain test a loop.
    """
    names, before = item.fixturenames, "nothing_is_left"
    is_async = asyncio.iscoroutinefunction(item.function)
    if is_async and before in names and "no_task_is_left" not in names:
        names.insert(names.index(before) + 1, "no_task_is_left")


@pytest.fixture
def is_thorough(request: pytest.FixtureRequest) -> bool:
    """Whether the long versions were asked for."""
    return bool(request.config.getoption("--thorough"))


@pytest.fixture(scope="session", autouse=True)
def no_connect_is_raced() -> None:
    """A busy machine may take a second for a connect; many a test counts them.

    Those of the race set the time to what it is.
    """
    from gradium_tts_python.wire import race

    race.STAGGER_S = 3600.0


@pytest.fixture(autouse=True)
def only_what_is_asked_for(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leaves the session out that the extension begins at its start.

    Many a test counts sessions and breaks the first one. Those marked with
    `checks_at_start`, and what TEN itself asks of an extension, have it.
    """
    from gradium_tts_python.gradium_tts import GradiumTTSClient

    is_as_in_ten = request.node.path.parent.name in ("scenarios", "ten")
    if not (is_as_in_ten or request.node.get_closest_marker("checks_at_start")):
        monkeypatch.setattr(GradiumTTSClient, "check", GradiumTTSClient.prewarm)


@pytest.fixture
async def sim(request: pytest.FixtureRequest) -> AsyncIterator[GradiumSim]:
    """A local Gradium server whose words are decodable from the samples."""
    from gradium_sim import GradiumSim

    keys = (KEY, "test-key")
    options: dict[str, Any] = {"voice": "tones", "api_keys": keys}
    for marker in reversed(list(request.node.iter_markers("sim"))):
        options.update(marker.kwargs)
    async with GradiumSim(**options) as server:
        yield server


@pytest.fixture
async def start_host(sim: GradiumSim) -> AsyncIterator[StartHost]:
    """Starts extensions on `sim`; they stop with the test.

    `await start_host(params={...}, dump=True)`: `params` are merged over the
    server's URL and a good key, the other arguments are top-level properties;
    `wait_s` goes to the host.
    """
    from ten_host import ExtensionHost

    hosts: list[ExtensionHost] = []
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            params: Mapping[str, Any] | None = None,
            *,
            wait_s: float = 30.0,
            **properties: Any,
        ) -> ExtensionHost:
            merged = {"url": sim.url, "api_key": KEY, **(params or {})}
            host = ExtensionHost(
                ADDON, {**properties, "params": merged}, wait_s=wait_s
            )
            hosts.append(host)
            return await stack.enter_async_context(host)

        yield start
    assert not [e for host in hosts for e in host.events() if shows_key(str(e))]


@pytest.fixture
async def host(start_host: StartHost) -> ExtensionHost:
    """The extension on `sim`, with default properties."""
    return await start_host()


@pytest.fixture(scope="session", autouse=True)
def app() -> Iterator[None]:
    """The app that a real TEN runtime wants; the stand-in needs none."""
    from ten_host import app_running

    with app_running():
        yield


# ------------------------------------------------------------------- leaks

# How long something that is already on its way out may take to be gone.
GRACE_S = 10.0


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Fails a test that leaves a thread, a socket or an audio file of ours.

    Set up before all other fixtures of a test, so it is torn down after
    them.
    """
    threads, files = set(threading.enumerate()), _open_files()

    yield

    from ten_host import is_stand_in

    if not is_stand_in():
        return
    _wait_until(lambda: set(threading.enumerate()) <= threads)
    left = set(threading.enumerate()) - threads
    assert not left, f"threads left: {sorted(t.name for t in left)}"
    _wait_until(lambda: _open_files() <= files)
    left_open = _open_files() - files
    assert not left_open, f"left open: {sorted(left_open)}"


@pytest.fixture
async def no_task_is_left() -> AsyncIterator[None]:
    """Fails a test on whose loop a task of the extension is left."""
    yield
    ours = [
        task.get_name()
        for task in asyncio.all_tasks()
        if task.get_name().startswith("gradium:")
    ]
    assert not ours, f"tasks left: {ours}"


def _wait_until(is_true: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + GRACE_S
    while not is_true() and time.monotonic() < deadline_s:
        time.sleep(0.005)


def _open_files() -> set[str]:
    """Sockets and named files that this process has open (Linux only).

    What pytest and the libraries open for themselves lies elsewhere: deleted
    temporary files, devices, shared libraries.
    """
    found = set()
    with contextlib.suppress(FileNotFoundError):
        for number in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                target = os.readlink(f"/proc/self/fd/{number}")
                if target.startswith("socket:") or target.endswith(
                    (".pcm", ".wav", ".jsonl", ".part")
                ):
                    found.add(target)
    return found
