"""The package, the example app, and a TEN checkout and back."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from ten_shipping import build, include, install, json_text
from ten_shipping.package import prove

from gradium_tts_python.config import GradiumTTSConfig, GradiumTTSParams

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "voice_assistant_gradium"
NAME = "gradium_tts_python"
TARGET = install.EXTENSIONS / NAME


# --------------------------------------------------------------------- globs


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("**.py", ["a.py"]),
        ("*.py", ["a.py"]),
        ("manifest.json", ["manifest.json"]),
        ("docs/**", ["docs/a.py", "docs/deep/b.md"]),
        ("docs/*", ["docs/a.py"]),
        ("**/*.py", ["a.py", "docs/a.py"]),
        ("?.py", ["a.py"]),
        ("none", []),
    ],
)
def test_globs_stop_at_folders_as_in_ten(
    tmp_path: Path, pattern: str, matched: list[str]
) -> None:
    for name in ("a.py", "manifest.json", "docs/a.py", "docs/deep/b.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.py").write_text("")

    found = include.matching_files(tmp_path, [pattern])

    assert [path.as_posix() for path in found] == matched


# ------------------------------------------------------------------- package


def test_the_package_holds_the_shipped_files_and_speaks(
    tmp_path: Path,
) -> None:
    archive = build(ROOT, tmp_path / "dist")

    with zipfile.ZipFile(archive) as package:
        names = set(package.namelist())
        executable = {
            entry.filename
            for entry in package.infolist()
            if entry.external_attr >> 16 & 0o100
        }
    modules = {
        path.relative_to(ROOT).as_posix()
        for folder in ("", "core", "wire", "graph")
        for path in (ROOT / folder).glob("*.py")
    }
    # The suite for TEN, and the settings of TEN's own.
    tests = {
        path.relative_to(ROOT).as_posix()
        for pattern in ("ten/*.py", "configs/*.json", "bin/start")
        for path in (ROOT / "tests").glob(pattern)
    }
    others = {
        "manifest.json",
        "property.json",
        "requirements.txt",
        "pyproject.toml",
        "README.md",
        "docs/README.zh-CN.md",
        "CHANGELOG.md",
        "LICENSE",
    }
    assert names == modules | tests | others
    assert executable == {"tests/bin/start"}
    assert archive.read_bytes() == build(ROOT, tmp_path / "again").read_bytes()
    assert prove(archive, tmp_path / "app", NAME) > 0


def test_a_package_that_misses_a_module_is_found_out(tmp_path: Path) -> None:
    archive = build(ROOT, tmp_path)
    with zipfile.ZipFile(archive) as package:
        kept = [n for n in package.namelist() if n != "speech.py"]
        content = {name: package.read(name) for name in kept}
    with zipfile.ZipFile(archive, "w") as package:
        for name, octets in content.items():
            package.writestr(name, octets)

    with pytest.raises(subprocess.CalledProcessError) as failure:
        prove(archive, tmp_path / "app", NAME)

    assert "speech" in failure.value.stderr


# ------------------------------------------------------------- the example app


def example_graph() -> dict[str, Any]:
    tree = json.loads((EXAMPLE / "property.json").read_text())
    (graph,) = tree["ten"]["predefined_graphs"]
    assert graph["name"] == "voice_assistant_gradium"
    return dict(graph["graph"])


def ends_of(connection: dict[str, Any]) -> list[dict[str, Any]]:
    """Each message of a connection, with the extensions at its ends."""
    return [
        {
            "kind": kind,
            "names": flow.get("names", [flow.get("name")]),
            "from": [e["extension"] for e in flow.get("source", [here])],
            "to": [e["extension"] for e in flow.get("dest", [here])],
        }
        for here in [{"extension": connection["extension"]}]
        for kind in ("cmd", "data", "audio_frame")
        for flow in connection.get(kind, [])
    ]


def test_every_end_of_the_graph_exists() -> None:
    graph = example_graph()
    nodes = {node["name"] for node in graph["nodes"]}

    flows = [flow for c in graph["connections"] for flow in ends_of(c)]

    assert {name for flow in flows for name in flow["from"] + flow["to"]} <= (
        nodes
    )
    told = {
        name
        for flow in flows
        if flow["from"] == ["tts"] and flow["to"] == ["main_control"]
        for name in flow["names"]
    }
    assert told == {"tts_audio_start", "tts_audio_end"}


def test_what_the_tts_node_sends_is_in_its_interface() -> None:
    import ten_ai_base

    folder = Path(ten_ai_base.__file__ or "").parent
    interface = json.loads((folder / "api/tts-interface.json").read_text())
    known = {
        entry["name"]
        for kind in ("data_out", "audio_frame_out", "cmd_out")
        for entry in interface.get("interface", interface).get(kind, [])
    }

    sent = {
        name
        for connection in example_graph()["connections"]
        for flow in ends_of(connection)
        if flow["from"] == ["tts"]
        for name in flow["names"]
    }

    assert sent == {"tts_audio_start", "tts_audio_end", "pcm_frame"}
    assert sent <= known


def tts_property() -> dict[str, Any]:
    (tts,) = (n for n in example_graph()["nodes"] if n["name"] == "tts")
    assert tts["addon"] == NAME
    return dict(tts["property"])


def test_every_property_of_the_tts_node_is_a_known_setting() -> None:
    tree = tts_property()
    assert set(tree) <= set(GradiumTTSConfig.model_fields)
    assert set(tree["params"]) <= set(GradiumTTSParams.model_fields)

    tree["params"]["api_key"] = "key"

    assert GradiumTTSConfig.load(tree).warnings == ()


async def test_the_tts_node_speaks_with_exactly_its_property(
    start_host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIUM_API_KEY", "test-key")
    tree = tts_property()
    # All of it but the address: this machine reaches no other server.
    params = {k: v for k, v in tree.pop("params").items() if k != "url"}
    host = await start_host(params=params, **tree)

    await host.send_text("r1", "I am your assistant.", end=True)
    end = await host.ended("r1")

    assert (end.reason.name, end.duration_ms > 0) == ("REQUEST_END", True)


def test_every_variable_of_the_graph_is_explained() -> None:
    text = (EXAMPLE / "property.json").read_text()
    readme = (EXAMPLE / "README.md").read_text()

    variables = set(re.findall(r"\$\{env:(\w+)", text))

    assert {name for name in variables if f"`{name}`" not in readme} == set()


def test_the_app_depends_on_every_addon_of_its_graph() -> None:
    manifest = json.loads((EXAMPLE / "manifest.json").read_text())
    dependencies = {
        entry.get("name") or Path(entry["path"]).name
        for entry in manifest["dependencies"]
    }

    addons = {node["addon"] for node in example_graph()["nodes"]}

    assert addons <= dependencies


# -------------------------------------------------------------- one JSON value

TABS = '{\n\t"a": [\n\t\t{"n": 1}\n\t],\n\t"b": "é ]}"\n}'


@pytest.mark.parametrize(
    ("text", "where", "element", "changed"),
    [
        ('{"a":[]}', ("a",), 1, '{"a":[\n  1\n]}'),
        ('{"a": [1, 2]}', ("a",), 3, '{"a": [1, 2, 3]}'),
        ('{"a": [1, 2]}', ("a",), 2, '{"a": [1, 2]}'),
        (
            '{"x": "]", "a": [[ ], {}]}',
            ("a",),
            3,
            '{"x": "]", "a": [[ ], {}, 3]}',
        ),
        (
            TABS,
            ("a",),
            {"n": 2},
            TABS.replace('{"n": 1}', '{"n": 1},\n\t\t{\n\t\t\t"n": 2\n\t\t}'),
        ),
    ],
)
def test_one_value_changes_and_no_other_character(
    text: str, where: tuple[str, ...], element: object, changed: str
) -> None:
    assert json_text.set_element(text, where, element) == changed


def test_an_element_of_the_same_name_is_replaced() -> None:
    text = '{"g": [{"name": "a", "v": 1}, {"name": "b"}]}\n'

    changed = json_text.set_element(text, ("g",), {"name": "a"}, same_as="name")

    assert json.loads(changed) == {"g": [{"name": "a"}, {"name": "b"}]}
    assert changed.endswith(', {"name": "b"}]}\n')


@pytest.mark.parametrize("where", [("b",), ("a", 5), ("c",)])
def test_a_place_that_is_no_array_is_an_error(where: tuple[Any, ...]) -> None:
    with pytest.raises(KeyError):
        json_text.set_element('{"a": [1], "c": {}}', where, 1)


# ----------------------------------------------------------- a TEN checkout


MANIFEST = """{
    "type": "app",
    "dependencies": [
        {"type": "system", "name": "ten_ai_base", "version": "0.7"},
        {
            "path": "../../../ten_packages/extension/other_tts"
        }
    ]
}
"""
PROPERTY = """{
    "ten": {
        "predefined_graphs": [
            {
                "name": "voice_assistant",
                "auto_start": true,
                "graph": {"nodes": [], "connections": [ ]}
            }
        ],
        "log": {"handlers": []}
    }
}
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small tree of TEN's shape, under git, with an older extension."""
    root = tmp_path / "ten-framework"
    files = {
        install.APP / "manifest.json": MANIFEST,
        install.APP / "property.json": PROPERTY,
        TARGET / "manifest.json": '{"version": "0.1.3"}\n',
        TARGET / "extension.py": "# an older one\n",
        TARGET / "tests/test_old.py": "# an older test\n",
        install.EXTENSIONS / "other_tts/manifest.json": "{}\n",
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "feat: a tree")
    return root


def git(root: Path, *arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=root, check=True)


def snapshot(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".git" not in path.parts
    }


def run(checkout: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    if not Path(sys.prefix, ".installed-speak").exists():
        pytest.skip("this Python was not set up by ./dev")
    return subprocess.run(
        [str(ROOT / "dev"), "install-into", str(checkout), *flags],
        # The environment that runs this test, rather than a new one.
        env={**os.environ, "GRADIUM_DEV_VENV": sys.prefix},
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_installing_adds_the_extension_the_dependency_and_the_graph(
    checkout: Path,
) -> None:
    done = run(checkout)

    assert (done.returncode, done.stderr) == (0, "")
    assert "task tts-guarder-test EXTENSION=gradium_tts_python" in done.stdout
    target = checkout / TARGET
    assert (target / "extension.py").read_bytes() == (
        ROOT / "extension.py"
    ).read_bytes()
    assert (target / "tests/configs/property_dump.json").exists()
    assert (target / "tests/bin/start").stat().st_mode & 0o111
    assert not (target / "tests/test_old.py").exists()
    assert not (target / "devkit").exists()

    manifest = (checkout / install.APP / "manifest.json").read_text()
    dependency = {"path": f"../../../ten_packages/extension/{NAME}"}
    assert json.loads(manifest)["dependencies"][-1] == dependency
    assert manifest.startswith(MANIFEST[: MANIFEST.rindex("\n    ]")])
    tree = json.loads((checkout / install.APP / "property.json").read_text())
    first, second = tree["ten"]["predefined_graphs"]
    assert first["name"] == "voice_assistant"
    assert second == {
        "name": "voice_assistant_gradium",
        "auto_start": False,
        "graph": example_graph(),
    }


def test_installing_again_changes_nothing(checkout: Path) -> None:
    run(checkout)
    before = snapshot(checkout)

    done = run(checkout)

    assert done.stdout == "nothing to do\n"
    assert snapshot(checkout) == before


def test_removing_gives_back_every_byte(checkout: Path) -> None:
    before = snapshot(checkout)
    run(checkout)

    done = run(checkout, "--remove")

    assert done.returncode == 0
    assert snapshot(checkout) == before


def test_a_dry_run_shows_a_diff_and_touches_nothing(checkout: Path) -> None:
    before = snapshot(checkout)

    done = run(checkout, "--dry-run")

    assert '+                "name": "voice_assistant_gradium",' in done.stdout
    assert f"+++ b/{TARGET}/speech.py" in done.stdout
    assert "-# an older one" in done.stdout
    assert snapshot(checkout) == before


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (TARGET / "extension.py", "has local changes: commit or remove them"),
        (install.APP / "property.json", "has local changes: commit or remove"),
        (TARGET / "tests/untracked.py", "has local changes: commit or remove"),
    ],
)
def test_local_changes_are_not_overwritten(
    checkout: Path, changed: Path, sentence: str
) -> None:
    with (checkout / changed).open("a") as file:
        file.write(" ")
    before = snapshot(checkout)

    done = run(checkout)

    assert done.returncode == 1
    assert sentence in done.stderr and done.stderr.count("\n") == 1
    assert snapshot(checkout) == before


@pytest.mark.parametrize("flags", [(), ("--remove",)])
def test_what_was_changed_after_installing_is_kept(
    checkout: Path, flags: tuple[str, ...]
) -> None:
    run(checkout)
    with (checkout / TARGET / "speech.py").open("a") as file:
        file.write("# mine\n")
    before = snapshot(checkout)

    done = run(checkout, *flags)

    assert done.returncode == 1
    assert "speech.py was changed since it was installed" in done.stderr
    assert snapshot(checkout) == before


def test_an_unknown_tree_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path)

    assert done.returncode == 1
    assert "is no TEN checkout: it has no ai_agents/" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_removing_what_was_not_installed_is_refused(checkout: Path) -> None:
    done = run(checkout, "--remove")

    assert done.returncode == 1
    assert "was not installed" in done.stderr
