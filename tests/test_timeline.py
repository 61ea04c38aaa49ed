# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What a trace shows: lanes and marks, made line by line."""

from __future__ import annotations

from typing import Any

import pytest

from trace_timeline import LANES, Mark, Timeline, lanes_of

Json = dict[str, Any]

BASE_MS = 1_700_000_000_000


class Story:
    """A trace that is made up, and the marks of it."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.marks: dict[str, Mark] = {}

    def line(self, t: float, **fields: Any) -> None:
        for mark in self.timeline.take({"t": t, **fields}):
            self.marks[mark.id] = mark

    def wire(self, t: float, what: str, socket: int = 1, **more: Any) -> None:
        self.line(t, wire=what, socket=socket, **more)

    def message(self, t: float, way: str, kind: str, socket: int = 1) -> None:
        self.wire(t, way, socket, message={"type": kind})

    def text(self, t: float, text: str, *, end: bool = False) -> None:
        fields = {"request_id": "r1", "text": text, "text_input_end": end}
        self.line(t, ten="in", name="tts_text_input", fields=fields)

    def out(self, t: float, name: str, **fields: Any) -> None:
        self.line(t, ten="out", name=name, fields=fields)

    def frame(self, t: float, seconds: float = 0.5) -> None:
        self.line(
            t,
            ten="out",
            name="pcm_frame",
            bytes=round(seconds * 24000) * 2,
            sample_rate=24000,
            timestamp_ms=BASE_MS,
        )

    def word(self, t: float, text: str, start_s: float, stop_s: float) -> None:
        word = {
            "word": text,
            "start_ms": BASE_MS + round(start_s * 1000),
            "duration_ms": round((stop_s - start_s) * 1000),
        }
        self.out(t, "tts_text_result", request_id="r1", words=[word])

    def of(self, lane: str) -> list[tuple[Any, ...]]:
        """The marks of a lane, in their order."""
        found = [mark for mark in self.marks.values() if mark.lane == lane]
        return [(m.kind, m.start_s, m.stop_s, m.text) for m in found]

    def spoken(self) -> None:
        """A request on a socket in reserve, as far as its first audio."""
        self.wire(0.0, "connect", host="x")
        self.wire(0.1, "open")
        self.text(1.0, "Hello there")
        self.message(1.0, "out", "setup")
        self.message(1.1, "in", "ready")
        self.out(1.3, "metrics", metrics={"ttfb": 300})
        self.frame(1.3)


def test_the_time_to_first_audio_is_a_round_trip_and_the_synthesis() -> None:
    story = Story()
    story.spoken()

    assert story.of("ttfb") == [
        ("round_trip", 1.0, 1.1, "1 round trip (100 ms)"),
        ("synthesis", 1.1, 1.3, "synthesis (200 ms)"),
        (
            "ttfb",
            1.0,
            1.3,
            "TTFB 300 ms = 1 round trip (100 ms) + synthesis (200 ms)",
        ),
    ]


def test_a_socket_of_its_own_is_part_of_the_time() -> None:
    story = Story()
    story.text(1.0, "Hello")
    story.wire(1.0, "connect", host="x")
    story.wire(1.25, "open")
    story.message(1.25, "out", "setup")
    story.message(1.35, "in", "ready")
    story.frame(1.5)

    assert story.of("ttfb")[-1][3] == (
        "TTFB 500 ms = own socket (250 ms) + 1 round trip (100 ms)"
        " + synthesis (150 ms)"
    )


def test_a_session_that_was_begun_ahead_has_no_answer_to_measure() -> None:
    story = Story()
    story.wire(0.0, "connect", host="x")
    story.wire(0.1, "open")
    story.message(0.1, "out", "setup")
    story.message(0.2, "in", "ready")
    story.text(1.0, "Hello there")
    story.frame(1.25)

    assert [mark[3] for mark in story.of("ttfb")] == [
        "1 round trip and synthesis (250 ms)",
        "TTFB 250 ms = 1 round trip and synthesis (250 ms)",
    ]


def test_what_the_time_was_spent_on_is_as_long_as_the_extension_says() -> None:
    story = Story()
    story.text(1.0, "Hello")  # and waits in TEN's queue
    story.wire(1.01, "connect", host="x")
    story.wire(1.25, "open")
    story.message(1.25, "out", "setup")
    story.message(1.35, "in", "ready")
    story.out(1.496, "metrics", metrics={"ttfb": 487})
    story.frame(1.5)

    *parts, whole = story.of("ttfb")
    assert [part[3] for part in parts] == [
        "own socket (237 ms)",
        "1 round trip (100 ms)",
        "synthesis (150 ms)",
    ]
    assert whole[3].startswith("TTFB 487 ms = ")
    assert round(whole[2] - whole[1], 3) == 0.487


def test_a_word_that_has_to_be_completed_is_waited_for() -> None:
    story = Story()
    story.wire(0.0, "connect", host="x")
    story.wire(0.1, "open")
    story.text(1.0, "Hel")
    story.message(1.04, "out", "setup")
    story.message(1.1, "in", "ready")
    story.frame(1.3)

    assert story.of("ttfb")[0] == ("wait", 1.0, 1.04, "first word (40 ms)")


def test_a_socket_is_opened_kept_used_and_over() -> None:
    story = Story()
    story.spoken()
    story.message(2.0, "in", "end_of_stream")
    story.wire(2.1, "lost", code="1000")

    assert story.of("sockets") == [
        ("connecting", 0.0, 0.1, "socket 1"),
        ("reserve", 0.1, 1.0, "socket 1"),
        ("setup", 1.0, 1.1, "socket 1"),
        ("session", 1.1, 2.0, "socket 1"),
        ("done", 2.0, 2.1, "socket 1"),
    ]


def test_sockets_that_overlap_have_rows() -> None:
    story = Story()
    story.wire(0.0, "connect", 1, host="x")
    story.wire(0.1, "connect", 2, host="x")
    story.wire(0.2, "close", 1)
    story.wire(0.3, "connect", 3, host="x")

    assert [mark.row for mark in story.marks.values()] == [0, 1, 0]


def test_words_stand_where_they_are_heard() -> None:
    story = Story()
    story.spoken()
    story.word(1.4, "Hello", 0.0, 0.3)
    story.word(1.4, "there", 0.3, 0.5)

    assert story.of("words") == [
        ("word", 1.3, 1.6, "Hello"),
        ("word", 1.6, 1.8, "there"),
    ]


def test_words_wait_for_sound_that_is_late() -> None:
    story = Story()
    story.spoken()  # half a second, from 1.3 on
    story.frame(2.3)
    story.word(2.3, "there", 0.5, 0.75)

    assert story.of("words") == [("word", 2.3, 2.55, "there")]
    levels = [(m.start_s, m.value) for m in story.marks.values()]
    assert (2.3, 0.0) in levels and (2.3, 0.5) in levels


def test_a_listener_that_tells_where_it_is_is_believed() -> None:
    story = Story()
    story.spoken()
    story.word(1.4, "Hello", 0.0, 0.3)
    played = {"request_id": "r1", "played_s": 0.1}
    story.line(1.6, page="played", **played)

    assert story.of("words") == [("word", 1.5, 1.8, "Hello")]


def test_what_is_cut_is_told_from_what_was_heard() -> None:
    story = Story()
    story.spoken()
    story.word(1.4, "Hello", 0.0, 0.2)
    story.word(1.4, "there", 0.2, 0.5)
    story.line(1.6, ten="in", name="tts_flush", fields={"flush_id": "f"})
    assert [mark[0] for mark in story.of("words")] == ["word", "cut"]

    # The listener knows better: the first one was not over.
    silent = {"request_id": "r1", "played_s": 0.15, "after_ms": 12.4}
    story.line(1.62, page="silent", **silent)
    assert [mark[0] for mark in story.of("words")] == ["cut", "cut"]
    assert story.of("events")[-1] == (
        "silent",
        1.62,
        1.62,
        "silent after 12 ms",
    )


def test_what_was_delivered_completely_can_still_be_cut() -> None:
    story = Story()
    story.spoken()  # half a second, from 1.3 on
    story.word(1.4, "Hello", 0.0, 0.2)
    story.word(1.4, "there", 0.2, 0.5)
    story.out(1.4, "tts_audio_end", request_id="r1", reason=1)
    story.line(1.6, ten="in", name="tts_flush", fields={"flush_id": "f"})

    assert [mark[0] for mark in story.of("words")] == ["word", "cut"]
    assert story.of("buffer")[-1][1:3] != (1.8, 1.8)
    assert max(mark[1] for mark in story.of("buffer")) == 1.6


def test_what_was_heard_completely_cannot_be_cut() -> None:
    story = Story()
    story.spoken()
    story.word(1.4, "Hello", 0.0, 0.5)
    story.out(1.4, "tts_audio_end", request_id="r1", reason=1)
    story.line(5.0, ten="in", name="tts_flush", fields={"flush_id": "f"})

    assert [mark[0] for mark in story.of("words")] == ["word"]
    assert max(mark[1] for mark in story.of("buffer")) == 1.8


def test_speech_that_was_cut_goes_on_after_a_word() -> None:
    story = Story()
    story.spoken()
    story.word(1.4, "Hello", 0.0, 0.3)
    story.wire(1.5, "lost", error="the line broke")
    story.wire(1.5, "connect", 2, host="x")
    story.wire(1.6, "open", 2)
    story.message(1.6, "out", "setup", 2)
    story.wire(1.7, "lost", 2, error="again")
    story.message(1.9, "out", "setup", 3)

    assert story.of("events") == [
        ("resume", 1.6, 1.6, "goes on after “Hello”"),
        ("retry", 1.9, 1.9, "tried again"),
    ]
    lost = [mark for mark in story.of("sockets") if mark[0] == "lost"]
    assert lost == [
        ("lost", 1.5, 1.5, "socket 1"),
        ("lost", 1.7, 1.7, "socket 2"),
    ]


def test_a_session_that_was_begun_ahead_counts_where_speech_goes_on() -> None:
    story = Story()
    story.wire(0.0, "connect", host="x")
    story.wire(0.1, "open")
    story.message(0.1, "out", "setup")
    story.text(1.0, "Hello there")
    story.frame(1.2)
    story.word(1.4, "Hello", 0.0, 0.3)
    story.wire(1.5, "lost", error="the line broke")
    story.message(1.6, "out", "setup", 2)

    assert story.of("events") == [("resume", 1.6, 1.6, "goes on after “Hello”")]


def test_lines_that_mean_nothing_make_no_marks() -> None:
    timeline = Timeline()
    lines: list[Json] = [
        {},
        {"t": 1.0, "wire": "in"},
        {"t": 1.0, "wire": "open", "socket": 7},
        {"t": 1.0, "ten": "in", "name": "tts_text_input", "fields": {}},
        {"t": 1.0, "ten": "out", "name": "pcm_frame"},
        {"t": 1.0, "page": "played", "request_id": "?", "played_s": 1},
        {"t": 1.0, "ten": "in", "name": "tts_text_input", "fields": "too deep"},
    ]

    assert [timeline.take(line) for line in lines] == [[] for _ in lines]


def test_where_no_socket_is_known_no_lane_says_that_there_is_none() -> None:
    """Of another extension a host sees its texts, its audio and its words."""
    story = Story()
    story.text(1.0, "Hello there", end=True)
    story.frame(1.3)
    story.out(1.4, "tts_audio_end", request_id="r1", reason=1)
    seen = [lane.name for lane in lanes_of(list(story.marks.values()))]
    story.wire(2.0, "connect", host="x")
    all_of_it = lanes_of(list(story.marks.values()))

    assert story.of("ttfb") == [
        ("synthesis", 1.0, 1.3, "extension and vendor (300 ms)"),
        ("ttfb", 1.0, 1.3, "TTFB 300 ms = extension and vendor (300 ms)"),
    ]
    assert seen == [lane.name for lane in LANES if lane.name != "sockets"]
    assert all_of_it == list(LANES)


def test_words_of_frames_without_a_time_count_from_the_first_word() -> None:
    story = Story()
    story.text(1.0, "Hello there", end=True)
    size = {"bytes": 48000, "sample_rate": 24000, "timestamp_ms": 0}
    story.line(1.3, ten="out", name="pcm_frame", **size)
    story.word(1.4, "Hello", 0.0, 0.3)
    story.word(1.5, "there", 0.3, 0.6)

    assert story.of("words") == [
        ("word", 1.3, 1.6, "Hello"),
        ("word", 1.6, pytest.approx(1.9), "there"),
    ]


def test_every_mark_is_in_a_lane() -> None:
    story = Story()
    story.spoken()
    story.out(2.0, "error", message="no", code=-1000)
    story.out(2.1, "tts_audio_end", request_id="r1", reason=1)

    lanes = {lane.name for lane in LANES}
    assert {mark.lane for mark in story.marks.values()} <= lanes
