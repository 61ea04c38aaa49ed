# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The graph of the examples: whole, known to TEN, and it speaks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ten_tree import refusals, schema_validators

from gradium_tts_python.config import GradiumTTSConfig, GradiumTTSParams

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "voice_assistant_gradium"
NAME = "gradium_tts_python"


def example_graph() -> dict[str, Any]:
    tree = json.loads((EXAMPLE / "property.json").read_text())
    (graph,) = tree["ten"]["predefined_graphs"]
    assert graph["name"] == "voice_assistant_gradium"
    return dict(graph["graph"])


def ends_of(connection: dict[str, Any]) -> list[dict[str, Any]]:
    """Each message of a connection, with the extensions at its ends."""
    return [
        {
            "kind": kind,
            "names": flow.get("names", [flow.get("name")]),
            "from": [e["extension"] for e in flow.get("source", [here])],
            "to": [e["extension"] for e in flow.get("dest", [here])],
        }
        for here in [{"extension": connection["extension"]}]
        for kind in ("cmd", "data", "audio_frame")
        for flow in connection.get(kind, [])
    ]


def test_every_end_of_the_graph_exists() -> None:
    graph = example_graph()
    nodes = {node["name"] for node in graph["nodes"]}

    flows = [flow for c in graph["connections"] for flow in ends_of(c)]

    assert {name for flow in flows for name in flow["from"] + flow["to"]} <= (
        nodes
    )
    told = {
        name
        for flow in flows
        if flow["from"] == ["tts"] and flow["to"] == ["main_control"]
        for name in flow["names"]
    }
    assert told == {"tts_audio_start", "tts_audio_end"}


def test_what_the_tts_node_sends_is_in_its_interface() -> None:
    import ten_ai_base

    folder = Path(ten_ai_base.__file__ or "").parent
    interface = json.loads((folder / "api/tts-interface.json").read_text())
    known = {
        entry["name"]
        for kind in ("data_out", "audio_frame_out", "cmd_out")
        for entry in interface.get("interface", interface).get(kind, [])
    }

    sent = {
        name
        for connection in example_graph()["connections"]
        for flow in ends_of(connection)
        if flow["from"] == ["tts"]
        for name in flow["names"]
    }

    assert sent == {"tts_audio_start", "tts_audio_end", "pcm_frame"}
    assert sent <= known


def tts_property() -> dict[str, Any]:
    (tts,) = (n for n in example_graph()["nodes"] if n["name"] == "tts")
    assert tts["addon"] == NAME
    return dict(tts["property"])


def test_every_property_of_the_tts_node_is_a_known_setting() -> None:
    tree = tts_property()
    assert set(tree) <= set(GradiumTTSConfig.model_fields)
    assert set(tree["params"]) <= set(GradiumTTSParams.model_fields)

    tree["params"]["api_key"] = "key"

    assert GradiumTTSConfig.load(tree).warnings == ()


async def test_the_tts_node_speaks_with_exactly_its_property(
    start_host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIUM_API_KEY", "test-key")
    tree = tts_property()
    # All of it but the address: this machine reaches no other server.
    params = {k: v for k, v in tree.pop("params").items() if k != "url"}
    host = await start_host(params=params, **tree)

    await host.send_text("r1", "I am your assistant.", end=True)
    end = await host.ended("r1")

    assert (end.reason.name, end.duration_ms > 0) == ("REQUEST_END", True)


def test_every_variable_of_the_graph_is_explained() -> None:
    text = (EXAMPLE / "property.json").read_text()
    readme = (EXAMPLE / "README.md").read_text()

    variables = set(re.findall(r"\$\{env:(\w+)", text))

    assert {name for name in variables if f"`{name}`" not in readme} == set()


def test_every_addon_of_the_graph_is_named_in_the_readme() -> None:
    readme = (EXAMPLE / "README.md").read_text()

    addons = {node["addon"] for node in example_graph()["nodes"]}

    assert {name for name in addons if f"`{name}`" not in readme} == set()


def test_the_graph_waits_to_be_chosen() -> None:
    tree = json.loads((EXAMPLE / "property.json").read_text())

    assert [g["auto_start"] for g in tree["ten"]["predefined_graphs"]] == [
        False
    ]


def test_ten_would_not_refuse_the_examples() -> None:
    if not schema_validators():
        pytest.skip("TEN's schemas, or jsonschema and json5, are not here")

    assert refusals(ROOT / "examples") == []
