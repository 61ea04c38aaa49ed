# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Interrupts the main thread, wherever it waits, after some time."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType

Ring = Callable[["FrameType | None"], "float | None"]


class Alarm:
    """Calls `ring` on the main thread after a time, unless it was left before.

    What `ring` raises is raised there; a time that it returns is when it is
    called again. Without POSIX's timers, on other threads, and where somebody
    else has them already, it does nothing.
    """

    def __init__(self, after_s: float, ring: Ring) -> None:
        self._after_s = after_s
        self._ring = ring
        self._is_set = False

    def __enter__(self) -> None:
        is_main = threading.current_thread() is threading.main_thread()
        if not (is_main and hasattr(signal, "setitimer")):
            return
        if signal.getsignal(signal.SIGALRM) is signal.SIG_DFL:
            self._is_set = True
            signal.signal(signal.SIGALRM, self._rings)
            signal.setitimer(signal.ITIMER_REAL, self._after_s)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._is_set:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def _rings(self, number: int, frame: FrameType | None) -> None:
        again_s = self._ring(frame)
        if again_s is not None:
            signal.setitimer(signal.ITIMER_REAL, again_s)
