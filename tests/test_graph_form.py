# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Graphs are merged by their nodes and links, however these are written."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from ten_shipping.edits import Edit
from ten_shipping.graph_form import Style, from_form, to_form
from ten_shipping.graphs import GraphElement
from ten_shipping.merge import ABSENT, merge


def graph(*connections: dict[str, Any]) -> dict[str, Any]:
    return {"name": "g", "graph": {"connections": list(connections)}}


def at(extension: str, kind: str, *flows: dict[str, Any]) -> dict[str, Any]:
    return {"extension": extension, kind: list(flows)}


A, B, C = ({"extension": name} for name in "abc")


@pytest.mark.parametrize(
    "written",
    [
        graph(at("a", "cmd", {"name": "x", "dest": [B, C]})),
        graph(at("a", "cmd", {"names": ["x"], "dest": [C, B]})),
        graph(
            at("c", "cmd", {"name": "x", "source": [A]}),
            at("b", "cmd", {"name": "x", "source": [A]}),
        ),
        graph(
            at("a", "cmd", {"name": "x", "dest": [B]}),
            at("c", "cmd", {"name": "x", "source": [A]}),
        ),
    ],
)
def test_a_link_is_the_same_wherever_it_is_written(
    written: dict[str, Any],
) -> None:
    plain = graph(
        at("b", "cmd", {"name": "x", "source": [A]}),
        at("c", "cmd", {"name": "x", "source": [A]}),
    )

    assert to_form(written)["links"] == to_form(plain)["links"]


CONVERTED = {**B, "msg_conversion": {"type": "per_property", "rules": [{}]}}


@pytest.mark.parametrize(
    "other",
    [
        graph(at("a", "data", {"name": "x", "dest": [B]})),
        graph(at("a", "cmd", {"name": "y", "dest": [B]})),
        graph(at("b", "cmd", {"name": "x", "dest": [A]})),
        graph(at("a", "cmd", {"name": "x", "dest": [CONVERTED]})),
        graph({"app": "far", **at("a", "cmd", {"name": "x", "dest": [B]})}),
    ],
)
def test_another_kind_name_direction_or_conversion_is_another_link(
    other: dict[str, Any],
) -> None:
    plain = graph(at("a", "cmd", {"name": "x", "dest": [B]}))

    assert to_form(other)["links"] != to_form(plain)["links"]


@pytest.mark.parametrize(
    ("flow", "left"),
    [
        ({"name": "x", "dest": [B]}, None),
        ({"names": ["x", "y"], "dest": [B]}, [{"names": ["y"], "dest": [B]}]),
        ({"name": "x", "dest": [B, C]}, [{"name": "x", "dest": [C]}]),
        (
            {"names": ["x", "y"], "dest": [B, C]},
            [
                {"name": "x", "dest": [C]},
                {"name": "y", "dest": [B]},
                {"name": "y", "dest": [C]},
            ],
        ),
    ],
)
def test_one_link_goes_out_of_an_entry_of_several(
    flow: dict[str, Any], left: list[dict[str, Any]] | None
) -> None:
    now = graph(at("a", "cmd", flow), at("a", "data"))
    form = to_form(now)
    (gone,) = to_form(graph(at("a", "cmd", {"name": "x", "dest": [B]})))[
        "links"
    ]
    del form["links"][gone]

    changed = from_form(now, form, Style([]))

    expected = [] if left is None else [at("a", "cmd", *left)]
    assert changed == graph(*expected, at("a", "data"))


def test_a_link_with_a_conversion_is_written_at_its_source() -> None:
    now = graph(at("b", "cmd", {"name": "z", "source": [A]}))
    wanted = graph(
        at("a", "cmd", {"name": "x", "dest": [CONVERTED]}),
        at("b", "cmd", {"name": "y", "source": [A]}),
    )
    form = to_form(now)
    form["links"].update(to_form(wanted)["links"])

    changed = from_form(now, form, Style([now]))

    assert changed == graph(
        at(
            "b",
            "cmd",
            {"name": "z", "source": [A]},
            {"name": "y", "source": [A]},
        ),
        at("a", "cmd", {"name": "x", "dest": [CONVERTED]}),
    )


ONE, TWO = {"name": "x"}, {"names": ["x", "y"]}
LIST_OF_ONE = {"names": ["x"]}


@pytest.mark.parametrize(
    ("flows", "single", "several"),
    [
        ([], [{"name": "m"}], [{"names": ["m", "n"]}]),
        ([ONE], [{"name": "m"}], [{"name": "m"}, {"name": "n"}]),
        ([ONE, TWO], [{"name": "m"}], [{"names": ["m", "n"]}]),
        ([TWO, LIST_OF_ONE], [{"names": ["m"]}], [{"names": ["m", "n"]}]),
        ([ONE, LIST_OF_ONE], [{"name": "m"}], [{"name": "m"}, {"name": "n"}]),
    ],
)
def test_names_are_written_as_the_file_has_them(
    flows: list[dict[str, Any]],
    single: list[dict[str, Any]],
    several: list[dict[str, Any]],
) -> None:
    style = Style([graph(at("a", "cmd", *flows))])

    assert style.labels(["m"]) == single
    assert style.labels(["m", "n"]) == several


@pytest.mark.parametrize(
    ("base", "now", "ours", "value", "kept", "forced"),
    [
        (1, 1, 2, 2, (), 2),
        (1, 2, 1, 2, ("",), 1),
        (1, 2, 3, 2, ("",), 3),
        (1, 2, 2, 2, (), 2),
        (1, True, 1, True, ("",), 1),
        (1, ABSENT, 2, ABSENT, ("",), 2),
        (1, 1, ABSENT, ABSENT, (), ABSENT),
        (1, 2, ABSENT, 2, ("",), ABSENT),
        (ABSENT, 1, ABSENT, 1, (), 1),
        (ABSENT, ABSENT, 1, 1, (), 1),
        (ABSENT, 1, 2, 1, ("",), 2),
        ([1, 2], [2, 1], [1, 2, 3], [2, 1], ("",), [1, 2, 3]),
        (
            {"a": 1, "b": 1},
            {"b": 2, "c": 3, "a": 1},
            {"a": 2, "b": 1, "d": 4},
            {"b": 2, "c": 3, "a": 2, "d": 4},
            ("b",),
            {"b": 1, "c": 3, "a": 2, "d": 4},
        ),
        ({"a": {"x": 1}}, {}, {"a": {"x": 2}}, {}, ("a",), {"a": {"x": 2}}),
    ],
)
def test_an_edit_wins_unless_it_is_forced(
    base: Any, now: Any, ours: Any, value: Any, kept: Any, forced: Any
) -> None:
    before = copy.deepcopy((base, now, ours))

    merged = merge(base, now, ours)

    assert (merged.value, merged.kept) == (value, kept)
    assert merge(base, now, ours, force=True).value == forced
    if base is not ABSENT and now is not ABSENT and ours is not ABSENT:
        assert (base, now, ours) == before


def nodes(*names: str) -> list[dict[str, Any]]:
    addon = {"type": "extension", "addon": "small_tts_python"}
    return [{**addon, "name": name} for name in names]


def updated(
    put: dict[str, Any], now: dict[str, Any], ours: dict[str, Any]
) -> dict[str, Any]:
    """What a graph is after an update of what was put in."""
    element = GraphElement("small_tts_python", lambda _: ours)
    text = json.dumps({"ten": {"predefined_graphs": [now]}})
    done = element.put_in(text, Edit(put), False)
    (graph,) = json.loads(done.text)["ten"]["predefined_graphs"]
    return dict(graph)


def with_nodes(graph: dict[str, Any], *names: str) -> dict[str, Any]:
    return {**graph, "graph": {"nodes": nodes(*names), **graph["graph"]}}


def test_a_new_link_to_a_node_that_the_user_took_out_is_left_out() -> None:
    put = with_nodes(graph(), "a", "b")
    now = with_nodes(graph(), "a")
    link = at("a", "cmd", {"name": "x", "source": [B]})

    assert updated(put, now, with_nodes(graph(link), "a", "b")) == now


def test_a_node_that_the_user_linked_stays() -> None:
    link = at("a", "cmd", {"name": "x", "source": [B]})
    put = with_nodes(graph(), "a", "b", "c")
    now = with_nodes(graph(link), "a", "b", "c")

    left = updated(put, now, with_nodes(graph(), "a"))

    assert left == with_nodes(graph(link), "a", "b")
