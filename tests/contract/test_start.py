# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""§1.11 and §2.1: add-ons, the merge of properties, placeholders."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from contract_kit import Echo, ScriptTester, Ten, nothing

from ten_runtime import AsyncExtension, AsyncTenEnv, _AddonManager


def property_of(ten: Ten, **options: Any) -> dict[str, Any]:
    """What an extension sees in `on_init`."""
    got: list[dict[str, Any]] = []

    class Reader(AsyncExtension):
        async def on_init(self, ten_env: AsyncTenEnv) -> None:
            text, _ = await ten_env.get_property_to_json("")
            got.append(json.loads(text))

    ten.play(Reader, nothing, **options)
    return got[0]


def test_the_nodes_property_is_merged_over_the_packages(ten: Ten) -> None:
    package = {"params": {"url": "u", "deep": {"a": 1}}, "dump": False}
    node = {"params": {"api_key": "k", "deep": {"b": 2}}, "list": [1]}

    assert property_of(ten, package=package, node=node) == {
        "params": {"url": "u", "deep": {"a": 1, "b": 2}, "api_key": "k"},
        "dump": False,
        "list": [1],
    }


@pytest.mark.parametrize(
    ("base", "over"),
    [([1, 2], [3]), ({"a": 1}, "x"), ("x", {"a": 1}), (1, False)],
)
def test_what_is_not_two_objects_is_replaced(
    ten: Ten, base: Any, over: Any
) -> None:
    merged = property_of(ten, package={"x": base}, node={"x": over})

    assert merged == {"x": over}


def test_on_configure_can_take_the_place_of_property_json(ten: Ten) -> None:
    got: list[Any] = []

    class Configured(AsyncExtension):
        async def on_configure(self, ten_env: AsyncTenEnv) -> None:
            await ten_env.init_property_from_json('{"mine": 1}')

        async def on_init(self, ten_env: AsyncTenEnv) -> None:
            text, _ = await ten_env.get_property_to_json("")
            got.append(json.loads(text))

    ten.play(Configured, nothing, package={"file": 1}, node={"node": 1})

    assert got == [{"mine": 1, "node": 1}]


def test_init_property_from_json_is_refused_after_on_configure(
    ten: Ten,
) -> None:
    errors: list[Any] = []

    class Late(AsyncExtension):
        async def on_init(self, ten_env: AsyncTenEnv) -> None:
            errors.append(await ten_env.init_property_from_json("{}"))

    ten.play(Late, nothing)

    assert errors[0] is not None


@pytest.mark.parametrize(
    ("written", "resolved"),
    [
        ("${env:CONTRACT_X}", "from env"),
        ("${env:CONTRACT_X|default}", "from env"),
        ("${env:CONTRACT_ABSENT|default}", "default"),
        ("${env:CONTRACT_ABSENT|}", ""),
        ("${env:CONTRACT_ABSENT|a b: c}", "a b: c"),
        ("before ${env:CONTRACT_X}", "before ${env:CONTRACT_X}"),
        ("${env:CONTRACT_X} after", "${env:CONTRACT_X} after"),
        ("$env:CONTRACT_X", "$env:CONTRACT_X"),
    ],
)
def test_a_text_that_is_all_placeholder_is_resolved(
    ten: Ten, monkeypatch: pytest.MonkeyPatch, written: str, resolved: str
) -> None:
    monkeypatch.setenv("CONTRACT_X", "from env")
    monkeypatch.delenv("CONTRACT_ABSENT", raising=False)
    package = {"a": [{"b": written}]}

    assert property_of(ten, package=package) == {"a": [{"b": resolved}]}


def test_what_a_placeholder_gives_is_always_a_text(
    ten: Ten, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTRACT_X", "5")

    assert property_of(ten, node={"x": "${env:CONTRACT_X}"}) == {"x": "5"}


def test_a_placeholder_that_the_node_replaces_is_not_resolved(
    ten: Ten, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONTRACT_ABSENT", raising=False)
    package = {"params": {"api_key": "${env:CONTRACT_ABSENT}", "url": "u"}}
    node = {"params": {"api_key": "k"}}

    assert property_of(ten, package=package, node=node) == {
        "params": {"api_key": "k", "url": "u"}
    }


@pytest.mark.stand_in
@pytest.mark.parametrize("text", ["${env:CONTRACT_ABSENT}", "${file:x}"])
def test_a_placeholder_that_ends_ten_fails_the_run(
    ten: Ten, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.delenv("CONTRACT_ABSENT", raising=False)

    error = ten.run(Echo, nothing, package={"x": text})

    assert error is not None
    assert "TEN" in error.error_message()


# -- add-ons -----------------------------------------------------------------


def test_the_registry_knows_a_registered_addon(ten: Ten) -> None:
    name = ten.register(Echo)

    assert name in _AddonManager._registry


def test_the_decorator_returns_the_class_unchanged() -> None:
    from ten_runtime import Addon, register_addon_as_extension

    class Plain(Addon):
        pass

    assert register_addon_as_extension("contract_plain")(Plain) is Plain


PACKAGE = """
from ten_runtime import Addon, AsyncExtension, register_addon_as_extension

@register_addon_as_extension("{name}")
class PackageAddon(Addon):
    def on_create_instance(self, ten_env, name, context):
        from .extension import PackageExtension
        ten_env.on_create_instance_done(PackageExtension(name), context)
"""

EXTENSION = """
from ten_runtime import AsyncExtension, Data

class PackageExtension(AsyncExtension):
    async def on_start(self, ten_env):
        data = Data.create("origin")
        data.set_property_string("module", __name__)
        text, _ = await ten_env.get_property_to_json("")
        data.set_property_from_json("property", text)
        await ten_env.send_data(data)
"""


def write_package(folder: Path, name: str) -> None:
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("from . import addon\n")
    (folder / "addon.py").write_text(PACKAGE.format(name=name))
    (folder / "extension.py").write_text(EXTENSION)
    (folder / "property.json").write_text('{"from": "package"}')
    manifest = {"type": "extension", "name": name, "version": "0.1.0"}
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture
def clean_modules() -> Iterator[None]:
    before, path = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - before:
        if "contract_pkg" in name or name.startswith("ten_packages"):
            del sys.modules[name]


def origin(name: str) -> Any:
    async def script(wire: Any) -> None:
        await wire.next("origin")

    tester = ScriptTester(script)
    tester.set_test_mode_single(name)
    error = tester.run()
    assert error is None, error.error_message()
    return tester.wire.log[0].fields


@pytest.mark.usefixtures("clean_modules")
def test_an_addon_is_found_as_ten_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "contract_pkg_a"
    write_package(tmp_path / "ten_packages/extension" / name, name)
    monkeypatch.syspath_prepend(str(tmp_path))

    assert origin(name) == {
        "module": f"ten_packages.extension.{name}.extension",
        "property": {"from": "package"},
    }


@pytest.mark.stand_in
@pytest.mark.usefixtures("clean_modules")
def test_an_addon_is_found_as_top_level_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "contract_pkg_b"
    write_package(tmp_path / name, name)
    monkeypatch.syspath_prepend(str(tmp_path))

    assert origin(name)["module"] == f"{name}.extension"


@pytest.mark.stand_in
@pytest.mark.usefixtures("clean_modules")
def test_an_addon_is_found_in_the_folder_the_tests_run_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "contract_pkg_c"
    write_package(tmp_path / "checkout", name)
    (tmp_path / "checkout" / "tests").mkdir()
    monkeypatch.chdir(tmp_path / "checkout" / "tests")

    assert origin(name)["module"] == f"{name}.extension"


@pytest.mark.usefixtures("clean_modules")
def test_an_addon_that_is_imported_is_not_imported_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "contract_pkg_d"
    write_package(tmp_path / name, name)
    write_package(tmp_path / "ten_packages/extension" / name, name)
    monkeypatch.syspath_prepend(str(tmp_path))
    __import__(name)

    assert origin(name)["module"] == f"{name}.extension"
    assert f"ten_packages.extension.{name}" not in sys.modules


@pytest.mark.stand_in
@pytest.mark.usefixtures("clean_modules")
def test_an_addon_whose_import_fails_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "contract_pkg_e"
    write_package(tmp_path / name, name)
    (tmp_path / name / "addon.py").write_text("import no_such_module\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    tester = ScriptTester(nothing)
    tester.set_test_mode_single(name)

    error = tester.run()

    assert error is not None
    assert "no_such_module" in error.error_message()
