# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The pytest plugin, as authors of other extensions have it.

Each test here writes a folder with an extension and its tests, and runs pytest
on it in a process of its own, without any configuration.
"""

from __future__ import annotations

import contextvars
import json
import re
import sys
import threading
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import pytest
from authors_pytest import run_pytest
from key_scan import KEY

pytestmark = pytest.mark.stand_in

MANIFEST = {
    "type": "extension",
    "name": "small_extension",
    "version": "0.1.0",
    "dependencies": [],
    "api": {
        "data_out": [
            {
                "name": "typed",
                "property": {"properties": {"number": {"type": "int64"}}},
            }
        ]
    },
}
ADDON = """
import asyncio
import contextvars
import json
from pathlib import Path

from ten_runtime import (
    Addon, AsyncExtension, Data, register_addon_as_extension
)

class Small(AsyncExtension):
    async def on_init(self, ten_env):
        self.text, _ = await ten_env.get_property_to_json("")

    async def on_data(self, ten_env, data):
        await getattr(self, data.get_name())(ten_env)

    async def echo(self, ten_env):
        out = Data.create("echo")
        out.set_property_from_json(None, self.text)
        await ten_env.send_data(out)

    async def boom(self, ten_env):
        raise ValueError("as asked")

    async def typed(self, ten_env):
        out = Data.create("typed")
        out.set_property_string("number", "one")
        await ten_env.send_data(out)
        await self.echo(ten_env)

    async def careless(self, ten_env):
        self.task = asyncio.create_task(self.boom(ten_env), name="careless")
        await asyncio.wait([self.task])
        await self.echo(ten_env)

    async def leak(self, ten_env):
        self.task = asyncio.create_task(asyncio.sleep(60), name="leaky")
        await self.echo(ten_env)

    async def hang(self, ten_env):
        await self.wait_for_the_vendor()

    async def wait_for_the_vendor(self):
        await asyncio.Event().wait()

@register_addon_as_extension("small_extension")
class SmallAddon(Addon):
    def on_create_instance(self, ten_env, name, context):
        ten_env.on_create_instance_done(Small(name), context)
"""


@dataclass(frozen=True)
class Outcome:
    """What became of a run of pytest: each test's, and what was printed."""

    verdicts: dict[str, str]
    texts: dict[str, str]
    lines: list[str]


@dataclass(frozen=True)
class Folder:
    """An extension, and one module of tests."""

    path: Path

    def write(self, name: str, text: str) -> None:
        (self.path / "tests" / name).write_text(text)

    def run(self, tests: str, *arguments: str) -> Outcome:
        self.write("test_it.py", tests)
        report = self.path / "report.xml"
        here = str(Path(__file__).parent)
        done = run_pytest(
            *(self.path, f"--junitxml={report}", *arguments),
            environment={"PYTHONPATH": here},
        )
        verdicts, texts = {}, {}
        cases = ElementTree.parse(report).iter("testcase")
        for case in cases if report.exists() else ():
            problem = next(
                (one for one in case if one.tag in ("failure", "error")), None
            )
            name = case.attrib["name"]
            verdicts[name] = "passed" if problem is None else problem.tag
            texts[name] = "" if problem is None else problem.text or ""
        lines = (done.stderr + done.stdout).splitlines()
        return Outcome(verdicts, texts, lines)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return make_folder(tmp_path)


def make_folder(parent: Path) -> Folder:
    root = parent / "a-checkout-of-it"
    (root / "tests").mkdir(parents=True)
    (root / "manifest.json").write_text(json.dumps(MANIFEST))
    (root / "property.json").write_text('{"word": "of the package"}')
    (root / "__init__.py").write_text("from . import addon\n")
    (root / "addon.py").write_text(ADDON)
    return Folder(root)


FINE = """
import contextvars
import json
from small_extension.addon import Small

def echo(event):
    return event.name == "echo"

async def test_the_package_around(extension_host):
    host = await extension_host()
    await host.send_data("echo", {})
    event = await host.until(echo)
    assert event.properties == {"word": "of the package"}

async def test_an_extension_by_name(extension_host):
    host = await extension_host("small_extension", {"word": "given"})
    await host.send_data("echo", {})
    assert (await host.until(echo)).properties == {"word": "given"}

def test_a_plain_one():
    assert Small("x").name == "x"
"""


@pytest.mark.thorough
def test_async_tests_find_the_package_around_without_configuration(
    folder: Folder,
) -> None:
    outcome = folder.run(FINE)

    assert set(outcome.verdicts.values()) == {"passed"}
    assert len(outcome.verdicts) == 3


@pytest.mark.thorough
def test_a_file_can_give_the_properties(folder: Folder) -> None:
    (folder.path / "given.json").write_text('{"word": "of the package"}')
    (folder.path / "property.json").write_text("{}")

    outcome = folder.run(FINE, "--ten-property", "given.json")

    assert set(outcome.verdicts.values()) == {"passed"}


FAULTS = """
import pytest

async def send(extension_host, name):
    host = await extension_host(wait_s=20.0)
    await host.send_data(name, {})
    await host.until(lambda event: event.name == "echo")

async def test_raises(extension_host):
    await send(extension_host, "boom")

async def test_raises_unseen(extension_host):
    host = await extension_host()
    await host.send_data("boom", {})
    await host.command("whatever")

async def test_is_refused(extension_host):
    await send(extension_host, "typed")

async def test_is_careless(extension_host):
    await send(extension_host, "careless")

async def test_leaks_unseen(extension_host):
    await send(extension_host, "leak")

async def test_leaks(extension_host, ten_leaks):
    await send(extension_host, "leak")

def test_leaves_a_file(ten_leaks, tmp_path):
    ten_leaks.file = open(tmp_path / "left.pcm", "wb")
    ten_leaks.at_last = lambda: ten_leaks.now()

@pytest.mark.ten_expects("refused")
async def test_expects_a_refusal(extension_host):
    await send(extension_host, "typed")

async def test_is_fine(extension_host):
    await send(extension_host, "echo")
"""


CONFTEST = """
from ten_runtime._host import log_sinks

# Outside of the phases of a test nothing is captured.
def pytest_runtest_logstart(nodeid):
    if "::test_that_" in nodeid:
        log_sinks.warn("me", "between two tests")
"""
LOGGING = f"""
import pytest

from ten_runtime._host import log_sinks

def say(line):
    log_sinks.warn("me", line)

@pytest.fixture
def early():
    say("in the setup")

def test_that_passes(early, ten_log):
    say("of one that passes")
    assert "in the setup" in ten_log.text()

def test_that_fails(early, ten_log):
    say("of one that fails")
    assert "of one that passes" not in ten_log.text()
    pytest.fail("as it should")

def test_that_shows_the_key():
    say("{KEY}")
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Of faults and of what is logged, in one run, as runs take their time."""
    folder = make_folder(tmp_path_factory.mktemp("small"))
    folder.write("conftest.py", CONFTEST)
    folder.write("test_logging.py", LOGGING)
    return folder.run(FAULTS, "-p", "key_scan", "--show-capture=all")


def test_what_goes_wrong_in_the_extension_fails_its_test(
    outcome: Outcome,
) -> None:
    failed = {n: v for n, v in outcome.verdicts.items() if v != "passed"}
    assert set(failed) == {
        *("test_raises", "test_raises_unseen", "test_is_refused"),
        *("test_is_careless", "test_leaks", "test_leaves_a_file"),
        *("test_that_fails", "test_that_shows_the_key"),
    }
    traceback = [
        "on_data of small_extension raised (TEN ends the process here)",
        "Traceback (most recent call last):",
        "in on_data",
        "await getattr(self, data.get_name())(ten_env)",
        "in boom",
        'raise ValueError("as asked")',
        "ValueError: as asked",
    ]
    for name in ("test_raises", "test_raises_unseen"):
        lines = outcome.texts[name].splitlines()
        assert len(lines) == len(traceback), outcome.texts[name]
        for line, told in zip(lines, traceback, strict=True):
            assert line.strip().endswith(told)
    assert outcome.texts["test_is_refused"] == (
        "data typed of small_extension is dropped: against the schema: number"
        " is string, not int64"
    )
    careless = outcome.texts["test_is_careless"]
    assert "small_extension: the task careless raised\n" in careless
    assert careless.endswith("ValueError: as asked")
    assert outcome.texts["test_leaks"].startswith(
        "small_extension left a task behind: leaky"
    )
    left = outcome.texts["test_leaves_a_file"]
    assert "left behind: file" in left and "left.pcm" in left


@pytest.mark.thorough
def test_what_fails_a_test_can_be_chosen(folder: Folder) -> None:
    outcome = folder.run(FAULTS, "-o", "ten_fail_on=failures leaks")

    failed = {n for n, v in outcome.verdicts.items() if v != "passed"}
    assert failed == {
        *("test_raises", "test_raises_unseen"),
        *("test_leaks_unseen", "test_leaks", "test_leaves_a_file"),
    }


HANGS = """
import asyncio
async def test_hangs(extension_host):
    host = await extension_host()
    await host.send_data("hang", {})
    question = asyncio.create_task(host.command("question"))
    await asyncio.Event().wait()

async def test_is_fine(extension_host):
    host = await extension_host()
    await host.send_data("echo", {})
    await host.until(lambda event: event.name == "echo")
"""


@pytest.fixture(scope="module")
def hung(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Outcome:
    """Of what hangs, in one run: some of it, or all with --thorough."""
    folder = make_folder(tmp_path_factory.mktemp("small"))
    folder.write("test_blocked.py", BLOCKED)
    is_thorough = request.config.getoption("--thorough")
    some = () if is_thorough else ("-k", "not (beside or fixture or loop)")
    return folder.run(HANGS, "--ten-limit", "0.6", *some)


def test_a_hang_ends_and_says_who_waits_for_what(hung: Outcome) -> None:
    outcome = hung
    assert outcome.verdicts["test_hangs"] != "passed"
    assert outcome.verdicts["test_is_fine"] == "passed"
    text = "\n".join(outcome.lines)
    assert "the test hangs; its 0.6 s (--ten-limit) are over" in text
    assert re.search(r"  the test waits \(\S+test_it.py:\d+\)", text)
    assert "small_extension.on_data(hang) has been running for " in text
    assert ", in wait_for_the_vendor (" in text
    assert (
        " s for the result of the command question from small_extension" in text
    )
    told = re.findall("^(?:FAILED|ERROR) .*::test_hangs\\b", text, re.M)
    assert len(told) == 1


BLOCKED = """
import threading, time
import pytest
from ten_runtime import (
    Addon, AsyncExtensionTester, Data, Extension, ExtensionTester,
    register_addon_as_extension
)

class Blocking(Extension):
    def on_data(self, ten_env, data):
        if data.get_name() == "block":
            self.wait_for_the_vendor()
        ten_env.send_data(Data.create("echo"))

    def wait_for_the_vendor(self):
        threading.Event().wait()

@register_addon_as_extension("blocking")
class BlockingAddon(Addon):
    def on_create_instance(self, ten_env, name, context):
        ten_env.on_create_instance_done(Blocking(name), context)

class Asking(ExtensionTester):
    word = "echo"

    def on_start(self, ten_env):
        ten_env.on_start_done()
        ten_env.send_data(Data.create(self.word))

    def on_data(self, ten_env, data):
        self.look(ten_env)

    def look(self, ten_env):
        ten_env.stop_test()

class Forgetful(Asking):
    def look(self, ten_env):
        while True:
            time.sleep(0.05)

class AskingLater(AsyncExtensionTester):
    async def on_start(self, ten_env):
        await ten_env.send_data(Data.create("block"))

def run(tester):
    tester.set_test_mode_single("blocking")
    return tester.run()

def test_the_extension_blocks_its_thread():
    tester = Asking()
    tester.word = "block"
    run(tester)

def test_the_extension_blocks_beside_an_async_tester():
    run(AskingLater())

def test_the_tester_blocks_its_thread():
    run(Forgetful())

@pytest.fixture
def stuck():
    return run(Forgetful())

def test_a_fixture_blocks_its_thread(stuck):
    pass

async def test_the_test_blocks_its_loop(extension_host):
    await extension_host("blocking")
    time.sleep(60)

def test_goes_on_after_all_that():
    assert run(Asking()) is None
"""


def test_a_thread_that_is_blocked_is_told_as_well(
    hung: Outcome, is_thorough: bool
) -> None:
    outcome = hung
    blocked = [name for name in outcome.verdicts if "_blocks_" in name]
    assert len(blocked) == (5 if is_thorough else 2)
    over = "the test hangs; its 0.6 s (--ten-limit) are over"
    waits = r"\n  the test waits \(\S+test_blocked.py:\d+\)"
    assert all(over in outcome.texts[name] for name in blocked)
    assert all(re.search(waits, outcome.texts[name]) for name in blocked)
    assert outcome.verdicts["test_goes_on_after_all_that"] == "passed"
    of_extension = r"blocking.on_data\(block\) has been running for \d+\.\d s"
    at_vendor = r", in wait_for_the_vendor \(\S+test_blocked.py:\d+\)"
    for name in [name for name in blocked if "the_extension" in name]:
        text = outcome.texts[name]
        assert re.search(f"\n  {of_extension}{at_vendor}", text), text
    text = outcome.texts["test_the_tester_blocks_its_thread"]
    of_tester = (
        r"the tester.on_data\(echo\) has been running for \d+\.\d s, in look"
    )
    assert re.search(f"\n  {of_tester} ", text), text


WRONG = {
    "ten_limit": "--ten-limit: must be a number of seconds, not soon",
    "ten_fail_on": "ten_fail_on: soon: must be of failures, hangs, refused",
    "ten_vendor": "--ten-vendor: a vendor must look like FILE.py:NAME, not",
    "ten_package": "--ten-package: ",
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_setting_is_one_sentence(folder: Folder, name: str) -> None:
    done = run_pytest(folder.path, "-o", f"{name}=soon")

    assert done.returncode == 4
    assert f"ERROR: {WRONG[name]}" in done.stderr + done.stdout


def logged(lines: list[str]) -> list[str]:
    told = [line for line in lines if " WARN [me] [host] " in line]
    return [line.split("[host] ")[1] for line in told]


def test_lines_of_the_log_are_shown_with_the_test_that_failed(
    outcome: Outcome,
) -> None:
    assert logged(outcome.lines) == [
        "between two tests",
        "in the setup",
        "of one that fails",
        "between two tests",
        KEY,
    ]
    assert "the key is shown in: Captured TEN log call" in outcome.lines


@pytest.mark.thorough
def test_lines_are_shown_as_they_come_where_nothing_is_captured(
    folder: Folder,
) -> None:
    folder.write("conftest.py", CONFTEST)

    outcome = folder.run(LOGGING, "-s")

    assert len(logged(outcome.lines)) >= 5


@pytest.mark.skipif(
    sys.version_info >= (3, 11), reason="only Python 3.10 lends contexts"
)
def test_a_context_lent_to_a_task_is_not_lent_to_other_threads() -> None:
    from backports.asyncio.runner import runner

    lent = contextvars.Context()
    seen: list[contextvars.Context] = []

    def copy() -> None:
        seen.append(contextvars.copy_context())

    with runner._patch_object(contextvars, "copy_context", lambda: lent):
        copy()
        other = threading.Thread(target=copy)
        other.start()
        other.join()
    copy()

    assert [context is lent for context in seen] == [True, False, False]
