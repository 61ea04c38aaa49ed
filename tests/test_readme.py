# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The README says what the code does.

`./dev python tests/test_readme.py` writes its tables of settings anew.
"""

from __future__ import annotations

import json
import re
import types
import typing
from pathlib import Path
from typing import Any

import pytest
from annotated_types import Ge, Gt, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from ten_shipping.include import included_files

from gradium_tts_python.config import GradiumTTSConfig, GradiumTTSParams

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"


def test_the_tables_of_settings_are_those_of_the_code() -> None:
    text = README.read_text()

    assert text == rendered(text)


def test_every_setting_has_a_meaning() -> None:
    for model in (GradiumTTSConfig, GradiumTTSParams):
        for name, field in model.model_fields.items():
            assert field.exclude or field.description, name


DOCUMENTS = sorted(
    path
    for folder in ("", "docs", "devkit", "examples")
    for path in (ROOT / folder).glob("**/*.md" if folder else "*.md")
)


def commands_in_the_documents() -> set[str]:
    text = "".join(path.read_text() for path in DOCUMENTS)
    return set(re.findall(r"\./dev ([a-z][a-z-]+)", text))


def test_every_command_in_the_documents_exists() -> None:
    script = (ROOT / "dev").read_text()

    missing = {
        command
        for command in commands_in_the_documents()
        if f"command_{command.replace('-', '_')}()" not in script
    }

    assert missing == set()


def test_every_command_in_the_documents_is_run_by_a_test() -> None:
    tests = "".join(path.read_text() for path in ROOT.glob("tests/**/*.py"))
    # These two run the tests.
    commands = commands_in_the_documents() - {"test", "check"}

    assert {c for c in commands if f'"{c}"' not in tests} == set()


def test_every_file_that_a_document_links_to_exists() -> None:
    links = [
        (path.parent / link, path)
        for path in DOCUMENTS
        for link in re.findall(r"\]\((?!http)([^)#]+)\)", path.read_text())
    ]

    assert links
    assert [pair for pair in links if not pair[0].exists()] == []


@pytest.mark.parametrize("name", ["README.md", "docs/README.zh-CN.md"])
def test_what_the_readme_links_to_is_shipped(name: str) -> None:
    # In a TEN checkout there is nothing else, but one section is not for that.
    text = re.sub(
        r"^## In this repository$.*?(?=^## )",
        "",
        (ROOT / name).read_text(),
        flags=re.M | re.S,
    )
    links = re.findall(r"\]\((?!http|#)([^)#]+)[^)]*\)", text)
    shipped = {ROOT / path for path in included_files(ROOT)}

    assert links
    assert {
        link
        for link in links
        if (ROOT / name).parent.joinpath(link).resolve() not in shipped
    } == set()


@pytest.mark.parametrize("name", ["README.md", "docs/README.zh-CN.md"])
def test_only_the_section_on_this_repository_needs_this_repository(
    name: str,
) -> None:
    sections = re.split(r"^## ", (ROOT / name).read_text(), flags=re.M)
    here = [
        section.split("\n", 1)[0]
        for section in sections
        if re.search(r"\./dev\b|devkit|docs/(?!README\.zh|play\.webp)", section)
    ]

    assert here == (["In this repository"] if name == "README.md" else [])


@pytest.mark.parametrize("name", ["README.md", "docs/README.zh-CN.md"])
def test_a_readme_says_how_to_test_in_ten(name: str) -> None:
    text = (ROOT / name).read_text()
    folder = "agents/ten_packages/extension/gradium_tts_python"

    assert f"`task test-extension EXTENSION={folder}`" in text
    guarder = "task tts-guarder-test EXTENSION=gradium_tts_python"
    assert f"`{guarder} CONFIG_DIR=tests/configs`" in text


def test_the_test_command_of_the_readme_is_what_is_run_before_a_change() -> (
    None
):
    blocks_of_code = re.findall(
        r"^```bash\n(.*?)^```", README.read_text(), re.M | re.S
    )

    assert "./dev test\n" in blocks_of_code
    assert "\n./dev test\n" in (ROOT / ".ci" / "run").read_text()


def test_the_chinese_readme_has_the_settings_and_their_defaults() -> None:
    text = (ROOT / "docs" / "README.zh-CN.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.*?) ?\| .+ \|$", text, re.M)

    assert rows == [
        (name, default_of(field))
        for model in (GradiumTTSConfig, GradiumTTSParams)
        for name, field in model.model_fields.items()
        if not field.exclude
    ]


def test_the_examples_of_both_readmes_are_the_same_and_json() -> None:
    english, chinese = (
        re.findall(r"^ *```json\n(.*?)^ *```", text, re.M | re.S)
        for text in (
            README.read_text(),
            (ROOT / "docs" / "README.zh-CN.md").read_text(),
        )
    )

    assert english == chinese
    _, node, connections = map(json.loads, english)
    assert GradiumTTSConfig.load(node["property"]).warnings == ()
    assert {extension["extension"] for extension in connections} == {
        "main_control",
        "agora_rtc",
    }


def table_of(model: type[BaseModel]) -> str:
    """One row for each setting: name, type, default, meaning."""
    rows = ["| Setting | Type | Default | Meaning |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        if field.exclude:
            continue
        rows.append(
            f"| `{name}` | {type_of(field)} | {default_of(field)} |"
            f" {field.description} |"
        )
    return "\n".join(rows)


def type_of(field: FieldInfo) -> str:
    """The type in a user's words, with its range."""
    return f"{_type_name(field.annotation)}{_range_of(field)}"


def default_of(field: FieldInfo) -> str:
    """The default as JSON would have it; absent ones are empty."""
    if field.is_required() or field.default in (None, "", {}, []):
        return ""
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    if isinstance(field.default, str):
        return f'`"{field.default}"`'
    return f"`{field.default:g}`"


def _range_of(field: FieldInfo) -> str:
    low = high = ""
    for limit in field.metadata:
        if isinstance(limit, Ge):
            low = f"{limit.ge:g}"
        elif isinstance(limit, Gt):
            low = f"over {limit.gt:g}"
        elif isinstance(limit, Le):
            high = f"{limit.le:g}"
    if low and high:
        return f" {low} … {high}"
    return f" from {low}" if low else ""


def _type_name(annotation: Any) -> str:
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return " or ".join(f'`"{v}"`' for v in typing.get_args(annotation))
    if origin in (typing.Union, types.UnionType):
        return " or ".join(
            _type_name(inner)
            for inner in typing.get_args(annotation)
            if inner is not types.NoneType
        )
    if origin is list:
        return "list"
    names = {str: "text", bool: "bool", int: "integer", float: "number"}
    return names.get(annotation, "object")


def blocks() -> dict[str, str]:
    """Each table by the name of its place in the README."""
    return {
        "settings": table_of(GradiumTTSConfig),
        "params": table_of(GradiumTTSParams),
    }


def rendered(text: str) -> str:
    """The README with its tables as the code has them."""
    for name, table in blocks().items():
        text = re.sub(
            rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)",
            lambda match: f"{match[1]}\n{table}\n\n{match[2]}",  # noqa: B023
            text,
            flags=re.DOTALL,
        )
    return text


if __name__ == "__main__":
    README.write_text(rendered(README.read_text()))
