# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A graph as data: its nodes, and where each message name goes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from .property_tree import Json, parse_json

TESTER_ADDON = "ten:test_extension"
KINDS = ("cmd", "data", "audio_frame", "video_frame")


class GraphProblem(ValueError):
    """A graph that cannot be started."""


@dataclass
class NodeDefinition:
    name: str
    addon: str
    group: str = "default_extension_group"
    property: dict[str, Json] = field(default_factory=dict)


@dataclass
class GraphDefinition:
    """`routes`: (sender, kind, message name) to receivers, in order."""

    nodes: list[NodeDefinition] = field(default_factory=list)
    routes: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)
    joins_all: bool = False
    """Single mode: what has no route goes to the other node."""


def single_mode(addon: str, property_json: str | None) -> GraphDefinition:
    """Return the extension under test and its tester, without connections.

    Raises GraphProblem when the property is not a JSON object.
    """
    value, error = parse_json(property_json or "{}")
    if error is not None or not isinstance(value, dict):
        raise GraphProblem(f"property of {addon}: {error or 'not an object'}")
    return GraphDefinition(
        [
            NodeDefinition(addon, addon, "test_extension_group_1", value),
            NodeDefinition(
                TESTER_ADDON, TESTER_ADDON, "test_extension_group_2"
            ),
        ],
        joins_all=True,
    )


def parse_graph(document: Json) -> GraphDefinition:
    """Read `{"nodes": […], "connections": […]}`.

    Raises GraphProblem for doubled names and links to absent nodes.
    """
    if not isinstance(document, dict):
        raise GraphProblem("a graph is an object")
    graph = GraphDefinition()
    names = set()
    for node in document.get("nodes") or []:
        if node.get("type") == "extension_group":
            continue
        if node.get("type", "extension") != "extension":
            raise GraphProblem(f"node type {node['type']!r} is not supported")
        if not node.get("name") or not node.get("addon"):
            raise GraphProblem(f"node without name or addon: {node}")
        if node["name"] in names:
            raise GraphProblem(f"node {node['name']} is declared twice")
        names.add(node["name"])
        graph.nodes.append(_node(node))
    for connection in document.get("connections") or []:
        _add_connection(graph, connection, names)
    return graph


def parse_graph_json(text: str) -> GraphDefinition:
    """As `parse_graph`, from JSON."""
    document, error = parse_json(text)
    if error is not None:
        raise GraphProblem(error.error_message())
    return parse_graph(document)


def _node(node: dict[str, Any]) -> NodeDefinition:
    return NodeDefinition(
        node["name"],
        node["addon"],
        node.get("extension_group") or "default_extension_group",
        node.get("property") or {},
    )


def _add_connection(
    graph: GraphDefinition, connection: dict[str, Any], names: set[str]
) -> None:
    """Both forms: `dest` lists receivers, `source` lists senders."""
    here = connection.get("extensions") or [connection.get("extension")]
    for kind in KINDS:
        for flow in connection.get(kind) or []:
            if "msg_conversion" in json.dumps(flow):
                raise GraphProblem("msg_conversion is not supported")
            for message in flow.get("names") or [flow.get("name")]:
                for own in here:
                    for peer in _peers(flow, "dest"):
                        _link(graph, names, own, kind, message, peer)
                    for peer in _peers(flow, "source"):
                        _link(graph, names, peer, kind, message, own)


def _peers(flow: dict[str, Any], side: str) -> list[Any]:
    return [peer.get("extension") for peer in flow.get(side) or []]


def _link(
    graph: GraphDefinition,
    names: set[str],
    sender: Any,
    kind: str,
    message: Any,
    receiver: Any,
) -> None:
    for name in (sender, receiver):
        if name not in names:
            raise GraphProblem(f"connection to {name!r}, which is no node")
    receivers = graph.routes.setdefault((sender, kind, message), [])
    if receiver not in receivers:
        receivers.append(receiver)
