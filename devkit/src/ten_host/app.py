"""The app that a real TEN runtime wants around its extensions."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import ten_runtime


def is_stand_in() -> bool:
    """Whether `ten_runtime` is this kit's, not TEN's own."""
    kit = Path(__file__).resolve().parent.parent
    return kit in Path(ten_runtime.__file__).resolve().parents


@contextlib.contextmanager
def app_running() -> Iterator[None]:
    """Run an empty app on a thread of its own, where the runtime is TEN's.

    The stand-in needs none. At most one app can exist in a process.
    """
    if is_stand_in():
        yield
        return
    is_ready = threading.Event()
    app = _make_app(is_ready)
    thread = threading.Thread(target=app.run, args=(False,), name="ten-app")
    thread.start()
    is_ready.wait()
    try:
        yield
    finally:
        app.close()
        thread.join()


def _make_app(is_ready: threading.Event) -> ten_runtime.App:
    class EmptyApp(ten_runtime.App):
        def on_configure(self, ten_env: ten_runtime.TenEnv) -> None:
            ten_env.init_property_from_json(
                json.dumps({"ten": {"log": {"handlers": [_CONSOLE]}}})
            )
            ten_env.on_configure_done()

        def on_init(self, ten_env: ten_runtime.TenEnv) -> None:
            is_ready.set()
            ten_env.on_init_done()

    return EmptyApp()


_CONSOLE = {
    "matchers": [{"level": "info"}],
    "formatter": {"type": "plain", "colored": False},
    "emitter": {"type": "console", "config": {"stream": "stderr"}},
}
