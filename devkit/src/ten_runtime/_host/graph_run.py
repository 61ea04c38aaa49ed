# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Runs one graph: from its definition to the last callback.

One thread per run decides everything about stages, one action after the
other; callbacks run elsewhere. It is also the clock of the test's limit, so
that the limit holds while the loops are blocked.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from typing import Any

from ..error import TenError, TenErrorCode
from ..msg import Body, Msg
from ..run_report import RunReport, run_begins, run_ends
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
from .run_record import RunRecord
from .runners import LoopRunner
from .seats import Workers, create_instance, seat_extension
from .ten_files import problem_with_property
from .waiting import who_waits

GRACE_S = 5.0
"""How long the end may take after a time-out or a failure."""

_PACKAGES = Path(__file__).parents[2]
_STAND_INS = tuple(
    str(_PACKAGES / name) for name in ("ten_runtime", "ten_ai_base")
)

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
        self.record = RunRecord()
        self._graph = graph
        self._seat_tester = seat_tester
        self._on_end = on_end
        self._deadline = limit_s and time.monotonic() + limit_s
        self.is_over = False
        self._is_ending = False
        self._is_stopping = False
        self._is_begun = False
        self._has_grace = False
        self._is_given_up = False
        self._workers = Workers()
        self._actions: queue.SimpleQueue[_Action] = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=self._serve, name="ten-runtime", daemon=True
        )

    # -- from any thread -----------------------------------------------------

    def start(self) -> None:
        run_begins(self)
        self._thread.start()

    def report(self) -> RunReport:
        """Return what went wrong so far."""
        return self.record.so_far(self._unanswered())

    def waiting(self) -> list[str]:
        """Return who waits for what, in sentences."""
        return who_waits(list(self.nodes.values()), self.commands)

    def _unanswered(self) -> list[str]:
        return [f"{c.name} from {c.asker}" for c in self.commands.pending()]

    def join(self) -> None:
        self._thread.join()

    def post(self, action: _Action) -> None:
        """Have something done on the run's thread."""
        self._actions.put(action)

    def stop(self, error: TenError | None = None) -> None:
        """End the run; the first error that is given is its result.

        Raises RuntimeError when it is a test that is over.
        """
        if self.is_over and self._seat_tester:
            raise RuntimeError(
                "stop_test after the end of the test (TEN aborts the process)"
            )
        if error is not None and error.error_code() != 0:
            self.record.note_error(error)
        self.post(self._stop)

    def give_up(self) -> None:
        """End the run at once, without waiting for any callback."""

        def end() -> None:
            self._is_given_up = True

        self.post(end)
        # So that it does not end in the midst of what comes next.
        self.join()

    def fail(self, text: str) -> None:
        """Native TEN would have ended the process here: fail the run."""
        self.record.note_failure(text)
        self.post(self._stop_soon)

    def callback_failed(
        self, node: Node, callback: str, error: BaseException
    ) -> None:
        """A callback raised: record it, with its traceback, and stop."""
        if isinstance(error, asyncio.CancelledError) and self._is_ending:
            return
        node.is_broken = True
        self.fail(
            f"{callback} of {node.name} raised (TEN ends the process here)\n"
            f"{_trace(error)}"
        )

    def raised_unhandled(
        self, node: Node, what: str, error: BaseException
    ) -> None:
        """Something of an extension raised, and nobody handled it."""
        text = f"{node.name}: {what}\n{_trace(error)}"
        self.record.note_unhandled(node.name, text)

    def refused(
        self, node: Node, kind: str, body: Body, error: TenError
    ) -> None:
        """Note a message that was dropped."""
        name = f"{kind} {body.name} of {node.name}"
        text = f"{name} is dropped: {error.error_message()}"
        self.record.note_refused(node.name, text)

    def receivers(self, sender: Node, kind: str, body: Body) -> list[Node]:
        """Return who gets a message: its destinations, else the graph's."""
        if self._graph.joins_all:
            return [node for node in self.nodes.values() if node is not sender]
        if body.dests:
            names = [loc.extension_name or "" for loc in body.dests]
        else:
            route = (sender.name, kind, body.name)
            names = self._graph.routes.get(route, [])
            if not names and self._seat_tester and not sender.is_stopping:
                self.fail(
                    f"{kind} {body.name} of {sender.name} is not connected"
                    " (TEN aborts the test's process)"
                )
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
            self.fail(f"the graph cannot start: {_trace(error)}")
        while self._has_work():
            try:
                self._actions.get(timeout=self._remaining_s())()
            except queue.Empty:
                self._time_is_up()
            except Exception as error:
                self.fail(
                    f"the host itself failed: {error!r}\n"
                    f"{traceback.format_exc()}"
                )
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
        code = TenErrorCode.ErrorCodeTimeout
        if not self._has_grace:
            self.record.note_error(TenError.create(code, "Test timeout."))
            self.record.note_waiting(self.waiting())
            self._stop_soon()
            return
        self._is_given_up = True
        for node in self.nodes.values():
            if not node.is_gone:
                stage = node.stage.value
                text = f"{node.name} does not come out of {stage}"
                self.record.note_failure(text, code)

    def _stop_soon(self) -> None:
        if not self._has_grace:
            self._has_grace = True
            self._deadline = time.monotonic() + GRACE_S
        self._stop()

    def _stop(self) -> None:
        """Begin all `on_stop` at once, the tester's first.

        What extensions send from theirs finds no tester any more, unless it
        takes its time in its own.
        """
        self._is_stopping = True
        for node in sorted(self.nodes.values(), key=lambda n: not n.is_tester):
            if node.stage is Stage.RUNNING:
                if node.stops_at_once:
                    self._answer_dropped(node, node.close_window())
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
            self._read_package(node, definition.addon, base_dir)
        self._begin_when_created()

    def _read_package(self, node: Node, addon: str, base_dir: Path) -> None:
        """Take over what the add-on's files say.

        One that TEN refuses costs the extension its whole schema, and
        nothing else.
        """
        node.package_property = read_package_property(base_dir)
        try:
            schema = load_schema(base_dir)
            reason = problem_with_property(node.package_property)
            if reason is not None:
                raise ManifestProblem(f"property.json: {reason}")
        except ManifestProblem as problem:
            self.record.note_refused_file(f"extension({addon})", str(problem))
        else:
            node.schema = schema

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
            self._answer_dropped(node, node.close_window())
            node.begin(Stage.DEINIT)
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
            self.fail(f"{node.name} cannot start: {problem}")
            return
        if warning is not None:
            log_sinks.warn(node.name, warning)
        node.tree = PropertyTree(root)
        # Who is stopped before on_init never sees it, nor on_start.
        node.begin(Stage.STOP if self._is_stopping else Stage.INIT)

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
            node.stage = Stage.GONE
        self._workers.end(is_given_up=self._is_given_up)
        run_ends(self, self.record.close(self._unanswered()))
        self.is_over = True
        self._on_end()

    def _clean_up(self, node: Node, runner: LoopRunner) -> None:
        try:
            leaks, stuck = runner.thread.run(drain(node), timeout_s=2.0)
        except futures.TimeoutError:
            leaks, stuck = [], []
            log_sinks.warn(node.name, "its event loop is blocked")
        for leak in leaks:
            self.record.note_leak(leak)
        for handler in stuck:
            self.fail(
                f"{handler} was still running at the end (TEN cancels it and "
                "then ends the process)"
            )
        if not EXTENSION_LOOPS.release(runner.thread):
            log_sinks.warn(node.name, "its event loop could not be ended")


def _trace(error: BaseException) -> str:
    """Return the traceback, without the stand-ins' own lines before it."""
    step = error.__traceback__
    while step and step.tb_frame.f_code.co_filename.startswith(_STAND_INS):
        step = step.tb_next
    if step is None:
        return "".join(traceback.format_exception_only(type(error), error))
    return "".join(traceback.format_exception(type(error), error, step))
