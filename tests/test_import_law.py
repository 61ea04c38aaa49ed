# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What may import what: the table of the architecture, read from the code.

The pure modules can be tested without a loop because they cannot have one;
the package can be shipped without the kit because it cannot name it; the
server is an independent oracle because it cannot see what it judges.
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
KIT = ROOT / "devkit" / "src"

ROOMS = ("core", "settings", "fleet", "wire", "graph")


def shipped_modules() -> dict[str, Path]:
    """All shipped modules by name; those of a room as `room.module`."""
    found = {path.stem: path for path in sorted(ROOT.glob("*.py"))}
    for room in ROOMS:
        for path in sorted((ROOT / room).glob("*.py")):
            found[f"{room}.{path.stem}"] = path
    return found


SHIPPED = shipped_modules()
KIT_PACKAGES = {path.parent.name for path in KIT.glob("*/__init__.py")}
TEN = {"ten_runtime", "ten_ai_base"}

# What a pure module never touches: time, chance, threads, sockets, output.
IMPURE = {
    "asyncio",
    "concurrent",
    "ctypes",
    "logging",
    "multiprocessing",
    "os",
    "queue",
    "random",
    "secrets",
    "select",
    "selectors",
    "signal",
    "socket",
    "ssl",
    "subprocess",
    "threading",
    "time",
}
# … and calls that would smuggle the same in.
IMPURE_CALLS = {"open", "input", "print", "eval", "exec", "__import__"}


@dataclass(frozen=True)
class Law:
    """What a module may import; the standard library besides.

    Attributes:
        own: rooms, and single modules of the root, of this package.
        third_party: packages.
    """

    own: frozenset[str]
    third_party: frozenset[str] = frozenset()
    is_pure: bool = False


def law(own: str = "", third_party: str = "", *, pure: bool = False) -> Law:
    return Law(frozenset(own.split()), frozenset(third_party.split()), pure)


TEN_TOO = "ten_runtime ten_ai_base"

# One sentence a room, and one a module of the root.
ROOM_LAWS = {
    "core": law("core", pure=True),
    "settings": law("core settings", "pydantic pydantic_core"),
    "fleet": law("core fleet", "redis"),
    "wire": law("core fleet wire config", "websockets orjson pybase64"),
    "graph": law("core graph config speech", f"{TEN_TOO} aiofiles"),
}
ROOT_LAWS = {
    "config": law("core settings", "pydantic"),
    "gradium_tts": law("core wire config"),
    "speech": law("core wire config gradium_tts"),
    "extension": law("core wire graph config gradium_tts speech", TEN_TOO),
    "addon": law("wire extension", "ten_runtime"),
    "__init__": law("addon"),
}


def law_of(module: str) -> Law | None:
    room, dot, _ = module.partition(".")
    return ROOM_LAWS.get(room) if dot else ROOT_LAWS.get(module)


@dataclass(frozen=True)
class Import:
    """One import: the top-level name, and the line for the message."""

    name: str
    level: int
    line: int


@functools.cache
def imports_of(path: Path) -> tuple[Import, ...]:
    """All imports of a file, those inside functions included."""
    return tuple(_imports_in(ast.parse(path.read_text(encoding="utf-8"))))


def _imports_in(tree: ast.Module) -> Iterator[Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name.split(".")[0], 0, node.lineno)
        elif isinstance(node, ast.ImportFrom) and node.module:
            name = node.module.split(".")[0]
            yield Import(name, node.level, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield Import(alias.name, node.level, node.lineno)


def absolute(path: Path) -> set[str]:
    return {found.name for found in imports_of(path) if found.level == 0}


def relative(module: str) -> set[str]:
    """The rooms and root modules of this package that a module imports."""
    room, dot, _ = module.partition(".")
    return {
        room if dot and found.level == 1 else found.name
        for found in imports_of(SHIPPED[module])
        if found.level > 0
    }


def third_party(names: set[str]) -> set[str]:
    return names - sys.stdlib_module_names - {"__future__"}


def kit_files(*packages: str) -> list[Path]:
    return [
        path for name in packages for path in sorted((KIT / name).rglob("*.py"))
    ]


def guilty(names_of: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Those that name what they may not, for the message."""
    return {where: names for where, names in names_of.items() if names}


def strangers_in(
    paths: Iterable[Path], allowed: set[str]
) -> dict[str, set[str]]:
    """What files of the kit import besides what is allowed."""
    return guilty(
        {
            str(path.relative_to(ROOT)): third_party(absolute(path)) - allowed
            for path in paths
        }
    )


def test_every_shipped_module_has_a_law() -> None:
    assert [module for module in SHIPPED if not law_of(module)] == []


def test_a_shipped_module_imports_only_the_own_rooms_of_its_law() -> None:
    others = {m: relative(m) - law_of(m).own for m in SHIPPED}

    assert guilty(others) == {}


def test_a_shipped_module_imports_only_the_packages_of_its_law() -> None:
    others = {
        module: third_party(absolute(path)) - law_of(module).third_party
        for module, path in SHIPPED.items()
    }

    assert guilty(others) == {}


@pytest.mark.parametrize("laws", [ROOM_LAWS, ROOT_LAWS])
def test_no_law_allows_an_import_that_nobody_makes(
    laws: dict[str, Law],
) -> None:
    unused = []
    for name, row in laws.items():
        modules = [m for m in SHIPPED if name in (m, m.partition(".")[0])]
        own = set().union(*map(relative, modules))
        packages = third_party(
            set().union(*(absolute(SHIPPED[m]) for m in modules))
        )
        unused += [
            f"{name}: {what}"
            for what in (row.own - own) | (row.third_party - packages)
        ]

    assert unused == []


def test_a_shipped_module_names_neither_kit_nor_tests_nor_itself() -> None:
    strangers = (KIT_PACKAGES - TEN) | {
        "bench",
        "conftest",
        "devkit",
        "gradium_tts_python",
        "tests",
    }

    named = {m: absolute(path) & strangers for m, path in SHIPPED.items()}

    assert guilty(named) == {}


@pytest.mark.parametrize(
    "module", [name for name in SHIPPED if law_of(name).is_pure]
)
def test_a_pure_module_has_no_io_clock_chance_or_loop(module: str) -> None:
    path = SHIPPED[module]
    tree = ast.parse(path.read_text(encoding="utf-8"))

    assert not absolute(path) & IMPURE
    assert not [
        n for n in ast.walk(tree) if isinstance(n, ast.AsyncFunctionDef)
    ]
    assert not _calls(tree) & IMPURE_CALLS


def _calls(tree: ast.AST) -> set[str]:
    return {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def test_the_runtime_stand_in_needs_only_the_standard_library() -> None:
    # uvloop is taken where it is installed, as TEN does.
    assert (
        strangers_in(kit_files("ten_runtime"), {"ten_runtime", "uvloop"}) == {}
    )


def test_the_base_stand_in_needs_only_the_runtime_and_pydantic() -> None:
    allowed = {"ten_ai_base", "ten_runtime", "pydantic", "typing_extensions"}

    assert strangers_in(kit_files("ten_ai_base"), allowed) == {}


def test_the_server_knows_nothing_of_what_it_judges() -> None:
    allowed = {
        "espeakng_loader",
        "gradium_sim",
        "numpy",
        "soxr",
        "websockets",
    }

    assert strangers_in(kit_files("gradium_sim"), allowed) == {}


def test_the_proxy_needs_only_the_standard_library() -> None:
    assert strangers_in(kit_files("fault_proxy"), {"fault_proxy"}) == {}


def test_the_host_drives_the_extension_through_ten_only() -> None:
    allowed = {
        "gradium_sim",
        "httpx",
        "redis",
        "ten_host",
        "ten_runtime",
        "trace_timeline",
    }
    for_tests = allowed | {"pytest", "pytest_asyncio"}
    files = kit_files("ten_host")
    testing = {p for p in files if {"testing", "conformance"} & set(p.parts)}

    assert strangers_in(set(files) - testing, allowed) == {}
    assert strangers_in(testing, for_tests) == {}


def test_a_timeline_needs_only_what_draws_it() -> None:
    allowed = {"matplotlib", "trace_timeline"}

    assert strangers_in(kit_files("trace_timeline"), allowed) == {}


def test_the_kit_never_imports_the_extension() -> None:
    assert [
        str(path.relative_to(ROOT))
        for path in kit_files(*KIT_PACKAGES)
        if "gradium_tts_python" in absolute(path)
    ] == []
