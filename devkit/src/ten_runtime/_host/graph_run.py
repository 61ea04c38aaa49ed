"""Runs one graph: from its definition to the last callback.

One thread per run decides everything about stages, one action after the
other; callbacks run elsewhere. It is also the clock of the test's limit, so
that the limit holds while the loops are blocked.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from concurrent import futures
from typing import Any

from ..error import TenError, TenErrorCode
from ..msg import Body, Msg
from ..run_report import Leak, RunReport, set_last_run
from . import log_sinks
from .cleanup import drain
from .commands import CommandTable
from .graph_definition import TESTER_ADDON, GraphDefinition
from .loop_thread import EXTENSION_LOOPS
from .manifest import ManifestProblem, load_schema
from .node import Node, Stage
from .node_property import (
    PropertyProblem,
    build_property,
    read_package_property,
)
from .property_tree import PropertyTree
from .runners import LoopRunner
from .seats import Workers, create_instance, seat_extension

GRACE_S = 5.0
"""How long the end may take after a time-out or a failure."""

_Action = Callable[[], None]


class GraphRun:
    """A graph that runs once.

    Args:
        graph: what to run.
        seat_tester: gives the tester's node its instance, env and runner.
        limit_s: the run fails after so many seconds; None for no limit.
        on_end: called on the run's thread when everything is over.
    """

    def __init__(
        self,
        graph: GraphDefinition,
        seat_tester: Callable[[Node], None] | None = None,
        limit_s: float | None = None,
        on_end: _Action = lambda: None,
    ) -> None:
        self.graph_id = uuid.uuid4().hex
        self.nodes: dict[str, Node] = {}
        self.commands = CommandTable()
        self.error: TenError | None = None
        self._graph = graph
        self._seat_tester = seat_tester
        self._on_end = on_end
        self._deadline = limit_s and time.monotonic() + limit_s
        self.is_over = False
        self._is_ending = False
        self._is_stopping = False
        self._is_begun = False
        self._is_given_up = False
        self._workers = Workers()
        self._failures: list[str] = []
        self._refused: list[str] = []
        self._leaks: list[Leak] = []
        self._lock = threading.Lock()
        self._actions: queue.SimpleQueue[_Action] = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=self._serve, name="ten-runtime", daemon=True
        )

    # -- from any thread -----------------------------------------------------

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def post(self, action: _Action) -> None:
        """Have something done on the run's thread."""
        self._actions.put(action)

    def stop(self, error: TenError | None = None) -> None:
        """End the run; the first error that is given is its result."""
        if error is not None and error.error_code() != 0:
            self._record(error)
        self.post(self._stop)

    def give_up(self) -> None:
        """End the run at once, without waiting for any callback."""

        def end() -> None:
            self._is_given_up = True

        self.post(end)

    def fail(self, text: str) -> None:
        """Native TEN would have ended the process here: fail the run."""
        log_sinks.warn("host", text)
        with self._lock:
            self._failures.append(text)
        self._record(TenError.create(TenErrorCode.ErrorCodeGeneric, text))
        self.post(self._stop_soon)

    def callback_failed(
        self, node: Node, callback: str, error: BaseException
    ) -> None:
        """A callback raised: record it, with its traceback, and stop."""
        if isinstance(error, asyncio.CancelledError) and self._is_ending:
            return
        node.is_broken = True
        trace = "".join(
            traceback.format_exception(type(error), error, error.__traceback__)
        )
        self.fail(
            f"{callback} of {node.name} raised (TEN ends the process here)\n"
            f"{trace}"
        )

    def refused(
        self, node: Node, kind: str, body: Body, error: TenError
    ) -> None:
        """Note a message that was dropped."""
        text = (
            f"{kind} {body.name} of {node.name} is dropped: "
            f"{error.error_message()}"
        )
        log_sinks.warn(node.name, text)
        with self._lock:
            self._refused.append(text)

    def receivers(self, sender: Node, kind: str, body: Body) -> list[Node]:
        """Where a message goes: explicit destinations, else the graph."""
        if self._graph.joins_all:
            return [node for node in self.nodes.values() if node is not sender]
        if body.dests:
            names = [loc.extension_name or "" for loc in body.dests]
        else:
            route = (sender.name, kind, body.name)
            names = self._graph.routes.get(route, [])
        return [self.nodes[name] for name in names if name in self.nodes]

    def instance_created(self, node: Node, instance: Any) -> None:
        """An add-on has made its extension.

        Raises TypeError when the instance is not an extension.
        """
        seat_extension(node, instance, self._workers)
        self.post(self._begin_when_created)

    # -- on the run's thread -------------------------------------------------

    def _serve(self) -> None:
        try:
            self._create()
        except Exception as error:
            for node in self.nodes.values():
                node.stage = Stage.GONE
            self.fail(f"the graph cannot start: {_chain(error)}")
        while self._has_work():
            try:
                self._actions.get(timeout=self._remaining_s())()
            except queue.Empty:
                self._time_is_up()
        self._finish()

    def _has_work(self) -> bool:
        if self._is_given_up:
            return False
        return any(not node.is_gone for node in self.nodes.values())

    def _remaining_s(self) -> float | None:
        if not self._deadline:
            return None
        return max(0.0, self._deadline - time.monotonic())

    def _time_is_up(self) -> None:
        if not self._is_stopping:
            code = TenErrorCode.ErrorCodeTimeout
            self._record(TenError.create(code, "Test timeout."))
            self._deadline = None
            self._stop_soon()
            return
        self._is_given_up = True
        for node in self.nodes.values():
            if not node.is_gone:
                text = f"{node.name} does not come out of {node.stage.value}"
                self._failures.append(text)
                code = TenErrorCode.ErrorCodeTimeout
                self._record(TenError.create(code, text))
                log_sinks.warn(node.name, text)

    def _record(self, error: TenError) -> None:
        with self._lock:
            self.error = self.error or error

    def _stop_soon(self) -> None:
        latest = time.monotonic() + GRACE_S
        self._deadline = min(self._deadline or latest, latest)
        self._stop()

    def _stop(self) -> None:
        self._is_stopping = True
        for node in self.nodes.values():
            if node.stage is Stage.RUNNING:
                node.begin(Stage.STOP)
            elif not self._is_begun:
                node.stage = Stage.GONE

    def _create(self) -> None:
        for definition in self._graph.nodes:
            node = Node(self, definition.name, definition.group)
            node.node_property = definition.property
            self.nodes[node.name] = node
        for definition in self._graph.nodes:
            node = self.nodes[definition.name]
            if definition.addon == TESTER_ADDON and self._seat_tester:
                node.is_tester = True
                self._seat_tester(node)
                continue
            base_dir = create_instance(node, definition.addon)
            try:
                node.schema = load_schema(base_dir)
            except ManifestProblem as problem:
                log_sinks.warn(node.name, f"no schema is enforced: {problem}")
            node.package_property = read_package_property(base_dir)
        self._begin_when_created()

    def _begin_when_created(self) -> None:
        is_complete = all(n.instance is not None for n in self.nodes.values())
        if is_complete and not self._is_begun and not self._is_stopping:
            self._is_begun = True
            for node in self.nodes.values():
                node.begin(Stage.INIT if node.is_tester else Stage.CONFIGURE)

    def stage_done(self, node: Node, stage: Stage) -> None:
        """A callback of the life cycle has ended: what comes next?"""
        if node.stage is not stage:
            return
        if stage is Stage.CONFIGURE:
            self._end_configure(node)
        elif stage is Stage.INIT:
            if node.is_broken:
                node.begin(Stage.STOP)
            else:
                node.begin(Stage.START)
                node.open_window()
        elif stage is Stage.START:
            node.stage = Stage.RUNNING
            if self._is_stopping:
                node.begin(Stage.STOP)
        elif stage is Stage.STOP:
            node.stage = Stage.STOPPED
            self._deinit_those_due()
        else:
            node.stage = Stage.GONE

    def _end_configure(self, node: Node) -> None:
        configured = node.configured_property
        package = configured.root if configured else node.package_property
        try:
            if node.is_broken:
                raise PropertyProblem("on_configure failed")
            root, warning = build_property(
                package, node.node_property, node.schema
            )
        except PropertyProblem as problem:
            self._answer_dropped(node, node.close_window())
            node.stage = Stage.GONE
            self._deinit_those_due()
            self.fail(f"{node.name} cannot start: {problem}")
            return
        if warning is not None:
            log_sinks.warn(node.name, warning)
        node.tree = PropertyTree(root)
        node.begin(Stage.INIT)

    def _deinit_those_due(self) -> None:
        """A tester waits until all extensions have done their on_stop."""
        after_stop = (Stage.STOPPED, Stage.DEINIT, Stage.GONE)
        have_stopped = all(
            node.stage in after_stop for node in self.nodes.values()
        )
        for node in self.nodes.values():
            is_due = have_stopped or not node.is_tester
            if node.stage is Stage.STOPPED and is_due:
                self._answer_dropped(node, node.close_window())
                node.begin(Stage.DEINIT)

    def _answer_dropped(self, node: Node, messages: list[Msg]) -> None:
        for message in messages:
            command_id = message._body.command_id
            self.commands.answer_with_error(command_id, f"{node.name} ended")

    def _finish(self) -> None:
        self._is_ending = True
        for node in self.nodes.values():
            self._answer_dropped(node, node.close_window())
        for node in self.nodes.values():
            runner = node.runner
            if isinstance(runner, LoopRunner) and not node.is_tester:
                self._clean_up(node, runner)
        self._workers.end()
        unanswered = self.commands.unanswered()
        for command in unanswered:
            log_sinks.warn("host", f"command without a result: {command}")
        for leak in self._leaks:
            log_sinks.warn(leak.owner, str(leak))
        self._apply_strictness()
        set_last_run(
            RunReport(
                tuple(self._failures),
                tuple(self._refused),
                tuple(unanswered),
                tuple(self._leaks),
            )
        )
        self.is_over = True
        self._on_end()

    def raise_if_strict(self) -> None:
        """Raise what would have ended the process, where that is asked for.

        For tests that do not look at what `run` returns.
        """
        if "raise" in _strictness() and self._failures:
            raise RuntimeError(self._failures[0])

    def _apply_strictness(self) -> None:
        strict_about = _strictness()
        if "leaks" in strict_about:
            for leak in self._leaks:
                self.fail(str(leak))
        if "refused" in strict_about:
            for text in self._refused:
                self.fail(text)

    def _clean_up(self, node: Node, runner: LoopRunner) -> None:
        try:
            leaks, stuck = runner.thread.run(drain(node), timeout_s=2.0)
        except futures.TimeoutError:
            leaks, stuck = [], []
            log_sinks.warn(node.name, "its event loop is blocked")
        self._leaks += leaks
        for handler in stuck:
            self.fail(
                f"{handler} was still running at the end (TEN cancels it and "
                "then ends the process)"
            )
        if not EXTENSION_LOOPS.release(runner.thread):
            log_sinks.warn(node.name, "its event loop could not be ended")


def _strictness() -> list[str]:
    return os.environ.get("TEN_HOST_STRICT", "").split(",")


def _chain(error: Exception) -> str:
    return "".join(
        traceback.format_exception(type(error), error, error.__traceback__)
    )
