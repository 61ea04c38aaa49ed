# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Who can speak, and `./dev voices`, which lists them."""

from __future__ import annotations

import pytest

from gradium_sim import GradiumSim
from ten_host.catalogue import (
    CatalogueError,
    http_url_of,
    id_of,
    local_voices,
    voices_of,
)
from ten_host.voices import main

KEY = "gsk_never_show_this_0123456789"
KENT = "LFZvm12tW_z0xfGo"


async def test_the_vendor_s_voices_are_those_of_its_catalogue() -> None:
    async with GradiumSim(api_keys=(KEY,)) as sim:
        voices = await voices_of(http_url_of(sim.url), KEY)

    assert voices == local_voices()
    assert {"id": KENT, "name": "Kent", "language": "en-US"} in voices


async def test_a_key_that_is_refused_is_one_sentence_without_it() -> None:
    async with GradiumSim(api_keys=("another",)) as sim:
        with pytest.raises(CatalogueError) as caught:
            await voices_of(http_url_of(sim.url), KEY)

    assert "HTTP 401, the key is refused" in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("name", ["Kent", "kent", "KENT"])
def test_a_voice_is_found_by_its_name(name: str) -> None:
    assert id_of(name, local_voices()) == KENT


@pytest.mark.parametrize(
    ("name", "hint"), [("Knt", "did you mean Kent"), ("Xqz", "no voice Xqz (")]
)
def test_a_name_that_nobody_has_is_told(name: str, hint: str) -> None:
    with pytest.raises(CatalogueError, match=hint.replace("(", r"\(")):
        id_of(name, local_voices())


@pytest.mark.parametrize(
    ("url", "http_url"),
    [
        ("wss://a.example/api/x", "https://a.example"),
        ("ws://127.0.0.1:8/x", "http://127.0.0.1:8"),
        ("wss://user:secret@a.example/x", "https://a.example"),
    ],
)
def test_the_list_is_beside_the_socket(url: str, http_url: str) -> None:
    assert http_url_of(url) == http_url


def test_the_command_lists_a_language(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRADIUM_API_KEY", raising=False)
    assert main(["de"]) == 0

    out, err = capsys.readouterr()
    *rows, last = out.splitlines()
    assert {row.split()[1] for row in rows} == {"de-DE"}
    assert "GRADIUM_API_KEY" in last and err == ""


def test_the_command_says_why_there_is_no_list(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIUM_API_KEY", KEY)
    assert main(["--url", "ws://127.0.0.1:1/"]) == 1

    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert err.startswith("voices: no list of voices from http://127.0.0.1:1:")
    assert KEY not in err
