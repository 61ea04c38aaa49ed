# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Runs an app: its callbacks on one thread, and its graphs."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..error import TenError
from ..msg import Body
from ..ten_env import TenEnv
from . import log_sinks
from .commands import CommandTable
from .graph_definition import parse_graph
from .graph_run import GraphRun
from .node import Node, Stage
from .property_tree import Json, parse_json
from .run_record import is_strict
from .runners import TurnRunner
from .ten_files import (
    problem_with_graph,
    problem_with_manifest,
    problem_with_property,
)

# A refused graph can have any shape; TEN aborts on some of them.
_GRAPH_PROBLEMS = (OSError, ValueError, AttributeError, TypeError)


class AppRun:
    """One life of an app; `app` is the user's object."""

    def __init__(self, app: Any) -> None:
        self.graph_id = ""
        self.commands = CommandTable()
        self._node = Node(self, "app", "")
        self._node.instance = app
        self._node.env = TenEnv(self._node)
        self._turns = TurnRunner()
        self._node.runner = self._turns
        self._folder = Path.cwd()
        self._graphs: list[GraphRun] = []
        self._is_closing = False
        self._failure: str | None = None

    def serve(self) -> None:
        """Run the app on the calling thread, to its end."""
        self._turns.post(lambda: self._node.begin(Stage.CONFIGURE))
        self._turns.serve()
        for graph in self._graphs:
            graph.join()
        log_sinks.configure(None)

    def raise_failure(self) -> None:
        if self._failure is not None:
            raise RuntimeError(self._failure)

    def close(self) -> None:
        self.post(self._close)

    # -- as a host of the app's node -----------------------------------------

    def post(self, action: Callable[[], None]) -> None:
        self._turns.post(action)

    def stop(self, error: TenError | None = None) -> None:
        self.close()

    def stage_done(self, node: Node, stage: Stage) -> None:
        if node.stage is not stage:
            return
        if stage is Stage.CONFIGURE:
            self._configure(node)
            node.begin(Stage.INIT)
        elif stage is Stage.INIT:
            node.stage = Stage.RUNNING
            self._start_graphs(node.tree.root)
            if self._is_closing:
                self._end_when_graphs_have()
        else:
            node.stage = Stage.GONE
            self._turns.end()

    def callback_failed(
        self, node: Node, callback: str, error: BaseException
    ) -> None:
        trace = "".join(
            traceback.format_exception(type(error), error, error.__traceback__)
        )
        self.fail(f"{callback} of the app raised\n{trace}")
        node.stage = Stage.GONE
        self._turns.end()

    def raised_unhandled(
        self, node: Node, what: str, error: BaseException
    ) -> None:
        log_sinks.warn("app", f"{what}: {error!r}")

    def refused(
        self, node: Node, kind: str, body: Body, error: TenError
    ) -> None:
        log_sinks.warn("app", f"{kind} {body.name}: {error.error_message()}")

    def receivers(self, sender: Node, kind: str, body: Body) -> list[Node]:
        return []

    def instance_created(self, node: Node, instance: Any) -> None:
        raise TypeError("an app makes no instances")

    # -- inside --------------------------------------------------------------

    def _configure(self, node: Node) -> None:
        manifest = _app_manifest(self._folder)
        reasons = [problem_with_manifest(manifest)] if manifest else []
        root: dict[str, Json] = {}
        if node.configured_property:
            root = node.configured_property.root
        elif manifest:
            root = _app_property(self._folder)
        node.tree.root = root
        for reason in (*reasons, problem_with_property(root)):
            self._note_refused(reason)
        ten = root.get("ten")
        log = ten.get("log") if isinstance(ten, dict) else None
        if log is not None:
            log_sinks.configure(log)

    def _start_graphs(self, root: dict[str, Json]) -> None:
        ten = root.get("ten") or {}
        for entry in ten.get("predefined_graphs") or []:
            if isinstance(entry, dict) and entry.get("auto_start"):
                try:
                    graph = _graph_of(entry, self._folder)
                    if graph is not entry.get("graph"):
                        self._note_refused(problem_with_graph(graph))
                    definition = parse_graph(graph)
                except _GRAPH_PROBLEMS as problem:
                    self.fail(f"graph {entry.get('name')}: {problem}")
                    self.close()
                    return
                run = GraphRun(definition, on_end=self._graph_ended)
                self._graphs.append(run)
                run.start()

    def _graph_ended(self) -> None:
        def check() -> None:
            for graph in self._graphs:
                if graph.record.error is not None:
                    self.fail(graph.record.error.error_message())
            self._close()

        self.post(check)

    def _close(self) -> None:
        self._is_closing = True
        for graph in self._graphs:
            graph.stop()
        self._end_when_graphs_have()

    def _end_when_graphs_have(self) -> None:
        is_idle = all(graph.is_over for graph in self._graphs)
        if is_idle and self._node.stage is Stage.RUNNING:
            self._node.begin(Stage.DEINIT)

    def _note_refused(self, reason: str | None) -> None:
        """Say that TEN refuses a file of the app; it goes on with it."""
        if reason is not None:
            text = f"Failed to set metadata for app, {reason}"
            log_sinks.error("app", text)
            if is_strict("refused"):
                self.fail(text)

    def fail(self, text: str) -> None:
        log_sinks.warn("app", text)
        self._failure = self._failure or text


def _app_manifest(folder: Path) -> dict[str, Json] | None:
    """manifest.json of the folder the app was started in, if it is an app's.

    Tests run in the folder of an extension, whose files are not ours.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    is_ours = isinstance(manifest, dict) and manifest.get("type") == "app"
    return manifest if is_ours else None


def _app_property(folder: Path) -> dict[str, Json]:
    """property.json beside the app's manifest; `{}` when there is none."""
    try:
        text = (folder / "property.json").read_text("utf-8")
    except OSError:
        return {}
    value, error = parse_json(text)
    if error is not None or not isinstance(value, dict):
        raise ValueError(f"property.json: {error or 'not an object'}")
    return value


def _graph_of(entry: dict[str, Any], folder: Path) -> Json:
    """Return the graph of an entry; it may stand in a file of its own."""
    graph = entry.get("graph") or entry
    if "import_uri" in graph:
        text = (folder / graph["import_uri"]).read_text("utf-8")
        graph, error = parse_json(text)
        if error is not None:
            raise ValueError(f"{entry.get('name')}: {error}")
    return graph
