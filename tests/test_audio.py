# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Samples: fades at the seams, silence at the end, G.711 to PCM."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradium_tts_python.core.audio import (
    FADE_S,
    fade_in,
    fade_out,
    silence_at,
    to_pcm,
)
from gradium_tts_python.core.protocol import SAMPLE_RATES_HZ

SAMPLE = st.integers(-32768, 32767)
SAMPLES = st.lists(SAMPLE, max_size=300)
RATES = st.sampled_from(SAMPLE_RATES_HZ)


def pcm(*samples: int) -> bytes:
    return struct.pack(f"<{len(samples)}h", *samples)


def samples_of(chunk: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(chunk) // 2}h", chunk))


def test_a_fade_lasts_5_ms() -> None:
    assert FADE_S == 0.005


def test_a_fade_in_raises_the_first_5_ms_evenly() -> None:
    faded = samples_of(fade_in(pcm(*[4000] * 50), 8000))

    assert faded == [100 * index for index in range(40)] + [4000] * 10


def test_a_fade_out_leads_from_the_last_sample_to_silence() -> None:
    assert samples_of(fade_out(pcm(4000), 8000)) == [
        100 * left for left in range(39, 0, -1)
    ]


@pytest.mark.parametrize(
    ("skipped", "samples"),
    [
        (0, [0, 100, 200]),
        (10, [1000, 1100, 1200]),
        (38, [3800, 3900, 4000]),
        (39, [3900, 4000, 4000]),
        (40, [4000, 4000, 4000]),
        (10**9, [4000, 4000, 4000]),
    ],
)
def test_a_fade_in_goes_on_where_it_was(
    skipped: int, samples: list[int]
) -> None:
    chunk = pcm(4000, 4000, 4000)

    assert samples_of(fade_in(chunk, 8000, skipped)) == samples


def test_nothing_fades_to_nothing() -> None:
    assert fade_in(b"", 8000) == b""


@given(SAMPLES, RATES, st.integers(0, 300))
def test_a_fade_in_is_the_same_in_pieces(
    samples: list[int], rate_hz: int, at: int
) -> None:
    whole, at = pcm(*samples), min(at, len(samples))

    pieces = fade_in(pcm(*samples[:at]), rate_hz) + fade_in(
        pcm(*samples[at:]), rate_hz, at
    )

    assert pieces == fade_in(whole, rate_hz)


@given(SAMPLE, RATES)
def test_a_seam_has_no_step(level: int, rate_hz: int) -> None:
    before = samples_of(fade_out(pcm(level), rate_hz))
    after = samples_of(fade_in(pcm(*[level] * rate_hz), rate_hz))

    steps = [level, *before, *after]

    # A straight line of 40 samples or more, rounded down.
    most = 32768 // 40 + 2
    assert all(
        abs(b - a) <= most for a, b in zip(steps, steps[1:], strict=False)
    )
    assert len(before) == round(FADE_S * rate_hz) - 1


@pytest.mark.parametrize(
    ("samples", "at"),
    [
        ([], 0),
        ([0, 0], 0),
        ([32, -32], 0),
        ([33, 0], 1),
        ([-33, 0], 1),
        ([0, 500], 2),
        ([500, 0, 0, 500, 1, -1], 4),
    ],
)
def test_the_silence_at_the_end_starts_after_the_last_sound(
    samples: list[int], at: int
) -> None:
    assert silence_at(pcm(*samples)) == 2 * at


# From the tables of ITU-T G.711, scaled to 16 bits.
ULAW = {
    0x00: -32124,
    0x0F: -16764,
    0x70: -120,
    0x7E: -8,
    0x7F: 0,
    0x80: 32124,
    0x8F: 16764,
    0xF0: 120,
    0xFE: 8,
    0xFF: 0,
}
ALAW = {
    0x2A: -32256,
    0x55: -8,
    0x54: -24,
    0x45: -264,
    0xAA: 32256,
    0xD5: 8,
    0xD4: 24,
    0xC5: 264,
}


@pytest.mark.parametrize(("code", "sample"), ULAW.items())
def test_mu_law_is_decoded(code: int, sample: int) -> None:
    assert samples_of(to_pcm(bytes([code]), "ulaw_8000")) == [sample]


@pytest.mark.parametrize(("code", "sample"), ALAW.items())
def test_a_law_is_decoded(code: int, sample: int) -> None:
    assert samples_of(to_pcm(bytes([code]), "alaw_8000")) == [sample]


@pytest.mark.parametrize("name", ["ulaw_8000", "alaw_8000"])
def test_g711_is_odd_around_silence_and_grows_with_its_code(name: str) -> None:
    flip = 0xFF if name == "ulaw_8000" else 0xD5
    levels = samples_of(to_pcm(bytes(code ^ flip for code in range(128)), name))
    mirrored = samples_of(
        to_pcm(bytes(code ^ flip ^ 0x80 for code in range(128)), name)
    )

    assert levels == sorted(set(levels))
    assert mirrored == [-level for level in levels]


@given(st.binary())
def test_g711_gives_a_sample_for_each_byte(chunk: bytes) -> None:
    for name in ("ulaw_8000", "alaw_8000"):
        assert len(to_pcm(chunk, name)) == 2 * len(chunk)


@given(st.binary())
def test_pcm_stays_as_it_is(chunk: bytes) -> None:
    assert to_pcm(chunk, "pcm_24000") == chunk
