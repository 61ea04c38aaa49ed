# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""§1.12: apps. In processes of their own, since TEN allows one app in each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from contract_kit import process, python

MANIFEST = '{"type": "app", "name": "x", "version": "0.1.0"}'

FAKE_APP = """
import json, threading
from ten_runtime import App, TenEnv

order = []

class FakeApp(App):
    def __init__(self):
        super().__init__()
        self.ready = threading.Event()

    def on_configure(self, ten_env: TenEnv) -> None:
        order.append("configure " + threading.current_thread().name)
        log = {handlers}
        ten_env.init_property_from_json(
            json.dumps({{"ten": {{"log": {{"handlers": log}}}}}})
        )
        ten_env.on_configure_done()

    def on_init(self, ten_env: TenEnv) -> None:
        order.append("init " + threading.current_thread().name)
        self.ready.set()
        ten_env.on_init_done()

    def on_deinit(self, ten_env: TenEnv) -> None:
        order.append("deinit " + threading.current_thread().name)
        ten_env.on_deinit_done()

apps = []
is_made = threading.Event()

def live():
    # An app runs on the thread that makes it.
    apps.append(FakeApp())
    is_made.set()
    apps[0].run(False)

thread = threading.Thread(target=live, name="app")
thread.start()
is_made.wait()
apps[0].ready.wait()
"""

END = """
apps[0].close()
thread.join()
print(json.dumps(order))
"""

LOGGING = """
import asyncio
from ten_runtime import *

has_logged = threading.Event()

class Logging(AsyncExtension):
    async def on_init(self, ten_env):
        ten_env.log_debug("a debug line")
        ten_env.log_info("an info line", category="key_point")
        ten_env.log_error("an error line", fields={"n": 1})
        has_logged.set()

@register_addon_as_extension("logging_ext")
class LoggingAddon(Addon):
    def on_create_instance(self, ten_env, name, context):
        ten_env.on_create_instance_done(Logging(name), context)

class Tester(AsyncExtensionTester):
    async def on_start(self, env):
        await asyncio.to_thread(has_logged.wait, 5)
        env.stop_test()

tester = Tester()
tester.set_test_mode_single("logging_ext")
assert tester.run() is None
"""


def handler(level: str, formatter: str) -> list[object]:
    return [
        {
            "matchers": [{"level": level}],
            "formatter": {"type": formatter, "colored": False},
            "emitter": {"type": "console", "config": {"stream": "stdout"}},
        }
    ]


def test_an_app_runs_its_stages_on_the_thread_that_runs_it(
    tmp_path: Path,
) -> None:
    code = FAKE_APP.format(handlers=handler("debug", "plain")) + END

    out = python(code, tmp_path)

    order = json.loads(out.splitlines()[-1])
    assert order == ["configure app", "init app", "deinit app"]


def test_the_log_level_of_the_app_is_respected(tmp_path: Path) -> None:
    code = FAKE_APP.format(handlers=handler("info", "plain")) + LOGGING + END

    out = python(code, tmp_path)

    assert "an info line" in out
    assert "an error line" in out
    assert "a debug line" not in out


def test_log_lines_are_json_where_that_is_asked_for(tmp_path: Path) -> None:
    code = FAKE_APP.format(handlers=handler("debug", "json")) + LOGGING + END

    out = python(code, tmp_path)

    lines = [line for line in out.splitlines() if "info line" in line]
    assert isinstance(json.loads(lines[0]), dict)


GRAPH_APP = """
import sys
from ten_runtime import App, TenEnv

class GraphApp(App):
    pass

app = GraphApp()
app.run(False)
"""

NODE = """
import asyncio
from ten_runtime import (
    Addon, AsyncExtension, Data, register_addon_as_extension,
)

class Node(AsyncExtension):
    async def on_start(self, ten_env):
        if self.name == "a":
            data = Data.create("d")
            data.set_property_string("greeting", (
                await ten_env.get_property_string("greeting")
            )[0])
            await ten_env.send_data(data)

    async def on_data(self, ten_env, data):
        print(self.name, data.get_property_string("greeting")[0], flush=True)
        app = __import__("__main__").app
        app.close()

    async def on_stop(self, ten_env):
        print(self.name, "stops", flush=True)

@register_addon_as_extension("node_ext")
class NodeAddon(Addon):
    def on_create_instance(self, ten_env, name, context):
        ten_env.on_create_instance_done(Node(name), context)
"""


@pytest.mark.stand_in
def test_an_app_starts_its_predefined_graph(tmp_path: Path) -> None:
    package = tmp_path / "ten_packages" / "extension" / "node_ext"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from . import addon\n")
    (package / "addon.py").write_text(NODE)
    (package / "property.json").write_text('{"greeting": "from package"}')
    (tmp_path / "manifest.json").write_text(MANIFEST)
    nodes = [
        {"type": "extension", "name": name, "addon": "node_ext"}
        for name in "ab"
    ]
    nodes[0]["property"] = {"greeting": "hello"}  # type: ignore[assignment]
    flow = {"name": "d", "dest": [{"extension": "b"}]}
    graph = {
        "nodes": nodes,
        "connections": [{"extension": "a", "data": [flow]}],
    }
    graphs = [
        {"name": "main", "auto_start": True, "graph": graph},
        {"name": "other", "auto_start": False, "graph": {"nodes": []}},
    ]
    (tmp_path / "property.json").write_text(
        json.dumps({"ten": {"predefined_graphs": graphs}})
    )

    out = python(GRAPH_APP, tmp_path)

    assert out.splitlines()[0] == "b hello"
    assert sorted(out.splitlines()[1:]) == ["a stops", "b stops"]


@pytest.mark.stand_in
def test_a_graph_that_cannot_start_ends_the_app_with_the_reason(
    tmp_path: Path,
) -> None:
    (tmp_path / "manifest.json").write_text(MANIFEST)
    nodes = [{"type": "extension", "name": "a", "addon": "no_such_addon"}]
    graphs = [{"name": "g", "auto_start": True, "graph": {"nodes": nodes}}]
    (tmp_path / "property.json").write_text(
        json.dumps({"ten": {"predefined_graphs": graphs}})
    )
    code = GRAPH_APP.replace(
        "app.run(False)",
        "try:\n    app.run(False)\nexcept RuntimeError as error:\n"
        "    print('no_such_addon' in str(error))",
    )

    assert python(code, tmp_path).split() == ["True"]


REFUSED = {
    "manifest": ('{"type": "app", "name": "x"}', "{}", "version"),
    "property": (MANIFEST, '{"x": null}', "null"),
    "graph": (
        MANIFEST,
        '{"ten": {"predefined_graphs": [{"name": "no name"}]}}',
        "no name",
    ),
}


@pytest.mark.stand_in
@pytest.mark.parametrize("kind", REFUSED)
def test_a_refused_file_of_an_app_is_told_and_fails_a_strict_run(
    tmp_path: Path, kind: str
) -> None:
    manifest, properties, reason = REFUSED[kind]
    (tmp_path / "manifest.json").write_text(manifest)
    (tmp_path / "property.json").write_text(properties)
    ends_by_itself = GRAPH_APP.replace(
        "    pass",
        "    def on_init(self, ten_env):\n"
        "        self.close()\n        ten_env.on_init_done()",
    )

    plain = process(ends_by_itself, tmp_path)
    strict = process(
        "import os; os.environ['TEN_HOST_STRICT'] = 'refused'\n"
        + ends_by_itself,
        tmp_path,
    )

    for done in (plain, strict):
        assert "Failed to set metadata for app" in done.stderr
        assert reason in done.stderr
    assert plain.returncode == 0
    assert strict.returncode != 0
