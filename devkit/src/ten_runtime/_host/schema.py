# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Adjusts values to a declared type, and tells what contradicts it."""

from __future__ import annotations

from typing import Any

from .property_tree import Json, kind_of

_INTEGERS = {
    **{f"int{w}": range(-(2 ** (w - 1)), 2 ** (w - 1)) for w in (8, 16, 32)},
    **{f"uint{w}": range(2**w) for w in (8, 16, 32, 64)},
    "int64": range(-(2**63), 2**63),
}
_FLOATS = ("float32", "float64")
_PLAIN = {"string": str, "bool": bool, "object": dict, "array": list}


def adjust(value: Json, node: Any) -> Json:
    """`value` with integers made floats where floats are declared.

    Containers are changed in place; what does not fit stays as it is, for
    `problem_with` to find.
    """
    declared = node.get("type")
    if declared in _FLOATS:
        is_integer = isinstance(value, int) and not isinstance(value, bool)
        return float(value) if is_integer else value
    if declared == "object" and isinstance(value, dict):
        for name, member in (node.get("properties") or {}).items():
            if name in value:
                value[name] = adjust(value[name], member)
    if declared == "array" and isinstance(value, list) and "items" in node:
        value[:] = [adjust(item, node["items"]) for item in value]
    return value


def problem_with(value: Json, node: Any, path: str = "") -> str | None:
    """Why `value` contradicts the declaration, or None.

    Undeclared members pass; absent ones pass unless the node requires them.
    """
    declared = node.get("type")
    if not _has_type(value, declared):
        return f"{path or 'the value'} is {kind_of(value)}, not {declared}"
    if declared in _INTEGERS and value not in _INTEGERS[declared]:
        return f"{path or 'the value'} is out of the range of {declared}"
    if declared == "object":
        return _problem_with_members(value, node, path)
    if declared == "array" and "items" in node:
        for index, item in enumerate(value):
            here = f"{path}[{index}]"
            if problem := problem_with(item, node["items"], here):
                return problem
    return None


def _problem_with_members(value: Json, node: Any, path: str) -> str | None:
    for name in node.get("required") or []:
        if name not in value:
            return f"{_join(path, name)} is required and absent"
    for name, member in (node.get("properties") or {}).items():
        if name in value:
            here = _join(path, name)
            if problem := problem_with(value[name], member, here):
                return problem
    return None


def _has_type(value: Json, declared: Any) -> bool:
    if declared in _INTEGERS:
        return isinstance(value, int) and not isinstance(value, bool)
    if declared in _FLOATS:
        return isinstance(value, float)
    if declared == "buf":
        return isinstance(value, bytearray)
    plain = _PLAIN.get(declared)
    return plain is None or isinstance(value, plain)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
