# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""No secret leaves the process, in whatever text it stands."""

from __future__ import annotations

import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradium_tts_python.core.redact import (
    MASK,
    Masker,
    host_of,
    is_secret_name,
    log_line,
    mask_text,
    mask_urls,
    mask_values,
    secrets_in,
)


@pytest.mark.parametrize(
    "name",
    [
        "api_key",
        "API-Key",
        "x-api-key",
        "Authorization",
        "token",
        "access_token",
        "client_secret",
        "password",
        "passwd",
        "credentials",
        "Cookie",
        "signature",
    ],
)
def test_a_name_looks_secret(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["url", "voice_id", "model_name", "x-api-source", "max_padding_per_token"],
)
def test_a_name_looks_harmless(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("wss://h/p", "wss://h/p"),
        ("wss://h/p?voice=a", "wss://h/p?voice=a"),
        ("wss://h/p?token=abc", "wss://h/p?token=***"),
        ("wss://h/p?a=1&api_key=abc&b=2", "wss://h/p?a=1&api_key=***&b=2"),
        ("wss://h/p?X-Sig=abc#end", "wss://h/p?X-Sig=***#end"),
        ("at wss://h/?auth=abc: gone", "at wss://h/?auth=*** gone"),
        ("'wss://h/?token=abc'", "'wss://h/?token=***'"),
        ("http://me:pw@h:1/p", "http://***@h:1/p"),
        ("http://me:p@w@h:1/p", "http://***@h:1/p"),
        ("http://token@h", "http://***@h"),
        ("HTTP://me:pw@h", "HTTP://***@h"),
        ("http://h/?mail=a@b", "http://h/?mail=a@b"),
        ("mail a@b, see http://h", "mail a@b, see http://h"),
        ("http://h?a=b?token=abc", "http://h?a=b?token=***"),
        ("http://h?token?x=abc", "http://h?token?x=***"),
        ('"http://h?token=abc"?key=def', '"http://h?token=***"?key=***'),
        ("http://h?token=&key==a", "http://h?token=&key=***"),
        ("", ""),
    ],
)
def test_urls_lose_their_secrets(text: str, masked: str) -> None:
    assert mask_urls(text) == masked


@pytest.mark.parametrize(
    ("text", "secrets", "masked"),
    [
        ("bad key abcdef", ["abcdef"], "bad key ***"),
        ("abcdef abcdef", ["abcdef"], "*** ***"),
        ("abcdefgh", ["abc", "abcdef"], "***gh"),
        ("nothing here", ["abcdef"], "nothing here"),
        ("an empty secret", [""], "an empty secret"),
        ("ws://h?token=q", ["abcdef"], "ws://h?token=***"),
    ],
)
def test_a_text_loses_the_given_secrets(
    text: str, secrets: list[str], masked: str
) -> None:
    assert mask_text(text, secrets) == masked


@pytest.mark.parametrize(
    ("tree", "masked"),
    [
        ({"api_key": "abc"}, {"api_key": MASK}),
        ({"api_key": ""}, {"api_key": ""}),
        ({"token": None, "auth": False}, {"token": None, "auth": False}),
        ({"pass_key": 1234}, {"pass_key": MASK}),
        ({"a": {"token": ["x", 1]}}, {"a": {"token": [MASK, MASK]}}),
        ({"secret": {"a": "x", "b": {}}}, {"secret": {"a": MASK, "b": {}}}),
        ([{"key": "x"}, "y"], [{"key": MASK}, "y"]),
        (("a", 1), ["a", 1]),
        ({"url": "ws://h?token=x"}, {"url": "ws://h?token=***"}),
        ({"max_padding_per_token": 3}, {"max_padding_per_token": 3}),
        (7, 7),
    ],
)
def test_a_tree_loses_its_secret_values(tree: Any, masked: Any) -> None:
    assert mask_values(tree) == masked


def test_a_tree_loses_the_given_secrets_in_names_and_values() -> None:
    tree = {"my abcdef": "it is abcdef", "n": 1, "list": ["abcdef"]}

    assert mask_values(tree, ["abcdef"]) == {
        "my ***": "it is ***",
        "n": 1,
        "list": ["***"],
    }


@pytest.mark.parametrize(
    ("tree", "secrets"),
    [
        ({"api_key": "abcdef"}, ["abcdef", "abcdef"]),
        ({"api_key": " abcdef\n"}, ["abcdef", "abcdef"]),
        ({"Authorization": "Bearer abcdef"}, ["Bearer abcdef", "abcdef"]),
        ({"a": [{"token": ["abcdef"]}]}, ["abcdef", "abcdef"]),
        ({"url": "wss://h/?token=abcdef&x=1"}, ["abcdef"]),
        ({"proxy": "http://me:abc@def@h"}, ["me:abc@def", "abc@def"]),
        ({"proxy": "http://abcdef@h"}, ["abcdef"]),
        ({"auth": "on", "key": 5, "token": ""}, []),
        ({"voice": "Emma"}, []),
        (None, []),
    ],
)
def test_the_secrets_of_a_tree_are_known(tree: Any, secrets: list[str]) -> None:
    assert list(secrets_in(tree)) == secrets


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("wss://api.gradium.ai/api/speech/tts", "api.gradium.ai"),
        ("ws://127.0.0.1:8080/x", "127.0.0.1:8080"),
        ("ws://me:pw@h:1/?token=abc", "h:1"),
        ("ws://h:0x/", "?"),
        ("ws://[::1/", "?"),
        ("ws://", "?"),
        ("", "?"),
    ],
)
def test_a_host_is_named_without_secrets(url: str, host: str) -> None:
    assert host_of(url) == host


# ------------------------------------------------------------ cuts and lines


@pytest.mark.parametrize(
    ("text", "length", "shown"),
    [
        ("nothing here", 20, "nothing here"),
        ("nothing here", 12, "nothing here"),
        ("nothing here", 8, "nothing…"),
        # Masked first: no cut leaves half a secret.
        ("the key abcdefghijkl is bad", 12, "the key ***…"),
        ("the key abcdefghijkl is bad", 10, "the key *…"),
        ("the key abcdefghijkl is bad", 18, "the key *** is bad"),
        ("wss://me:password@host/path", 12, "wss://***@h…"),
        ("wss://host/?token=abcdef&voice=a", 25, "wss://host/?token=***&vo…"),
    ],
)
def test_a_text_is_masked_before_it_is_cut(
    text: str, length: int, shown: str
) -> None:
    assert Masker(["abcdefghijkl"]).head(text, length) == shown


@given(
    secret=st.text("ABCDEFGH", min_size=6, max_size=40),
    others=st.lists(st.text("ABCDEFGH", min_size=1, max_size=40), max_size=3),
    before=st.text("123 ", max_size=60),
    after=st.text("456 ", max_size=300),
    length=st.integers(1, 60),
)
def test_a_secret_that_a_cut_goes_through_is_masked_whole(
    secret: str, others: list[str], before: str, after: str, length: int
) -> None:
    masker = Masker([secret, *others])

    shown = masker.head(before + secret + after, length)

    assert not set(shown) & set("ABCDEFGH")
    assert len(shown) <= length


@given(
    password=st.text("ABCDEFGH@:", min_size=1, max_size=300),
    length=st.integers(1, 60),
    secrets=st.sampled_from([[], ["0123456789"]]),
)
@pytest.mark.parametrize(
    "url", ["wss://me:{}@host/path", "wss://host/?token={}&voice=a"]
)
def test_a_secret_of_a_url_that_a_cut_goes_through_is_masked_whole(
    url: str, password: str, length: int, secrets: list[str]
) -> None:
    shown = Masker(secrets).head(url.format(password) + " 1" * 99, length)

    assert not set(shown) & set("ABCDEFGH")
    assert len(shown) <= length


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("request=r7 connected", "request=r7 connected"),
        ("request=r7\nERROR forged", r"request=r7\nERROR forged"),
        # Masked before it is escaped, or it would not be found.
        ("bad key abc\ndef!", "bad key ***!"),
        ("x" * 3000, "x" * 2045 + "…"),
        ("\n" * 3000, r"\n" * 1022 + "\\…"),
    ],
)
def test_a_line_of_the_log_is_masked_escaped_and_cut(
    text: str, line: str
) -> None:
    assert Masker(["abc\ndef"]).log_line(text) == line
    assert log_line(text, ["abc\ndef"]) == line


@given(st.text(st.characters(), max_size=50), st.integers(0, 4000))
def test_a_line_of_the_log_is_one_short_line(text: str, padding: int) -> None:
    line = Masker(["secret"]).log_line(text + "é" * padding + "secret" + text)

    assert len(f"|{line}|".splitlines()) == 1
    assert len(line.encode()) <= 2048
    assert "secret" not in line


SECRETS = st.text(string.ascii_letters + string.digits + "-_", min_size=8)
JSON = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(SECRETS, JSON)
def test_nothing_of_a_secret_is_left_in_a_tree(secret: str, tree: Any) -> None:
    whole = {
        "api_key": secret,
        "headers": {"Authorization": f"Bearer {secret}"},
        "url": f"wss://me:{secret}@host/?token={secret}&voice=a",
        "rest": [tree, secret, f"ends in {secret}", {secret: 1}],
    }

    shown = json.dumps(mask_values(whole, list(secrets_in(whole))))

    assert secret not in shown


@given(SECRETS, st.text(), st.text())
def test_nothing_of_a_secret_is_left_in_a_text(
    secret: str, before: str, after: str
) -> None:
    text = mask_text(f"{before}{secret}{after}", [secret])

    assert secret not in text
    assert MASK in text
