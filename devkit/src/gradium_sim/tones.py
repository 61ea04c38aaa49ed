# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Speech that a test can read back: every word is spelled out in tones.

A word is `chirp, length, byte, byte, ..., checksum`: a 10 ms chirp that marks
its first sample, then one 10 ms symbol for each number. A symbol is two
tones at once, one of sixteen low ones for the low half of the byte and one of
sixteen high ones for the high half. Everything lies between 300 and 3,700 Hz,
so the same code works at every rate from 8,000 Hz on and survives G.711.

Nothing depends on where frames begin or on the word before, so a word heard
twice is read twice, and a word that was cut is read as cut. Whether silence
follows it or nothing at all, it is read the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float64]

SYMBOL_S = 0.010
GAP_S = 0.005
CUT = "…"
"""Ends the reading of a word that is not whole."""

_AMPLITUDE = 0.30
_LOW_HZ = tuple(400.0 + 100.0 * n for n in range(16))
_HIGH_HZ = tuple(2100.0 + 100.0 * n for n in range(16))
_MIN_MATCH = 0.75
_MIN_PURITY = 0.85
_MIN_LEVEL = 0.5
_MAX_BYTES = 255
_SEARCH_S = 0.25
_NOISE = 64


@dataclass(frozen=True)
class Heard:
    """A word read from samples.

    Attributes:
        text: the letters read; all of them when `is_complete`.
        start_s: time of its first sample, from the start of the samples.
        stop_s: time after the last sample that belongs to it.
        is_complete: whether every symbol and the checksum were there.
    """

    text: str
    start_s: float
    stop_s: float
    is_complete: bool

    def __str__(self) -> str:
        return self.text if self.is_complete else self.text + CUT


def symbols_s(word: str) -> float:
    """Return how long the symbols of a word last, without its gaps."""
    return (len(_spelling(word)) + 1) * SYMBOL_S


def encode(word: str, sample_rate_hz: int) -> Samples:
    """Return one word's samples without gaps; it is cut at 255 bytes."""
    numbers = _spelling(word)
    edges = _edges(len(numbers) + 1, sample_rate_hz)
    out = np.zeros(edges[-1], dtype=np.int16)
    out[: edges[1]] = _chirp(sample_rate_hz)
    for n, number in enumerate(numbers, start=1):
        length = edges[n + 1] - edges[n]
        out[edges[n] : edges[n + 1]] = _symbol(number, sample_rate_hz)[:length]
    return out


def decode(pcm: bytes, sample_rate_hz: int) -> list[str]:
    """Read the words back, in order; a word that was cut ends in `CUT`.

    Args:
        pcm: 16-bit little-endian mono; an odd last byte is left out.
        sample_rate_hz: the rate at which `pcm` was asked for.

    Returns:
        One text for each word or part of a word; a lone `CUT` stands for
        sound that belongs to no readable word.
    """
    return [str(word) for word in listen(pcm, sample_rate_hz)]


def listen(pcm: bytes, sample_rate_hz: int) -> list[Heard]:
    """As `decode`, with times and completeness."""
    whole = len(pcm) - len(pcm) % 2
    samples = np.frombuffer(pcm[:whole], dtype="<i2").astype(np.float64)
    return list(_Listener(samples, sample_rate_hz).words())


class _Listener:
    """Walks over samples from word to word."""

    def __init__(self, samples: Floats, rate: int) -> None:
        self._size = len(samples)
        self._samples = np.pad(samples, (0, _longest_symbol(rate)))
        self._rate = rate
        self._chirp = _chirp(rate).astype(np.float64)
        self._chirp_norm = float(np.linalg.norm(self._chirp))

    def words(self) -> Iterator[Heard]:
        position = 0
        while (begin := self._next_sound(position)) is not None:
            found = self._next_chirp(begin)
            end = len(self._samples) if found is None else found
            if fragment := self._fragment(begin, end):
                yield fragment
            if found is None:
                return
            word, position = self._read(found)
            yield word

    def _next_sound(self, begin: int) -> int | None:
        """Return the first sample from `begin` on that is not near silence."""
        step = self._rate
        for offset in range(begin, len(self._samples), step):
            block = np.abs(self._samples[offset : offset + step]) > _NOISE
            if block.any():
                return offset + int(np.argmax(block))
        return None

    def _next_chirp(self, begin: int) -> int | None:
        # A chirp starts at phase zero: its first samples may be below the
        # level that counts as sound.
        first = max(0, begin - round(self._rate * 0.001))
        size = len(self._chirp)
        step = round(self._rate * 2 * SYMBOL_S)
        longest = max(step, round(self._rate * _SEARCH_S))
        while first + size <= len(self._samples):
            block = self._samples[first : first + step + size]
            match = self._match(block)
            good = np.flatnonzero(match >= _MIN_MATCH)
            if len(good):
                peak = match[good[0] : good[0] + size // 4 + 1]
                return int(first + good[0] + int(np.argmax(peak)))
            first += step
            step = min(2 * step, longest)
        return None

    def _match(self, block: Floats) -> Floats:
        """Normalised correlation with the chirp at every offset."""
        size = len(self._chirp)
        count = len(block) - size + 1
        width = 1 << (len(block) + size - 1).bit_length()
        spectrum = np.fft.rfft(block, width) * np.conj(
            np.fft.rfft(self._chirp, width)
        )
        dots = np.fft.irfft(spectrum, width)[:count]
        total = np.concatenate(([0.0], np.cumsum(block * block)))
        energy = np.maximum(total[size:] - total[:-size], 0.0)[:count]
        floor = (self._chirp_norm * 0.25) ** 2
        norm = np.sqrt(np.maximum(energy, floor)) * self._chirp_norm
        return np.asarray(dots / norm, dtype=np.float64)

    def _fragment(self, begin: int, end: int) -> Heard | None:
        """Sound before the next chirp that no word accounts for."""
        loud = np.flatnonzero(np.abs(self._samples[begin:end]) > _NOISE)
        # The first samples of a faded or shifted chirp are no word.
        if len(loud) < self._rate * 0.002:
            return None
        last = begin + int(loud[-1]) + 1
        return Heard("", begin / self._rate, last / self._rate, False)

    def _read(self, begin: int) -> tuple[Heard, int]:
        """Read the word whose chirp is at `begin`; also where it ends."""
        numbers = self._numbers(begin, 1, 1)
        wanted = numbers[0] + 2 if numbers else 1
        numbers += self._numbers(begin, 2, wanted - 1) if numbers else []
        letters = bytes(numbers[1 : wanted - 1])
        is_complete = len(numbers) == wanted and numbers == _framed(letters)
        count = len(numbers) + 1
        if len(numbers) == wanted and not is_complete:
            count, letters = 1, b""
        end = begin + _edges(count, self._rate)[-1]
        if not is_complete:
            end = self._end_of_cut_word(end)
        text = letters.decode("utf-8", "ignore")
        stop_s = min(end, self._size) / self._rate
        return Heard(text, begin / self._rate, stop_s, is_complete), end

    def _end_of_cut_word(self, begin: int) -> int:
        """Return where the rest of a cut word ends: silence, or a chirp."""
        chirp = self._next_chirp(begin)
        end = len(self._samples) if chirp is None else chirp
        quiet = np.abs(self._samples[begin:end]) <= _NOISE
        run = round(self._rate * GAP_S * 0.8)
        if len(quiet) >= run:
            counts = np.convolve(quiet, np.ones(run), "valid")
            silent = np.flatnonzero(counts >= run - 0.5)
            if len(silent):
                return begin + int(silent[0])
        return end

    def _numbers(self, begin: int, first: int, count: int) -> list[int]:
        """Read symbols, up to the first that is not wholly there.

        Args:
            begin: first sample of the word.
            first: which symbol to begin with; the chirp is number 0.
            count: how many to read.
        """
        edges = _edges(first + count, self._rate)
        size = min(b - a for a, b in zip(edges, edges[1:], strict=False))
        starts = begin + np.array(edges[first:-1])
        starts = starts[starts + size <= len(self._samples)]
        if not len(starts):
            return []
        windows = self._samples[starts[:, None] + np.arange(size)]
        parts = windows @ _bank(self._rate)[:size]
        power = parts[:, :32] ** 2 + parts[:, 32:] ** 2
        low = np.argmax(power[:, :16], axis=1)
        high = np.argmax(power[:, 16:], axis=1)
        rows = np.arange(len(starts))
        heard = (power[rows, low] + power[rows, 16 + high]) * 2.0 / size
        is_good = _is_whole(windows, heard)
        numbers = [int(number) for number in low | high << 4]
        return numbers[
            : len(rows) if is_good.all() else int(np.argmin(is_good))
        ]


def _is_whole(windows: Floats, heard: Floats) -> npt.NDArray[np.bool_]:
    """Return whether each symbol is there from its first to its last sample.

    Args:
        windows: the samples of one symbol in each row.
        heard: how much of their energy is in the two loudest tones.
    """
    size = windows.shape[1]
    energy = np.sum(windows * windows, axis=1)
    # A symbol whose end is missing has the right tones, but too few.
    tail = windows[:, -(size // 6) :]
    tail_power = np.mean(tail * tail, axis=1)
    is_loud = energy >= _symbol_power() * size * _MIN_LEVEL
    is_pure = heard >= energy * _MIN_PURITY
    has_tail = tail_power >= _symbol_power() * 0.1
    return np.asarray(is_loud & is_pure & has_tail)


def _spelling(word: str) -> list[int]:
    letters = word.encode("utf-8")[:_MAX_BYTES]
    return _framed(letters)


def _framed(letters: bytes) -> list[int]:
    return [len(letters), *letters, _checksum(letters)]


def _checksum(letters: bytes) -> int:
    """CRC-8, polynomial 0x07, over the length and the letters."""
    value = 0
    for number in (len(letters), *letters):
        value ^= number
        for _ in range(8):
            value = (value << 1) ^ (0x107 if value & 0x80 else 0)
    return value


@lru_cache(maxsize=4096)
def _edges(count: int, rate: int) -> tuple[int, ...]:
    """First samples of symbols 0..count; 10 ms is no whole number at 22,050."""
    return tuple(round(n * SYMBOL_S * rate) for n in range(count + 1))


def _longest_symbol(rate: int) -> int:
    return math.ceil(SYMBOL_S * rate)


def _symbol_power() -> float:
    """Mean square of a symbol, in squared int16 units."""
    return (_AMPLITUDE * 32767.0) ** 2


@lru_cache(maxsize=64)
def _chirp(rate: int) -> Samples:
    length = _edges(1, rate)[1]
    t = np.arange(length) / rate
    phase = 2 * np.pi * (300.0 * t + (3700.0 - 300.0) / (2 * SYMBOL_S) * t * t)
    wave = _AMPLITUDE * math.sqrt(2.0) * np.sin(phase)
    return np.round(wave * 32767.0).astype(np.int16)


@lru_cache(maxsize=8192)
def _symbol(number: int, rate: int) -> Samples:
    t = np.arange(_longest_symbol(rate)) / rate
    low = np.sin(2 * np.pi * _LOW_HZ[number & 15] * t)
    high = np.sin(2 * np.pi * _HIGH_HZ[number >> 4] * t)
    wave = np.round(_AMPLITUDE * (low + high) * 32767.0)
    return np.asarray(wave, dtype=np.int16)


@lru_cache(maxsize=64)
def _bank(rate: int) -> Floats:
    """Columns of a Fourier transform: 32 tones, cosines then sines."""
    t = np.arange(_longest_symbol(rate)) / rate
    phases = 2 * np.pi * t[:, None] * np.array(_LOW_HZ + _HIGH_HZ)[None, :]
    return np.concatenate((np.cos(phases), np.sin(phases)), axis=1)
