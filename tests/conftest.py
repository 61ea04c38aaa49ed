# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Fixtures of all tests: the server, the extension on its host, the leak check.

* `sim`: a local Gradium server; `@pytest.mark.sim(...)` gives its options.
* `host`: the extension on that server; `start_host` for other properties.
* After every test nothing of ours may be left: no task, thread, socket, file.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import sys
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
)
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from key_scan import KEY, debug_log, pytest_runtest_makereport, shows_key

__all__ = ["debug_log", "pytest_runtest_makereport"]

if TYPE_CHECKING:
    from gradium_sim import GradiumSim
    from ten_host import ExtensionHost
    from ten_host.testing.leaks import ProcessLeaks

# What any extension's tests need. It would find itself by its entry point if
# the kit were installed and not only on the path.
pytest_plugins = ["ten_host.testing.plugin"]

ADDON = "gradium_tts_python"

# `python -m pytest` puts the root on the path, whose modules would be there a
# second time under their bare names; one of them is called like the standard
# library's `trace`.
ROOT = Path(__file__).resolve().parent.parent
sys.path[:] = [p for p in sys.path if Path(p).resolve() != ROOT]

# No key of the machine may get into a test, and no test to the vendor.
os.environ.pop("GRADIUM_API_KEY", None)

# A deadline would measure the machine, not the code.
# The default run is the same each time, and short; the thorough one looks for
# news.
hypothesis.settings.register_profile(
    "default", deadline=None, max_examples=30, derandomize=True
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


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    is_thorough = config.getoption("--thorough")
    # As pytest-timeout's, which ends what the plugin cannot.
    config.option.ten_limit = config.option.ten_limit or (
        "3600" if is_thorough else "280"
    )
    hypothesis.settings.load_profile("thorough" if is_thorough else "default")


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


def pytest_collection_finish() -> None:
    """Take what lives as long as the run out of every garbage collection.

    Thousands of tests are collected, and each look over them is long.
    """
    gc.collect()
    gc.freeze()


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


@pytest.fixture(autouse=True)
def one_socket_in_reserve(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Holds no further one for turns that come fast: many a test counts.

    What is fast depends on the machine. Those marked with `fast_turns`, and
    what runs on a virtual clock, have them.
    """
    from gradium_tts_python.core import haste

    is_virtual = request.node.path.parent.name == "properties"
    if not (is_virtual or request.node.get_closest_marker("fast_turns")):
        monkeypatch.setattr(haste, "HASTE_S", 0.0)


@pytest.fixture(autouse=True)
def slots_home(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A machine of its own for each test: nobody else's slots count there."""
    home = tmp_path_factory.getbasetemp() / f"slots-{next(_machines)}"
    monkeypatch.setenv("GRADIUM_TTS_SLOTS", str(home))
    return home


_machines = itertools.count()


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
async def start_host(
    sim: GradiumSim, extension_host: StartHost
) -> AsyncIterator[StartHost]:
    """Starts extensions on `sim`; they stop with the test.

    `await start_host(params={...}, dump=True)`: `params` are merged over the
    server's URL and a good key, the other arguments are top-level properties;
    `wait_s` goes to the host.
    """
    hosts: list[ExtensionHost] = []

    async def start(
        params: Mapping[str, Any] | None = None,
        *,
        wait_s: float = 30.0,
        **properties: Any,
    ) -> ExtensionHost:
        merged = {"url": sim.url, "api_key": KEY, **(params or {})}
        properties["params"] = merged
        host = await extension_host(ADDON, properties, wait_s=wait_s)
        hosts.append(host)
        return host

    yield start
    assert not [e for host in hosts for e in host.events() if shows_key(str(e))]


@pytest.fixture
async def host(start_host: StartHost) -> ExtensionHost:
    """The extension on `sim`, with default properties."""
    return await start_host()


@pytest.fixture(scope="session", autouse=True)
def app(ten_host_app: None) -> None:
    """The app that a real TEN runtime wants; the stand-in needs none."""


@pytest.fixture(autouse=True)
def nothing_is_left(ten_leaks: ProcessLeaks) -> None:
    """Fails a test that leaves a thread, a socket or a file behind.

    Set up before all other fixtures of a test, so it is torn down after
    them.
    """


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
