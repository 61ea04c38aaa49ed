# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""§1.6 and §2.3: declared types, in both directions and at the start."""

from __future__ import annotations

import json
from typing import Any

import pytest
from contract_kit import Echo, Ten, Wire, nothing

from ten_host.testing.log import TenLog
from ten_runtime import (
    AsyncExtension,
    AsyncTenEnv,
    Cmd,
    CmdResult,
    Data,
    SendOptions,
    StatusCode,
)

TYPES: dict[str, Any] = {
    "i": {"type": "int64"},
    "small": {"type": "int8"},
    "natural": {"type": "uint8"},
    "f": {"type": "float64"},
    "s": {"type": "string"},
    "b": {"type": "bool"},
    "o": {"type": "object", "properties": {"turn_id": {"type": "int64"}}},
    "a": {"type": "array", "items": {"type": "string"}},
    "words": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "word": {"type": "string"},
                "start_ms": {"type": "int64"},
            },
            "required": ["word", "start_ms"],
        },
    },
}

ACCEPTED: list[dict[str, Any]] = [
    {"i": 1},
    {"i": -1},
    {"small": 127},
    {"natural": 255},
    {"f": 1.5},
    {"f": 2},
    {"s": ""},
    {"b": False},
    {"o": {}},
    {"o": {"turn_id": 1, "else": None}},
    {"a": []},
    {"a": ["x"]},
    {"words": [{"word": "w", "start_ms": 1}]},
    {"undeclared": None},
    {},
]

REFUSED: list[dict[str, Any]] = [
    {"i": 1.0},
    {"i": "1"},
    {"i": True},
    {"i": None},
    {"small": 128},
    {"natural": -1},
    {"f": "1"},
    {"f": True},
    {"f": None},
    {"s": 1},
    {"s": None},
    {"b": 1},
    {"b": "true"},
    {"b": None},
    {"o": None},
    {"o": []},
    {"o": 1},
    {"o": {"turn_id": "1"}},
    {"o": {"turn_id": None}},
    {"a": None},
    {"a": {}},
    {"a": [1]},
    {"words": [{"word": "w"}]},
    {"words": [{"word": "w", "start_ms": 1.5}]},
]


def api(**sections: Any) -> dict[str, Any]:
    return {
        section: [{"name": "m", "property": {"properties": types}}]
        for section, types in sections.items()
    }


async def send_and_mark(wire: Wire, properties: dict[str, Any]) -> None:
    """Send `m` and then something that passes in any case."""
    await wire.send("m", **properties)
    await wire.send("mark")
    await wire.next("mark")


@pytest.mark.parametrize("direction", ["data_in", "data_out"])
@pytest.mark.parametrize("properties", ACCEPTED, ids=str)
def test_data_that_fits_its_declaration_passes(
    ten: Ten, direction: str, properties: dict[str, Any]
) -> None:
    async def script(wire: Wire) -> None:
        await send_and_mark(wire, properties)

    log = ten.play(Echo, script, api=api(**{direction: TYPES}))

    assert [seen.name for seen in log] == ["m", "mark"]
    assert log[0].fields == properties


@pytest.mark.parametrize("direction", ["data_in", "data_out"])
@pytest.mark.parametrize("properties", REFUSED, ids=str)
def test_data_that_contradicts_its_declaration_is_dropped(
    ten: Ten, direction: str, properties: dict[str, Any]
) -> None:
    async def script(wire: Wire) -> None:
        await send_and_mark(wire, properties)

    log = ten.play(Echo, script, api=api(**{direction: TYPES}))

    assert [seen.name for seen in log] == ["mark"]


def test_an_integer_becomes_a_float_where_floats_are_declared(
    ten: Ten,
) -> None:
    class Typed(AsyncExtension):
        async def on_data(self, ten_env: AsyncTenEnv, data: Data) -> None:
            value, error = data.get_property_float("f")
            assert (value, error) == (2.0, None)
            await ten_env.send_data(data.clone())

    async def script(wire: Wire) -> None:
        await wire.send("m", f=2)
        await wire.next("m")

    ten.play(Typed, script, api=api(data_in=TYPES))


def test_a_refused_send_still_gives_none_and_consumes(ten: Ten) -> None:
    answers: list[Any] = []

    class Sender(AsyncExtension):
        async def on_start(self, ten_env: AsyncTenEnv) -> None:
            data = Data.create("m")
            data.set_property_string("i", "no")
            answers.append(await ten_env.send_data(data))
            with pytest.raises(ValueError):
                data.get_property_int("i")

    ten.play(Sender, nothing, api=api(data_out=TYPES))

    assert answers == [None]


def test_a_send_that_waits_for_its_result_learns_of_the_refusal(
    ten: Ten,
) -> None:
    answers: list[Any] = []

    class Sender(AsyncExtension):
        async def on_start(self, ten_env: AsyncTenEnv) -> None:
            data = Data.create("m")
            data.set_property_string("i", "no")
            options = SendOptions(wait_for_result=True)
            answers.append(await ten_env.send_data(data, options))

    ten.play(Sender, nothing, api=api(data_out=TYPES))

    assert answers[0] is not None


def test_a_refused_command_is_answered_with_an_error_and_detail(
    ten: Ten,
) -> None:
    async def script(wire: Wire) -> None:
        status, properties = await wire.cmd("m", i="no")
        assert status is StatusCode.ERROR
        assert isinstance(properties["detail"], str)

    ten.play(Echo, script, api=api(cmd_in=TYPES))


def test_frames_are_checked_too(ten: Ten) -> None:
    from ten_runtime import AudioFrame

    class Sender(AsyncExtension):
        async def on_start(self, ten_env: AsyncTenEnv) -> None:
            for turn_id in ('"1"', "1"):
                frame = AudioFrame.create("m")
                frame.alloc_buf(2)
                frame.set_property_from_json("o", f'{{"turn_id": {turn_id}}}')
                await ten_env.send_audio_frame(frame)

    async def script(wire: Wire) -> None:
        await wire.next("m")

    log = ten.play(Sender, script, api=api(audio_frame_out=TYPES))

    assert [seen.fields["o"] for seen in log] == [{"turn_id": 1}]


@pytest.mark.parametrize("direction", ["data_in", "data_out"])
def test_what_is_required_beside_the_properties_must_be_there(
    ten: Ten, direction: str
) -> None:
    declared = api(**{direction: TYPES})
    declared[direction][0]["property"]["required"] = ["i"]

    async def script(wire: Wire) -> None:
        await wire.send("m")
        await send_and_mark(wire, {"i": 1})

    log = ten.play(Echo, script, api=declared)

    assert [(m.name, m.fields) for m in log] == [
        ("m", {"i": 1}),
        ("mark", {}),
    ]


def test_what_is_required_beside_the_property_of_a_message_is_not_asked_for(
    ten: Ten,
) -> None:
    declared = api(data_in=TYPES)
    declared["data_in"][0]["required"] = ["i"]

    async def script(wire: Wire) -> None:
        await wire.send("m")
        await wire.next("m")

    ten.play(Echo, script, api=declared)


# -- files that TEN refuses ---------------------------------------------------

REFUSED_API: dict[str, Any] = {
    "property": {"properties": {"params": {"type": "object"}}},
    "data_in": [{"name": "m", "property": {"properties": TYPES}}],
}


async def send_against_the_schema(wire: Wire) -> None:
    await wire.send("m", i="no")
    await wire.next("m")


def test_a_refused_manifest_means_that_nothing_is_enforced(ten: Ten) -> None:
    ten.play(Echo, send_against_the_schema, api=REFUSED_API)


def test_a_refused_property_means_that_nothing_is_enforced(ten: Ten) -> None:
    ten.play(
        Echo,
        send_against_the_schema,
        api=api(data_in=TYPES),
        package={"x": [None]},
    )


@pytest.mark.stand_in
def test_a_refused_interface_means_that_nothing_is_enforced(ten: Ten) -> None:
    declared = api(data_in=TYPES)
    declared["interface"] = [{"import_uri": "./other.json"}]
    name = ten.register(Echo, api=declared)
    (ten._folder / name / "other.json").write_text(json.dumps(REFUSED_API))

    from contract_kit import ScriptTester

    tester = ScriptTester(send_against_the_schema)
    tester.set_test_mode_single(name)

    assert tester.run() is None


@pytest.mark.stand_in
def test_a_refused_file_is_told_at_each_start(
    ten: Ten, ten_log: TenLog
) -> None:
    from ten_runtime.run_report import last_run

    for _ in range(2):
        ten.play(Echo, nothing, api=REFUSED_API)

        (told,) = last_run().refused
        assert told.startswith("Failed to set metadata for extension(contract_")
        assert told.endswith(
            '), manifest.json: "properties" is a required property'
            " @ /api/property/properties/params"
        )
        assert told in ten_log.text()


@pytest.mark.stand_in
def test_a_refused_file_fails_a_strict_run(
    ten: Ten, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEN_HOST_STRICT", "refused")

    error = ten.run(Echo, nothing, api=REFUSED_API)

    assert error is not None
    assert "is a required property" in error.error_message()


def test_an_interface_is_found_relative_to_the_manifest(ten: Ten) -> None:
    name = ten.register(
        Echo, api={"interface": [{"import_uri": "../shared.json"}]}
    )
    folder = ten._folder
    (folder / "shared.json").write_text(json.dumps(api(data_in=TYPES)))

    from contract_kit import ScriptTester

    async def script(wire: Wire) -> None:
        await send_and_mark(wire, {"i": "no"})

    tester = ScriptTester(script)
    tester.set_test_mode_single(name)

    assert tester.run() is None
    assert tester.wire.names() == ["mark"]


def test_an_absent_interface_means_that_nothing_is_enforced(ten: Ten) -> None:
    declared = api(data_in=TYPES)
    declared["interface"] = [{"import_uri": "./absent.json"}]

    async def script(wire: Wire) -> None:
        await wire.send("m", i="no")
        await wire.next("m")

    ten.play(Echo, script, api=declared)


def test_contradicting_declarations_mean_that_nothing_is_enforced(
    ten: Ten,
) -> None:
    declared = api(data_in=TYPES)
    declared["property"] = {"properties": {"dump": {"type": "bool"}}}
    declared["interface"] = [{"import_uri": "./other.json"}]
    name = ten.register(Echo, api=declared)
    other = {"property": {"properties": {"dump": {"type": "string"}}}}
    (ten._folder / name / "other.json").write_text(json.dumps(other))

    from contract_kit import ScriptTester

    async def script(wire: Wire) -> None:
        await wire.send("m", i="no")
        await wire.next("m")

    tester = ScriptTester(script)
    tester.set_test_mode_single(name)

    assert tester.run() is None


# -- the property at the start ------------------------------------------------

PROPERTY = {"property": {"properties": TYPES}}
PARAMS = {
    "property": {
        "properties": {"params": {"type": "object", "properties": TYPES}}
    }
}


@pytest.mark.parametrize("properties", ACCEPTED, ids=str)
def test_a_property_that_fits_starts(
    ten: Ten, properties: dict[str, Any]
) -> None:
    ten.play(Echo, nothing, api=PROPERTY, node=properties)
    ten.play(Echo, nothing, api=PARAMS, node={"params": properties})


@pytest.mark.stand_in
@pytest.mark.parametrize("properties", REFUSED, ids=str)
def test_a_property_that_contradicts_fails_before_on_init(
    ten: Ten, properties: dict[str, Any]
) -> None:
    begun: list[str] = []

    class Starting(AsyncExtension):
        async def on_init(self, ten_env: AsyncTenEnv) -> None:
            begun.append("init")

    error = ten.run(Starting, nothing, api=PARAMS, node={"params": properties})

    assert error is not None
    assert "TEN aborts the process" in error.error_message()
    assert begun == []


def test_an_integer_property_becomes_the_declared_float(ten: Ten) -> None:
    got: list[Any] = []

    class Reader(AsyncExtension):
        async def on_init(self, ten_env: AsyncTenEnv) -> None:
            got.append(await ten_env.get_property_float("f"))

    ten.play(Reader, nothing, api=PROPERTY, node={"f": 2})

    assert got == [(2.0, None)]


def test_setting_a_property_against_its_declaration_is_an_error(
    ten: Ten,
) -> None:
    got: list[Any] = []

    class Writer(AsyncExtension):
        async def on_init(self, ten_env: AsyncTenEnv) -> None:
            got.append(await ten_env.set_property_string("i", "no"))
            got.append(await ten_env.set_property_int("i", 5))
            got.append((await ten_env.get_property_int("i"))[0])

    ten.play(Writer, nothing, api=PROPERTY)

    assert got[0] is not None
    assert got[1:] == [None, 5]


def test_results_of_commands_are_not_sent_against_their_declaration(
    ten: Ten,
) -> None:
    class Answerer(AsyncExtension):
        async def on_cmd(self, ten_env: AsyncTenEnv, cmd: Cmd) -> None:
            result = CmdResult.create(StatusCode.OK, cmd)
            result.set_property_int("code", 3)
            await ten_env.return_result(result)

    declared = api(cmd_in=TYPES)
    declared["cmd_in"][0]["result"] = {
        "property": {"properties": {"code": {"type": "int64"}}}
    }

    async def script(wire: Wire) -> None:
        assert await wire.cmd("m") == (StatusCode.OK, {"code": 3})

    ten.play(Answerer, script, api=declared)
