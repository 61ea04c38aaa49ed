# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The names that settings may go by, and which of them win."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .endpoint import fault_of_url, is_in_the_clear
from .languages import language_note
from .protocol import VOICE_RANGES
from .redact import host_of
from .sentences import ConfigError, kind_of
from .setting_places import Names, put_in_place

# Our names of voice settings, and the vendor's in `json_config`.
VOICE_SETTINGS = {
    "temperature": "temp",
    "similarity": "cfg_coef",
    "language": "rewrite_rules",
    "rewrite_rules": "rewrite_rules",
    "speed": "padding_bonus",
    "temp": "temp",
    "cfg_coef": "cfg_coef",
    "padding_bonus": "padding_bonus",
}
# No vendor's settings come near; Python's own recursion ends at some 300.
MOST_LEVELS = 64
# Pairs of settings of which only one can hold.
EXCLUSIVE = (
    ("voice_id", "voice"),
    ("url", "region"),
    ("language", "rewrite_rules"),
    ("temperature", "temp"),
    ("similarity", "cfg_coef"),
    ("speed", "padding_bonus"),
)
# The same with the old name of one.
_URL_RIVALS = {"url", "region", "base_url"}


def fault_of_json(values: Mapping[str, Any]) -> str:
    """Say which value JSON cannot express; empty if none."""
    for name, value in values.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            return f"{name} holds what JSON cannot say"
    return ""


def fault_of_voice(json_config: Mapping[str, Any]) -> str:
    """Say what is wrong with the vendor's voice settings; empty if nothing."""
    for key, (low, high) in VOICE_RANGES.items():
        value = json_config.get(key, low)
        is_number = isinstance(value, (int, float)) and value is not True
        if not is_number or not low <= value <= high:
            return (
                f"json_config.{key} must be a number from {low:g} to"
                f" {high:g}, not {json.dumps(value)}"
            )
    return ""


def voice_config(named: Mapping[str, Any]) -> dict[str, Any]:
    """Return named voice settings under the vendor's names; absent ones not."""
    config = {
        VOICE_SETTINGS[name]: value
        for name, value in named.items()
        if value is not None
    }
    if named.get("speed") is not None:
        config["padding_bonus"] = padding_bonus(named["speed"])
    return config


def padding_bonus(speed: float) -> float:
    """Turn a speed into the vendor's pause setting, -5 to 5.

    Two steps of padding change the duration by about 30 % (vendor's
    examples), and the duration is the inverse of the speed.
    """
    low, high = VOICE_RANGES["padding_bonus"]
    return round(max(low, min(high, (1 / speed - 1) / 0.15)), 2)


def merge_settings(
    tree: Mapping[str, Any], changes: Mapping[str, Any], names: Names
) -> tuple[dict[str, Any], list[str]]:
    """Return a property tree with some settings changed, not yet checked.

    `params` merge key by key. Of two settings that exclude each other the
    one that was changed wins.

    Args:
        names: what each level knows.

    Returns:
        The tree, and notes on what of the changes was not in place.
    """
    given, (tree, _) = changes, put_in_place(tree, names)
    changes, notes = put_in_place(changes, names)
    merged = {**tree, **changes}
    kept, new = tree.get("params") or {}, changes.get("params") or {}
    if not isinstance(kept, Mapping) or not isinstance(new, Mapping):
        return merged, notes
    if not _gives_json_config(given) and "json_config" in new:
        # Its keys stood elsewhere, one by one: so they are merged.
        old = kept.get("json_config")
        old = old if isinstance(old, Mapping) else {}
        new = {**new, "json_config": {**old, **new["json_config"]}}
    changed = {name for name, value in new.items() if value not in (None, "")}
    if changes.get("url"):
        changed.add("url")
    elif changed & _URL_RIVALS:
        merged.pop("url", None)
    for rivals in (*map(set, EXCLUSIVE), _URL_RIVALS):
        if changed & rivals:
            kept = {name: kept[name] for name in kept if name not in rivals}
    return {**merged, "params": {**kept, **new}}, notes


def _gives_json_config(changes: Mapping[str, Any]) -> bool:
    params = changes.get("params")
    is_below = isinstance(params, Mapping) and "json_config" in params
    return is_below or "json_config" in changes


def settle_aliases(
    tree: Mapping[str, Any], names: Names
) -> tuple[dict[str, Any], list[str]]:
    """Apply the names other versions used, and note what is odd.

    Args:
        tree: a node's property tree.
        names: what each level knows.

    Returns:
        The tree with one name for each setting, and warnings for the user.

    Raises:
        ConfigError: `params` or `json_config` is no object, or the settings
            are nested too deep.
    """
    given = {key: value for key, value in tree.items() if value is not None}
    tree, warnings = put_in_place(given, names)
    params = _given_params(tree.get("params", {}))
    if _is_deeper(given, MOST_LEVELS + 1):
        raise ConfigError(
            f"the settings must not be deeper than {MOST_LEVELS} levels"
        )
    if "base_url" in params:
        params.setdefault("url", params.pop("base_url"))
        warnings.append("params.base_url is now called params.url")
    warnings += _oddities(params, params.get("url") or tree.get("url"))
    return {**tree, "params": params}, warnings


def _given_params(given: Any) -> dict[str, Any]:
    """Return what was set of `params`, `json_config` as an object."""
    if not isinstance(given, Mapping):
        raise ConfigError(f"params must be an object, not {kind_of(given)}")
    # Absent and null mean the same; an empty text is how TEN's graphs say it.
    params = {
        key: value for key, value in given.items() if value not in (None, "")
    }
    if isinstance(params.get("json_config"), str):
        params["json_config"] = _parsed(params["json_config"])
    if _is_deeper(params, MOST_LEVELS):
        raise ConfigError(
            f"params must not be deeper than {MOST_LEVELS} levels"
        )
    return params


def _oddities(params: Mapping[str, Any], url: Any) -> list[str]:
    """Say what is legal and yet worth a warning."""
    warnings = []
    if params.get("close_ws_on_eos") is False:
        warnings.append("params.close_ws_on_eos has no effect")
    if isinstance(url, str) and not fault_of_url(url) and is_in_the_clear(url):
        warnings.append(
            f"the key and the texts go to {host_of(url)} unencrypted: ws://"
            " instead of wss://"
        )
    if "beta" in str(params.get("model_name")) and "similarity" in params:
        warnings.append("params.similarity is ignored by the beta model")
    note = language_note("params.language", params.get("language"))
    return warnings + ([note] if note else []) + _conflicts(params)


def _parsed(json_config: str) -> Any:
    try:
        return json.loads(json_config)
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"params.json_config must be a JSON object: {error}"
        ) from None


def _is_deeper(tree: Any, levels: int) -> bool:
    """Whether objects and lists are nested deeper than so many levels."""
    row = [tree]
    for _ in range(levels):
        inner: list[Any] = []
        for one in row:
            if isinstance(one, Mapping):
                inner += one.values()
            elif isinstance(one, (list, tuple)):
                inner += one
        row = inner
    return any(isinstance(one, (Mapping, list, tuple)) for one in row)


def _conflicts(params: Mapping[str, Any]) -> list[str]:
    """Name the settings that are given twice; the named one wins."""
    config = params.get("json_config")
    return [
        f"params.{name} wins over params.json_config.{key}"
        for name, key in VOICE_SETTINGS.items()
        if name in params and isinstance(config, Mapping) and key in config
    ]
