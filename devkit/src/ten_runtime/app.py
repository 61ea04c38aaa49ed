# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Apps: they configure logging and run the graphs that start by themselves."""

from __future__ import annotations

import threading

from ._host.absent import Complete
from ._host.app_run import AppRun
from .ten_env import TenEnv


class App(Complete):
    """An override of a callback must end with its `…_done` call."""

    def __new__(cls, *args: object, **options: object) -> App:
        """Takes no argument, whatever `__init__` takes."""
        if args or options:
            count = len(args) + len(options)
            raise TypeError(
                f"Expect 0 argument, but got {count} (TEN aborts the process)"
            )
        return super().__new__(cls)

    def __init__(self) -> None:
        self._ten_run = AppRun(self)
        self._ten_thread: threading.Thread | None = None
        self._ten_maker = threading.get_ident()

    def run(self, run_in_background: bool = False) -> None:
        """Configure, init, wait for `close`, deinit.

        Raises:
            RuntimeError: called on another thread than the one that made
                the app; or a callback or a graph failed (in the background
                `wait` raises that).
        """
        if threading.get_ident() != self._ten_maker:
            raise RuntimeError(
                "Access object across threads: an app runs on the thread that"
                " made it (TEN aborts the process)"
            )
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
