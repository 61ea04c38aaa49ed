# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Phrases as values: which are the same, and bytes that tell damage."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradium_tts_python.core.phrases import (
    DamagedPhrase,
    Phrase,
    decode_phrase,
    encode_phrase,
    phrase_key,
)
from gradium_tts_python.core.protocol import Audio, Setup, Word

URL = "wss://api.gradium.ai/api/speech/tts"
SETUP = Setup(
    "pcm_24000",
    voice_id="v",
    json_config={"temp": 0.5, "padding_bonus": 1.0},
    pronunciation_id="p",
)
KEY = phrase_key(URL, SETUP, "Hello there.")
PHRASE = Phrase(
    (
        Audio(b"\x01\x02\x03\x04", 0.0, 0.08),
        Word("Hello", 0.0, 0.1),
        Audio(b"\x05", 0.08, 0.1),
        Word("there.", 0.1, 0.2),
    ),
    1_700_000_000.25,
)
BLOB = encode_phrase(KEY, PHRASE)


@pytest.mark.parametrize(
    "other",
    [
        {"url": "wss://eu.api.gradium.ai/api/speech/tts"},
        {"text": "Hello there!"},
        {"model_name": "gradium-tts-beta"},
        {"voice_id": "w"},
        {"voice_id": None, "voice": "v"},
        {"output_format": "pcm_16000"},
        {"json_config": {"temp": 0.5}},
        {"pronunciation_id": "q"},
        {"extra": {"more": 1}},
    ],
)
def test_what_sounds_otherwise_is_another_phrase(other: dict[str, Any]) -> None:
    url, text = other.pop("url", URL), other.pop("text", "Hello there.")

    assert phrase_key(url, replace(SETUP, **other), text) != KEY


def test_what_changes_no_sound_changes_no_phrase() -> None:
    other = replace(
        SETUP,
        retry_for_s=5.0,
        json_config={"padding_bonus": 1.0, "temp": 0.5},
    )

    assert phrase_key(URL, other, "Hello there.") == KEY


def test_a_key_shows_nothing_of_what_it_is_made_of() -> None:
    assert len(KEY) == 64
    assert set(KEY) <= set("0123456789abcdef")


def test_a_phrase_is_read_as_it_was_written() -> None:
    assert decode_phrase(KEY, BLOB) == PHRASE


def test_words_without_times_stay_so() -> None:
    phrase = Phrase((Word("Hello", math.nan, math.nan),), 0.0)

    (word,) = decode_phrase(KEY, encode_phrase(KEY, phrase)).said

    assert math.isnan(word.start_s) and math.isnan(word.stop_s)


@given(
    st.lists(
        st.builds(Audio, st.binary(max_size=9), st.floats(0, 9), st.just(9.0))
        | st.builds(
            Word,
            st.text(max_size=3),
            st.floats(allow_nan=False),
            st.just(0.0),
        ),
        max_size=4,
    ),
    st.floats(0, 1e10),
)
def test_any_phrase_is_read_as_it_was_written(
    said: list[Audio | Word], spoken_at: float
) -> None:
    phrase = Phrase(tuple(said), spoken_at)

    assert decode_phrase(KEY, encode_phrase(KEY, phrase)) == phrase


def test_a_bit_that_is_another_one_is_found() -> None:
    for bit in range(8 * len(BLOB)):
        blob = bytearray(BLOB)
        blob[bit // 8] ^= 1 << bit % 8

        with pytest.raises(DamagedPhrase):
            decode_phrase(KEY, bytes(blob))


def test_bytes_that_are_missing_or_too_many_are_found() -> None:
    for blob in (*(BLOB[:at] for at in range(len(BLOB))), BLOB + b"\x00"):
        with pytest.raises(DamagedPhrase):
            decode_phrase(KEY, blob)


def test_a_phrase_of_another_key_is_none_of_this_one() -> None:
    with pytest.raises(DamagedPhrase):
        decode_phrase(phrase_key(URL, SETUP, "Goodbye."), BLOB)


@pytest.mark.parametrize(
    "head",
    [
        None,
        [],
        [0.0, 1],
        [0.0, [[1]]],
        ["now", []],
        [0.0, [[1, 0.0, 0.0]]],
        [0.0, [[-1, 0.0, 0.0]]],
        [0.0, [[None, 0.0, 0.0]]],
        [0.0, [["a", 10**400, 0.0]]],
        [10**400, []],
    ],
)
def test_what_somebody_else_has_written_well_is_no_phrase(head: Any) -> None:
    text = json.dumps(head).encode()
    body = len(text).to_bytes(4, "big") + text
    digest = hashlib.blake2b(KEY.encode() + body, digest_size=32).digest()

    with pytest.raises(DamagedPhrase, match="it is no phrase"):
        decode_phrase(KEY, b"gradium phrase 1\n" + digest + body)


def test_audio_that_nobody_listed_is_no_phrase() -> None:
    body = b"\x00\x00\x00\x09[0.0, []]" + b"\x01"
    digest = hashlib.blake2b(KEY.encode() + body, digest_size=32).digest()

    with pytest.raises(DamagedPhrase, match="more than its audio"):
        decode_phrase(KEY, b"gradium phrase 1\n" + digest + body)


def test_a_phrase_is_old_when_its_time_is_over() -> None:
    at = PHRASE.spoken_at

    assert not PHRASE.is_old(at + 10, 10)
    assert PHRASE.is_old(at + 10.5, 10)
    assert not PHRASE.is_old(at + 1e9, 0)
