# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The app that a real TEN runtime wants around its extensions."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ten_runtime

LOG_LEVELS = ("off", "error", "warn", "info", "debug")


@functools.cache
def is_stand_in() -> bool:
    """Return whether `ten_runtime` is this kit's, not TEN's own."""
    kit = Path(__file__).resolve().parent.parent
    return kit in Path(ten_runtime.__file__).resolve().parents


def waiting_lines() -> str:
    """Return who waits for what, each in a line of an error's text.

    Nothing is known of it on TEN's own runtime.
    """
    if not is_stand_in():
        return ""
    from ten_runtime import run_report

    return "".join(f"\n  {sentence}" for sentence in run_report.who_waits())


def is_run_going_on() -> bool:
    """Return whether an extension runs; of TEN's own runtime nobody knows."""
    if not is_stand_in():
        return False
    from ten_runtime import run_report

    return bool(run_report.running())


@contextlib.contextmanager
def app_running() -> Iterator[None]:
    """Run an empty app on a thread of its own, where the runtime is TEN's.

    TEN's log goes to stderr from the level on that TEN_HOST_LOG names, by
    default `warn`. The stand-in, whose log follows the same variable, needs no
    app. At most one app can exist in a process.
    """
    if is_stand_in():
        yield
        return
    level = os.environ.get("TEN_HOST_LOG", "warn")
    with running_app(app_property(level)):
        yield


@contextlib.contextmanager
def running_app(tree: dict[str, Any]) -> Iterator[None]:
    """Run an app with this property on a thread, until the block is left.

    Raises:
        RuntimeError: on entering, when it does not get through its start.
    """
    apps: list[ten_runtime.App] = []
    is_ready = threading.Event()

    def live() -> None:
        # TEN aborts when an app runs on another thread than it was made on.
        apps.append(_make_app(tree, is_ready))
        apps[0].run(False)

    thread = threading.Thread(target=live, name="ten-app")
    thread.start()
    while not is_ready.wait(0.1):
        if not thread.is_alive():
            raise RuntimeError("the app did not start")
    try:
        yield
    finally:
        apps[0].close()
        thread.join()


def app_property(level: str) -> dict[str, Any]:
    """Return the property of an app that only says what becomes of TEN's log.

    Args:
        level: one of `LOG_LEVELS`; anything else counts as `warn`.
    """
    stderr: dict[str, Any] = {
        "type": "console",
        "config": {"stream": "stderr"},
    }
    nowhere = {"type": "file", "config": {"path": os.devnull}}
    handler = {
        "matchers": [{"level": level if level in LOG_LEVELS else "warn"}],
        "formatter": {"type": "plain", "colored": False},
        "emitter": nowhere if level == "off" else stderr,
    }
    return {"ten": {"log": {"handlers": [handler]}}}


def _make_app(
    tree: dict[str, Any], is_ready: threading.Event
) -> ten_runtime.App:
    class PlainApp(ten_runtime.App):
        def on_configure(self, ten_env: ten_runtime.TenEnv) -> None:
            ten_env.init_property_from_json(json.dumps(tree))
            ten_env.on_configure_done()

        def on_init(self, ten_env: ten_runtime.TenEnv) -> None:
            is_ready.set()
            ten_env.on_init_done()

    return PlainApp()
