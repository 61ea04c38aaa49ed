# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Graphs made from those of an app, with another voice."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from .graph_form import Graph, graph_name, to_form

_RATES_HZ = (8000, 16000, 22050, 24000, 44100, 48000)

# Makes the graph to put in from those that the app has; `None` if the app has
# no place for it.
Maker = Callable[[list[Any]], "Graph | None"]


def exchanged(addon: str, tts: Graph) -> Maker:
    """Make graphs that are the app's own with another voice.

    What TEN's examples call their nodes is thus taken from the checkout.

    Args:
        addon: the extension's name.
        tts: the node that speaks.
    """

    def make(graphs: list[Any]) -> Graph | None:
        sources = [graph for graph in graphs if _speaks(graph, addon)]
        sources.sort(key=lambda graph: graph.get("auto_start") is not True)
        if not sources:
            return None
        graph = copy.deepcopy(sources[0])
        # The app has a graph of its own that starts by itself.
        graph = {**graph, "name": f"{graph['name']}_gradium"}
        graph["auto_start"] = False
        for index, node in enumerate(graph["graph"]["nodes"]):
            if node["name"] == "tts":
                graph["graph"]["nodes"][index] = _in_place_of(node, tts)
        return dict(graph)

    return make


def _in_place_of(node: Graph, tts: Graph) -> Graph:
    """Return the speaking node, at the rate of the one that it replaces."""
    new = copy.deepcopy({**node, **tts})
    params = node.get("property", {}).get("params", {})
    if isinstance(params, dict):
        for told in (params.get("sample_rate"), params.get("output_format")):
            digits = str(told).removeprefix("pcm_")
            if digits.isdigit() and int(digits) in _RATES_HZ:
                new["property"]["params"]["sample_rate"] = int(digits)
                break
    return dict(new)


def _speaks(graph: Any, addon: str) -> bool:
    try:
        node = to_form(graph)["nodes"].get("tts", {})
    except (ValueError, AttributeError, TypeError):
        return False
    is_whole = isinstance(node.get("property", {}), dict)
    return (
        bool(graph_name(graph))
        and is_whole
        and node.get("addon", addon) != addon
    )
