# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The settings of an extension, read from a property.json."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

_PLACEHOLDER = re.compile(r"\$\{env:(\w+)(?:\|([^}]*))?\}")

Json = dict[str, Any]


class PropertyFileError(Exception):
    """There are no settings in it; one sentence says why."""


def settings_in(path: Path, addon: str) -> Json:
    """Return the settings, with the variables of the environment put in.

    Args:
        path: of an extension's own property.json, or of an app's, whose first
            node of this add-on counts.

    Returns:
        A node's property; `params` is always there.

    Raises:
        PropertyFileError: it cannot be read, or is none.
    """
    try:
        text = path.read_text("utf-8")
        tree = json.loads(_PLACEHOLDER.sub(_value_of, text))
    except OSError as error:
        raise PropertyFileError(
            f"cannot read {path}: {error.strerror}"
        ) from None
    except ValueError as error:
        raise PropertyFileError(f"{path} is no JSON: {error}") from None
    if isinstance(tree, dict) and "ten" in tree:
        tree = _node_of(tree["ten"], addon)
        if tree is None:
            raise PropertyFileError(f"no graph of {path} has {addon}")
    if not isinstance(tree, dict) or not isinstance(
        tree.setdefault("params", {}), dict
    ):
        raise PropertyFileError(
            f"{path} is no property: params must be an object"
        )
    return tree


def _value_of(found: re.Match[str]) -> str:
    value = os.environ.get(found[1], found[2] or "")
    return json.dumps(value)[1:-1]


def _node_of(tree: Any, addon: str) -> Json | None:
    """Find the property of the first node of an add-on, wherever it stands."""
    if isinstance(tree, dict) and tree.get("addon") == addon:
        own: Json = tree.get("property") or {}
        return own
    inner = tree.values() if isinstance(tree, dict) else tree
    if not isinstance(tree, (dict, list)):
        return None
    found = (_node_of(one, addon) for one in inner)
    return next((one for one in found if one is not None), None)
