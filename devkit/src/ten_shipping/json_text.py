"""Changes one value of a JSON text and leaves every other character alone."""

from __future__ import annotations

import json
import re
from typing import Any

Path = tuple["str | int", ...]

_SPACE = re.compile(r"\s*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SCALAR = re.compile(r"[^\s,\]}]+")


def set_element(
    text: str, array: Path, element: Any, *, same_as: str | None = None
) -> str:
    """Put an element into an array: at its end, or for one of the same name.

    Args:
        text: the JSON text.
        array: keys and indices that lead to the array.
        element: the new element.
        same_as: the key by which an element that is there already is told;
            it is replaced. By default only an equal one is, by itself.

    Returns:
        The text, its formatting kept; the element is indented like its
        neighbours.

    Raises:
        KeyError: there is no such array.
    """
    start, stop = _span(text, array)
    items = json.loads(text[start:stop])
    if not isinstance(items, list):
        raise KeyError(array)
    for index, item in enumerate(items):
        if item == element:
            return text
        if same_as and isinstance(item, dict):
            if item.get(same_as) == element.get(same_as):
                at, end = _span(text, (*array, index))
                return text[:at] + _dump(text, at, element) + text[end:]
    if not items:
        line = _line_indent(text, start)
        inner = line + _indent_unit(text)
        new = f"[\n{inner}{_dumped(text, inner, element)}\n{line}]"
        return text[:start] + new + text[stop:]
    at, end = _span(text, (*array, len(items) - 1))
    gap = _gap_before(text, at)
    return text[:end] + "," + gap + _dump(text, at, element) + text[end:]


def _gap_before(text: str, at: int) -> str:
    return text[len(text[:at].rstrip()) : at] or " "


def _dump(text: str, at: int, element: Any) -> str:
    return _dumped(text, _line_indent(text, at), element)


def _dumped(text: str, indent: str, element: Any) -> str:
    unit = _indent_unit(text)
    dumped = json.dumps(element, indent=unit, ensure_ascii=False)
    return dumped.replace("\n", "\n" + indent)


def _line_indent(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip())]


def _indent_unit(text: str) -> str:
    match = re.search(r"[\[{]\n([ \t]+)", text)
    return match[1] if match else "  "


def _span(text: str, path: Path) -> tuple[int, int]:
    """Give where the value at a path starts and stops."""
    at = _skip(text, 0)
    for key in path:
        at = _child(text, at, key)
    return at, _end(text, at)


def _child(text: str, at: int, key: str | int) -> int:
    for name, start in _children(text, at):
        if name == key:
            return start
    raise KeyError(key)


def _children(text: str, at: int) -> list[tuple[str | int, int]]:
    is_object = text[at] == "{"
    if not is_object and text[at] != "[":
        return []
    found: list[tuple[str | int, int]] = []
    at = _skip(text, at + 1)
    while text[at] not in "]}":
        name: str | int = len(found)
        if is_object:
            end = _end(text, at)
            name = json.loads(text[at:end])
            at = _skip(text, _skip(text, end) + 1)
        found.append((name, at))
        at = _skip(text, _end(text, at))
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found


def _end(text: str, at: int) -> int:
    if text[at] in "{[":
        children = _children(text, at)
        last = _end(text, children[-1][1]) if children else at + 1
        return _skip(text, last) + 1
    pattern = _STRING if text[at] == '"' else _SCALAR
    match = pattern.match(text, at)
    if match is None:
        raise ValueError(f"not JSON at character {at}")
    return match.end()


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None  # it matches the empty text, too
    return match.end()
