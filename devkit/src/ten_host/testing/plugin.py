# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The pytest plugin, found by its entry point: options, hooks and fixtures.

* async tests run without configuration;
* a test that hangs ends at its limit and says who waits for what;
* what an extension raises, and what of it is refused, fails the test;
* fixtures: `extension_host`, `ten_log`, `ten_leaks`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import warnings
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterator,
    Mapping,
)
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from .. import package
from ..app import app_running, is_stand_in
from ..host import ExtensionHost
from ..tester import HostError
from ..vendor import VendorError, running_vendor
from . import runs
from .contexts import keep_contexts_apart
from .leaks import ProcessLeaks
from .limit import RUN_GRACE_S, LimitPlugin
from .log import TenLog, TenLogPlugin

StartHost = Callable[..., Awaitable[ExtensionHost]]

DEFAULT_LIMIT_S = 60.0

_ASYNCIO_MODE = re.compile(r"\s*asyncio_mode\s*=")

_MARKER = (
    "ten_expects(*kinds): the test looks at these by itself: "
    + ", ".join(runs.KINDS)
)
_FAIL_ON = "what of an extension fails a test; the default is " + " ".join(
    runs.DEFAULT_KINDS
)
_OPTIONS = {
    "ten_addon": "the add-on to test; by default the package around",
    "ten_package": "the folder of its package, if it is not importable",
    "ten_property": "a JSON file with its properties",
    "ten_config": "the folder of its settings for ten_host.conformance",
    "ten_vendor": "FILE.py:NAME, a context manager that runs its vendor",
    "ten_limit": "seconds that a test may take (default: 60; 0 for ever)",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("ten", "extensions for TEN")
    for name, text in _OPTIONS.items():
        option = f"--{name.replace('_', '-')}"
        group.addoption(option, dest=name, default=None, help=text)
        parser.addini(name, text, default="")
    parser.addini("ten_fail_on", _FAIL_ON, "args", list(runs.DEFAULT_KINDS))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)
    keep_contexts_apart()
    _run_async_tests(config)
    _find_package(config)
    limit_s = _limit_s(config)
    plugins: dict[str, object] = {
        "ten_log_plugin": TenLogPlugin(
            is_shown=config.getoption("capture") == "no"
        ),
    }
    if limit_s:
        os.environ.setdefault("TEN_HOST_LIMIT", str(limit_s + RUN_GRACE_S))
        plugins["ten_limit_plugin"] = LimitPlugin(limit_s)
    if is_stand_in():
        kinds = config.getini("ten_fail_on")
        _refuse(runs.unknown_kinds(kinds), "ten_fail_on")
        plugins["ten_runs_plugin"] = runs.RunWatch(kinds)
    for name, plugin in plugins.items():
        config.pluginmanager.register(plugin, name)


@pytest.hookimpl(tryfirst=True)
def pytest_collect_directory(
    path: Path, parent: pytest.Collector
) -> pytest.Collector | None:
    """Take an extension's folder for a folder.

    pytest would take it for a package of tests, and import it a second time,
    under a name of its own.
    """
    if package.package_around(path) != path:
        return None
    made: pytest.Collector = pytest.Dir.from_parent(parent, path=path)
    return made


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for marker in item.iter_markers("ten_expects"):
            _refuse(runs.unknown_kinds(marker.args), f"{item.nodeid}: marker")
        _look_for_leaks_last(getattr(item, "fixturenames", []))


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(
    session: pytest.Session,
) -> Generator[None, object, object]:
    """Run all tests beside the vendor of `--ten-vendor`."""
    config = session.config
    # With xdist its workers run the tests, each beside a vendor of its own.
    is_elsewhere = getattr(config.option, "dist", "no") != "no" and not hasattr(
        config, "workerinput"
    )
    if config.option.collectonly or is_elsewhere:
        return (yield)
    reference = _file_setting(config, "ten_vendor")
    try:
        with running_vendor(reference):
            return (yield)
    except VendorError as error:
        raise pytest.UsageError(f"--ten-vendor: {error}") from None


def _look_for_leaks_last(names: list[str]) -> None:
    """Have `ten_leaks` torn down after the extensions, so set up before."""
    first, look = "extension_host", "ten_leaks"
    if look in names and first in names:
        if names.index(look) > names.index(first):
            names.remove(look)
            names.insert(names.index(first), look)


def setting(config: pytest.Config, name: str) -> str | None:
    """Return an option, or the setting of that name; None without either."""
    return config.getoption(name) or config.getini(name) or None


def path_setting(config: pytest.Config, name: str) -> Path | None:
    """Return a path: an option's from here, a setting's from its file."""
    if config.getoption(name):
        return Path(config.invocation_params.dir, config.getoption(name))
    text = config.getini(name)
    return config.rootpath / text if text else None


def _file_setting(config: pytest.Config, name: str) -> str | None:
    """As `path_setting`, with what stands behind the path kept."""
    path = path_setting(config, name)
    return None if path is None else str(path)


def _run_async_tests(config: pytest.Config) -> None:
    """Have pytest-asyncio take all coroutine tests, unless told otherwise."""
    if not config.pluginmanager.has_plugin("asyncio"):
        return
    # It has a default, so that its value does not tell whether it was set.
    written = [*(config.getoption("override_ini") or [])]
    if config.inipath is not None:
        written += config.inipath.read_text("utf-8").splitlines()
    is_set = any(_ASYNCIO_MODE.match(line) for line in written)
    if config.getoption("asyncio_mode") is None and not is_set:
        config.option.asyncio_mode = "auto"
    # Its fixtures have the loop of their test, which is what it recommends.
    warnings.filterwarnings("ignore", ".*default_fixture_loop_scope.* unset")


def _find_package(config: pytest.Config) -> None:
    """Let the package under test be imported, wherever it lies."""
    chosen = path_setting(config, "ten_package")
    if chosen is not None:
        try:
            name = package.make_importable(chosen)
        except package.PackageError as error:
            raise pytest.UsageError(f"--ten-package: {error}") from None
        config.option.ten_addon = setting(config, "ten_addon") or name
        return
    around = package.package_around(config.rootpath)
    if around is not None:
        name = package.make_importable(around, wins=False)
        config.option.ten_addon = setting(config, "ten_addon") or name


def _limit_s(config: pytest.Config) -> float:
    text = setting(config, "ten_limit") or str(DEFAULT_LIMIT_S)
    try:
        limit_s = float(text)
    except ValueError:
        limit_s = -1.0
    if not limit_s >= 0:
        _refuse(f"must be a number of seconds, not {text}", "--ten-limit")
    return limit_s


def _refuse(reason: str | None, what: str) -> None:
    if reason is not None:
        raise pytest.UsageError(f"{what}: {reason}")


@pytest.fixture(scope="session")
def ten_host_app() -> Iterator[None]:
    """The app that TEN's own runtime wants; the stand-in needs none."""
    with app_running():
        yield


@pytest.fixture
def ten_log(pytestconfig: pytest.Config) -> TenLog:
    """What the extensions of this test log, at the level of TEN_HOST_LOG."""
    plugin = pytestconfig.pluginmanager.get_plugin("ten_log_plugin")
    assert isinstance(plugin, TenLogPlugin)
    return plugin.log


@pytest.fixture
def ten_leaks() -> Iterator[ProcessLeaks]:
    """Fails the test if it leaves something behind.

    That is: a thread, a socket or a file of this process, and what its
    extensions had still open when their runs had ended.
    """
    leaks = ProcessLeaks()
    yield leaks
    if is_stand_in():
        left = leaks.at_last()
        assert not left, f"left behind: {', '.join(left)}"


@pytest_asyncio.fixture
async def extension_host(
    pytestconfig: pytest.Config, ten_host_app: None
) -> AsyncIterator[StartHost]:
    """Starts extensions; they stop with the test.

    `await extension_host("my_tts", {"params": {…}}, wait_s=5.0)` gives a
    running `ExtensionHost`. Without a name it is the add-on of `--ten-addon`,
    or of the package around; without properties, those of `--ten-property`.
    """
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            addon: str | None = None,
            properties: Mapping[str, Any] | None = None,
            **options: Any,
        ) -> ExtensionHost:
            addon = addon or setting(pytestconfig, "ten_addon")
            if addon is None:
                pytest.fail(
                    "no add-on: name it, or give --ten-addon", pytrace=False
                )
            if properties is None:
                properties = _properties(pytestconfig)
            host = ExtensionHost(addon, properties, **options)
            await host.__aenter__()
            stack.push_async_exit(_stop_of(host))
            return host

        yield start


def _stop_of(host: ExtensionHost) -> Any:
    async def stop(*error: Any) -> None:
        # Of the stand-in's runs the plugin itself tells what went wrong.
        with contextlib.suppress(*[HostError] if is_stand_in() else []):
            await host.__aexit__(*error)

    return stop


def _properties(config: pytest.Config) -> dict[str, Any]:
    path = path_setting(config, "ten_property")
    if path is None:
        return {}
    properties: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return properties
