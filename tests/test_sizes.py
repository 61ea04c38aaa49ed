# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""No shipped module, function or class is too large to be read at once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

MODULE_LINES = 400
FUNCTION_LINES = 40
CLASS_ATTRIBUTES = 12

SHIPPED = [
    path
    for folder in (".", "core", "settings", "fleet", "wire", "graph")
    for path in sorted((ROOT / folder).glob("*.py"))
]


def too_large(text: str) -> list[str]:
    """Say what is too large in a module's text, with its size."""
    found = []
    lines = len(text.splitlines())
    if lines > MODULE_LINES:
        found.append(f"the module: {lines} lines")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno is not None
            lines = node.end_lineno - node.lineno + 1
            if lines > FUNCTION_LINES:
                found.append(f"{node.name}: {lines} lines")
        elif isinstance(node, ast.ClassDef):
            attributes = len(set(attributes_of(node)))
            if attributes > CLASS_ATTRIBUTES:
                found.append(f"{node.name}: {attributes} attributes")
    return found


def attributes_of(node: ast.ClassDef) -> Iterator[str]:
    """The names that a class assigns to on `self`, in any of its methods."""
    for inner in ast.walk(node):
        if (
            isinstance(inner, ast.Attribute)
            and isinstance(inner.ctx, ast.Store)
            and isinstance(inner.value, ast.Name)
            and inner.value.id == "self"
        ):
            yield inner.attr


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SHIPPED, ids=named)
def test_a_shipped_module_is_small_and_so_is_all_in_it(path: Path) -> None:
    assert too_large(path.read_text("utf-8")) == []


def lines(count: int) -> str:
    return "x = 1\n" * count


def function(count: int) -> str:
    return "async def f():\n" + "    x = 1\n" * (count - 1)


def class_of(count: int) -> str:
    """A class whose attributes are set in all the ways there are."""
    assigned = "".join(
        f"    def f{i}(self):\n"
        f"        self.a{i} = self.a{i} = self.other.b = 1\n"
        for i in range(count - 4)
    )
    return f"""
class C:
{assigned}
    def g(self):
        self.g1, (self.g2, *self.g3) = 1, (2, 3)
        self.g3 += 1
        def inner():
            self.g4: int = 1
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (lines(MODULE_LINES), []),
        (lines(MODULE_LINES + 1), ["the module: 401 lines"]),
        (function(FUNCTION_LINES), []),
        (function(FUNCTION_LINES + 1), ["f: 41 lines"]),
        (class_of(CLASS_ATTRIBUTES), []),
        (class_of(CLASS_ATTRIBUTES + 1), ["C: 13 attributes"]),
    ],
    ids=["400", "401", "f 40", "f 41", "C 12", "C 13"],
)
def test_one_too_many_is_told(text: str, expected: list[str]) -> None:
    assert too_large(text) == expected
