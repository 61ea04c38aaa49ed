# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A graph as members that can be merged: its nodes by name, its links.

A link is one message from one extension to another. TEN can write it at
either end, and several of them in one entry (`names`); however it is written,
it is the same link, and neither order nor writing is a change.
"""

from __future__ import annotations

import copy
import json
from typing import Any

Graph = dict[str, Any]
_KINDS = ("cmd", "data", "audio_frame", "video_frame")
_ENDS = ("extension", "subgraph", "selector", "app")


def to_form(graph: Graph) -> dict[str, Any]:
    """Return an entry of `predefined_graphs` as three objects for `merge`.

    Raises:
        ValueError: it is not written as TEN's schema says.
    """
    try:
        inner = graph.get("graph", {})
        lists = ("nodes", "connections")
        nodes = {node["name"]: node for node in inner.get("nodes", [])}
        if len(nodes) != len(inner.get("nodes", [])):
            raise ValueError("two nodes of one name")
        links = {key: True for key in _links(inner.get("connections", []))}
        rest = {k: v for k, v in inner.items() if k not in lists}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a graph: {error!r}") from None
    return {
        "fields": {**graph, "graph": rest},
        "nodes": nodes,
        "links": links,
    }


def from_form(now: Graph, form: dict[str, Any], style: Style) -> Graph:
    """Return the graph `now` with the members of a form, its order kept."""
    graph = copy.deepcopy(now)
    inner = graph.get("graph", {})
    before = to_form(now)
    nodes = [
        form["nodes"][node["name"]]
        for node in inner.get("nodes", [])
        if node["name"] in form["nodes"]
    ]
    nodes += [n for k, n in form["nodes"].items() if k not in before["nodes"]]
    connections = inner.get("connections", [])
    for key in sorted(before["links"].keys() - form["links"].keys()):
        connections = _without(connections, key)
    added = [key for key in form["links"] if key not in before["links"]]
    for source, kind, name, dest in map(json.loads, added):
        _write(connections, source, kind, name, dest, style)
    fields = dict(form["fields"])
    rest = dict(fields.get("graph", {}))
    for key, value in (("nodes", nodes), ("connections", connections)):
        if value or key in inner:
            rest[key] = value
    order = [k for k in inner if k in rest]
    fields["graph"] = {k: rest[k] for k in (*order, *rest)}
    if not fields["graph"] and "graph" not in now:
        del fields["graph"]
    return fields


def graph_name(graph: Any) -> str:
    """Return a graph's name; empty if it has none."""
    name = graph.get("name") if isinstance(graph, dict) else None
    return name if isinstance(name, str) else ""


def _nodes_of(graph: Any) -> list[dict[str, Any]]:
    inner = graph.get("graph") if isinstance(graph, dict) else None
    nodes = inner.get("nodes") if isinstance(inner, dict) else None
    return [n for n in nodes or [] if isinstance(n, dict)]


def node_names(graph: Any) -> set[str]:
    """Return the names of a graph's nodes."""
    return {str(node.get("name")) for node in _nodes_of(graph)}


def addons_of(graph: Any) -> set[str]:
    """Return the add-ons that a graph's nodes are made of."""
    return {str(node.get("addon")) for node in _nodes_of(graph)}


# ------------------------------------------------------------ name and names


class Style:
    """How a file writes messages: `name`, or `names` with a list of them."""

    def __init__(self, graphs: list[Any]) -> None:
        flows = [flow for graph in graphs for flow in _flows_of(graph)]
        lists = [f["names"] for f in flows if isinstance(f.get("names"), list)]
        singles = sum("name" in flow for flow in flows)
        lone_lists = sum(len(names) == 1 for names in lists)
        self._has_lists = not flows or any(len(n) > 1 for n in lists)
        self._has_lone_lists = lone_lists > singles

    def labels(self, names: list[str]) -> list[dict[str, Any]]:
        """Return the beginnings of the entries for some messages."""
        if len(names) > 1 and (self._has_lists or self._has_lone_lists):
            return [{"names": names}]
        if self._has_lone_lists:
            return [{"names": [name]} for name in names]
        return [{"name": name} for name in names]

    def of(self, graph: Graph) -> Graph:
        """Return a graph as this file would write it."""
        graph = copy.deepcopy(graph)
        for connection in graph["graph"].get("connections", []):
            for kind in _KINDS:
                if kind in connection:
                    connection[kind] = [
                        {**label, **_ends(flow)}
                        for flow in connection[kind]
                        for label in self.labels(_names(flow))
                    ]
        return graph


def _flows_of(graph: Any) -> list[dict[str, Any]]:
    try:
        return [
            flow
            for connection in graph["graph"].get("connections", [])
            for kind in _KINDS
            for flow in connection.get(kind, [])
            if isinstance(flow, dict)
        ]
    except (KeyError, TypeError, AttributeError):
        return []


def _names(flow: dict[str, Any]) -> list[str]:
    return [flow["name"]] if "name" in flow else list(flow["names"])


def _ends(flow: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in flow.items() if k not in ("name", "names")}


# --------------------------------------------------------------------- links


def _links(connections: list[dict[str, Any]]) -> list[str]:
    return [
        key
        for connection in connections
        for kind in _KINDS
        for flow in connection.get(kind, [])
        for key in _links_of(_here(connection), kind, flow)
    ]


def _links_of(
    here: dict[str, Any], kind: str, flow: dict[str, Any]
) -> list[str]:
    names = _names(flow)
    return [
        *(
            _key(here, kind, n, end)
            for n in names
            for end in flow.get("dest", [])
        ),
        *(
            _key(end, kind, n, here)
            for n in names
            for end in flow.get("source", [])
        ),
    ]


def _key(
    source: dict[str, Any], kind: str, name: str, dest: dict[str, Any]
) -> str:
    if not isinstance(source, dict) or not isinstance(dest, dict):
        raise ValueError("an end of a link is no object")
    # A list of strings and objects: the same text for the same link.
    return json.dumps([source, kind, name, dest], sort_keys=True)


def ends_of(key: str) -> set[str]:
    """Return the nodes of this graph at the ends of a link of a form."""
    source, _, _, dest = json.loads(key)
    kinds = ("extension", "subgraph", "selector")
    return {
        str(end[kind])
        for end in (source, dest)
        for kind in kinds
        if kind in end and "app" not in end
    }


def _here(connection: dict[str, Any]) -> dict[str, Any]:
    return {k: connection[k] for k in _ENDS if k in connection}


def _without(
    connections: list[dict[str, Any]], key: str
) -> list[dict[str, Any]]:
    """Return the connections without one link, and without empty entries."""
    remaining = []
    for connection in connections:
        here = _here(connection)
        changed = dict(connection)
        for kind in _KINDS:
            flows = connection.get(kind, [])
            left = [f for flow in flows for f in _cut(here, kind, flow, key)]
            if left != flows:
                changed[kind] = left
                if not left:
                    del changed[kind]
        if changed == connection or any(kind in changed for kind in _KINDS):
            remaining.append(changed)
    return remaining


def _cut(
    here: dict[str, Any], kind: str, flow: dict[str, Any], key: str
) -> list[dict[str, Any]]:
    links = _links_of(here, kind, flow)
    if key not in links:
        return [flow]
    names, ends = _names(flow), _ends(flow)
    direction = "dest" if "dest" in flow else "source"
    if len(ends[direction]) == 1:
        left = [n for n, link in zip(names, links, strict=True) if link != key]
        return [{"names": left, **ends}] if left else []
    pairs = [(name, end) for name in names for end in ends[direction]]
    return [
        {"name": name, direction: [end]}
        for (name, end), link in zip(pairs, links, strict=True)
        if link != key
    ]


def _write(
    connections: list[dict[str, Any]],
    source: dict[str, Any],
    kind: str,
    name: str,
    dest: dict[str, Any],
    style: Style,
) -> None:
    """Add a link at its destination, where TEN's examples have theirs."""
    here, direction, peer = dest, "source", source
    if set(dest) - set(_ENDS):  # a conversion stands at the source only
        here, direction, peer = source, "dest", dest
    entry = next((c for c in connections if _here(c) == here), None)
    if entry is None:
        entry = dict(here)
        connections.append(entry)
    flows = list(entry.get(kind, []))
    same_peer = [f for f in flows if f.get(direction) == [peer]]
    for flow in same_peer:
        if len(style.labels(["a", "b"])) == 1 and "names" in flow:
            flows[flows.index(flow)] = {
                **flow,
                "names": [*flow["names"], name],
            }
            break
    else:
        flows.append({**style.labels([name])[0], direction: [peer]})
    entry[kind] = flows
