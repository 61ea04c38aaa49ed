# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Changes values of a JSON text and leaves every other character alone.

A value is named by its path: the keys and indices that lead to it. What is
written is indented like its neighbours, with the line ends of the text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

Path = tuple["str | int", ...]

_SPACE = re.compile(r"\s*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SCALAR = re.compile(r"[^\s,\]}]+")


def is_same(one: Any, other: Any) -> bool:
    """Return whether two values are the same in JSON.

    `1`, `1.0` and `true` are three values.
    """
    return _canonical(one) == _canonical(other)


def update(text: str, path: Path, new: Any) -> str:
    """Make the value at a path equal to another one.

    Objects and arrays are changed member by member, so that what stays keeps
    its formatting and its place.

    Raises:
        KeyError: there is nothing at that path.
    """
    span = _at(text, path)
    old = json.loads(text[span.start : span.end])
    if is_same(old, new):
        return text
    if isinstance(old, dict) and isinstance(new, dict):
        return _update_object(text, path, old, new)
    if isinstance(old, list) and isinstance(new, list):
        staying = _staying(old, new)
        if staying is not None:
            return _update_array(text, path, staying, len(old), new)
    dumped = _dumped(text, _line_indent(text, span.start), new)
    return text[: span.start] + dumped + text[span.end :]


def append(text: str, path: Path, element: Any) -> str:
    """Put an element at the end of the array at a path.

    Raises:
        KeyError: there is no such array.
    """
    if text[_at(text, path).start] != "[":
        raise KeyError(path)
    return _add(text, path, "", element)


def remove(text: str, path: Path) -> str:
    """Take a member out of its object or array, with its comma.

    Raises:
        KeyError: there is nothing at that path.
    """
    *parent, key = path
    span = _at(text, tuple(parent))
    index = next((i for i, m in enumerate(span.members) if m.key == key), None)
    if index is None:
        raise KeyError(path)
    member, is_last = span.members[index], index == len(span.members) - 1
    if not is_last:
        stop = span.members[index + 1].start
        return text[: member.start] + text[stop:]
    start = span.members[index - 1].value.end if index else span.start + 1
    stop = member.value.end if index else span.end - 1
    return text[:start] + text[stop:]


# ------------------------------------------------------------------- changes


def _update_object(
    text: str, path: Path, old: dict[str, Any], new: dict[str, Any]
) -> str:
    for key in old:
        if key not in new:
            text = remove(text, (*path, key))
    for key, value in new.items():
        if key in old:
            text = update(text, (*path, key), value)
        else:
            text = _add(text, path, json.dumps(key) + ": ", value)
    return text


def _update_array(
    text: str, path: Path, staying: list[int], length: int, new: list[Any]
) -> str:
    for index in reversed(range(length)):
        if index not in staying:
            text = remove(text, (*path, index))
    for index, value in enumerate(new):
        if index < len(staying):
            text = update(text, (*path, index), value)
        else:
            text = _add(text, path, "", value)
    return text


def _staying(old: list[Any], new: list[Any]) -> list[int] | None:
    """Return the indices of what stays, if the rest goes or is appended."""
    wanted = [_identity(value) for value in new]
    staying = [i for i, value in enumerate(old) if _identity(value) in wanted]
    if [_identity(old[i]) for i in staying] == wanted[: len(staying)]:
        return staying
    return list(range(len(old))) if len(old) == len(new) else None


def _identity(value: Any) -> str:
    if isinstance(value, dict):
        for key in ("name", "extension"):
            if isinstance(value.get(key), str):
                return f"{key} {value[key]}"
    return _canonical(value)


def _add(text: str, path: Path, label: str, value: Any) -> str:
    span = _at(text, path)
    if span.members:
        last = span.members[-1]
        before = text[: last.start]
        gap = text[len(before.rstrip()) : last.start] or " "
        indent = _line_indent(text, last.start)
        added = "," + gap + label + _dumped(text, indent, value)
        return text[: last.value.end] + added + text[last.value.end :]
    opening, closing = text[span.start], text[span.end - 1]
    if "\n" not in text:
        inner = label + _dumped(text, "", value)
    else:
        line, end = _line_indent(text, span.start), _line_end(text)
        indent = line + _indent_unit(text)
        inner = end + indent + label + _dumped(text, indent, value) + end + line
    return text[: span.start] + opening + inner + closing + text[span.end :]


def _dumped(text: str, indent: str, value: Any) -> str:
    unit = _indent_unit(text) if "\n" in text else None
    dumped = json.dumps(value, indent=unit, ensure_ascii=False)
    try:
        dumped.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        dumped = json.dumps(value, indent=unit)
    return dumped.replace("\n", _line_end(text) + indent)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _line_indent(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip())]


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _indent_unit(text: str) -> str:
    match = re.search(r"[\[{]\r?\n([ \t]+)", text)
    return match[1] if match else "  "


# ------------------------------------------------------------ where things are


@dataclass(frozen=True)
class _Span:
    """A value: where it starts and ends, and what is in it."""

    start: int
    end: int
    members: list[_Member] = field(default_factory=list)


@dataclass(frozen=True)
class _Member:
    key: str | int
    # Where the key starts; in an array, where the value does.
    start: int
    value: _Span


def _at(text: str, path: Path) -> _Span:
    span = _span(text, _skip(text, 0))
    for key in path:
        # Of two equal keys the last one counts, as everywhere in Python.
        found = [m.value for m in span.members if m.key == key]
        if not found:
            raise KeyError(path)
        span = found[-1]
    return span


def _span(text: str, at: int) -> _Span:
    if text[at] not in "{[":
        pattern = _STRING if text[at] == '"' else _SCALAR
        match = pattern.match(text, at)
        if match is None:
            raise ValueError(f"not JSON at character {at}")
        return _Span(at, match.end())
    start, is_object = at, text[at] == "{"
    members: list[_Member] = []
    at = _skip(text, at + 1)
    while text[at] not in "]}":
        key: str | int = len(members)
        member_start = at
        if is_object:
            label = _span(text, at)
            key = json.loads(text[at : label.end])
            at = _skip(text, _skip(text, label.end) + 1)
        value = _span(text, at)
        members.append(_Member(key, member_start, value))
        at = _skip(text, value.end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return _Span(start, at + 1, members)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None  # it matches the empty text, too
    return match.end()
