# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Puts the extension into a TEN checkout, keeps it up to date, takes it out.

What is put in is known element by element: the extension's files, and in the
example apps a graph, a dependency, a section of the README and a line of
`.env.example`. Each is merged three ways (what was put in, what is there now,
what is to be there), so that the user's edits stay. A plan is made first;
nothing is touched unless all of it can be done.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import edits, old_record
from .checkout import Change, Checkout
from .edits import Element, InstallError
from .exchange import exchanged
from .files import FilePlan, Target
from .graphs import GraphElement
from .lines import BlockElement, DependencyElement
from .record import Record, folder_of, load

EXAMPLES = Path("agents/examples")
VARIABLE = "GRADIUM_API_KEY"


@dataclass
class Plan:
    """What is to be done.

    Attributes:
        files: changes of the extension's own files.
        edited: changes of files of somebody else.
        state: changes of what is noted about the installation.
        notes: one line each: what was kept, left or not done.
        graphs: the name of the graph by the app's folder.
    """

    checkout: Checkout
    files: list[Change] = field(default_factory=list)
    edited: list[Change] = field(default_factory=list)
    state: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    graphs: dict[Path, str] = field(default_factory=dict)

    @property
    def changes(self) -> list[Change]:
        """All of them, what is noted last."""
        return self.files + self.edited + self.state


def plan_install(root: Path, path: Path, *, force: bool = False) -> Plan:
    """Plan to put the extension at `root` into a checkout.

    Args:
        root: the extension's root.
        path: the checkout's root, or its `ai_agents`.
        force: whether ours wins over what the user changed.

    Raises:
        InstallError: the tree is not known, or a file in it is broken.
    """
    checkout = Checkout.at(path)
    name = name_of(root)
    known, copies = _loaded(root, checkout, name, force)
    record = known or Record()
    plan = Plan(checkout)
    target = Target(root, checkout, name, record.files, copies)
    target.check()
    files = target.plan_put(force)
    noted = Record(files.noted, dict(record.edits))
    for place, element in _elements(root, checkout, name):
        text = _text(checkout, place)
        if text is None:
            if place.name != "README.md":
                plan.notes.append(f"{checkout.prefix / place} is not there")
            continue
        edit = record.edits.get(place.as_posix())
        try:
            done = edits.put_in(element, text, edit, force)
            _note_graph(plan, place, element, done)
        except (ValueError, RecursionError) as error:
            raise InstallError(
                f"{checkout.prefix / place} is not as expected: {error}"
            ) from None
        _note(plan, noted, place, text, done)
    return _finished(plan, files, target, noted)


def plan_remove(root: Path, path: Path, *, force: bool = False) -> Plan:
    """Plan to take out of a checkout what was put in and is still ours.

    Raises:
        InstallError: the tree is not known, or nothing was put in.
    """
    checkout = Checkout.at(path)
    name = name_of(root)
    record, copies = _loaded(root, checkout, name, False)
    if record is None:
        raise InstallError(f"{name} was not installed into {path} by this")
    plan = Plan(checkout)
    target = Target(root, checkout, name, record.files, copies)
    target.check()
    files = target.plan_take_out(force)
    noted = Record(files.noted)
    for place, element in _elements(root, checkout, name):
        edit = record.edits.get(place.as_posix())
        if edit is None:
            continue
        try:
            text = _text(checkout, place)
            if text is None:
                continue
            done = edits.take_out(element, text, edit, force)
        except (ValueError, RecursionError, InstallError) as error:
            plan.notes.append(
                f"left {checkout.prefix / place}, which cannot be read: {error}"
            )
            noted.edits[place.as_posix()] = edit
            continue
        _note(plan, noted, place, text, done)
    return _finished(plan, files, target, noted)


def name_of(root: Path) -> str:
    """Return the extension's name."""
    return str(json.loads((root / "manifest.json").read_text())["name"])


# ------------------------------------------------------------------ the parts


def _elements(
    root: Path, checkout: Checkout, name: str
) -> Iterator[tuple[Path, Element]]:
    """Give all that stands in files of somebody else, by the file."""
    for app, make in _graphs(root, name):
        if not (checkout.base / app).is_dir():
            # Not every checkout has every example.
            continue
        tenapp = app / "tenapp"
        yield tenapp / "property.json", make
        dependency = f"../../../ten_packages/extension/{name}"
        yield tenapp / "manifest.json", DependencyElement(name, dependency)
        yield app / "README.md", _readme()
    yield Path(".env.example"), _variable(name)


def _graphs(root: Path, name: str) -> list[tuple[Path, GraphElement]]:
    graph = _graph(root)
    (tts,) = (n for n in graph["graph"]["nodes"] if n["addon"] == name)

    def make(_: list[Any]) -> dict[str, Any]:
        return dict(graph)

    return [
        (EXAMPLES / "voice-assistant", GraphElement(name, make)),
        (
            EXAMPLES / "websocket-example",
            GraphElement(name, exchanged(name, tts)),
        ),
    ]


def _graph(root: Path) -> dict[str, Any]:
    (example,) = root.glob("examples/*/property.json")
    (graph,) = json.loads(example.read_text())["ten"]["predefined_graphs"]
    return dict(graph)


def _readme() -> BlockElement:
    return BlockElement(
        "the section on Gradium",
        block=_SECTION,
        mark=r"^## Gradium's voices[ \t]*\r?$",
        end=r"^#{1,2} ",
    )


def _variable(name: str) -> BlockElement:
    return BlockElement(
        VARIABLE,
        block=f"# Gradium's voices ({name})\n{VARIABLE}=\n",
        mark=rf"^#?[ \t]*(?:export )?{VARIABLE}[ \t]*=",
        end=r"^",
        is_value=True,
    )


_SECTION = f"""## Gradium's voices

A graph whose name ends in `_gradium` speaks with [Gradium](https://gradium.ai):
set `{VARIABLE}` in `ai_agents/.env`, and choose the graph in the playground.
"""


# ------------------------------------------------------------------- the plan


def _text(checkout: Checkout, place: Path) -> str | None:
    content = checkout.read(place)
    if content is None:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InstallError(
            f"{checkout.prefix / place} is not UTF-8: {error.reason}"
        ) from None


def _note(
    plan: Plan, noted: Record, place: Path, text: str, done: edits.Outcome
) -> None:
    shown = plan.checkout.prefix / place
    plan.notes += [f"{shown}: {note}" for note in done.notes]
    if done.edit is None:
        noted.edits.pop(place.as_posix(), None)
    else:
        noted.edits[place.as_posix()] = done.edit
    if done.text != text:
        plan.edited.append(Change(place, text.encode(), done.text.encode()))


def _note_graph(
    plan: Plan, place: Path, element: Element, done: edits.Outcome
) -> None:
    if isinstance(element, GraphElement):
        graph = element.name_in(done.text, done.edit)
        if graph is not None:
            plan.graphs[place.parent.parent] = graph


def _finished(
    plan: Plan, files: FilePlan, target: Target, noted: Record
) -> Plan:
    """Add what is noted, and the copies of what git does not hold."""
    plan.files = files.changes
    plan.notes = files.notes(plan.checkout.prefix) + plan.notes
    folder = folder_of(target.name)
    kept = {p.before.digest for p in noted.files.values() if p.before}
    wanted: dict[Path, bytes | None] = {
        folder / "before" / key: content
        for key, content in {**target.copies, **files.copies}.items()
        if key in kept
    }
    before = plan.checkout.base / folder / "before"
    for copy in before.iterdir() if before.is_dir() else ():
        if copy.name not in kept:
            wanted[folder / "before" / copy.name] = None
    is_empty = noted.is_empty()
    wanted[folder / "record.json"] = None if is_empty else noted.dumped()
    wanted[folder / ".gitignore"] = None if is_empty else b"*\n"
    wanted[old_record.path_of(target.name)] = None
    for path, after in wanted.items():
        now = plan.checkout.read(path)
        if now != after:
            plan.state.append(Change(path, now, after, is_private=True))
    return plan


def _loaded(
    root: Path, checkout: Checkout, name: str, force: bool
) -> tuple[Record | None, dict[str, bytes]]:
    """Read what is noted; contents that have no copy yet come with it."""
    try:
        record = load(checkout.base / folder_of(name) / "record.json")
        if record is not None:
            return record, {}
        old = old_record.load_old(checkout, name, _graph(root))
        return old if old is not None else (None, {})
    except InstallError:
        if force:
            return None, {}
        raise
