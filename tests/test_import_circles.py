# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""No two modules need each other, in the package and in the kit.

Of two modules that do, neither can be read, tested or replaced without the
other. An import inside a function counts: it hides a circle from Python, not
from the reader. An import for types only (`if TYPE_CHECKING:`) never runs, but
says the same about the two modules, so those circles are listed here, each
with its reason.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
KIT = ROOT / "devkit" / "src"

PACKAGE = "gradium_tts_python"
PACKAGES = (PACKAGE, *sorted(p.parent.name for p in KIT.glob("*/__init__.py")))

# Circles among types, and why they are left: a set of modules each.
ALLOWED: dict[frozenset[str], str] = {}

Graph = dict[str, set[str]]


def modules_of(package: str) -> dict[str, Path]:
    """All modules of a package by their full names."""
    if package != PACKAGE:
        files = sorted((KIT / package).rglob("*.py"))
        return {_name(package, path, KIT / package): path for path in files}
    files = [
        *ROOT.glob("*.py"),
        *(
            path
            for room in ("core", "wire", "graph")
            for path in (ROOT / room).glob("*.py")
        ),
    ]
    return {_name(package, path, ROOT): path for path in sorted(files)}


def _name(package: str, path: Path, folder: Path) -> str:
    parts = (package, *path.relative_to(folder).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(
    modules: Mapping[str, Path], *, with_types: bool = False
) -> Graph:
    """What each module imports of the same package.

    Args:
        with_types: whether imports for types only count as well.
    """
    return {
        name: _imports(name, path, modules, with_types) - {name}
        for name, path in modules.items()
    }


def _imports(
    name: str, path: Path, modules: Mapping[str, Path], with_types: bool
) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    targets = {
        _existing(target, modules)
        for node in _statements(tree, with_types)
        for target in _targets(node, name, path)
    }
    return {target for target in targets if target is not None}


def _statements(
    tree: ast.AST, with_types: bool
) -> Iterator[ast.Import | ast.ImportFrom]:
    """All imports of a module, those inside functions included."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif isinstance(node, ast.If) and _is_for_types(node):
            if with_types:
                yield from _statements(node, with_types)
            for other in node.orelse:
                yield from _statements(ast.Module([other], []), with_types)
        else:
            yield from _statements(node, with_types)


def _is_for_types(node: ast.If) -> bool:
    return ast.unparse(node.test).endswith("TYPE_CHECKING")


def _targets(
    node: ast.Import | ast.ImportFrom, name: str, path: Path
) -> Iterator[str]:
    """The modules that a statement may mean; not all of them need exist."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    base = node.module or ""
    if node.level:
        parts = name.split(".")
        above = node.level - (path.name == "__init__.py")
        parts = parts[: len(parts) - above]
        base = ".".join([*parts, *base.split(".")] if base else parts)
    for alias in node.names:
        yield f"{base}.{alias.name}"


def _existing(name: str, modules: Mapping[str, Path]) -> str | None:
    """The module of this name, or the one that holds what it names."""
    if name in modules:
        return name
    holder = name.rpartition(".")[0]
    return holder if holder in modules else None


def circles(graph: Graph) -> set[frozenset[str]]:
    """Return the groups of modules that reach each other."""
    reached = {name: _reach(graph, name) for name in graph}
    return {
        frozenset(other for other in reached[name] if name in reached[other])
        for name in graph
        if name in reached[name]
    }


def _reach(graph: Graph, start: str) -> set[str]:
    found: set[str] = set()
    left = list(graph[start])
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += graph[name]
    return found


def listed(found: set[frozenset[str]]) -> list[str]:
    return sorted(", ".join(sorted(circle)) for circle in found)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_imports_what_imports_it(package: str) -> None:
    graph = imports_of(modules_of(package))

    assert listed(circles(graph)) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_types_come_from_a_module_that_needs_ours(package: str) -> None:
    found = circles(imports_of(modules_of(package), with_types=True))

    assert listed(found - set(ALLOWED)) == []
