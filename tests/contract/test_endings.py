# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""§0.2: what ends the process on TEN; it is no success on the stand-in.

Each in a process of its own, which ends with 0 only when the run succeeds.
TEN aborts, or exits with 1; the stand-in fails the run.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from contract_kit import process

HEAD = """
import asyncio, json, os, sys, threading
from ten_runtime import *

folder = os.path.join(os.getcwd(), "ending")
os.mkdir(folder)
manifest = {"type": "extension", "name": "ending", "version": "0.1.0"}
manifest["api"] = {"property": {"properties": {"n": {"type": "int64"}}}}
with open(os.path.join(folder, "manifest.json"), "w") as file:
    json.dump(manifest, file)

is_started = threading.Event()

class Ending(AsyncExtension):
    async def on_start(self, ten_env):
        is_started.set()

make = lambda name: Ending(name)

@register_addon_as_extension("ending", os.path.join(folder, "addon.py"))
class EndingAddon(Addon):
    def on_create_instance(self, ten_env, name, context):
        ten_env.on_create_instance_done(make(name), context)

class Tester(AsyncExtensionTester):
    async def on_start(self, env):
        await asyncio.to_thread(is_started.wait, 5)
        await self.act(env)
        env.stop_test()

    async def act(self, env):
        pass

def run(property="{}", tester=None):
    tester = tester or Tester()
    tester.set_test_mode_single("ending", property)
    tester.set_timeout(10_000_000)
    return tester.run()
"""

TAIL = """
error = run()
sys.exit(0 if error is None else 1)
"""

ENDINGS = {
    "a stage that raises": """
class Raising(AsyncExtension):
    async def on_init(self, ten_env):
        is_started.set()
        raise RuntimeError("boom")
make = Raising
""",
    "a stage of a sync extension that raises": """
class Raising(Extension):
    def on_init(self, ten_env):
        is_started.set()
        raise RuntimeError("boom")
make = Raising
""",
    "a handler that raises": """
class Raising(Ending):
    async def on_data(self, ten_env, data):
        raise RuntimeError("boom")
make = Raising
async def act(self, env):
    await env.send_data(Data.create("d"))
    await asyncio.sleep(1)
Tester.act = act
""",
    "a stop of the base before on_init": """
from ten_ai_base.tts2 import AsyncTTS2BaseExtension
is_stopping = threading.Event()
class Tts(AsyncTTS2BaseExtension):
    async def on_configure(self, ten_env):
        await asyncio.to_thread(is_stopping.wait, 5)
    def vendor(self):
        return "acme"
    def synthesize_audio_sample_rate(self):
        return 16000
    async def request_tts(self, t):
        pass
make = Tts
async def on_start(self, env):
    env.stop_test()
async def on_stop(self, env):
    is_stopping.set()
Tester.on_start = on_start
Tester.on_stop = on_stop
""",
    "an app that runs on another thread than it was made on": """
app = App()
failures = []
def live():
    try:
        app.run(False)
    except BaseException as error:
        failures.append(error)
thread = threading.Thread(target=live, daemon=True)
thread.start()
thread.join(3)
sys.exit(bool(failures) or thread.is_alive())
""",
    "an app with an argument": """
class Greedy(App):
    def __init__(self, more):
        super().__init__()
Greedy(1)
""",
    "a frame that is sent with its buffer locked": """
async def act(self, env):
    frame = AudioFrame.create("pcm_frame")
    frame.alloc_buf(2)
    self.view = frame.lock_buf()
    await env.send_audio_frame(frame)
Tester.act = act
""",
    "data that are not connected in a graph": """
def run():
    node = {"type": "extension", "name": "a", "addon": "ending"}
    tester_node = {**node, "name": "t", "addon": "ten:test_extension"}
    tester = Tester()
    tester.set_test_mode_graph(
        json.dumps({"nodes": [node, tester_node], "connections": []})
    )
    return tester.run()
async def act(self, env):
    options = SendOptions(wait_for_result=True)
    await env.send_data(Data.create("d"), options)
    await env.send_cmd(Cmd.create("c"))
Tester.act = act
""",
    "a stop after the end": """
envs = []
async def act(self, env):
    envs.append(env)
Tester.act = act
assert run() is None
envs[0].stop_test()
""",
    "a property against its declared type": """
plain_run = run
run = lambda: plain_run('{"n": "no"}')
""",
    "a property of a node that is no object": """
plain_run = run
run = lambda: plain_run('[]')
""",
    "a graph that is no object": """
def run():
    tester = Tester()
    tester.set_test_mode_graph("[]")
    return tester.run()
""",
}


def test_a_run_in_which_nothing_happens_is_a_success(tmp_path: Path) -> None:
    done = process(HEAD + TAIL, tmp_path)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("what", ENDINGS)
def test_it_is_never_a_success(tmp_path: Path, what: str) -> None:
    done = process(HEAD + ENDINGS[what] + TAIL, tmp_path)

    assert done.returncode != 0, done.stderr
