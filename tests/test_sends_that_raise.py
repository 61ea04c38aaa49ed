# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A graph that takes nothing: a send raises, once or for a whole request.

Whatever it is that raises, the request ends, the base is told so, and the
next request is spoken.
"""

from __future__ import annotations

from typing import Any

import pytest

from gradium_tts_python.extension import GradiumTTSExtension
from ten_ai_base.message import ModuleError, TTSAudioEndReason
from ten_ai_base.struct import TTSTextResult

from .properties.memory_transport import Failure, Plan
from .properties.test_life_properties import Player, Say, Script, Wait
from .properties.virtual_loop import run_virtually
from .story import spoken, tell

BROKEN = "a0"


class Raising(GradiumTTSExtension):
    """One of its sends raises for the request `a0`."""

    call = ""
    times = 0

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.left = self.times
        self.finished: list[tuple[str, int]] = []

    def check(self, call: str, request_id: str | None) -> None:
        """Raise, if it is this call's turn."""
        if call == self.call and request_id == BROKEN and self.left:
            self.left -= 1
            raise RuntimeError(f"{call} of {request_id}")

    async def send_tts_ttfb_metrics(
        self, request_id: str, *rest: Any, **more: Any
    ) -> None:
        self.check("ttfb", request_id)
        await super().send_tts_ttfb_metrics(request_id, *rest, **more)

    async def send_tts_audio_start(
        self, request_id: str, *rest: Any, **more: Any
    ) -> None:
        self.check("audio_start", request_id)
        await super().send_tts_audio_start(request_id, *rest, **more)

    async def send_tts_audio_data(
        self, audio: bytes, timestamp: int = 0
    ) -> None:
        self.check("audio_data", self.current_audio_request_id)
        await super().send_tts_audio_data(audio, timestamp)

    async def send_tts_text_result(self, t: TTSTextResult) -> None:
        self.check("text_result", t.request_id)
        await super().send_tts_text_result(t)

    async def send_usage_metrics(
        self, request_id: str = "", *rest: Any, **more: Any
    ) -> None:
        self.check("usage_metrics", request_id)
        await super().send_usage_metrics(request_id, *rest, **more)

    async def send_tts_audio_end(
        self, request_id: str, *rest: Any, **more: Any
    ) -> None:
        self.check("audio_end", request_id)
        await super().send_tts_audio_end(request_id, *rest, **more)

    async def send_tts_error(
        self, request_id: str | None, *rest: Any, **more: Any
    ) -> None:
        self.check("error", request_id)
        await super().send_tts_error(request_id, *rest, **more)

    async def finish_request(
        self,
        request_id: str,
        reason: TTSAudioEndReason = TTSAudioEndReason.REQUEST_END,
        error: ModuleError | None = None,
    ) -> None:
        self.finished.append((request_id, int(reason)))
        await super().finish_request(request_id, reason, error)


HEARD = [f"start {BROKEN}", "audio"]
FAILED = [f"error {BROKEN}", f"end {BROKEN} error"]
ALWAYS = 1000
REQUEST_END, ERROR = 1, 3


@pytest.mark.parametrize("times", [1, ALWAYS], ids=["once", "always"])
@pytest.mark.parametrize("is_ended", [True, False], ids=["ended", "open"])
@pytest.mark.parametrize(
    ("call", "story", "reason"),
    [
        ("ttfb", [*HEARD, *FAILED], ERROR),
        ("audio_start", FAILED, ERROR),
        ("audio_data", [*HEARD[:1], *FAILED], ERROR),
        ("text_result", [*HEARD, *FAILED], ERROR),
        (
            "usage_metrics",
            [*HEARD, f"end {BROKEN} request_end"],
            REQUEST_END,
        ),
        ("audio_end", HEARD, REQUEST_END),
    ],
)
def test_a_send_that_raises_ends_its_request_alone(
    call: str, story: list[str], reason: int, is_ended: bool, times: int
) -> None:
    told, finished = play_broken(call, times, is_ended)

    assert told == [*story, *spoken("b0")]
    # The last text of a failed request comes late, and lets the base go on.
    late = [(BROKEN, ERROR)] if reason == ERROR and not is_ended else []
    assert finished == [(BROKEN, reason), *late, ("b0", REQUEST_END)]


@pytest.mark.parametrize("times", [1, ALWAYS], ids=["once", "always"])
def test_usage_that_cannot_be_told_ends_its_request(times: int) -> None:
    told, finished = play_broken("usage_metrics", times, True)

    assert told[:2] == HEARD
    assert told[-3:] == spoken("b0")
    assert finished == [(BROKEN, REQUEST_END), ("b0", REQUEST_END)]


@pytest.mark.parametrize("times", [1, ALWAYS], ids=["once", "always"])
def test_an_error_that_cannot_be_told_ends_its_request(times: int) -> None:
    refused = Plan(failure=Failure.FINAL_ERROR, after_messages=1)

    told, finished = play_broken("error", times, True, refused)

    assert told == [f"end {BROKEN} error", *spoken("b0")]
    assert finished == [(BROKEN, ERROR), ("b0", REQUEST_END)]


def play_broken(
    call: str, times: int, is_ended: bool, *plans: Plan
) -> tuple[list[str], list[tuple[str, int]]]:
    """Speak `a0` with a call that raises, then `b0`.

    Returns:
        What the graph was told, and what the base was told to finish.
    """
    kind = type("Once", (Raising,), {"call": call, "times": times})
    steps = (
        Say("a", 3, is_ended),
        Wait(9.0),
        *([] if is_ended else [Say("a", 0, True)]),
        Say("b", 3, True),
        Wait(9.0),
    )
    player = Player(Script(steps, plans, is_stopped_early=True), kind)
    record = run_virtually(player.play())
    assert isinstance(player.extension, Raising)
    return tell(record.events()), player.extension.finished
