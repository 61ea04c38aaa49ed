# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""One value of a JSON text changes, and no other character."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ten_shipping.json_text import append, is_same, remove, update

TABS = '{\n\t"a": [\n\t\t{"n": 1}\n\t],\n\t"b": "é ]}"\n}'
MORE = TABS.replace('{"n": 1}', '{"n": 1},\n\t\t{\n\t\t\t"n": 2\n\t\t}')


@pytest.mark.parametrize(
    ("text", "element", "changed"),
    [
        ('{"a":[]}', 1, '{"a":[1]}'),
        ('{\n "a": [ ]\n}', 1, '{\n "a": [\n  1\n ]\n}'),
        ('{"a": [1, 2]}', 3, '{"a": [1, 2, 3]}'),
        ('{"x": "]", "a": [[ ], {}]}', 3, '{"x": "]", "a": [[ ], {}, 3]}'),
        (TABS, {"n": 2}, MORE),
        (
            TABS.replace("\n", "\r\n"),
            {"n": 2},
            MORE.replace("\n", "\r\n"),
        ),
    ],
)
def test_an_element_is_appended_as_its_neighbours_are_written(
    text: str, element: object, changed: str
) -> None:
    assert append(text, ("a",), element) == changed


@pytest.mark.parametrize(
    ("text", "where", "left"),
    [
        (MORE, ("a", 1), TABS),
        ('{"a": [1, 2, 3]}', ("a", 0), '{"a": [2, 3]}'),
        ('{"a": [1, 2, 3]}', ("a", 1), '{"a": [1, 3]}'),
        ('{"a": [1, 2, 3]}', ("a", 2), '{"a": [1, 2]}'),
        ('{"a": [ 1 ]}', ("a", 0), '{"a": []}'),
        ('{ "a": 1,\n  "b": [2] }', ("a",), '{ "b": [2] }'),
        ('{ "a": 1,\n  "b": [2] }', ("b",), '{ "a": 1 }'),
    ],
)
def test_a_member_goes_with_its_comma(
    text: str, where: tuple[Any, ...], left: str
) -> None:
    assert remove(text, where) == left


@pytest.mark.parametrize(
    ("text", "value", "changed"),
    [
        ('{"a" :1.0, "b": 1e2}', {"a": 2, "b": 1e2}, '{"a" :2, "b": 1e2}'),
        ('[ {"name": "x", "v":1}, 2 ]', [{"name": "x", "v": 2}, 2], None),
        ('["a",  "b"]', ["b"], '["b"]'),
        ('["a",  "b"]', ["b", "a"], '["b",  "a"]'),
        ('{"a": 1}', {"a": 1, "é": []}, '{"a": 1, "\\u00e9": []}'),
        ("1", True, "true"),
        ("1", 1.0, "1.0"),
    ],
)
def test_only_what_differs_is_written(
    text: str, value: Any, changed: str | None
) -> None:
    expected = changed or text.replace('"v":1', '"v":2')

    assert update(text, (), value) == expected


@pytest.mark.parametrize("where", [("b",), ("a", 5), ("c",)])
def test_a_place_that_is_no_array_is_an_error(where: tuple[Any, ...]) -> None:
    with pytest.raises(KeyError):
        append('{"a": [1], "c": {}}', where, 1)


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=75, deadline=None, derandomize=True)
@given(old=VALUES, new=VALUES, indent=st.sampled_from([None, 0, 1, 4, "\t"]))
def test_any_value_becomes_any_other(old: Any, new: Any, indent: Any) -> None:
    text = json.dumps({"x": old, "y": [old]}, indent=indent)

    changed = update(text, (), {"x": new, "y": [new, old]})

    assert is_same(json.loads(changed), {"x": new, "y": [new, old]})
