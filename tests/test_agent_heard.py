# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A reply in an LLM's context, cut down to what was heard of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ten_agent.heard import heard_part, trim

README = (
    Path(__file__).resolve().parent.parent
    / "examples"
    / "voice_assistant_gradium"
    / "README.md"
)


@pytest.mark.parametrize(
    ("reply", "heard_text", "part"),
    [
        ("One two three.", "", ""),
        ("One two three.", "One", "One"),
        ("One two three.", "One two", "One two"),
        ("One two three.", "One two three.", "One two three."),
        # A splitter has dropped spaces, line ends and dots.
        ("Well... yes.\n\nOne, two.", "Well. yes.One,", "Well... yes.\n\nOne,"),
        ("It is **very** big.", "It is **very**", "It is **very**"),
        ("It is **very** big.", "It is very", "It is **very**"),
        ("你好。再见。", "你好。", "你好。"),
        # More was heard than the context has.
        ("One", "One two", "One"),
    ],
)
def test_a_reply_is_cut_where_it_was_heard(
    reply: str, heard_text: str, part: str
) -> None:
    assert heard_part(reply, heard_text) == part


@given(st.text(), st.integers(0, 60))
def test_the_part_has_the_letters_that_were_heard(reply: str, at: int) -> None:
    part = heard_part(reply, reply[:at])

    assert reply.startswith(part)
    letters = [char for char in reply[:at] if char.isalnum()]
    assert [char for char in part if char.isalnum()] == letters


@pytest.mark.parametrize(
    ("heard_text", "left"),
    [("One", ["user hi", "assistant One"]), ("", ["user hi"])],
)
def test_a_context_keeps_what_was_heard(
    heard_text: str, left: list[str]
) -> None:
    reply = {"role": "assistant", "content": "One two."}
    # Another one that is equal stays.
    same = dict(reply)
    messages = [same, {"role": "user", "content": "hi"}, reply]

    trim(messages, reply, heard_text)

    shown = [f"{one['role']} {one['content']}" for one in messages]
    assert shown == ["assistant One two.", *left]


# ------------------------------------------------- the patch for TEN's control


@dataclass
class Message:
    role: str
    content: str


def patch() -> dict[str, Any]:
    """What the README's code defines."""
    (block,) = re.findall(
        r"```python\n(# heard\.py.*?)```", README.read_text(), re.DOTALL
    )
    names: dict[str, Any] = {}
    exec(compile(block, "README", "exec"), names)
    return names


@pytest.mark.parametrize(
    ("heard_text", "left"),
    [
        ("One two", ["user hi", "assistant One two", "user no"]),
        ("", ["user hi", "user no"]),
        ("One two three.", ["user hi", "assistant One two three.", "user no"]),
    ],
)
def test_the_patch_of_the_readme_trims_the_last_reply(
    heard_text: str, left: list[str]
) -> None:
    contexts = [
        Message("user", "hi"),
        Message("assistant", "One two three."),
        Message("user", "no"),
    ]

    patch()["trim_last_reply"](contexts, heard_text)

    assert [f"{one.role} {one.content}" for one in contexts] == left


def test_the_patch_leaves_a_context_without_replies() -> None:
    contexts = [Message("user", "hi")]

    patch()["trim_last_reply"](contexts, "One")

    assert contexts == [Message("user", "hi")]


@given(st.text(), st.integers(0, 60))
def test_the_patch_cuts_as_the_kits_agent_does(reply: str, at: int) -> None:
    contexts = [Message("assistant", reply)]

    patch()["trim_last_reply"](contexts, reply[:at])

    left = contexts[0].content if contexts else ""
    assert left == heard_part(reply, reply[:at])
