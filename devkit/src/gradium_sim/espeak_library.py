# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""espeak-ng through ctypes: one utterance at a time, always the same sound.

espeak-ng is licensed under GPL-3. It is loaded here, in the development kit
and nowhere else.

The library keeps the state of its oscillators and noise from one utterance
to the next, so the same text never sounds the same twice. A freshly loaded
library with a fixed seed does, so every utterance gets one.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass

import espeakng_loader

NATIVE_RATE_HZ = 22050
NORMAL_WPM = 165

_RETRIEVE_IN_CALLBACK = 2
_BUFFER_MS = 40
# Without it a missing file ends the process.
_DONT_EXIT = 0x8000
_UTF8, _PAUSE_AT_END = 0x0001, 0x1000
_RATE = 1
_SEED = 1
_NO_MORE, _WORD, _END = 0, 1, 5
# The library has 160 bytes for the path and silently looks elsewhere when
# it is longer; some are needed for the names of the files.
_MAX_PATH_BYTES = 120


class EspeakError(RuntimeError):
    """The library cannot do what was asked."""


@dataclass(frozen=True)
class Piece:
    """Part of an utterance, as it is synthesised.

    Attributes:
        samples: 16-bit mono bytes at `NATIVE_RATE_HZ`, native byte order.
        words: (first character, first sample) of words that start; both
            count from 0 at the start of the utterance.
        clause_ends: samples at which clauses end.
    """

    samples: bytes
    words: tuple[tuple[int, int], ...]
    clause_ends: tuple[int, ...]


class _Id(ctypes.Union):
    _fields_ = [
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * 8),
    ]


class _Event(ctypes.Structure):
    _fields_ = [
        ("kind", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.POINTER(ctypes.c_short),
    ctypes.c_int,
    ctypes.POINTER(_Event),
)


class EspeakLibrary:
    """The library, used by one thread only."""

    def __init__(self) -> None:
        self._data_path = os.fsencode(_short_data_path())
        self._library: ctypes.CDLL | None = None
        self._voice = ""
        self._deliver: Callable[[Piece], bool] = _drop
        # Must live as long as the library may call it.
        self._callback = _Callback(self._synthesised)

    def renew(self, voice: str) -> None:
        """Get ready for the next utterance, probably of this voice."""
        self.unload()
        self._library = library = ctypes.CDLL(
            espeakng_loader.get_library_path()
        )
        rate = library.espeak_Initialize(
            _RETRIEVE_IN_CALLBACK, _BUFFER_MS, self._data_path, _DONT_EXIT
        )
        if rate != NATIVE_RATE_HZ:
            raise EspeakError(f"espeak-ng did not start: {rate}")
        library.espeak_SetSynthCallback(self._callback)
        library.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
        self._voice = ""
        self._set_voice(voice)

    def speak(
        self,
        text: str,
        voice: str,
        wpm: int,
        is_pausing: bool,
        deliver: Callable[[Piece], bool],
    ) -> None:
        """Synthesise an utterance.

        Args:
            text: no markup is understood.
            voice: name of an espeak voice, with or without a variant.
            wpm: words a minute.
            is_pausing: whether the pause of its last punctuation mark
                belongs to it.
            deliver: gets the pieces; `False` ends the synthesis.

        Raises:
            EspeakError: there is no such voice, or synthesis failed.
        """
        if self._library is None:
            self.renew(voice)
        library = self._library
        assert library is not None
        self._set_voice(voice)
        library.espeak_SetParameter(_RATE, wpm, 0)
        library.espeak_ng_SetRandSeed(_SEED)
        raw = text.replace("\0", " ").encode("utf-8") + b"\0"
        flags = _UTF8 | (_PAUSE_AT_END if is_pausing else 0)
        self._deliver = deliver
        try:
            status = library.espeak_Synth(
                raw, ctypes.c_size_t(len(raw)), 0, 1, 0, flags, None, None
            )
        finally:
            self._deliver = _drop
        if status != 0:
            raise EspeakError(f"espeak-ng failed: {status}")

    def unload(self) -> None:
        """Give the library back, with all its state."""
        library, self._library = self._library, None
        if library is None:
            return
        library.espeak_Terminate()
        close = _dlclose()
        if close is not None:
            close(library._handle)

    def _set_voice(self, voice: str) -> None:
        assert self._library is not None
        if voice == self._voice:
            return
        status = self._library.espeak_SetVoiceByName(voice.encode("ascii"))
        if status != 0:
            raise EspeakError(f"espeak-ng has no voice {voice}")
        self._voice = voice

    def _synthesised(
        self,
        samples: ctypes._Pointer[ctypes.c_short],
        count: int,
        events: ctypes._Pointer[_Event],
    ) -> int:
        """Return the library's callback; 0 to go on, 1 to stop."""
        raw = ctypes.string_at(samples, 2 * count) if samples else b""
        words: list[tuple[int, int]] = []
        ends: list[int] = []
        index = 0
        while (event := events[index]).kind != _NO_MORE:
            if event.kind == _WORD:
                words.append((event.text_position - 1, event.sample))
            elif event.kind == _END:
                ends.append(event.sample)
            index += 1
        is_wanted = self._deliver(Piece(raw, tuple(words), tuple(ends)))
        return 0 if is_wanted else 1


def _drop(piece: Piece) -> bool:
    return False


def _dlclose() -> Callable[[int], object] | None:
    """Return what unloads a library; without it, one stays loaded."""
    import _ctypes

    for name in ("dlclose", "FreeLibrary"):
        close: Callable[[int], object] | None = getattr(_ctypes, name, None)
        if close is not None:
            return close
    return None


def _short_data_path() -> str:
    """Return the data's directory, under a name that is short enough."""
    path = espeakng_loader.get_data_path()
    if len(os.fsencode(path)) <= _MAX_PATH_BYTES:
        return str(path)
    directory = tempfile.mkdtemp(prefix="espeak")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    short = os.path.join(directory, "espeak-ng-data")
    if len(os.fsencode(short)) > _MAX_PATH_BYTES:
        raise EspeakError(f"no short path to the data of espeak-ng: {short}")
    try:
        os.symlink(path, short)
    except OSError:
        shutil.copytree(path, short)
    return short
