# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""How a wrong setting is told: one sentence, with its name and its value."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .protocol import SAMPLE_RATES_HZ
from .redact import is_secret_name, mask_text, mask_values

_KINDS = {
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    Mapping: "an object",
    list: "a list",
}
# Of a path, as a pattern; the only one that a setting has.
NO_NUL = r"^[^\x00]*$"
ONE_OF_RATES = "must be one of " + ", ".join(map(str, SAMPLE_RATES_HZ))

# What findings of pydantic's say that have no number in them.
_PLAIN = {
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be a text",
    "string_pattern_mismatch": "must be a path without NUL",
    "dict_type": "must be an object",
    "list_type": "must be a list",
}


class ConfigError(ValueError):
    """A setting is missing or wrong; the message is for the user."""


def sentence(error: Mapping[str, Any], secrets: Sequence[str]) -> str:
    """Turn a finding of pydantic's into a sentence for the user.

    Args:
        error: one entry of `ValidationError.errors()`. A finding of our own
            has the type `hidden` (its value is not shown) or `both` (its
            message says it all).
        secrets: what must not be shown.
    """
    path = mask_text(".".join(map(str, error["loc"])), secrets)
    context = error.get("ctx", {})
    kind = error["type"]
    if kind == "both":
        return mask_text(f"{path}: {error['msg']}".lstrip(": "), secrets)
    wanted = _PLAIN.get(kind) or {
        "string_too_long": (
            f"must have at most {context.get('max_length')} characters"
        ),
        "literal_error": f"must be one of {context.get('expected')}",
        "greater_than": f"must be more than {context.get('gt')}",
        "greater_than_equal": f"must be at least {context.get('ge')}",
        "less_than_equal": f"must be at most {context.get('le')}",
    }.get(kind, error["msg"])
    if path.endswith("sample_rate"):
        wanted = ONE_OF_RATES
    if kind == "hidden" or any(
        is_secret_name(str(name)) for name in error["loc"]
    ):
        return f"{path} {wanted}"
    value = error["input"]
    # A text or list in place of an object may hold secrets without names.
    shown = kind_of(value) if kind == "dict_type" else _shown(value, secrets)
    return f"{path} {wanted}, not {shown}"


def _shown(value: object, secrets: Sequence[str]) -> str:
    """Return a value as a user would write it, secrets masked, not too long."""
    try:
        text = json.dumps(mask_values(value, secrets), ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return kind_of(value)
    return text if len(text) <= 60 else text[:57] + "..."


def kind_of(value: object) -> str:
    """Name the type of a value as JSON does."""
    for kind, name in _KINDS.items():
        if isinstance(value, kind):
            return name
    return f"a {type(value).__name__}"
