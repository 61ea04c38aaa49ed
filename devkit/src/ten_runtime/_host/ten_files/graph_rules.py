# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a graph may say: nodes, connections, and what it shows outside."""

from __future__ import annotations

from .rules import (
    NAME,
    Json,
    Rule,
    anything,
    array,
    boolean,
    every,
    exactly_one_of,
    number,
    plain,
    record,
    refuse,
    some,
    table,
    text,
    without,
)

_name = text(NAME)
_filled = text(is_filled=True)

# -- connections --------------------------------------------------------------

_STEP = rf"{NAME}(?:\[[0-9]+\])*"
_MODES = {"fixed_value": "value", "from_original": "original_path"}


def _mode(value: Json, place: str) -> str | None:
    """The member that a conversion's mode needs, and not that of the other."""
    wanted = _MODES.get(value.get("conversion_mode"))
    if wanted is None:
        return None
    (other,) = set(_MODES.values()) - {wanted}
    needs = record({}, [wanted], others=anything)
    return every(needs, without(other))(value, place)


def _conversion(value: Json, place: str) -> str | None:
    return _CONVERSION(value, place)


_CONVERSION: Rule = record(
    {
        "type": text(among=("per_property",)),
        "keep_original": boolean,
        "rules": array(
            every(
                record(
                    {
                        "path": text(rf"{_STEP}(?:\.{_STEP})*"),
                        "conversion_mode": text(among=tuple(_MODES)),
                        "value": some(text(), boolean, number),
                        "original_path": _filled,
                    }
                ),
                _mode,
            ),
            is_filled=True,
        ),
        "result": _conversion,
    },
    ["type", "rules"],
)

_PEERS = ("extension", "subgraph", "selector")
_peer_names = {name: _name for name in _PEERS}


def _lonely_selector(value: Json, place: str) -> str | None:
    """A selector stands for many: nothing else is said of it."""
    if "selector" in value:
        return without("app", "msg_conversion")(value, place)
    # Only an extension lives in an app of its own choice.
    return without("app")(value, place) if "subgraph" in value else None


_source = every(
    record({"app": _filled, **_peer_names}),
    exactly_one_of(*_PEERS),
    _lonely_selector,
)
_dest = every(
    record({"app": _filled, "msg_conversion": _conversion, **_peer_names}),
    exactly_one_of(*_PEERS),
    _lonely_selector,
)


def _names(value: Json, place: str) -> str | None:
    """A flow has a name, or names, which share no conversion."""
    if "name" not in value and "names" not in value:
        return refuse('"name" is a required property', place)
    for peer in value.get("dest") or [] if "names" in value else []:
        reason = without("msg_conversion")(peer, f"{place}/dest")
        if reason is not None:
            return reason
    return None


_flow = every(
    record(
        {
            "name": _name,
            "names": array(_name),
            "dest": array(_dest, is_filled=True),
            "source": array(_source, is_filled=True),
        }
    ),
    exactly_one_of("dest", "source"),
    _names,
)
_connection = every(
    record(
        {
            "app": _filled,
            **_peer_names,
            "cmd": array(_flow),
            "data": array(_flow),
            "video_frame": array(_flow),
            "audio_frame": array(_flow),
        }
    ),
    exactly_one_of(*_PEERS),
)

# -- nodes --------------------------------------------------------------------

_atomic = record(
    {
        "field": text(),
        "operator": text(among=("exact", "regex")),
        "value": _filled,
    },
    ["field", "operator", "value"],
)


def _filter(value: Json, place: str) -> str | None:
    """A comparison, or several that are joined by one word."""
    for word in ("and", "or"):
        if isinstance(value, dict) and word in value:
            joined = record({word: array(_filter, is_filled=True)})
            return joined(value, place)
    return _atomic(value, place)


_import_uri = {"import_uri": _filled}
_NODES: dict[str, Rule] = {
    "extension": record(
        {
            "type": anything,
            "name": _name,
            "addon": _name,
            "extension_group": _name,
            "app": _filled,
            "property": table(plain),
        },
        ["type", "name", "addon"],
    ),
    "subgraph": record(
        {
            "type": anything,
            "name": _name,
            "graph": record(_import_uri, ["import_uri"]),
            "property": table(plain),
        },
        ["type", "name", "graph"],
    ),
    "selector": record(
        {"type": anything, "name": _name, "filter": _filter},
        ["type", "name", "filter"],
    ),
}
_typed = record({"type": text(among=tuple(_NODES))}, ["type"], others=anything)


def _node(value: Json, place: str) -> str | None:
    reason = _typed(value, place)
    return reason or _NODES[value["type"]](value, place)


# -- graphs -------------------------------------------------------------------

_exposed = {"extension": _name, "subgraph": _name, "name": _name}
_WAYS = tuple(
    f"{kind}_{way}"
    for kind in ("cmd", "data", "audio_frame", "video_frame")
    for way in ("in", "out")
)
_PARTS: dict[str, Rule] = {
    "nodes": array(_node),
    "connections": array(_connection),
    "exposed_messages": array(
        every(
            record({"type": text(among=_WAYS), **_exposed}, ["type", "name"]),
            exactly_one_of("extension", "subgraph"),
        )
    ),
    "exposed_properties": array(
        every(
            record(_exposed, ["name"]),
            exactly_one_of("extension", "subgraph"),
        )
    ),
}


def graph(value: Json, place: str) -> str | None:
    if (reason := record({**_import_uri, **_PARTS})(value, place)) is not None:
        return reason
    is_elsewhere = "import_uri" in value
    return without(*_PARTS)(value, place) if is_elsewhere else None


predefined_graph = record(
    {
        "name": _name,
        "auto_start": boolean,
        "singleton": boolean,
        "sync_stop_before_deinit": boolean,
        "graph": graph,
    },
    ["name"],
)
