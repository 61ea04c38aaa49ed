# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The app, the extension and the server of the tests that run inside TEN.

They need pytest, `ten_runtime`, `ten_ai_base` and the extension, and no key:
the vendor is a small server on this machine (`vendor`). They do not depend on
this folder's neighbours, which are not installed into a TEN checkout.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

EXTENSION = Path(__file__).resolve().parents[2]
ADDON = "gradium_tts_python"

# The modules of the extension are not to be found under their bare names, too.
sys.path[:] = [p for p in sys.path if Path(p).resolve() != EXTENSION]
sys.path.insert(0, str(Path(__file__).parent))
if EXTENSION.name == ADDON:
    sys.path.append(str(EXTENSION.parent))

# Registers the add-on, as TEN's loader does, under the only name it has here.
# pylint: disable=wrong-import-position,unused-import,redefined-outer-name
from listener import Properties  # noqa: E402
from local_vendor import KEY, LocalVendor, running_vendor  # noqa: E402

import gradium_tts_python  # noqa: E402,F401
from ten_runtime import App, TenEnv  # noqa: E402

_CONSOLE = {
    "matchers": [{"level": "debug"}],
    "formatter": {"type": "plain", "colored": False},
    "emitter": {"type": "console", "config": {"stream": "stderr"}},
}


class _EmptyApp(App):
    """TEN's runtime wants an app, even around a single extension."""

    is_ready: threading.Event

    def on_configure(self, ten_env: TenEnv) -> None:
        log = {"handlers": [_CONSOLE]}
        ten_env.init_property_from_json(json.dumps({"ten": {"log": log}}))
        ten_env.on_configure_done()

    def on_init(self, ten_env: TenEnv) -> None:
        self.is_ready.set()
        ten_env.on_init_done()


@pytest.fixture(scope="session", autouse=True)
def ten_app(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run an app, unless the tests around these have made theirs.

    A process has one at most. TEN wants it made by the thread that runs it.
    """
    if "app" in request.fixturenames:
        yield
        return
    is_ready = threading.Event()
    apps: list[App] = []

    def run() -> None:
        app = _EmptyApp()
        app.is_ready = is_ready
        apps.append(app)
        app.run(False)

    thread = threading.Thread(target=run, name="ten-app")
    thread.start()
    assert is_ready.wait(30), "the app did not start"
    yield
    apps[0].close()
    thread.join()


@pytest.fixture
def vendor() -> Iterator[LocalVendor]:
    """Run a server of the vendor's protocol."""
    with running_vendor() as running:
        yield running


@pytest.fixture
def properties(vendor: LocalVendor) -> Properties:
    """Make the properties of a node that speaks with `vendor`.

    `properties({"voice_id": "…"}, dump=True)`: `params` are merged over the
    server's URL and a good key; the others are top-level properties.
    """

    def make(
        params: Mapping[str, Any] | None = None, **others: Any
    ) -> dict[str, Any]:
        given = {"url": vendor.url, "api_key": KEY, **(params or {})}
        return {**others, "params": given}

    return make
