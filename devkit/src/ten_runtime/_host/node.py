# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""One extension or tester in a running graph: its stages and its inbox."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol

from ..audio_frame import AudioFrame
from ..cmd import Cmd
from ..data import Data
from ..error import TenError
from ..msg import Body, Msg
from ..video_frame import VideoFrame
from . import log_sinks
from .commands import CommandTable
from .manifest import Schema
from .property_tree import Json, PropertyTree
from .runners import UNSEATED, Runner

SLOW_INIT_S = 0.165
"""TEN warns about an on_init that takes longer."""


class Stage(str, Enum):
    """Where a node stands; the value names the callback, if there is one."""

    CREATED = "created"
    CONFIGURE = "on_configure"
    INIT = "on_init"
    START = "on_start"
    RUNNING = "running"
    STOP = "on_stop"
    DEINIT = "on_deinit"
    GONE = "gone"


class Window(Enum):
    """Whether messages reach the handlers: later, now, never again."""

    WAITING = 0
    OPEN = 1
    CLOSED = 2


_HANDLERS: tuple[tuple[type[Msg], str, str], ...] = (
    (Data, "data", "on_data"),
    (AudioFrame, "audio_frame", "on_audio_frame"),
    (Cmd, "cmd", "on_cmd"),
    (VideoFrame, "video_frame", "on_video_frame"),
)


def kind_of_message(message: Msg) -> tuple[str, str]:
    """(`"data"`, `"on_data"`) and so on."""
    for message_type, kind, handler in _HANDLERS:
        if isinstance(message, message_type):
            return kind, handler
    raise TypeError(f"{type(message).__name__} cannot be sent")


class NodeHost(Protocol):
    """What a node asks of the graph, or the app, that it lives in."""

    graph_id: str

    @property
    def commands(self) -> CommandTable: ...

    def post(self, action: Callable[[], None]) -> None: ...

    def stop(self, error: TenError | None = None) -> None: ...

    def stage_done(self, node: Node, stage: Stage) -> None: ...

    def callback_failed(
        self, node: Node, callback: str, error: BaseException
    ) -> None: ...

    def raised_unhandled(
        self, node: Node, what: str, error: BaseException
    ) -> None: ...

    def fail(self, text: str) -> None: ...

    def refused(
        self, node: Node, kind: str, body: Body, error: TenError
    ) -> None: ...

    def receivers(self, sender: Node, kind: str, body: Body) -> list[Node]: ...

    def instance_created(self, node: Node, instance: Any) -> None: ...


class Node:
    """A place in a graph.

    `instance` is the user's object; `env` is what its callbacks get;
    `runner` says where they run.
    """

    def __init__(self, run: NodeHost, name: str, group: str) -> None:
        self.run = run
        self.name = name
        self.group = group
        self.is_tester = False
        self.instance: Any = None
        self.env: Any = None
        self.runner: Runner = UNSEATED
        self.stage = Stage.CREATED
        self.stage_since_s = time.monotonic()
        self.is_broken = False
        self.schema = Schema()
        self.package_property: dict[str, Json] = {}
        self.node_property: dict[str, Json] = {}
        self.tree = PropertyTree()
        self.configured_property: PropertyTree | None = None
        self._window = Window.WAITING
        self._waiting: list[Msg] = []
        self._lock = threading.Lock()

    @property
    def is_gone(self) -> bool:
        return self.stage is Stage.GONE

    @property
    def is_stopping(self) -> bool:
        """Whether its `on_stop` has begun."""
        return self.stage in (Stage.STOP, Stage.DEINIT, Stage.GONE)

    @property
    def stops_at_once(self) -> bool:
        """Whether this is a tester that has no `on_stop` of its own."""
        stop = type(self.instance).on_stop
        return self.is_tester and stop.__module__.startswith("ten_runtime.")

    def begin(self, stage: Stage) -> None:
        """Run the callback of a stage; its end is told to the run."""
        self.stage = stage
        callback = getattr(self.instance, stage.value)
        self.stage_since_s = begun_s = time.monotonic()

        def done(error: BaseException | None) -> None:
            took_s = time.monotonic() - begun_s
            if stage is Stage.INIT and took_s > SLOW_INIT_S:
                log_sinks.warn(self.name, f"on_init took {took_s:.3f} s")
            if error is not None:
                self.run.callback_failed(self, stage.value, error)
            if error is not None or self.env.ends_stages_on_return:
                self.stage_done(stage)

        self.runner.start(callback, (self.env,), done, stage.value)

    def stage_done(self, stage: Stage) -> None:
        """May be called from any thread; a second call has no effect."""
        self.run.post(lambda: self.run.stage_done(self, stage))

    def raised_unhandled(self, what: str, error: BaseException) -> None:
        """Note what something of this node raised, and nobody handled."""
        self.run.raised_unhandled(self, what, error)

    # -- inbox -------------------------------------------------------------

    def deliver(self, message: Msg) -> bool:
        """Start the handler of a message, now or when the window opens.

        Called by the sender, on its thread. False when the node is past it.
        """
        with self._lock:
            if self._window is Window.WAITING:
                self._waiting.append(message)
            elif self._window is Window.OPEN:
                self._start_handler(message)
            else:
                return False
        return True

    def open_window(self) -> None:
        with self._lock:
            self._window = Window.OPEN
            for message in self._waiting:
                self._start_handler(message)
            self._waiting.clear()

    def close_window(self) -> list[Msg]:
        """Drop what comes from now on; return what was still waiting."""
        with self._lock:
            self._window = Window.CLOSED
            waiting, self._waiting = self._waiting, []
            return waiting

    def _start_handler(self, message: Msg) -> None:
        handler = kind_of_message(message)[1]

        def done(error: BaseException | None) -> None:
            if error is not None:
                self.run.callback_failed(self, handler, error)

        callback: Callable[..., Any] = getattr(self.instance, handler)
        what = f"{handler}({message.get_name()})"
        self.runner.start(callback, (self.env, message), done, what)
