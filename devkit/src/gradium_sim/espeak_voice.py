# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The `espeak` voice: real speech, the same every time.

espeak-ng is GPL-3 and belongs to the development kit only.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import numpy as np
import numpy.typing as npt
import soxr

from . import voice_ids
from .audio import Chunk, Samples, Speech, Style, TimedWord
from .espeak_engine import Delivery, EspeakEngine, Utterance, shared
from .espeak_library import NATIVE_RATE_HZ, NORMAL_WPM, EspeakError, Piece
from .word_times import WordTimes

_SENTENCE_END = re.compile(r"[.!?…:;]+[\"'”’»)\]]*$")
_COMMA = re.compile(r"[,–—]$")
_WORDS_BEFORE_COMMA = 4
# At most so many words are said in one go: few at first, for the sound to
# begin early; more and more while what was said before is being heard, as
# longer runs sound better. The last number stays.
_MOST_WORDS = (1, 2, 4, 8, 16)


class EspeakVoice:
    """Speaks with espeak-ng, in the language of the voice id."""

    def __init__(self) -> None:
        self._engine: EspeakEngine | None = None

    async def start(self) -> None:
        """Load the library."""
        voice = voice_ids.espeak_voice(voice_ids.DEFAULT_VOICE_ID)
        self._engine = shared.take(voice)
        # The first use of the resampler costs more than the others.
        _Resampler(48000).take(np.zeros(4096, dtype=np.int16))

    async def stop(self) -> None:
        """Unload the library, unless somebody else uses it."""
        self._engine = None
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, shared.release)

    def open(self, style: Style) -> Speech:
        """Return a speaker for one session."""
        if self._engine is None:
            raise RuntimeError("the espeak voice was not started")
        return _EspeakSpeech(self._engine, style)


class _EspeakSpeech:
    def __init__(self, engine: EspeakEngine, style: Style) -> None:
        self._engine = engine
        self._rate = style.sample_rate_hz
        self._voice = voice_ids.espeak_voice(style.voice_id)
        self._wpm = min(max(round(NORMAL_WPM / style.duration_factor), 80), 450)
        self._resampler = _Resampler(style.sample_rate_hz)
        self._position = 0
        self._spoken_units = 0
        self._current: Utterance | None = None

    def unit_size(self, words: Sequence[str]) -> int | None:
        step = min(self._spoken_units, len(_MOST_WORDS) - 1)
        most = _MOST_WORDS[step]
        for count, word in enumerate(words[:most], start=1):
            if _SENTENCE_END.search(word):
                return count
            if count >= _WORDS_BEFORE_COMMA and _COMMA.search(word):
                return count
        return most if len(words) >= most else None

    async def speak(self, words: Sequence[str]) -> AsyncGenerator[Chunk, None]:
        self._spoken_units += 1
        times = WordTimes(words)
        begin = self._position
        async with aclosing(self._pieces(words)) as pieces:
            async for piece in pieces:
                over = _words_over(times, piece)
                timed = self._timed(over, begin)
                yield Chunk(self._take(piece.samples), timed)
        left = times.ends(self._position - begin)
        yield Chunk(np.zeros(0, dtype=np.int16), self._timed(left, begin))

    async def pause(self, duration_s: float) -> AsyncGenerator[Chunk, None]:
        count = round(duration_s * NATIVE_RATE_HZ)
        yield Chunk(self._take(bytes(2 * count)))

    async def finish(self, silence_s: float) -> AsyncGenerator[Chunk, None]:
        yield Chunk(self._resampler.rest())
        silence = np.zeros(round(silence_s * self._rate), dtype=np.int16)
        yield Chunk(silence)

    def cancel(self) -> None:
        if self._current is not None:
            self._current.cancel()

    async def _pieces(
        self, words: Sequence[str]
    ) -> AsyncGenerator[Piece, None]:
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[Delivery] = asyncio.Queue()

        def deliver(delivery: Delivery) -> None:
            try:
                loop.call_soon_threadsafe(arrived.put_nowait, delivery)
            except RuntimeError:
                # The loop is closed: the request is over.
                utterance.cancel()

        is_pausing = bool(_SENTENCE_END.search(words[-1]))
        is_pausing = is_pausing or bool(_COMMA.search(words[-1]))
        self._current = utterance = Utterance(
            " ".join(words), self._voice, self._wpm, is_pausing, deliver
        )
        self._engine.say(utterance)
        while (delivery := await arrived.get()) is not None:
            if isinstance(delivery, EspeakError):
                raise delivery
            yield delivery

    def _take(self, raw: bytes) -> Samples:
        self._position += len(raw) // 2
        return self._resampler.take(np.frombuffer(raw, dtype=np.int16))

    def _timed(
        self, words: list[tuple[str, int, int]], begin: int
    ) -> tuple[TimedWord, ...]:
        return tuple(
            TimedWord(
                word,
                (begin + start) / NATIVE_RATE_HZ,
                (begin + stop) / NATIVE_RATE_HZ,
            )
            for word, start, stop in words
        )


def _words_over(times: WordTimes, piece: Piece) -> list[tuple[str, int, int]]:
    """Return the words that are over when this piece's events have happened."""
    over: list[tuple[str, int, int]] = []
    # The end of a clause comes before the words that follow it.
    for end in piece.clause_ends:
        times.clause_ends(end)
    for char, sample in piece.words:
        over += times.starts(char, sample)
    return over


class _Resampler:
    """From the synthesiser's rate to the session's."""

    def __init__(self, rate: int) -> None:
        self._stream: soxr.ResampleStream | None = None
        if rate != NATIVE_RATE_HZ:
            # float32, because int16 is dithered with a random seed.
            self._stream = soxr.ResampleStream(
                NATIVE_RATE_HZ, rate, 1, dtype="float32", quality="HQ"
            )

    def take(self, samples: Samples) -> Samples:
        """Resample; what comes out lags a little behind."""
        if self._stream is None:
            return samples
        scaled = samples.astype(np.float32)
        return _rounded(self._stream.resample_chunk(scaled))

    def rest(self) -> Samples:
        """Return what is still inside."""
        if self._stream is None:
            return np.zeros(0, dtype=np.int16)
        nothing = np.zeros(0, dtype=np.float32)
        return _rounded(self._stream.resample_chunk(nothing, last=True))


def _rounded(samples: npt.NDArray[np.float32]) -> Samples:
    return np.clip(np.round(samples), -32768, 32767).astype(np.int16)
