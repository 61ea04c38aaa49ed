# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The lanes of one request: its first audio, its frames and its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .marks import Mark
from .playback import Playback

Json = Mapping[str, Any]


@dataclass(frozen=True)
class _Word:
    """A word, and where it lies in the sound of its request."""

    index: int
    text: str
    start_s: float
    stop_s: float


@dataclass
class Attempt:
    """The request's latest session.

    Attributes:
        setup_s: when it was asked for.
        open_s: when its socket was open.
        ready_s: when the server accepted it; 0 is not yet.
    """

    setup_s: float
    open_s: float
    ready_s: float = 0.0


@dataclass
class Request:
    """What is known of one request.

    Attributes:
        asked_s: when its first speakable text came.
        ttfb_ms: the time to its first audio, as the extension told it.
        audio_s: when its first frame left; 0 is not yet.
        sessions: how many it has taken.
        failure: why the last one failed; empty if it did not.
        is_wire_known: whether anything is known of sockets.
    """

    id: str
    asked_s: float
    ttfb_ms: int = 0
    audio_s: float = 0.0
    sessions: int = 0
    failure: str = ""
    is_wire_known: bool = False
    attempt: Attempt | None = None
    playback: Playback = field(default_factory=Playback)
    _base_ms: int = 0
    _words: list[_Word] = field(default_factory=list)
    _frames: int = 0
    _frames_before: int = 0
    _is_delivered: bool = False

    @property
    def last_word(self) -> str:
        """The last word that was delivered, or nothing."""
        return self._words[-1].text if self._words else ""

    def has_spoken(self) -> bool:
        """Whether a frame has left since this was asked for the last time."""
        before, self._frames_before = self._frames_before, self._frames
        return self._frames > before

    def frame(self, line: Json, at_s: float) -> list[Mark]:
        """A frame left."""
        marks = []
        if not self.audio_s:
            self.audio_s = at_s
            self._base_ms = int(line.get("timestamp_ms") or 0)
            marks = self._first_audio()
        duration_s = int(line["bytes"]) / 2 / int(line["sample_rate"])
        before = self.level(at_s, f"{self._frames}a")
        self.playback.delivered(duration_s, at_s)
        # It may speak in a session that was begun before it.
        self.sessions = max(self.sessions, 1)
        self._frames += 1
        frame = Mark(
            f"{self.id}-frame-{self._frames}",
            "frames",
            "frame",
            at_s,
            at_s,
            "",
            f"{line['bytes']} bytes, {self.playback.delivered_s:.2f} s in all",
            value=duration_s,
        )
        return [*marks, frame, before, self.level(at_s, f"{self._frames}b")]

    def words(self, fields: Json) -> list[Mark]:
        """Words were told."""
        marks = []
        for told in fields.get("words") or ():
            text = str(told["word"]).strip()
            # Frames without times: the words alone tell when it began.
            self._base_ms = self._base_ms or int(told["start_ms"])
            start_s = (int(told["start_ms"]) - self._base_ms) / 1000
            stop_s = start_s + int(told["duration_ms"]) / 1000
            if text and self.playback.has_begun:
                word = _Word(len(self._words), text, start_s, stop_s)
                self._words.append(word)
                marks.append(self._mark_of(word))
        return marks

    def heard(self, played_s: float, at_s: float) -> list[Mark]:
        """The listener tells how much has been heard."""
        if not self.playback.has_begun:
            return []
        if self.playback.is_stopped:
            self.playback.stopped(played_s)
            return [self._mark_of(word) for word in self._words]
        marks = [self.level(at_s, f"at-{at_s:.3f}")]
        if self.playback.reported(played_s, at_s):
            marks += [
                self._mark_of(word)
                for word in self._words
                if word.stop_s >= played_s or played_s < 0.5
            ]
        return marks

    def cut(self, at_s: float) -> list[Mark]:
        """Nothing more of it is heard."""
        if not self.playback.has_begun or self.playback.is_stopped:
            return []
        level = self.level(at_s, "before-cut")
        if not level.value and self._is_delivered:
            return []  # it was over before
        self.playback.stop(at_s)
        after = self._empty(at_s)
        return [level, after, *(self._mark_of(word) for word in self._words)]

    def drained(self) -> list[Mark]:
        """All has been delivered: the buffer empties by itself."""
        self._is_delivered = True
        if not self.playback.has_begun or self.playback.is_stopped:
            return []
        return [
            self._empty(self.playback.heard_at_s(self.playback.delivered_s))
        ]

    def _empty(self, at_s: float) -> Mark:
        """Nothing is left to be heard; told again where it is cut."""
        name = f"{self.id}-empty"
        return Mark(name, "buffer", "level", at_s, at_s, self.id)

    def level(self, at_s: float, name: str) -> Mark:
        """Return how much is delivered and not yet heard."""
        return Mark(
            f"{self.id}-level-{name}",
            "buffer",
            "level",
            at_s,
            at_s,
            self.id,
            value=self.playback.buffered_s(at_s),
        )

    def _mark_of(self, word: _Word) -> Mark:
        start_s = self.playback.heard_at_s(word.start_s)
        stop_s = self.playback.heard_at_s(word.stop_s)
        is_cut = self.playback.is_cut_before(word.stop_s)
        return Mark(
            f"{self.id}-word-{word.index}",
            "words",
            "cut" if is_cut else "word",
            start_s,
            stop_s,
            word.text,
            f"{word.start_s:.2f} to {word.stop_s:.2f} s of the sound",
        )

    def _waited_for(self) -> str:
        """Say what held the first session up."""
        if self.sessions > 1:
            return "retry"
        if self.attempt and self.attempt.open_s > self.asked_s:
            return "own socket"
        return "first word"

    def _spans(self, begin_s: float) -> list[tuple[str, str, float]]:
        """Kind, name and begin of what the first audio waited for."""
        attempt = self.attempt
        if attempt is None:
            # Its session was there before; no answer tells the way's share.
            name = "1 round trip and synthesis"
            if not self.is_wire_known:
                name = "extension and vendor"
            return [("synthesis", name, begin_s)]
        ready_s = attempt.ready_s or attempt.setup_s
        return [
            ("wait", self._waited_for(), begin_s),
            ("round_trip", "1 round trip", max(attempt.setup_s, begin_s)),
            ("synthesis", "synthesis", max(ready_s, begin_s)),
        ]

    def _first_audio(self) -> list[Mark]:
        """Say where the time to the first audio went.

        What the extension told is believed: a text waits in TEN's queue
        before it counts, which the trace alone does not show.
        """
        begin_s = self.asked_s
        if self.ttfb_ms:
            begin_s = max(begin_s, self.audio_s - self.ttfb_ms / 1000)
        ttfb_ms = self.ttfb_ms or round((self.audio_s - begin_s) * 1000)
        spans = self._spans(begin_s)
        marks, parts, left_ms = [], [], ttfb_ms
        stops = [*(span[2] for span in spans[1:]), self.audio_s]
        for (kind, name, start_s), stop_s in zip(spans, stops, strict=True):
            length_ms = min(left_ms, round((stop_s - start_s) * 1000))
            if kind == "wait" and length_ms < 2:
                continue
            if kind == "synthesis":  # the rest, so that they make up the sum
                length_ms = left_ms
            left_ms -= length_ms
            name = f"{name} ({length_ms} ms)"
            mark_id = f"{self.id}-{kind}"
            marks.append(Mark(mark_id, "ttfb", kind, start_s, stop_s, name))
            parts.append(name)
        whole = Mark(
            f"{self.id}-ttfb",
            "ttfb",
            "ttfb",
            begin_s,
            self.audio_s,
            f"TTFB {ttfb_ms} ms = {' + '.join(parts)}",
            "from the first text that can be spoken to the first frame",
        )
        return [*marks, whole]
