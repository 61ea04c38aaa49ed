# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""No two modules need each other, in the package and in the kit.

Of two modules that do, neither can be read, tested or replaced without the
other. All ways to need one count: an import inside a function only hides a
circle from Python, and one for types (`if TYPE_CHECKING:`), which never runs,
says the same about the two modules.
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
            for room in ("core", "settings", "fleet", "wire", "graph")
            for path in (ROOT / room).glob("*.py")
        ),
    ]
    return {_name(package, path, ROOT): path for path in sorted(files)}


def _name(package: str, path: Path, folder: Path) -> str:
    parts = (package, *path.relative_to(folder).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(modules: Mapping[str, Path]) -> Graph:
    """Return what each module imports of the same package."""
    return {
        name: _imports(name, path, modules) - {name}
        for name, path in modules.items()
    }


def _imports(name: str, path: Path, modules: Mapping[str, Path]) -> set[str]:
    targets = {
        _existing(target, modules)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for target in _targets(node, name, path)
    }
    return {target for target in targets if target is not None}


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


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("from .b import x", "from .a import y"),
        ("from . import b", "import p.a"),
        ("from .b import x", "def f():\n    from .a import y"),
        ("import p.b", "if TYPE_CHECKING:\n    from p.a import y"),
        ("from .inner.c import x", ""),
    ],
)
def test_a_circle_is_found(tmp_path: Path, one: str, other: str) -> None:
    (tmp_path / "inner").mkdir()
    written = {
        "p": ("__init__.py", "from .a import y"),
        "p.a": ("a.py", one),
        "p.b": ("b.py", other),
        "p.inner": ("inner/__init__.py", ""),
        "p.inner.c": ("inner/c.py", "from ..b import x\nfrom ..a import y"),
    }
    modules = {}
    for name, (file, text) in written.items():
        modules[name] = tmp_path / file
        modules[name].write_text(text)

    found = listed(circles(imports_of(modules)))

    assert found == (["p.a, p.b"] if other else ["p.a, p.inner.c"])
