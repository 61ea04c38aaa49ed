"""Apps: they configure logging and run the graphs that start by themselves."""

from __future__ import annotations

import threading

from ._host.app_run import AppRun
from .ten_env import TenEnv


class App:
    """An override of a callback must end with its `…_done` call."""

    def __init__(self) -> None:
        self._run = AppRun(self)
        self._thread: threading.Thread | None = None

    def run(self, run_in_background: bool = False) -> None:
        """Configure, init, wait for `close`, deinit.

        Raises:
            RuntimeError: a callback or a graph failed. In the background
                `wait` raises it.
        """
        if run_in_background:
            self._thread = threading.Thread(
                target=self._run.serve, name="ten-app", daemon=True
            )
            self._thread.start()
        else:
            self._run.serve()
            self._run.raise_failure()

    def wait(self) -> None:
        """Wait for the end of an app that runs in the background."""
        if self._thread is not None:
            self._thread.join()
            self._run.raise_failure()

    def close(self) -> None:
        """End the app, from any thread."""
        self._run.close()

    def on_configure(self, ten_env: TenEnv) -> None:
        ten_env.on_configure_done()

    def on_init(self, ten_env: TenEnv) -> None:
        ten_env.on_init_done()

    def on_deinit(self, ten_env: TenEnv) -> None:
        ten_env.on_deinit_done()
