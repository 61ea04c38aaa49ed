# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The settings of a page's extension, as a property.json has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

# Where things are is this page's business, not that of a property.json.
_OWN = ("api_key", "url", "proxy", "ca_file")
_KEY = "${env:GRADIUM_API_KEY|}"


# Of two that exclude each other, the one that was changed stays.
_RIVALS = ({"voice", "voice_id"}, {"output_format", "sample_rate"})


class Settings:
    """What was accepted so far."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        """Begin with the parameters of the line."""
        self.tree: Json = {"enable_words": True, "params": dict(params)}

    def accept(self, changes: Mapping[str, Any]) -> None:
        """Take over changes that the extension has taken."""
        params = changes.get("params") or {}
        kept = self.tree["params"]
        for rivals in _RIVALS:
            if rivals & set(params):
                kept = {k: v for k, v in kept.items() if k not in rivals}
        self.tree = {**self.tree, **changes, "params": {**kept, **params}}

    def property_tree(self) -> Json:
        """Return it as a property.json, with the key of the environment."""
        params = {
            name: value
            for name, value in self.tree["params"].items()
            if name not in _OWN
        }
        return {**self.tree, "params": {"api_key": _KEY, **params}}
