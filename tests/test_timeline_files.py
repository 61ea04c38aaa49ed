# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A timeline as a file, and the command that makes it of a trace."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from trace_timeline import LANES, Mark, marks_of
from trace_timeline.files import write
from trace_timeline.page import page_of

BASE_MS = 1_700_000_000_000
COSTS = "costs $5 and $6 </script>"


def trace_of(words: list[str]) -> list[dict[str, Any]]:
    """A run of one request, whose words last for half a second each."""
    sent: dict[str, Any] = {"request_id": "r1", "text": " ".join(words)}
    sent["text_input_end"] = True
    told = [
        {"word": word, "start_ms": BASE_MS + 500 * i, "duration_ms": 400}
        for i, word in enumerate(words)
    ]
    out = {"t": 1.2, "ten": "out"}
    size = {"bytes": 24000, "sample_rate": 24000, "timestamp_ms": BASE_MS}
    return [
        {"t": 0.0, "ten": "start"},
        {"t": 0.0, "wire": "connect", "socket": 1, "host": "x"},
        {"t": 0.3, "wire": "open", "socket": 1},
        {"t": 1.0, "ten": "in", "name": "tts_text_input", "fields": sent},
        *({**out, "name": "pcm_frame", **size} for _ in words),
        {
            **out,
            "name": "tts_text_result",
            "fields": {"request_id": "r1", "words": told},
        },
        {"t": 1.3, "page": "played", "request_id": "r1", "played_s": 0.1},
        {"t": 1.4, "wire": "lost", "socket": 1, "error": "gone"},
    ]


def size_of(png: Path) -> tuple[int, int]:
    """Width and height of a PNG."""
    head = png.read_bytes()[16:24]
    return int.from_bytes(head[:4], "big"), int.from_bytes(head[4:], "big")


@pytest.mark.thorough
def test_long_speech_is_wrapped_into_rows(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    write(marks_of(trace_of(["one", "two"])), tmp_path / "short.png", "")
    write(marks_of(trace_of(["word"] * 60)), tmp_path / "long.png", "")

    (width, height), (wide, high) = (
        size_of(tmp_path / f"{name}.png") for name in ("short", "long")
    )
    assert wide == width
    assert high == pytest.approx(3 * height, abs=3)


@pytest.mark.thorough
def test_letters_that_no_font_has_are_drawn_without_a_word(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    strange = ["你好", "\U00010a00", "नमस्ते", COSTS]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write(marks_of(trace_of(strange)), tmp_path / "a.svg", "")

    assert capfd.readouterr() == ("", "")
    assert (tmp_path / "a.svg").read_text("utf-8").startswith("<?xml")


def test_the_page_has_all_marks_and_needs_nothing_else() -> None:
    marks = marks_of(trace_of([COSTS]))
    page = page_of(marks, "a <b> trace")

    (tree,) = re.findall(
        r'<script type="application/json" id="tree">(.*?)</script>', page
    )
    assert json.loads(tree) == {
        "title": "a <b> trace",
        "lanes": [{"name": one.name, "title": one.title} for one in LANES],
        "marks": [mark.tree() for mark in marks],
    }
    assert not re.search(r"(src|href|import)\s*[=(]?\s*[\"'](?!#)", page)


def test_only_the_last_run_of_a_trace_is_drawn() -> None:
    first, last = trace_of(["one"]), trace_of(["two"])

    words = [mark for mark in marks_of(first + last) if mark.lane == "words"]

    assert [mark.text for mark in words] == ["two"]
    assert all(isinstance(mark, Mark) for mark in words)


@pytest.mark.parametrize(
    ("content", "output", "code", "says"),
    [
        ("trace", "a.html", 0, ""),
        ("trace", "a.gif", 2, "must end in one of .png, .svg, .pdf, .html"),
        ("trace", "no/a.html", 1, "cannot write no/a.html: No such file"),
        (None, "a.html", 1, "cannot read t.jsonl: No such file"),
        ("no trace", "a.html", 1, "t.jsonl is no trace: "),
        ("[1]", "a.html", 1, "t.jsonl is no trace: "),
        ("", "a.html", 1, "there is nothing to draw in it"),
    ],
)
def test_the_command_draws_or_says_why_not(
    tmp_path: Path, content: str | None, output: str, code: int, says: str
) -> None:
    if content == "trace":
        content = "\n".join(map(json.dumps, trace_of(["one"])))
    if content is not None:
        (tmp_path / "t.jsonl").write_text(content)

    done = subprocess.run(
        [sys.executable, "-m", "trace_timeline", "t.jsonl", "-o", output],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == code
    assert (tmp_path / output).exists() == (code == 0)
    assert done.stderr.count("\n") == bool(code)
    assert says in done.stderr
