"""Apps: they configure logging and run the graphs that start by themselves."""

from __future__ import annotations

import threading

from ._host.app_run import AppRun
from .ten_env import TenEnv


class App:
    """An override of a callback must end with its `…_done` call."""

    def __init__(self) -> None:
        self._ten_run = AppRun(self)
        self._ten_thread: threading.Thread | None = None

    def run(self, run_in_background: bool = False) -> None:
        """Configure, init, wait for `close`, deinit.

        Raises:
            RuntimeError: a callback or a graph failed. In the background
                `wait` raises it.
        """
        if run_in_background:
            self._ten_thread = threading.Thread(
                target=self._ten_run.serve, name="ten-app", daemon=True
            )
            self._ten_thread.start()
        else:
            self._ten_run.serve()
            self._ten_run.raise_failure()

    def wait(self) -> None:
        """Wait for the end of an app that runs in the background."""
        if self._ten_thread is not None:
            self._ten_thread.join()
            self._ten_run.raise_failure()

    def close(self) -> None:
        """End the app, from any thread."""
        self._ten_run.close()

    def on_configure(self, ten_env: TenEnv) -> None:
        ten_env.on_configure_done()

    def on_init(self, ten_env: TenEnv) -> None:
        ten_env.on_init_done()

    def on_deinit(self, ten_env: TenEnv) -> None:
        ten_env.on_deinit_done()
