# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""From the lines of a trace to the marks of a timeline, line by line.

A trace is what `GRADIUM_TTS_TRACE` writes, or what a host saw of an extension
(`ten_host.seen`): the same without its sockets. A listener may add lines of its
own, which replays pass over:

    {"t": …, "page": "played", "request_id": …, "played_s": …}
    {"t": …, "page": "silent", "request_id": …, "played_s": …, "after_ms": …}
    {"t": …, "page": "refused_settings", "message": …}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .marks import Mark
from .request import Attempt, Request
from .sockets import Sockets

Json = Mapping[str, Any]

_REASONS = {1: "end of the speech", 2: "interrupted", 3: "ended by an error"}


class Timeline:
    """Follows one run of an extension."""

    def __init__(self) -> None:
        self._sockets = Sockets()
        self._requests: dict[str, Request] = {}
        self._is_wire_known = False
        # Those that wait or speak, in order: the first one speaks.
        self._running: list[str] = []
        self._told = 0

    def take(self, line: Json) -> list[Mark]:
        """Return the marks that a line makes, or changes by their id.

        Lines that mean nothing here, or lack something, make none.
        """
        try:
            if "wire" in line:
                return self._wire(line)
            if line.get("ten") == "in":
                return self._received(line, line.get("fields") or {})
            if line.get("ten") == "out":
                return self._sent(line, line.get("fields") or {})
            if "page" in line:
                return self._listener(line)
            return []
        except (KeyError, TypeError, ValueError):
            return []

    # --------------------------------------------------------------- the wire

    def _wire(self, line: Json) -> list[Mark]:
        self._is_wire_known = True
        marks = self._sockets.take(line)
        message = line.get("message")
        kind = message.get("type") if isinstance(message, Mapping) else None
        request = self._speaking()
        if request is None:
            return marks
        at_s = float(line["t"])
        if (line["wire"], kind) == ("out", "setup"):
            open_s = self._sockets.open_s(int(line["socket"]))
            request.attempt = Attempt(at_s, open_s)
            return [*marks, *self._setup(request, at_s)]
        if (line["wire"], kind) == ("in", "ready") and request.attempt:
            request.attempt.ready_s = at_s
        failure = _failure_of(line, message)
        if line["wire"] == "abort" and not request.playback.is_stopped:
            failure = request.failure or "given up: it kept silent"
        if failure:
            request.failure = failure
        return marks

    def _setup(self, request: Request, at_s: float) -> list[Mark]:
        request.sessions += 1
        failure, request.failure = request.failure, ""
        if request.sessions == 1 and not failure:
            return []
        has_spoken = request.has_spoken()
        if not has_spoken:
            text = "tried again"
        elif failure:
            text = f"goes on after “{request.last_word}”"
        else:
            text = "goes on in a new session"
        kind = "resume" if has_spoken else "retry"
        return [self._event(kind, at_s, text, failure)]

    # -------------------------------------------------------------- the graph

    def _received(self, line: Json, fields: Json) -> list[Mark]:
        at_s, name = float(line["t"]), str(line.get("name"))
        if name == "tts_text_input":
            return self._text(fields, at_s)
        if name == "tts_flush":
            marks = [self._event("flush", at_s, "interrupted")]
            # What was delivered completely can still be heard.
            for request in self._requests.values():
                marks += request.cut(at_s)
            return marks
        if name == "update_configs":
            return [self._event("settings", at_s, "settings", str(fields))]
        return []

    def _text(self, fields: Json, at_s: float) -> list[Mark]:
        request_id, text = str(fields["request_id"]), str(fields["text"])
        if request_id not in self._running:
            if not _is_speakable(text):
                return []
            self._requests[request_id] = Request(request_id, at_s)
            self._running.append(request_id)
        is_end = bool(fields.get("text_input_end"))
        self._told += 1
        return [
            Mark(
                f"text-{self._told}",
                "text",
                "end" if is_end else "text",
                at_s,
                at_s,
                text.strip(),
                "the end of the text" if is_end else "",
            )
        ]

    def _sent(self, line: Json, fields: Json) -> list[Mark]:
        at_s, name = float(line["t"]), str(line.get("name"))
        speaking = self._speaking()
        if name == "pcm_frame" and speaking:
            speaking.is_wire_known = self._is_wire_known
            return speaking.frame(line, at_s)
        if name == "metrics" and speaking and not speaking.audio_s:
            speaking.ttfb_ms = int(fields["metrics"].get("ttfb") or 0)
        if name == "tts_text_result":
            request = self._requests.get(str(fields["request_id"]))
            return request.words(fields) if request else []
        if name == "tts_audio_end":
            return self._ended(fields, at_s)
        if name == "tts_flush_end":
            self._running.clear()
            return [self._event("flush_end", at_s, "flush done")]
        if name == "error":
            text = str(fields.get("message", ""))
            return [self._event("error", at_s, "error", text)]
        return []

    def _ended(self, fields: Json, at_s: float) -> list[Mark]:
        request_id = str(fields["request_id"])
        request = self._requests.get(request_id)
        if request_id in self._running:
            self._running.remove(request_id)
        text = _REASONS.get(int(fields["reason"]), "ended")
        event = self._event("done", at_s, text, request_id)
        return [event, *(request.drained() if request else [])]

    # ----------------------------------------------------------- the listener

    def _listener(self, line: Json) -> list[Mark]:
        at_s = float(line["t"])
        if line["page"] == "refused_settings":
            told = str(line.get("message", ""))
            return [self._event("error", at_s, "settings refused", told)]
        played_s = float(line["played_s"])
        request = self._requests.get(str(line["request_id"]))
        marks = request.heard(played_s, at_s) if request else []
        if line["page"] == "silent":
            text = f"silent after {float(line['after_ms']):.0f} ms"
            marks.append(self._event("silent", at_s, text))
        return marks

    # ---------------------------------------------------------------- helpers

    def _speaking(self) -> Request | None:
        return self._requests[self._running[0]] if self._running else None

    def _event(
        self, kind: str, at_s: float, text: str, detail: str = ""
    ) -> Mark:
        self._told += 1
        return Mark(
            f"event-{self._told}", "events", kind, at_s, at_s, text, detail
        )


def _failure_of(line: Json, message: Any) -> str:
    """Say how a socket or a session failed; empty if it did not."""
    if line["wire"] in ("lost", "refused") and not line.get("is_late"):
        return str(line.get("error") or line["wire"])
    if line["wire"] == "in" and isinstance(message, Mapping):
        if message.get("type") == "error":
            return str(message.get("message") or "refused").splitlines()[0]
    return ""


def _is_speakable(text: str) -> bool:
    return any(character.isalnum() for character in text)
