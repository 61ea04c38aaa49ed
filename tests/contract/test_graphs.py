# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""§1.10 and §6.7: graphs of several extensions, tested as graphs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from contract_kit import (
    Echo,
    Message,
    Script,
    ScriptTester,
    Ten,
    Wire,
    nothing,
)

from ten_runtime import (
    AsyncExtension,
    AsyncTenEnv,
    AudioFrame,
    Cmd,
    CmdResult,
    Data,
    Extension,
    Loc,
    SendOptions,
    StatusCode,
    TenEnv,
    TenError,
)

TESTER = "ten:test_extension"


def tag(name: str) -> type[AsyncExtension]:
    """An extension that passes data and frames on, with its mark."""

    class Tag(AsyncExtension):
        async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
            path, _ = data.get_property_string("path")
            out = Data.create(data.get_name())
            out.set_property_string("path", f"{path}>{self.name}")
            await ten_env.send_data(out)

        async def on_audio_frame(
            self, ten_env: AsyncTenEnv, frame: AudioFrame
        ) -> None:
            await ten_env.send_audio_frame(frame.clone())

        async def on_cmd(self, ten_env: AsyncTenEnv, cmd: Cmd) -> None:
            result = CmdResult.create(StatusCode.OK, cmd)
            result.set_property_string("by", self.name)
            await ten_env.return_result(result)

    return Tag


class Graph:
    """Builds a graph with nodes of given extensions, and the tester `t`."""

    def __init__(self, ten: Ten) -> None:
        self._ten = ten
        self.nodes: list[dict[str, Any]] = [
            {"type": "extension", "name": "t", "addon": TESTER}
        ]
        self.connections: list[dict[str, Any]] = []

    def add(
        self, name: str, extension: Callable[[str], Any], **node: Any
    ) -> None:
        registration = {
            key: node.pop(key) for key in ("package", "api") if key in node
        }
        addon = self._ten.register(extension, **registration)
        self.nodes.append(
            {"type": "extension", "name": name, "addon": addon, **node}
        )

    def link(self, at: str, kind: str, *flows: dict[str, Any]) -> None:
        self.connections.append({"extension": at, kind: list(flows)})

    def json(self) -> str:
        return json.dumps(
            {"nodes": self.nodes, "connections": self.connections}
        )

    def run(self, script: Script) -> TenError | None:
        self.tester = ScriptTester(script)
        self.tester.set_test_mode_graph(self.json())
        self.tester.set_timeout(5_000_000)
        return self.tester.run()

    def play(self, script: Script) -> list[Message]:
        error = self.run(script)
        assert error is None, error.error_message()
        return self.tester.wire.log


def to(*names: str) -> list[dict[str, str]]:
    return [{"extension": name} for name in names]


@pytest.fixture
def graph(ten: Ten) -> Graph:
    return Graph(ten)


def test_data_follows_the_connections(graph: Graph) -> None:
    graph.add("a", tag("a"))
    graph.add("b", tag("b"))
    graph.link("t", "data", {"name": "d", "dest": to("a")})
    graph.link("a", "data", {"name": "d", "dest": to("b")})
    graph.link("b", "data", {"name": "d", "dest": to("t")})

    async def script(wire: Wire) -> None:
        await wire.send("d", path="t")
        assert (await wire.next("d")).fields["path"] == "t>a>b"

    graph.play(script)


def test_the_source_form_says_the_same_from_the_other_end(
    graph: Graph,
) -> None:
    graph.add("a", tag("a"))
    graph.link("a", "data", {"name": "d", "source": to("t")})
    graph.link("t", "data", {"name": "d", "source": to("a")})

    async def script(wire: Wire) -> None:
        await wire.send("d", path="t")
        assert (await wire.next("d")).fields["path"] == "t>a"

    graph.play(script)


def test_a_list_of_names_is_a_flow_for_each(graph: Graph) -> None:
    graph.add("a", tag("a"))
    names = ["x", "y"]
    graph.link("t", "data", {"names": names, "dest": to("a")})
    graph.link("a", "data", {"names": names, "dest": to("t")})

    async def script(wire: Wire) -> None:
        for name in names:
            await wire.send(name, path="")
            await wire.next(name)

    graph.play(script)


def test_one_message_goes_to_every_receiver(graph: Graph) -> None:
    for name in ("a", "b"):
        graph.add(name, tag(name))
        graph.link(name, "data", {"name": "d", "dest": to("t")})
    graph.link("t", "data", {"name": "d", "dest": to("a", "b")})

    async def script(wire: Wire) -> None:
        await wire.send("d", path="t")
        await wire.next("d")
        await wire.next("d")

    log = graph.play(script)

    assert sorted(m.fields["path"] for m in log) == ["t>a", "t>b"]


def test_frames_follow_their_own_connections(graph: Graph) -> None:
    class Source(AsyncExtension):
        async def on_start(self, ten_env: AsyncTenEnv) -> None:
            frame = AudioFrame.create("pcm_frame")
            frame.alloc_buf(2)
            await ten_env.send_audio_frame(frame)

    graph.add("source", Source)
    graph.add("adapter", tag("adapter"))
    flow = {"name": "pcm_frame", "source": to("source")}
    graph.link("adapter", "audio_frame", flow)
    flow = {"name": "pcm_frame", "dest": to("t")}
    graph.link("adapter", "audio_frame", flow)

    async def script(wire: Wire) -> None:
        await wire.next("pcm_frame")

    graph.play(script)


def test_an_explicit_destination_needs_no_connection(graph: Graph) -> None:
    graph.add("a", tag("a"))
    graph.link("a", "data", {"name": "d", "dest": to("t")})

    async def script(wire: Wire) -> None:
        data = Data.create("d")
        data.set_property_string("path", "t")
        data.set_dests([Loc("", "", "a")])
        await wire.env.send_data(data)
        await wire.next("d")

    graph.play(script)


def test_commands_find_their_way_and_results_back(graph: Graph) -> None:
    graph.add("a", tag("a"))
    graph.link("t", "cmd", {"name": "c", "dest": to("a")})

    async def script(wire: Wire) -> None:
        assert await wire.cmd("c") == (StatusCode.OK, {"by": "a"})

    graph.play(script)


@pytest.mark.stand_in
def test_of_several_answers_the_first_error_wins_else_the_last_success(
    graph: Graph,
) -> None:
    class Failing(AsyncExtension):
        async def on_cmd(self, ten_env: AsyncTenEnv, cmd: Cmd) -> None:
            result = CmdResult.create(StatusCode.ERROR, cmd)
            await ten_env.return_result(result)

    class Silent(AsyncExtension):
        pass

    for name in ("a", "b"):
        graph.add(name, tag(name))
    graph.add("failing", Failing)
    graph.add("silent", Silent)
    graph.link("t", "cmd", {"name": "ok", "dest": to("a", "b")})
    graph.link("t", "cmd", {"name": "bad", "dest": to("silent", "failing")})

    async def script(wire: Wire) -> None:
        assert (await wire.cmd("ok"))[0] is StatusCode.OK
        assert (await wire.cmd("bad"))[0] is StatusCode.ERROR
        answers = [
            result.is_completed()
            async for result, _ in wire.env.send_cmd_ex(Cmd.create("ok"))
            if result is not None
        ]
        assert answers == [False, True]

    graph.play(script)


@pytest.mark.stand_in
def test_what_is_not_connected_is_code_7_and_fails_the_run(
    graph: Graph,
) -> None:
    graph.add("a", tag("a"))
    codes: list[int] = []

    async def script(wire: Wire) -> None:
        options = SendOptions(wait_for_result=True)
        error = await wire.env.send_data(Data.create("d"), options)
        assert error is not None
        codes.append(error.error_code())
        result, error = await wire.env.send_cmd(Cmd.create("c"))
        assert result is None and error is not None
        codes.append(error.error_code())

    error = graph.run(script)

    assert codes == [7, 7]
    assert error is not None
    assert "data d of t is not connected" in error.error_message()


def test_the_source_of_a_message_is_its_sender(graph: Graph) -> None:
    sources: list[str | None] = []

    class Listener(AsyncExtension):
        async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
            sources.append(data.get_source().extension_name)
            await ten_env.send_data(Data.create("heard"))

    graph.add("a", Listener)
    graph.link("t", "data", {"name": "d", "dest": to("a")})
    graph.link("a", "data", {"name": "heard", "dest": to("t")})

    async def script(wire: Wire) -> None:
        await wire.send("d")
        await wire.next("heard")

    graph.play(script)

    assert sources == ["t"]


def test_each_node_has_its_own_property(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTRACT_X", "from env")
    seen: dict[str, Any] = {}

    class Reader(AsyncExtension):
        async def on_init(self, ten_env: AsyncTenEnv) -> None:
            text, _ = await ten_env.get_property_to_json("")
            seen[self.name] = json.loads(text)

    package = {"p": {"x": 1}}
    graph.add("a", Reader, package=package, property={"p": {"y": 2}})
    graph.add("b", Reader, property={"z": "${env:CONTRACT_X}"})

    graph.play(nothing)

    assert seen == {"a": {"p": {"x": 1, "y": 2}}, "b": {"z": "from env"}}


def test_sync_and_async_extensions_work_together(graph: Graph) -> None:
    class Sync(Extension):
        def on_data(self, ten_env: TenEnv, data: Data) -> None:
            path, _ = data.get_property_string("path")
            data.set_property_string("path", f"{path}>sync")
            ten_env.send_data(data)

    graph.add("a", tag("a"))
    graph.add("s", Sync)
    graph.link("t", "data", {"name": "d", "dest": to("s")})
    graph.link("s", "data", {"name": "d", "dest": to("a")})
    graph.link("a", "data", {"name": "d", "dest": to("t")})

    async def script(wire: Wire) -> None:
        await wire.send("d", path="t")
        assert (await wire.next("d")).fields["path"] == "t>sync>a"

    graph.play(script)


def test_a_voice_assistant_shaped_graph_runs(graph: Graph) -> None:
    class Control(AsyncExtension):
        async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
            if data.get_name() != "asr_result":
                return
            text, _ = data.get_property_string("text")
            out = Data.create("tts_text_input")
            out.set_property_string("text", text.upper())
            out.set_dests([Loc("", "", "tts")])
            await ten_env.send_data(out)

    class Tts(AsyncExtension):
        async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
            text, _ = data.get_property_string("text")
            pcm = text.encode()
            frame = AudioFrame.create("pcm_frame")
            frame.alloc_buf(len(pcm))
            view = frame.lock_buf()
            view[:] = pcm
            frame.unlock_buf(view)
            await ten_env.send_audio_frame(frame)
            await ten_env.send_data(Data.create("tts_audio_end"))

    graph.add("main_control", Control)
    graph.add("tts", Tts)
    graph.link(
        "main_control", "data", {"name": "asr_result", "source": to("t")}
    )
    flow = {"names": ["tts_audio_start", "tts_audio_end"], "source": to("tts")}
    graph.link("main_control", "data", flow)
    graph.link("tts", "data", {"name": "tts_audio_end", "dest": to("t")})
    graph.link("tts", "audio_frame", {"name": "pcm_frame", "dest": to("t")})

    async def script(wire: Wire) -> None:
        await wire.send("asr_result", text="hello")
        await wire.next("tts_audio_end")

    log = graph.play(script)

    assert [m.pcm or m.name for m in log] == [b"HELLO", "tts_audio_end"]


@pytest.mark.stand_in
@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"nodes": [{"name": "a"}]}',
        '{"nodes": [{"name": "a", "addon": "x"}, {"name": "a", "addon": "x"}]}',
        '{"nodes": [], "connections": [{"extension": "a", "data": '
        '[{"name": "d", "dest": [{"extension": "b"}]}]}]}',
    ],
)
def test_a_graph_that_is_none_is_refused(text: str) -> None:
    tester = ScriptTester(nothing)

    with pytest.raises(ValueError):
        tester.set_test_mode_graph(text)


def test_extensions_of_one_graph_stop_together(graph: Graph) -> None:
    stopped: list[str] = []

    class Stopping(Echo):
        async def on_stop(self, ten_env: AsyncTenEnv) -> None:
            stopped.append(self.name)

    for name in ("a", "b", "c"):
        graph.add(name, Stopping)

    graph.play(nothing)

    assert sorted(stopped) == ["a", "b", "c"]
