# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""§1.2 and §1.3: the property tree of messages, and the error convention."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ten_runtime import Cmd, CmdResult, Data, Loc, StatusCode, TenErrorCode

ABSENT = 100000


def tree(value: Any) -> Data:
    data = Data.create("d")
    assert data.set_property_from_json(None, json.dumps(value)) is None
    return data


def root(data: Data) -> Any:
    text, error = data.get_property_to_json()
    assert error is None
    return json.loads(text)


@pytest.mark.parametrize("path", [None, ""])
def test_the_root_of_a_new_message_is_an_empty_object(path: Any) -> None:
    text, error = Data.create("d").get_property_to_json(path)

    assert (json.loads(text), error) == ({}, None)


@pytest.mark.parametrize("path", [None, ""])
def test_setting_the_root_replaces_the_whole_tree(path: Any) -> None:
    data = tree({"a": 1, "b": 2})

    data.set_property_from_json(path, '{"c": 3}')

    assert root(data) == {"c": 3}


def test_keys_keep_the_order_in_which_they_were_set() -> None:
    assert list(root(tree({"z": 1, "a": 2, "m": 3}))) == ["z", "a", "m"]


def test_unicode_survives() -> None:
    assert root(tree({"text": "Grüße 你好 🙂"})) == {"text": "Grüße 你好 🙂"}


def test_a_path_descends_objects_and_arrays() -> None:
    data = tree({"a": {"b": [10, {"c": "deep"}]}})

    assert data.get_property_int("a.b[0]") == (10, None)
    assert data.get_property_string("a.b[1].c") == ("deep", None)


def test_setting_a_path_makes_the_objects_on_the_way() -> None:
    data = tree({"a": "in the way"})

    data.set_property_int("a.b.c", 1)

    assert root(data) == {"a": {"b": {"c": 1}}}


def test_a_path_that_begins_with_ten_never_addresses_user_data() -> None:
    data = tree({"a": 1})

    data.set_property_string("ten.mine", "x")

    assert root(data) == {"a": 1}


GETTERS: list[tuple[str, Any]] = [
    ("int", 0),
    ("float", 0.0),
    ("bool", False),
    ("string", ""),
    ("buf", bytearray()),
]


@pytest.mark.parametrize(("kind", "zero"), GETTERS)
def test_an_absent_property_gives_the_zero_and_code_100000(
    kind: str, zero: Any
) -> None:
    value, error = getattr(Data.create("d"), f"get_property_{kind}")("a.b")

    assert (value, type(value)) == (zero, type(zero))
    assert error.error_code() == ABSENT
    assert "Failed to find value" in error.error_message()


def test_the_json_of_an_absent_property_is_an_empty_text() -> None:
    text, error = Data.create("d").get_property_to_json("metadata")

    assert text == ""
    assert error is not None and error.error_code() == ABSENT


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", 1.0),
        ("int", "1"),
        ("int", True),
        ("int", None),
        ("float", 1),
        ("float", "1.0"),
        ("float", True),
        ("bool", 1),
        ("bool", "true"),
        ("bool", None),
        ("string", 1),
        ("string", True),
        ("string", None),
        ("string", {}),
        ("string", []),
    ],
)
def test_reading_does_not_convert(kind: str, value: Any) -> None:
    _, error = getattr(tree({"x": value}), f"get_property_{kind}")("x")

    assert error is not None and error.error_code() != ABSENT


def test_a_float_read_of_an_integer_is_error_1() -> None:
    value, error = tree({"x": 1}).get_property_float("x")

    assert value == 0.0
    assert error is not None and error.error_code() == 1


def test_a_string_read_of_a_number_is_error_3() -> None:
    value, error = tree({"x": 1}).get_property_string("x")

    assert value == ""
    assert error is not None and error.error_code() == 3


def test_numbers_with_a_fraction_or_exponent_are_floats() -> None:
    data = Data.create("d")
    data.set_property_from_json(None, '{"a": 1.0, "b": 1e3, "c": -2}')

    assert data.get_property_float("a") == (1.0, None)
    assert data.get_property_float("b") == (1000.0, None)
    assert data.get_property_int("c") == (-2, None)


def test_an_integer_beyond_63_bits_does_not_fit_an_int_read() -> None:
    data = Data.create("d")
    data.set_property_from_json(None, '{"x": 18446744073709551615}')

    value, error = data.get_property_int("x")

    assert value == 0
    assert error is not None


@pytest.mark.parametrize(
    ("kind", "value"),
    [("int", -5), ("float", 2.5), ("bool", True), ("string", "ü")],
)
def test_a_typed_setter_and_getter_agree(kind: str, value: Any) -> None:
    data = Data.create("d")

    assert getattr(data, f"set_property_{kind}")("x", value) is None

    assert getattr(data, f"get_property_{kind}")("x") == (value, None)


def test_a_bool_setter_takes_any_integer_by_its_truth() -> None:
    data = Data.create("d")

    data.set_property_bool("x", 5)  # type: ignore[arg-type,unused-ignore]

    assert data.get_property_bool("x") == (True, None)


def test_a_buffer_property_comes_back_as_bytearray() -> None:
    data = Data.create("d")
    data.set_property_buf("x", b"abc")

    value, error = data.get_property_buf("x")

    assert (value, type(value), error) == (bytearray(b"abc"), bytearray, None)


def test_an_empty_buffer_is_refused() -> None:
    with pytest.raises(ValueError):
        Data.create("d").set_property_buf("x", b"")


@pytest.mark.parametrize(
    ("kind", "value"), [("int", "1"), ("float", "1"), ("string", 1)]
)
def test_a_setter_raises_on_an_argument_of_the_wrong_type(
    kind: str, value: Any
) -> None:
    with pytest.raises((TypeError, ValueError)):
        getattr(Data.create("d"), f"set_property_{kind}")("x", value)


@pytest.mark.parametrize("text", ["", "{", "{'a': 1}", "nothing"])
def test_bad_json_is_a_returned_error_and_changes_nothing(text: str) -> None:
    data = tree({"a": 1})

    error = data.set_property_from_json(None, text)

    assert error is not None
    assert root(data) == {"a": 1}


def test_the_json_of_a_text_is_quoted() -> None:
    assert tree({"x": "y"}).get_property_to_json("x") == ('"y"', None)


def test_messages_have_no_is_property_exist() -> None:
    assert not hasattr(Data.create("d"), "is_property_exist")


def test_a_clone_is_independent() -> None:
    data = tree({"a": {"b": 1}})

    copy = data.clone()
    copy.set_property_int("a.b", 2)

    assert copy.get_name() == "d"
    assert data.get_property_int("a.b") == (1, None)


def test_destinations_can_be_set() -> None:
    assert Data.create("d").set_dests([Loc("", "", "tts")]) is None


def test_a_text_with_a_nul_is_refused() -> None:
    data = Data.create("d")

    with pytest.raises(ValueError):
        data.set_property_string("x", "a\0b")

    assert data.get_property_to_json("")[0] == "{}"


def test_a_result_has_a_name_of_its_own_and_is_final() -> None:
    result = CmdResult.create(StatusCode.ERROR, Cmd.create("hello_world"))

    assert result.get_name() == "ten:result"
    assert result.get_status_code() is StatusCode.ERROR
    assert result.is_final() is True
    result.set_final(False)
    assert result.is_final() is False


def test_error_codes_compare_as_integers() -> None:
    _, error = tree({"x": 1}).get_property_float("x")

    assert error is not None
    assert error.error_code() == TenErrorCode.ErrorCodeGeneric
