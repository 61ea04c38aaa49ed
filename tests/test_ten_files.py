# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The kit's rules for TEN's files: what they refuse, and that TEN does, too.

Where TEN's own schemas lie in a folder `shared/ten-schemas` beside the
checkout, or further up, both are asked about the same files, a few hundred
broken ones among them.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ten_shipping import PackageError, build, refusals
from ten_shipping.ten_files import refusal

from . import ten_documents

ROOT = Path(__file__).resolve().parent.parent

Verdict = Callable[[str, Any], bool]

MUTATIONS = 600

# What takes the place of something in a mutated file.
SPARE: tuple[Any, ...] = (
    *(None, True, 0, -1, 7, 1.5, 70000),
    *("", "x", "a b", "9x", "object", "array", "extension", "selector", "1.0"),
    *([], ["x"], [1], {}, {"x": 1}, {"x": None}),
)
NAMES = (
    *("x", "9x", "type", "name", "items", "properties", "required", "app"),
    *("import_uri", "extension", "selector", "subgraph", "names", "value"),
)


def write(folder: Path, kind: str, document: Any) -> Path:
    file = folder / f"{kind}.json"
    file.write_text(json.dumps(document))
    return file


@pytest.mark.parametrize(("kind", "document"), ten_documents.GOOD)
def test_a_good_file_is_taken(tmp_path: Path, kind: str, document: Any) -> None:
    assert refusal(write(tmp_path, kind, document)) is None


@pytest.mark.parametrize(("kind", "document", "reason"), ten_documents.BAD)
def test_a_bad_file_is_refused_with_its_reason(
    tmp_path: Path, kind: str, document: Any, reason: str
) -> None:
    assert refusal(write(tmp_path, kind, document)) == reason


def test_nothing_in_this_repository_is_refused() -> None:
    assert refusals(ROOT) == []


def test_a_refused_file_is_named_with_its_folder(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    write(tmp_path / "app", "property", {"x": None})
    (tmp_path / "app" / "manifest.json").write_text("{")

    assert refusals(tmp_path) == [
        "app/manifest.json: it is no JSON: Expecting property name enclosed"
        " in double quotes: line 1 column 2 (char 1)",
        "app/property.json: null is not valid under any of the schemas listed"
        " @ /x",
    ]


def test_no_package_is_built_of_a_refused_file(tmp_path: Path) -> None:
    declared = {"property": {"properties": {"params": {"type": "object"}}}}
    write(tmp_path, "manifest", {**ten_documents.PACKAGE, "api": declared})

    with pytest.raises(PackageError) as refused:
        build(tmp_path, tmp_path / "dist")

    assert str(refused.value) == (
        "TEN refuses manifest.json, and would run the extension without any"
        ' schema: "properties" is a required property'
        " @ /api/property/properties/params"
    )
    assert not (tmp_path / "dist").exists()


def test_the_command_ends_in_one_sentence(tmp_path: Path) -> None:
    write(tmp_path, "manifest", ten_documents.PACKAGE)
    write(tmp_path, "property", {"x": None})

    done = subprocess.run(
        [sys.executable, "-m", "ten_shipping", "--root", ".", "package"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "package: TEN refuses property.json, and would run the extension"
        " without any schema: null is not valid under any of the schemas"
        " listed @ /x\n"
    )


# -- TEN's own schemas --------------------------------------------------------


@pytest.fixture(scope="module")
def ten_takes() -> Verdict:
    """What TEN's own schemas say of a document."""
    pytest.importorskip("jsonschema")
    pytest.importorskip("json5")
    for folder in ROOT.parents:
        script = folder / "shared" / "ten-schemas" / "check.py"
        if script.is_file():
            return _verdict_of(script)
    pytest.skip("TEN's schemas are not beside this checkout")


def _verdict_of(script: Path) -> Verdict:
    spec = importlib.util.spec_from_file_location("ten_schemas_check", script)
    assert spec and spec.loader
    check = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(check)
    known = {kind: check.validator(kind) for kind in ("manifest", "property")}
    return lambda kind, document: bool(known[kind].is_valid(document))


@pytest.mark.parametrize(("kind", "document"), ten_documents.GOOD)
def test_ten_takes_the_good_files_too(
    ten_takes: Verdict, kind: str, document: Any
) -> None:
    assert ten_takes(kind, document)


@pytest.mark.parametrize(("kind", "document", "reason"), ten_documents.BAD)
def test_ten_refuses_the_bad_files_too(
    ten_takes: Verdict, kind: str, document: Any, reason: str
) -> None:
    assert not ten_takes(kind, document)


def test_ten_and_the_kit_agree_on_broken_files(
    ten_takes: Verdict, tmp_path: Path
) -> None:
    verdicts = {True: 0, False: 0}
    for number in range(MUTATIONS):
        kind, document = mutated(number)
        is_taken = refusal(write(tmp_path, kind, document)) is None

        assert is_taken == ten_takes(kind, document), (number, kind, document)
        verdicts[is_taken] += 1

    # Neither of them says the same to everything.
    assert min(verdicts.values()) > MUTATIONS // 10


def mutated(number: int) -> tuple[str, Any]:
    """A good file with one or two things changed, moved or taken out."""
    chance = random.Random(number)
    kind, good = chance.choice(ten_documents.GOOD)
    document = copy.deepcopy(good)
    for _ in range(chance.choice((1, 1, 2))):
        # The empty document has no place of its own to change.
        places = list(places_in(document)) or [({"x": 1}, "x")]
        holder, key = chance.choice(places)
        _change(chance, holder, key)
    return kind, document


def places_in(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every container and key of a document, its root's included."""
    keys = tree if isinstance(tree, dict) else range(len(tree))
    for key in keys:
        yield tree, key
        if isinstance(tree[key], dict | list):
            yield from places_in(tree[key])


def _change(chance: random.Random, holder: Any, key: Any) -> None:
    what = chance.choice(("replace", "remove", "rename", "add"))
    if what == "replace":
        holder[key] = copy.deepcopy(chance.choice(SPARE))
    elif what == "remove":
        del holder[key]
    elif isinstance(holder, list):
        holder.append(copy.deepcopy(chance.choice(SPARE)))
    elif what == "rename":
        holder[chance.choice(NAMES)] = holder.pop(key)
    else:
        spare = copy.deepcopy(chance.choice(SPARE))
        holder[chance.choice(NAMES)] = spare
