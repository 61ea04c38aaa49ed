# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The one thread that may touch espeak-ng."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from .espeak_library import NORMAL_WPM, EspeakError, EspeakLibrary, Piece

Delivery = Piece | EspeakError | None
"""A piece, or why there is none, or `None` after the last."""


@dataclass(eq=False)
class Utterance:
    """Something to say.

    Attributes:
        text, voice, wpm, is_pausing: see `EspeakLibrary.speak`.
        deliver: called in the engine's thread.
    """

    text: str
    voice: str
    wpm: int
    is_pausing: bool
    deliver: Callable[[Delivery], None]
    _cancelled: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Say no more of it; safe in every thread."""
        self._cancelled.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._cancelled.is_set()


class EspeakEngine:
    """Says utterances, one after the other, in a thread of its own."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Utterance | None] = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=self._run, name="gradium_sim:espeak", daemon=True
        )

    def start(self, voice: str) -> None:
        """Start, and get ready for this voice."""
        self._first_voice = voice
        self._thread.start()

    def stop(self) -> None:
        """End after what is being said; blocks until then."""
        self._waiting.put(None)
        self._thread.join()

    def say(self, utterance: Utterance) -> None:
        """Queue an utterance."""
        self._waiting.put(utterance)

    def _run(self) -> None:
        library = EspeakLibrary()
        # The first utterance of a process has to read its data from disk.
        library.speak("Hello.", self._first_voice, NORMAL_WPM, False, _drop)
        library.renew(self._first_voice)
        while (utterance := self._waiting.get()) is not None:
            if not utterance.is_cancelled:
                self._say(library, utterance)
        library.unload()

    def _say(self, library: EspeakLibrary, utterance: Utterance) -> None:
        def deliver(piece: Piece) -> bool:
            if not utterance.is_cancelled:
                utterance.deliver(piece)
            return not utterance.is_cancelled

        try:
            library.speak(
                utterance.text,
                utterance.voice,
                utterance.wpm,
                utterance.is_pausing,
                deliver,
            )
        except EspeakError as error:
            utterance.deliver(error)
            return
        utterance.deliver(None)
        # Now rather than when the next one waits for its first sound.
        library.renew(utterance.voice)


def _drop(piece: Piece) -> bool:
    return True


class SharedEngine:
    """One engine for the whole process, alive while anyone holds it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders = 0
        self._engine: EspeakEngine | None = None

    def take(self, voice: str) -> EspeakEngine:
        """Hold the engine; start it for the first holder."""
        with self._lock:
            if self._engine is None:
                self._engine = EspeakEngine()
                self._engine.start(voice)
            self._holders += 1
            return self._engine

    def release(self) -> None:
        """Let it go; stops it after the last."""
        with self._lock:
            self._holders -= 1
            if self._holders == 0 and self._engine is not None:
                self._engine.stop()
                self._engine = None


shared = SharedEngine()
