"""Manifest, property, requirements and settings agree with each other."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ten_shipping.include import included_files

from gradium_tts_python.config import (
    ConfigError,
    GradiumTTSConfig,
    GradiumTTSParams,
)

ROOT = Path(__file__).resolve().parent.parent


def manifest() -> dict[str, Any]:
    return dict(json.loads((ROOT / "manifest.json").read_text()))


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


def test_the_manifest_declares_nothing_that_could_kill_the_app() -> None:
    # The native runtime aborts the process on a property of another type
    # than declared, so what users write is checked by the settings alone.
    declared = manifest()["api"]["property"]["properties"]

    assert declared == {"params": {"type": "object"}}


def test_the_manifest_takes_the_interface_of_its_kind() -> None:
    assert manifest()["api"]["interface"] == [
        {"import_uri": "../../system/ten_ai_base/api/tts-interface.json"}
    ]


def test_versions_agree() -> None:
    project = pyproject()
    version = manifest()["version"]

    assert project["version"] == version
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert re.findall(r"^## (\d\S+)", changelog, re.MULTILINE)[0] == version


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
        for folder in ("", "core", "wire", "graph")
        for path in (ROOT / folder).glob("*.py")
    }

    assert {name for name in shipped if name.endswith(".py")} == modules
    assert {"extension.py", "core/text.py"} <= modules


def test_every_file_that_is_named_exists() -> None:
    include = manifest()["package"]["include"]

    assert all((ROOT / name).exists() for name in include if "*" not in name)


def pyproject() -> dict[str, Any]:
    # Python 3.10 has no TOML reader; the table is simple enough.
    text = (ROOT / "pyproject.toml").read_text()
    table = text.split("[project]", 1)[1].split("\n[", 1)[0]
    values = dict(re.findall(r'^(\w+) = "(.*)"$', table, re.MULTILINE))
    listed = re.search(r"^dependencies = \[(.*?)^\]", table, re.M | re.S)
    assert listed
    return {**values, "dependencies": re.findall(r'"(.+?)"', listed[1])}
