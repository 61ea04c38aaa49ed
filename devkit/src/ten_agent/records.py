# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What is kept of a conversation: its files, where a folder was asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ten_host.wav import write_wav

from .utterance import Speech

SUMMARY, WHOLE = "conversation.json", "conversation.wav"


class Records:
    """Collects; writes at the end.

    Args:
        folder: `None` for no files at all.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._spoken: list[dict[str, Any]] = []
        self._user: list[dict[str, Any]] = []
        # Where on the clock each piece of sound lies.
        self._sound: list[tuple[float, bytes]] = []
        self._rate_hz = 0
        self.stray_frames = 0
        self.errors: list[str] = []
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def user(self, text: str, at_s: float) -> None:
        """The user said something."""
        self._user.append({"at_s": round(at_s, 3), "text": text})

    def spoken(self, speech: Speech, at_s: float) -> None:
        """The agent said something, which was heard until then."""
        pcm = speech.pcm(at_s)
        if pcm and self._folder is not None:
            name = f"{len(self._spoken) + 1:02d}-{speech.request_id}.wav"
            write_wav(self._folder / name, pcm, speech.rate_hz)
            speech.file = name
            self._sound.append((speech.begin_s, pcm))
            self._rate_hz = speech.rate_hz
        rate_hz = speech.rate_hz or 1
        self._spoken.append(
            {
                "request_id": speech.request_id,
                "at_s": round(speech.begin_s, 3),
                "reason": speech.reason,
                "audio_ms": len(pcm) * 500 // rate_hz,
                "ttfb_ms": speech.ttfb_ms,
                "text": speech.text,
                "heard": speech.heard_text,
                "file": speech.file,
            }
        )

    def write(self) -> None:
        """Write the summary and the sound of it all."""
        if self._folder is None:
            return
        summary = {
            "user": self._user,
            "spoken": self._spoken,
            "stray_frames": self.stray_frames,
            "errors": self.errors,
        }
        text = json.dumps(summary, indent=2, ensure_ascii=False)
        (self._folder / SUMMARY).write_text(f"{text}\n", "utf-8")
        if self._sound:
            write_wav(self._folder / WHOLE, self._whole(), self._rate_hz)

    def _whole(self) -> bytes:
        """All that was heard, with the silence between."""
        whole = bytearray()
        begin_s = self._sound[0][0]
        for at_s, pcm in self._sound:
            position = 2 * round((at_s - begin_s) * self._rate_hz)
            whole += bytes(max(0, position - len(whole)))
            whole += pcm
        return bytes(whole)
