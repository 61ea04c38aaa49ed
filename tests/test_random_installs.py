# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Whatever a user does between two installations, nothing of it is lost."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from ten_shipping import apply, plan_install, plan_remove
from ten_shipping.record import folder_of, load
from ten_tree import (
    FOLDER,
    MANIFEST,
    NAME,
    PROPERTY,
    README,
    VARIABLES,
    WEBSOCKET,
    commit,
    make_checkout,
    make_extension,
    refusals,
    snapshot,
)

# Says whether an edit is still there.
Check = Callable[[Path], bool]
PROPERTIES = (PROPERTY, WEBSOCKET / "tenapp/property.json")


@dataclass
class User:
    """Edits a checkout at random, and knows what must be there afterwards.

    Attributes:
        lasting: what holds whatever is done by us.
        until_removed: what holds until the extension is taken out: what the
            user took out may be put in by a new installation.
    """

    agents: Path
    dice: random.Random
    lasting: list[tuple[str, Check]] = field(default_factory=list)
    until_removed: list[tuple[str, Check]] = field(default_factory=list)
    count: int = 0

    def _unique(self) -> str:
        self.count += 1
        return f"users_{self.count}"

    def _is_noted(self, path: Path) -> bool:
        """Whether it was put in, so that its removal is the user's edit."""
        record = load(self.agents / folder_of(NAME) / "record.json")
        noted = record.edits.keys() | record.files.keys() if record else ()
        return path.as_posix() in noted

    # ------------------------------------------------------------ the graphs

    def _edit_graphs(self, change: Callable[[list[Any]], bool]) -> Path | None:
        """Edit the graphs of one app; give its file if something changed."""
        path = self.dice.choice(PROPERTIES)
        place = self.agents / path
        tree = json.loads(place.read_text())
        done = change(tree["ten"]["predefined_graphs"])
        indent = self.dice.choice([None, 2, 4, "\t"])
        place.write_text(json.dumps(tree, indent=indent))
        return path if done else None

    def _ours(self, graphs: list[Any]) -> dict[str, Any] | None:
        found = [g for g in graphs if speaker(g).get("addon") == NAME]
        return self.dice.choice(found) if found else None

    def changes_the_voice(self) -> None:
        voice = self._unique()

        def change(graphs: list[Any]) -> bool:
            graph = self._ours(graphs)
            if graph:
                forget(self.lasting, speaker(graph)["property"]["params"])
                speaker(graph)["property"]["params"]["voice_id"] = voice
            return graph is not None

        if self._edit_graphs(change):
            self.lasting.append((voice, lambda a: f'"{voice}"' in texts(a)))

    def renames_the_graph(self) -> None:
        name = self._unique()

        def change(graphs: list[Any]) -> bool:
            graph = self._ours(graphs)
            if graph:
                forget(self.lasting, {"": graph["name"]})
                graph["name"] = name
            return graph is not None

        if self._edit_graphs(change):
            self.lasting.append((name, lambda a: f'"{name}"' in texts(a)))

    def adds_a_node(self) -> None:
        name = self._unique()

        def change(graphs: list[Any]) -> bool:
            graph = self._ours(graphs)
            if graph:
                new = {"type": "extension", "name": name, "addon": "users"}
                graph["graph"]["nodes"].insert(0, new)
            return graph is not None

        if self._edit_graphs(change):
            self.lasting.append((name, lambda a: f'"{name}"' in texts(a)))

    def takes_a_node_out(self) -> None:
        changed: list[str] = []

        def change(graphs: list[Any]) -> bool:
            graph = self._ours(graphs)
            if graph:
                nodes = graph["graph"]["nodes"]
                nodes[:] = [n for n in nodes if n["name"] != "llm"]
                changed.append(graph["name"])
            return graph is not None

        path = self._edit_graphs(change)
        if path and self._is_noted(path):
            (name,) = changed
            self.until_removed.append(
                ("the node", lambda a: "llm" not in nodes_of(a / path, name))
            )

    def takes_a_link_out(self) -> None:
        def change(graphs: list[Any]) -> bool:
            graph = self._ours(graphs)
            if graph is None:
                return False
            graph["graph"]["connections"] = graph["graph"]["connections"][:-1]
            return True

        self._edit_graphs(change)

    def takes_the_graph_out(self) -> None:
        gone: list[str] = []

        def change(graphs: list[Any]) -> bool:
            graph = self._ours(graphs)
            if graph is None:
                return False
            graphs.remove(graph)
            gone.append(graph["name"])
            for value in strings(graph):
                forget(self.lasting, {"": value})
            return True

        path = self._edit_graphs(change)
        if path and self._is_noted(path):
            (name,) = gone
            self.until_removed.append(
                (f"graph {name}", lambda a: f'"{name}"' not in texts(a))
            )

    def shuffles(self) -> None:
        def change(graphs: list[Any]) -> bool:
            self.dice.shuffle(graphs)
            for graph in graphs:
                self.dice.shuffle(graph["graph"]["nodes"])
                self.dice.shuffle(graph["graph"]["connections"])
            return True

        self._edit_graphs(change)

    def writes_names_as_lists(self) -> None:
        def change(graphs: list[Any]) -> bool:
            for graph in graphs:
                for connection in graph["graph"]["connections"]:
                    for flow in connection.get("cmd", []):
                        if "name" in flow:
                            flow["names"] = [flow.pop("name")]
            return True

        self._edit_graphs(change)

    def changes_another_graph(self) -> None:
        greeting = self._unique()

        def change(graphs: list[Any]) -> bool:
            others = [g for g in graphs if speaker(g).get("addon") != NAME]
            if not others:
                return False
            node = {"type": "extension", "name": greeting, "addon": "users"}
            self.dice.choice(others)["graph"]["nodes"].append(node)
            return True

        if self._edit_graphs(change):
            self.lasting.append((greeting, lambda a: greeting in texts(a)))

    # ------------------------------------------------------- the other files

    def changes_the_dependency(self) -> None:
        place = self.agents / MANIFEST
        tree = json.loads(place.read_text())
        found = [d for d in tree["dependencies"] if NAME in json.dumps(d)]
        other = {"type": "extension", "name": NAME, "version": "0.1"}
        for dependency in found:
            index = tree["dependencies"].index(dependency)
            if self.dice.random() < 0.5:
                tree["dependencies"][index] = other
                self.lasting.append(
                    ("dependency", lambda a: other in dependencies(a))
                )
            else:
                del tree["dependencies"][index]
                self.lasting = [c for c in self.lasting if c[0] != "dependency"]
                self.until_removed += self._is_noted(MANIFEST) * [
                    (
                        "no dependency",
                        lambda a: NAME not in json.dumps(dependencies(a)),
                    )
                ]
        self.dice.shuffle(tree["dependencies"])
        place.write_text(json.dumps(tree, indent=self.dice.choice([None, 4])))

    def writes_lines(self) -> None:
        line = self._unique()
        paths = [README, VARIABLES]
        # An older version is replaced, and a copy of it kept.
        if self._is_noted(FOLDER / "extension.py"):
            paths.append(FOLDER / "extension.py")
        path = self.dice.choice(paths)
        place = self.agents / path
        if not place.exists():
            return
        lines = place.read_text().splitlines(keepends=True)
        lines.insert(self.dice.randint(0, len(lines)), f"# {line}\n")
        ending = self.dice.choice(["", "\n", "\n\n\n"])
        place.write_text("".join(lines).rstrip("\n") + ending)
        self.lasting.append((line, lambda a: line in (a / path).read_text()))

    def takes_lines_out(self) -> None:
        place = self.agents / self.dice.choice([README, VARIABLES])
        lines = place.read_text().splitlines(keepends=True)
        start = self.dice.randint(0, len(lines))
        gone = lines[start : start + self.dice.randint(1, 6)]
        for line in gone:
            forget(self.lasting, {"": line.strip("# \n")})
        place.write_text("".join(x for x in lines if x not in gone))

    def moves_lines(self) -> None:
        place = self.agents / self.dice.choice([README, VARIABLES])
        text = place.read_text()
        at = self.dice.randint(0, len(text))
        at = text.find("\n\n", at) + 2 if "\n\n" in text[at:] else 0
        moved = text[at:]
        if moved and not moved.endswith("\n"):
            moved += "\n"
        place.write_text(moved + text[:at])

    def fills_the_key_in(self) -> None:
        place, key = self.agents / VARIABLES, self._unique()
        text = place.read_text()
        if "GRADIUM_API_KEY=\n" in text:
            filled = text.replace(
                "GRADIUM_API_KEY=\n", f"GRADIUM_API_KEY={key}\n", 1
            )
            place.write_text(filled)
            self.lasting.append((key, lambda a: key in texts(a)))

    def turns_line_ends(self) -> None:
        path = self.dice.choice([README, VARIABLES, *PROPERTIES])
        place = self.agents / path
        content = place.read_bytes().replace(b"\r\n", b"\n")
        place.write_bytes(content.replace(b"\n", b"\r\n"))

    def adds_a_file(self) -> None:
        name = self._unique()
        place = self.agents / FOLDER / "core" / f"{name}.py"
        if place.parent.is_dir():
            place.write_text(name)
            path = place.relative_to(self.agents)
            self.lasting.append((name, lambda a: (a / path).exists()))

    def takes_a_file_out(self) -> None:
        place = self.agents / FOLDER / "config.py"
        if place.exists():
            place.unlink()
            self.until_removed.append(
                ("config.py", lambda a: not place.exists())
            )

    def takes_an_example_out(self) -> None:
        shutil.rmtree(self.agents / WEBSOCKET, ignore_errors=True)
        (self.agents / WEBSOCKET / "tenapp").mkdir(parents=True)
        tree = {"ten": {"predefined_graphs": []}}
        (self.agents / PROPERTIES[1]).write_text(json.dumps(tree))
        self.lasting.clear()
        self.until_removed.clear()

    def commits(self) -> None:
        if (self.agents.parent / ".git").exists():
            (self.agents.parent / "always").write_text(self._unique())
            commit(self.agents.parent)


EDITS = sorted(
    name
    for name in vars(User)
    if callable(getattr(User, name)) and not name.startswith("_")
)
TOOL = ["install 1", "install 2", "dry run", "remove"]
STEPS = st.lists(st.sampled_from([*TOOL * 3, *EDITS]), min_size=1, max_size=12)


def speaker(graph: Any) -> dict[str, Any]:
    nodes = graph["graph"]["nodes"]
    return next((n for n in nodes if n["name"] == "tts"), {})


def nodes_of(place: Path, name: str) -> set[str]:
    graphs = json.loads(place.read_text())["ten"]["predefined_graphs"]
    return {
        node["name"]
        for graph in graphs
        if graph["name"] == name
        for node in graph["graph"]["nodes"]
    }


def dependencies(agents: Path) -> list[Any]:
    return list(json.loads((agents / MANIFEST).read_text())["dependencies"])


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [s for v in value.values() for s in strings(v)]
    if isinstance(value, list):
        return [s for v in value for s in strings(v)]
    return [value] if isinstance(value, str) else []


def texts(agents: Path) -> str:
    paths = (*PROPERTIES, VARIABLES)
    return "".join((agents / path).read_text() for path in paths)


def forget(checks: list[tuple[str, Check]], gone: dict[str, Any]) -> None:
    """The user has taken back what these values stood for."""
    values = [str(v) for v in gone.values()]
    checks[:] = [c for c in checks if not any(c[0] in v for v in values)]


def act(step: str, user: User, extensions: list[Path]) -> None:
    """Do what a step says, and see that nothing is lost by it."""
    before = snapshot(user.agents)
    if step == "remove" and not (user.agents / ".ten_shipping").exists():
        return
    if step == "remove":
        plan = plan_remove(extensions[0], user.agents)
    else:
        plan = plan_install(extensions[step == "install 2"], user.agents)
    assert snapshot(user.agents) == before
    if step == "dry run":
        assert all(change.diff(Path()) for change in plan.edited)
        return
    apply(plan.checkout.base, plan.changes)
    if step == "remove":
        user.until_removed.clear()
    checks = user.lasting + user.until_removed
    lost = [name for name, holds in checks if not holds(user.agents)]
    assert (step, lost) == (step, [])
    for path in (*PROPERTIES, MANIFEST):
        json.loads((user.agents / path).read_text())


# A failing story is long anyway: to shrink it takes minutes.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]


@pytest.mark.timeout(300)
@settings(max_examples=10, deadline=None, derandomize=True, phases=PHASES)
@given(steps=STEPS, has_older=st.booleans(), seed=st.integers(0, 999))
def test_no_edit_is_lost_and_nobody_is_locked_out(
    steps: list[str], has_older: bool, seed: int
) -> None:
    play(steps, has_older=has_older, under_git=seed % 4 == 0, seed=seed)


@pytest.mark.thorough
@settings(max_examples=5000, deadline=None)
@given(steps=STEPS, has_older=st.booleans(), seed=st.integers(0, 999_999))
def test_no_edit_is_lost_in_thousands_of_stories(
    steps: list[str], has_older: bool, seed: int
) -> None:
    play(steps, has_older=has_older, under_git=seed % 4 == 0, seed=seed)


def play(
    steps: list[str], *, has_older: bool, under_git: bool, seed: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        agents = make_checkout(
            root / "ten", has_older=has_older, under_git=under_git
        )
        extensions = [make_extension(root / f"v{v}", v) for v in (1, 2)]
        original = snapshot(agents)
        user = User(agents, random.Random(seed))
        is_edited = False
        for step in steps:
            if step in TOOL:
                act(step, user, extensions)
            else:
                is_edited = True
                getattr(user, step)()
        act("remove", user, extensions)
        if not is_edited:
            assert snapshot(agents) == original
        assert refusals(agents) == []
        get_out(user, extensions)


def get_out(user: User, extensions: list[Path]) -> None:
    """With force, ours is put in and taken out whatever the user did."""
    plan = plan_install(extensions[1], user.agents, force=True)
    apply(plan.checkout.base, plan.changes)
    ours = user.agents / FOLDER / "extension.py"
    assert ours.read_text() == "# version 2\n"

    plan = plan_remove(extensions[1], user.agents, force=True)
    apply(plan.checkout.base, plan.changes)
    assert not (user.agents / ".ten_shipping").exists()
    assert refusals(user.agents) == []
