# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Words spelled in tones are read back from the samples alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from gradium_sim import g711, tones

RATES_HZ = [8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000]
WORDS = (
    "Hello, world the the D'accord, naïve 42 . a 3.50€ übergrößenträger".split()
)

Samples = npt.NDArray[np.int16]


def spoken(words: list[str], rate_hz: int) -> Samples:
    gap = np.zeros(round(tones.GAP_S * rate_hz), dtype=np.int16)
    parts: list[Samples] = [gap]
    for word in words:
        parts += [tones.encode(word, rate_hz), gap, gap]
    return np.concatenate(parts)


def faded(samples: Samples, rate_hz: int, is_in: bool) -> Samples:
    """With a 5 ms ramp at one end."""
    count = min(round(0.005 * rate_hz), len(samples))
    ramp = np.ones(len(samples))
    if is_in:
        ramp[:count] = np.linspace(0, 1, count)
    else:
        ramp[len(samples) - count :] = np.linspace(1, 0, count)
    return np.asarray(np.round(samples * ramp), dtype=np.int16)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_words_are_read_back_at_every_rate(rate_hz: int) -> None:
    sound = spoken(WORDS, rate_hz)

    assert tones.decode(sound.tobytes(), rate_hz) == WORDS


@pytest.mark.parametrize("rate_hz", [8000, 22050, 48000])
@pytest.mark.parametrize("lead", [0, 1, 7, 100, 12345])
def test_words_are_found_wherever_they_begin(rate_hz: int, lead: int) -> None:
    sound = np.concatenate((np.zeros(lead, np.int16), spoken(WORDS, rate_hz)))

    assert tones.decode(sound.tobytes() + b"\1", rate_hz) == WORDS


@pytest.mark.parametrize("rate_hz", [8000, 24000])
def test_quieter_or_noisy_words_are_read_back(rate_hz: int) -> None:
    noise = np.random.default_rng(1).normal(0, 15, len(spoken(WORDS, rate_hz)))
    sound = np.round(spoken(WORDS, rate_hz) * 0.8 + noise).astype(np.int16)

    assert tones.decode(sound.tobytes(), rate_hz) == WORDS


@pytest.mark.parametrize(
    ("encode", "decode"),
    [
        (g711.encode_ulaw, g711.decode_ulaw),
        (g711.encode_alaw, g711.decode_alaw),
    ],
)
def test_words_survive_g711(encode: object, decode: object) -> None:
    assert callable(encode)
    assert callable(decode)
    sound = decode(encode(spoken(WORDS, 8000)))

    assert tones.decode(sound.tobytes(), 8000) == WORDS


@pytest.mark.parametrize("rate_hz", [8000, 22050, 24000, 48000])
@pytest.mark.parametrize("is_faded", [False, True])
def test_a_word_without_its_end_is_read_as_cut(
    rate_hz: int, is_faded: bool
) -> None:
    word = "wonderful"
    whole = tones.encode(word, rate_hz)
    before, after = spoken(["one"], rate_hz), spoken(["two"], rate_hz)
    for count in range(
        rate_hz // 500, len(whole) - rate_hz // 500, rate_hz // 300
    ):
        part = whole[:count]
        if is_faded:
            part, after = (
                faded(part, rate_hz, is_in=False),
                faded(after, rate_hz, is_in=True),
            )
        sound = np.concatenate((before, part, after))

        first, *cut, last = tones.decode(sound.tobytes(), rate_hz)

        assert (first, last) == ("one", "two"), count
        # Too little of it for a chirp and a letter may leave no trace.
        assert len(cut) == 1 or not cut, (count, cut)
        if count > 2 * tones.SYMBOL_S * rate_hz:
            assert cut[0].endswith(tones.CUT)
            assert word.startswith(cut[0][: -len(tones.CUT)])


@pytest.mark.parametrize("rate_hz", [8000, 22050])
def test_a_cut_word_is_read_the_same_before_silence_and_nothing(
    rate_hz: int,
) -> None:
    whole = tones.encode("so", rate_hz)
    pause = np.zeros(rate_hz // 10, np.int16)
    for count in range(0, len(whole) + 1, 7):
        part = whole[:count]

        alone = tones.listen(part.tobytes(), rate_hz)
        paused = tones.listen(np.append(part, pause).tobytes(), rate_hz)

        assert list(map(str, alone)) == list(map(str, paused)), count
        assert all(word.stop_s <= count / rate_hz for word in alone)


@pytest.mark.parametrize("rate_hz", [8000, 24000, 48000])
def test_a_word_without_its_beginning_is_no_word(rate_hz: int) -> None:
    whole = tones.encode("wonderful", rate_hz)
    before, after = spoken(["one"], rate_hz), spoken(["two"], rate_hz)
    for count in range(
        rate_hz // 200, len(whole) - rate_hz // 200, rate_hz // 300
    ):
        sound = np.concatenate((before, whole[count:], after))

        heard = tones.decode(sound.tobytes(), rate_hz)

        assert heard == ["one", tones.CUT, "two"], count


@pytest.mark.parametrize("rate_hz", [8000, 24000])
def test_a_lost_frame_is_noticed(rate_hz: int) -> None:
    sound = spoken(WORDS, rate_hz)
    frame = rate_hz * 8 // 100
    for first in range(0, len(sound) - frame, frame):
        rest = np.concatenate((sound[:first], sound[first + frame :]))
        assert tones.decode(rest.tobytes(), rate_hz) != WORDS


@pytest.mark.parametrize("rate_hz", [8000, 24000])
def test_a_doubled_frame_is_noticed(rate_hz: int) -> None:
    sound = spoken(WORDS, rate_hz)
    frame = rate_hz * 8 // 100
    for first in range(0, len(sound) - frame, frame):
        twice = np.concatenate((sound[: first + frame], sound[first:]))
        assert tones.decode(twice.tobytes(), rate_hz) != WORDS


def test_words_come_with_their_times() -> None:
    rate_hz = 24000
    sound = spoken(["one", "three"], rate_hz)

    one, three = tones.listen(sound.tobytes(), rate_hz)

    assert one.start_s == pytest.approx(tones.GAP_S, abs=1e-4)
    assert one.stop_s - one.start_s == pytest.approx(tones.symbols_s("one"))
    assert three.start_s == pytest.approx(one.stop_s + 2 * tones.GAP_S)
    assert three.is_complete


@pytest.mark.parametrize("sound", [b"", b"\0", bytes(4801), b"\7\0" * 5000])
def test_silence_has_no_words(sound: bytes) -> None:
    assert tones.decode(sound, 24000) == []


def test_noise_is_no_word() -> None:
    noise = np.random.default_rng(1).integers(-9000, 9000, 48000)
    sound = noise.astype(np.int16).tobytes()

    assert tones.decode(sound, 24000) == [tones.CUT]


def test_the_same_word_has_the_same_samples() -> None:
    words = ["one", "x" * 300, ""]
    for word in words:
        first, again = tones.encode(word, 24000), tones.encode(word, 24000)
        assert first.tobytes() == again.tobytes()
    assert tones.decode(tones.encode("x" * 300, 24000).tobytes(), 24000) == [
        "x" * 255
    ]
