# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A graph with the extension, in the `predefined_graphs` of an app."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from . import json_text
from .edits import Edit, Outcome, items_of
from .exchange import Maker
from .graph_form import (
    Graph,
    Style,
    addons_of,
    ends_of,
    from_form,
    graph_name,
    node_names,
    to_form,
)
from .json_text import is_same
from .merge import merge

_WHERE = ("ten", "predefined_graphs")
# Without them the assistant does not learn when it is heard.
_NEEDED = ("tts_audio_start", "tts_audio_end")
# How many places are told of one by one.
_MOST_LINES = 5


class GraphElement:
    """One graph; a graph that the app had under its name stays as it is.

    Args:
        addon: the extension's name.
        make: gives the graph to put in, `None` if the app has no place for
            it.
    """

    def __init__(self, addon: str, make: Maker) -> None:
        self._addon = addon
        self._make = make

    def put_in(self, text: str, edit: Edit | None, force: bool) -> Outcome:
        """Append it, or merge it with what became of it."""
        graphs = items_of(text, *_WHERE)
        if edit is not None:
            return self._update(text, graphs, edit, force)
        ours = self._make(graphs)
        if ours is None:
            note = "no graph was put in: no graph there has a node `tts`"
            return Outcome(text, None, [note])
        others = tuple(name for name in map(graph_name, graphs) if name)
        ours = self._completed(Style(graphs).of(ours), graphs)
        index = _index_of(graphs, ours["name"])
        if index is None:
            text = json_text.append(text, _WHERE, ours)
            return Outcome(text, Edit(ours, None, others))
        return self._adopt(text, graphs, index, ours, force)

    def take_out(self, text: str, edit: Edit, force: bool) -> Outcome:
        """Take it out if it is as it was put in, in whatever order."""
        graphs = items_of(text, *_WHERE)
        index = self._find(graphs, edit)
        if index is None:
            return Outcome(text, None)
        now, name = graphs[index], graph_name(graphs[index])
        if edit.before is None:
            if force or _is_same_graph(now, edit.put):
                return Outcome(json_text.remove(text, (*_WHERE, index)), None)
            return Outcome(
                text,
                edit,
                [f"left the graph {name}: you changed it"],
            )
        try:
            merged, kept = _merged(
                edit.put, now, edit.before, graphs, force=force
            )
        except ValueError:
            return Outcome(text, None, [f"left the graph {name} as it is"])
        text = json_text.update(text, (*_WHERE, index), merged)
        return Outcome(text, None, _kept_notes(name, kept))

    def name_in(self, text: str, edit: Edit | None) -> str | None:
        """Return the name under which the graph is in a text, if it is."""
        graphs = items_of(text, *_WHERE)
        if edit is not None:
            index = self._find(graphs, edit)
            return None if index is None else graph_name(graphs[index])
        ours = self._make(graphs)
        names = [graph_name(graph) for graph in graphs]
        return ours["name"] if ours and ours["name"] in names else None

    def _adopt(
        self, text: str, graphs: list[Any], index: int, ours: Graph, force: bool
    ) -> Outcome:
        """Complete a graph that the app has under the same name."""
        now, name = graphs[index], ours["name"]
        try:
            put = ours if force else self._completed(now, graphs)
        except ValueError:
            note = f"the graph {name} was there and is not understood: it stays"
            return Outcome(text, None, [note])
        others = tuple(n for n in map(graph_name, graphs) if n and n != name)
        fate = f"stay{_added(now, put)}" if not force else "are ours now"
        notes = [
            f"the graph {name} was there: its greeting, its voice and all"
            f" other settings {fate}"
        ]
        text = json_text.update(text, (*_WHERE, index), put)
        edit = Edit(put, now, others, is_taken=force)
        if is_same(put, now):
            return Outcome(text, None, notes)
        return Outcome(text, edit, notes)

    def _update(
        self, text: str, graphs: list[Any], edit: Edit, force: bool
    ) -> Outcome:
        index = self._find(graphs, edit)
        ours = self._wanted(graphs, index, edit)
        if index is None:
            if not force:
                note = (
                    f"kept your removal of the graph {graph_name(edit.put)}"
                    " (--force puts it in again)"
                )
                return Outcome(text, edit, [note])
            text = json_text.append(text, _WHERE, ours)
            others = tuple(n for n in map(graph_name, graphs) if n)
            return Outcome(text, Edit(ours, None, others))
        now = graphs[index]
        try:
            merged, kept = _merged(edit.put, now, ours, graphs, force=force)
        except ValueError:
            note = (
                f"kept the graph {graph_name(now)}: it is not written as TEN's"
            )
            return Outcome(text, edit, [note])
        text = json_text.update(text, (*_WHERE, index), merged)
        noted = replace(edit, put=ours)
        return Outcome(text, noted, _kept_notes(graph_name(merged), kept))

    def _wanted(
        self, graphs: list[Any], index: int | None, edit: Edit
    ) -> Graph:
        beside = [g for i, g in enumerate(graphs) if i != index]
        if edit.before is not None and not edit.is_taken:
            return self._completed(edit.before, beside)
        made = self._make(beside)
        # What it was made from may be gone since.
        if made is None:
            return dict(edit.put)
        return self._completed(Style(beside).of(made), beside)

    def _completed(self, graph: Graph, graphs: list[Any]) -> Graph:
        """Return a graph of the app's own with the links that it lacks."""
        form = to_form(graph)
        nodes = form["nodes"]
        if nodes.get("tts", {}).get("addon") != self._addon:
            return graph
        if "main_control" not in nodes:
            return graph
        wanted = {
            "name": "",
            "graph": {
                "connections": [
                    {
                        "extension": "main_control",
                        "data": [
                            {
                                "names": [*_NEEDED],
                                "source": [{"extension": "tts"}],
                            }
                        ],
                    }
                ]
            },
        }
        form["links"].update(to_form(wanted)["links"])
        return from_form(graph, form, Style(graphs))

    def _find(self, graphs: list[Any], edit: Edit) -> int | None:
        """Find the graph that was put in, under another name if need be."""
        index = _index_of(graphs, graph_name(edit.put))
        if index is not None:
            return index
        wanted = node_names(edit.put)
        likeness = {
            i: len(wanted & node_names(graph)) / len(wanted | {""})
            for i, graph in enumerate(graphs)
            if self._addon in addons_of(graph)
            and graph_name(graph) not in edit.others
        }
        best = max(likeness, key=lambda i: likeness[i], default=None)
        return best if best is not None and likeness[best] >= 0.4 else None


# -------------------------------------------------------------------- merging


def _merged(
    base: Graph, now: Graph, ours: Graph, graphs: list[Any], *, force: bool
) -> tuple[Graph, tuple[str, ...]]:
    present = to_form(now)
    done = merge(to_form(base), present, to_form(ours), force=force)
    _mend(present, done.value)
    return from_form(now, done.value, Style(graphs)), done.kept


def _mend(now: dict[str, Any], form: dict[str, Any]) -> None:
    """Let no link lead to a node that is not there: TEN would not start."""
    nodes, links = form["nodes"], form["links"]
    for key in [key for key in links if key not in now["links"]]:
        if ends_of(key) - nodes.keys():
            del links[key]
    linked = {name for key in links for name in ends_of(key)}
    for name in linked & now["nodes"].keys() - nodes.keys():
        nodes[name] = now["nodes"][name]


def _kept_notes(name: str, kept: tuple[str, ...]) -> list[str]:
    if len(kept) > _MOST_LINES:
        places = f"{_told(kept[0])}, {_told(kept[1])}, …"
        return [f"kept {len(kept)} of your edits in the graph {name}: {places}"]
    return [f"kept your edit in the graph {name}: {_told(k)}" for k in kept]


def _told(place: str) -> str:
    """Name a place for the user; a link is named by its message and ends."""
    kind, _, rest = place.partition(".")
    if kind != "links":
        return place.removeprefix("fields.").removeprefix("nodes.")
    source, what, name, dest = json.loads(rest)
    ends = [next(iter(end.values()), "?") for end in (source, dest)]
    return f"{what} {name} from {ends[0]} to {ends[1]}"


def _is_same_graph(one: Any, other: Any) -> bool:
    try:
        return is_same(to_form(one), to_form(other))
    except ValueError:
        return is_same(one, other)


def _added(now: Graph, put: Graph) -> str:
    new = to_form(put)["links"].keys() - to_form(now)["links"].keys()
    return f"; {len(new)} missing links were added" if new else ""


def _index_of(graphs: list[Any], name: str) -> int | None:
    """Find a graph by its name."""
    names = [graph_name(graph) for graph in graphs]
    return names.index(name) if name in names else None
