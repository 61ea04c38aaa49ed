# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Where settings stand: keys in a wrong place, and misspelt ones.

A node's property tree has three levels: the top, `params`, and `json_config`
within them. A key that another level knows is put there; whatever else is not
known is told, with the name that may have been meant.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from .protocol import RESERVED_KEYS, VOICE_RANGES

# The levels, as a message names what stands there.
TOP, PARAMS, JSON_CONFIG = "", "params.", "params.json_config."
# Where a key that stands wrong is looked for first.
_SEARCHED = (PARAMS, TOP, JSON_CONFIG)
# What the vendor reads in `json_config`; the last three it uses itself.
VENDOR_VOICE_KEYS = frozenset(
    {
        *VOICE_RANGES,
        "rewrite_rules",
        "max_padding",
        "max_padding_per_token",
        "padding_between",
    }
)
# How TEN's graphs leave a setting out.
_ABSENT = (None, "")
# So many keys of one level are told, the others counted; longer ones than this
# are nobody's misspelling.
_MOST_TOLD = 16
_MOST_CHARACTERS = 64
# Of a slip of the pen, as difflib measures it; less, and `sample_rate` would
# be taken for `temperature`.
_LIKENESS = 0.7

# By level, the known keys with their defaults.
Names = Mapping[str, Mapping[str, Any]]


def put_in_place(
    tree: Mapping[str, Any], names: Names
) -> tuple[dict[str, Any], list[str]]:
    """Put each key where it is known, and tell of those that are not.

    What stands in its right place wins, unless it is the default: some of
    these are in every tree, from property.json. Unknown keys stay where the
    vendor gets them, and are left out at the top. Wrong shapes (`params` that
    is no object) are left alone, for others to refuse.

    Args:
        names: what each level knows.

    Returns:
        The tree, and a note for the user on each key that was not in place.
    """
    tree, notes = _lifted(tree, names)
    levels = _levels_of(tree)
    if levels is None:
        return tree, notes
    for level, settings in levels.items():
        odd = [key for key in settings if key not in names[level]]
        unknown = [key for key in odd if _place_of(key, names) is None]
        strays = [key for key in odd if _place_of(key, names) is not None]
        notes += [_moved(key, level, levels, names) for key in strays]
        notes += _told(unknown, level, names)
        for key in unknown if level == TOP else ():
            del settings[key]
    return _joined(levels), notes


def _place_of(key: str, names: Names) -> str | None:
    """Return the level that knows a key, if one does."""
    return next((level for level in _SEARCHED if key in names[level]), None)


def _told(unknown: list[str], level: str, names: Names) -> list[str]:
    """Return the notes on keys that no level knows."""
    notes = []
    for key in unknown[:_MOST_TOLD]:
        shown = f"{level}{key[:_MOST_CHARACTERS]}"
        if level == PARAMS and key in RESERVED_KEYS:
            notes.append(f"{shown} is reserved and left out")
            continue
        fate = "left out" if level == TOP else "goes to the vendor as it is"
        is_meant = suggestion(key, _by_name(level, names))
        notes.append(f"{shown} is unknown here and {fate}{is_meant}")
    left = len(unknown) - len(notes)
    where = level.rstrip(".") or "the node"
    return notes + (
        [f"{left} more keys of {where} are unknown"] if left else []
    )


def _lifted(
    tree: Mapping[str, Any], names: Names
) -> tuple[dict[str, Any], list[str]]:
    """Put a `json_config` that stands at the top where the levels begin."""
    top, params = dict(tree), tree.get("params") or {}
    if "json_config" not in tree or not isinstance(params, Mapping):
        return top, []
    levels = {TOP: top, PARAMS: dict(params)}
    note = _moved("json_config", TOP, levels, names)
    return {**top, "params": levels[PARAMS]}, [note]


def _levels_of(tree: Mapping[str, Any]) -> dict[str, dict[str, Any]] | None:
    """Take the tree apart; `None` where a level has no right shape."""
    params = {} if tree.get("params") is None else tree["params"]
    if not isinstance(params, Mapping):
        return None
    json_config = params.get("json_config")
    if isinstance(json_config, str) and json_config:
        try:
            json_config = json.loads(json_config)
        except (ValueError, RecursionError):
            return None
    json_config = {} if json_config in _ABSENT else json_config
    if not isinstance(json_config, Mapping):
        return None
    return {
        TOP: {**tree, "params": params},
        PARAMS: dict(params),
        JSON_CONFIG: dict(json_config),
    }


def _joined(levels: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    params = levels[PARAMS]
    if levels[JSON_CONFIG] or params.get("json_config"):
        params["json_config"] = levels[JSON_CONFIG]
    return {**levels[TOP], "params": params}


def _moved(
    key: str, level: str, levels: dict[str, dict[str, Any]], names: Names
) -> str:
    """Move a key to the level that knows it; returns the note on it."""
    right = _place_of(key, names)
    assert right is not None
    value = levels[level].pop(key)
    if levels[right].get(key) not in (*_ABSENT, names[right][key]):
        return f"{level}{key} is left out: {right}{key} is set as well"
    levels[right][key] = value
    return f"{level}{key} is taken for {right}{key}: that is its place"


def _by_name(level: str, names: Names) -> dict[str, str]:
    """Return all known keys with their full names, those of a level first."""
    searched = (level, *(one for one in _SEARCHED if one != level))
    return {
        key: f"{one}{key}" for one in reversed(searched) for key in names[one]
    }


def suggestion(key: str, known: Mapping[str, str]) -> str:
    """Ask whether a known name was meant; empty if none is close.

    Args:
        known: full names by key.
    """
    wanted = key.lower().replace("-", "_")
    if len(wanted) > _MOST_CHARACTERS:
        return ""
    # `key` is not close to `api_key`, and yet it can be nothing else.
    meant = [name for name in known if wanted in name.split("_")]
    if len(meant) != 1:
        meant = difflib.get_close_matches(wanted, sorted(known), 1, _LIKENESS)
    return f"; did you mean {known[meant[0]]}?" if meant else ""


def changed_names(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[str]:
    """List the full names of the settings that differ between two trees."""
    old, new = dict(_flat(before)), dict(_flat(after))
    return [
        name for name in sorted({*old, *new}) if old.get(name) != new.get(name)
    ]


def _flat(
    tree: Mapping[str, Any], level: str = TOP
) -> Iterable[tuple[str, Any]]:
    for key, value in tree.items():
        name = f"{level}{key}."
        if name in (PARAMS, JSON_CONFIG) and isinstance(value, Mapping):
            yield from _flat(value, name)
        else:
            yield name[:-1], value
