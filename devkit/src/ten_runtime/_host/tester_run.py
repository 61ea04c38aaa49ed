# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What both kinds of testers share: the mode, the limit, the verdict."""

from __future__ import annotations

import os
from collections.abc import Callable

from ..error import TenError
from .absent import Complete
from .graph_definition import (
    GraphDefinition,
    GraphProblem,
    parse_graph_json,
    single_mode,
)
from .graph_run import GraphRun
from .node import Node

DEFAULT_LIMIT_US = 180_000_000


class TesterBase(Complete):
    """One tester object is good for one run."""

    # On the class: subclasses of sync testers need not call our __init__.
    _ten_graph: GraphDefinition | None = None
    _ten_limit_us = DEFAULT_LIMIT_US
    _ten_run: GraphRun | None = None

    def __init__(self) -> None:
        pass

    def set_test_mode_single(
        self, addon_name: str, property_json_str: str | None = None
    ) -> None:
        """Test one extension; what it sends comes to this tester.

        Args:
            addon_name: also the name of the instance.
            property_json_str: its property, a JSON object.

        Raises:
            ValueError: the property is not a JSON object.
        """
        self._ten_graph = single_mode(addon_name, property_json_str)

    def set_test_mode_graph(self, graph_json: str) -> None:
        """Test a graph; the node with add-on `ten:test_extension` is us.

        Raises:
            ValueError: not a graph.
        """
        self._ten_graph = parse_graph_json(graph_json)

    def set_timeout(self, timeout_us: int) -> None:
        """In microseconds, 0 for none; holds while our loop is blocked."""
        self._ten_limit_us = timeout_us

    def _ten_begin(
        self,
        seat: Callable[[Node], None],
        on_end: Callable[[], None],
    ) -> GraphRun:
        if self._ten_graph is None:
            raise GraphProblem("set_test_mode_… was not called")
        if self._ten_run is not None:
            raise RuntimeError("a tester runs once")
        limit_s = _shorter(self._ten_limit_us / 1e6, longest_s())
        self._ten_run = GraphRun(self._ten_graph, seat, limit_s, on_end)
        self._ten_run.start()
        return self._ten_run

    def _ten_verdict(self, run: GraphRun) -> TenError | None:
        try:
            run.join()
        except BaseException:
            run.give_up()
            raise
        run.record.raise_if_strict()
        return run.record.error


def longest_s() -> float:
    """Return how long any run may take: TEN_HOST_LIMIT in seconds, 0 for ever.

    Raises:
        ValueError: it is no number of seconds.
    """
    text = os.environ.get("TEN_HOST_LIMIT", "").strip() or "0"
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:
        raise ValueError(
            f"TEN_HOST_LIMIT must be a number of seconds, not {text!r}"
        )
    return seconds


def _shorter(one_s: float, other_s: float) -> float | None:
    """Return the shorter limit of two, of which 0 means none."""
    limits = [limit for limit in (one_s, other_s) if limit]
    return min(limits, default=None)
