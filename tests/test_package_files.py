# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Manifest, property, requirements and settings agree with each other."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from ten_shipping.include import included_files

import ten_ai_base
from gradium_tts_python.config import (
    ConfigError,
    GradiumTTSConfig,
    GradiumTTSParams,
)

ROOT = Path(__file__).resolve().parent.parent
CHECK = ROOT.parent / "shared" / "ten-schemas" / "check.py"


def manifest() -> dict[str, Any]:
    return dict(json.loads((ROOT / "manifest.json").read_text()))


def interface() -> dict[str, Any]:
    (folder,) = ten_ai_base.__path__
    for file in (
        Path(folder, "api", "tts-interface.json"),
        Path(folder).parent.parent / "api" / "tts-interface.json",
    ):
        if file.is_file():
            return dict(json.loads(file.read_text()))
    raise FileNotFoundError("tts-interface.json")


def default_property() -> dict[str, Any]:
    return dict(json.loads((ROOT / "property.json").read_text()))


def test_the_default_property_lacks_nothing_but_the_key() -> None:
    tree = default_property()
    assert tree["params"]["api_key"] == "${env:GRADIUM_API_KEY|}"

    tree["params"]["api_key"] = ""
    with pytest.raises(ConfigError, match="params.api_key is missing"):
        GradiumTTSConfig.load(tree)

    tree["params"]["api_key"] = "key"
    assert GradiumTTSConfig.load(tree).warnings == ()


def test_the_default_property_has_known_settings_only() -> None:
    tree = default_property()

    assert set(tree) <= set(GradiumTTSConfig.model_fields)
    assert set(tree["params"]) <= set(GradiumTTSParams.model_fields)


def test_the_manifest_declares_settings_by_the_types_of_the_code() -> None:
    # Which ones, and why not all, is said by test_designer.py.
    declared = manifest()["api"]["property"]["properties"]
    params = declared.pop("params")

    assert params.keys() == {"type", "properties"}
    for model, nodes in (
        (GradiumTTSConfig, declared),
        (GradiumTTSParams, params["properties"]),
    ):
        for name, node in nodes.items():
            assert node == {"type": ten_type_of(model, name)}


def ten_type_of(model: type[BaseModel], name: str) -> str:
    """The type that TEN gives to a text or a switch."""
    annotation = model.model_fields[name].annotation
    values = get_args(annotation) or (annotation,)
    kinds = {
        type(value) if isinstance(value, str) else value
        for part in values
        for value in (get_args(part) or (part,))
    } - {type(None)}
    return {frozenset({str}): "string", frozenset({bool}): "bool"}[
        frozenset(kinds)
    ]


def test_the_interface_declares_no_property_in_another_way() -> None:
    # A property that both declare, and differently, costs the whole schema.
    own = manifest()["api"]["property"]["properties"]
    taken = interface()["property"]["properties"]

    assert {
        name for name in own if own[name] != taken.get(name, own[name])
    } == set()
    assert {
        "dump",
        "dump_path",
        "enable_words",
        "url",
    } <= own.keys() & taken.keys()


def test_ten_refuses_no_manifest_and_no_property_of_the_tree() -> None:
    if not CHECK.is_file():
        pytest.skip("TEN's schemas are not beside this repository")

    done = subprocess.run(
        [sys.executable, str(CHECK), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(" files, 0 reasons to refuse\n")


def test_the_manifest_takes_the_interface_of_its_kind() -> None:
    assert manifest()["api"]["interface"] == [
        {"import_uri": "../../system/ten_ai_base/api/tts-interface.json"}
    ]


def test_versions_agree() -> None:
    project = pyproject()
    version = manifest()["version"]

    assert project["version"] == version
    changelog = (ROOT / "CHANGELOG.md").read_text()
    sections = re.findall(r"^## (\S+)", changelog, re.MULTILINE)
    assert next(name for name in sections if name != "Unreleased") == version


def test_requirements_agree() -> None:
    lines = (ROOT / "requirements.txt").read_text().split()

    assert pyproject()["dependencies"] == lines


def test_names_agree() -> None:
    name = manifest()["name"]

    assert pyproject()["name"] == name.replace("_", "-")
    assert (
        f'register_addon_as_extension("{name}")'
        in (ROOT / "addon.py").read_text()
    )


def test_every_module_is_shipped_and_nothing_of_the_kit() -> None:
    # In TEN `**.py` means one folder: each has a pattern of its own.
    shipped = {path.as_posix() for path in included_files(ROOT)}
    modules = {
        path.relative_to(ROOT).as_posix()
        for folder in (
            "",
            "core",
            "settings",
            "fleet",
            "wire",
            "graph",
            "tests/ten",
        )
        for path in (ROOT / folder).glob("*.py")
    }

    assert {name for name in shipped if name.endswith(".py")} == modules
    assert {"extension.py", "core/text.py"} <= modules


def test_every_file_that_is_named_exists_and_is_shipped() -> None:
    include = manifest()["package"]["include"]
    shipped = {path.as_posix() for path in included_files(ROOT)}
    readmes = manifest()["readme"]["locales"].values()

    assert all((ROOT / name).exists() for name in include if "*" not in name)
    assert {readme["import_uri"] for readme in readmes} <= shipped


def test_the_manifest_speaks_english_and_chinese() -> None:
    for name in ("display_name", "description", "readme"):
        assert manifest()[name]["locales"].keys() == {"en-US", "zh-CN"}


def pyproject() -> dict[str, Any]:
    # Python 3.10 has no TOML reader; the table is simple enough.
    text = (ROOT / "pyproject.toml").read_text()
    table = text.split("[project]", 1)[1].split("\n[", 1)[0]
    values = dict(re.findall(r'^(\w+) = "(.*)"$', table, re.MULTILINE))
    listed = re.search(r"^dependencies = \[(.*?)^\]", table, re.M | re.S)
    assert listed
    return {**values, "dependencies": re.findall(r'"(.+?)"', listed[1])}


HEADER = """\
# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""


def test_every_source_file_starts_with_the_licence() -> None:
    folders = (
        "core",
        "settings",
        "fleet",
        "wire",
        "graph",
        "devkit/src",
        "bench",
        "tests",
    )
    sources = [*ROOT.glob("*.py"), ROOT / "dev", ROOT / "tests/bin/start"]
    for folder in folders:
        sources += (ROOT / folder).rglob("*.py")

    without = [
        path.relative_to(ROOT).as_posix()
        for path in sources
        if not re.sub(r"\A#!.*\n", "", path.read_text()).startswith(HEADER)
    ]

    assert len(sources) > 200
    assert without == []
