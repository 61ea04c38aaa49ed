# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`./dev agent`: whole conversations through a graph of extensions."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest
from language_model import LanguageModel, language_model

from gradium_sim import tones

pytestmark = [
    pytest.mark.skipif(
        not Path(sys.prefix, ".installed-speak").exists(),
        reason="this Python was not set up by ./dev",
    ),
    # It runs on nothing else, and says so where a TEN is.
    pytest.mark.stand_in,
]

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "examples" / "conversations" / "interruptions.json"


# As fast as it can be listened to.
COMMAND = (str(ROOT / "dev"), "agent", "--voice=tones", "--speed=6")


def agent(
    *arguments: str, says: str = "", cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if "API_KEY" not in k}
    # The environment that runs this test, rather than a new one.
    environment["GRADIUM_DEV_VENV"] = sys.prefix
    return subprocess.run(
        [*COMMAND, *arguments],
        input=says,
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )


def words_in(path: Path) -> list[str]:
    """The words of a WAV file; one that was cut ends in `…`."""
    with wave.open(str(path)) as wav:
        pcm = wav.readframes(wav.getnframes())
        return tones.decode(pcm, wav.getframerate())


def test_the_shipped_conversation_loses_and_repeats_nothing(
    tmp_path: Path,
) -> None:
    done = agent("--script", str(SCRIPT), "-o", str(tmp_path))

    assert (done.returncode, done.stderr) == (0, "")
    script = json.loads(SCRIPT.read_text())
    summary = json.loads((tmp_path / "conversation.json").read_text())
    assert summary["errors"] == []
    # Nothing is spoken after an interruption.
    assert summary["stray_frames"] == 0

    expected = [("tts-request-0", script["greeting"], None)]
    turn_id = 0
    for turn in script["turns"]:
        cut_s = turn.get("interrupt_after_s")
        if turn["user"]:
            turn_id += 1
            expected.append((f"tts-request-{turn_id}", turn["reply"], cut_s))
        else:
            expected.append(("tts-request-0", script["greeting"], None))
    assert turn_id == 5
    assert sum(cut_s is not None for _, _, cut_s in expected) == 3
    for spoken, (request_id, text, cut_s) in zip(
        summary["spoken"], expected, strict=True
    ):
        words = words_in(tmp_path / spoken["file"])
        assert spoken["request_id"] == request_id
        if cut_s is None:
            assert (spoken["reason"], words) == ("end", text.split())
        else:
            assert spoken["reason"] == "interrupted"
            assert spoken["audio_ms"] >= cut_s * 1000
            complete = [word for word in words if not word.endswith("…")]
            assert len(words) - len(complete) <= 1
            assert complete == text.split()[: len(complete)]
            assert len(complete) < len(text.split())
        assert text.startswith(spoken["text"])
        # The last one that was heard may have ended with the sound.
        heard = spoken["heard"].split()
        assert heard == text.split()[: len(heard)]
        assert 0 <= len([w for w in words if w[-1] != "…"]) - len(heard) <= 1
    said = [turn["user"] for turn in script["turns"] if turn["user"]]
    assert [one["text"] for one in summary["user"]] == said
    assert done.stdout.count("interrupted at") == 3
    whole = words_in(tmp_path / "conversation.wav")
    pieces = [words_in(tmp_path / one["file"]) for one in summary["spoken"]]
    assert whole == [word for piece in pieces for word in piece]


def test_a_line_of_the_console_is_answered(tmp_path: Path) -> None:
    drawn = tmp_path / "talk.html"
    files = ("-o", str(tmp_path), f"--timeline={drawn}")
    done = agent(*files, says="good morning to you\n")

    assert (done.returncode, done.stderr) == (0, "")
    summary = json.loads((tmp_path / "conversation.json").read_text())
    (answer,) = [
        spoken
        for spoken in summary["spoken"]
        if spoken["request_id"] == "tts-request-1"
    ]
    words = " ".join(words_in(tmp_path / answer["file"]))
    assert words.startswith("You said: good morning to you.")
    # Of what its own trace tells: another extension has no sockets to show.
    assert '"name": "sockets"' in drawn.read_text("utf-8")


@pytest.fixture
def model() -> Iterator[LanguageModel]:
    with language_model() as running:
        yield running


def test_an_endpoint_of_openais_kind_writes_the_replies(
    tmp_path: Path, model: LanguageModel
) -> None:
    done = agent(
        "--llm-url",
        model.url,
        "--llm-model",
        "a-model",
        "-o",
        str(tmp_path),
        says="how is the weather\n",
    )

    assert (done.returncode, done.stderr) == (0, "")
    (asked,) = model.asked
    assert asked["model"] == "a-model"
    assert asked["messages"][0] == {
        "role": "user",
        "content": "how is the weather",
    }
    summary = json.loads((tmp_path / "conversation.json").read_text())
    answer = summary["spoken"][-1]
    assert answer["request_id"] == "tts-request-1"
    assert words_in(tmp_path / answer["file"]) == ["It", "is", "sunny."]


def test_an_interrupted_reply_stays_in_the_context_as_it_was_heard(
    tmp_path: Path, model: LanguageModel
) -> None:
    long = "It was **sunny** all day, said the old man at the door, very sunny."
    model.tokens = long.partition(" ")
    script = tmp_path / "script.json"
    turns = [
        {"user": "How was the weather", "interrupt_after_s": 2.0},
        {"user": "And the food"},
    ]
    script.write_text(json.dumps({"greeting": "Hi.", "turns": turns}))

    done = agent(
        "--llm-url", model.url, "--script", str(script), "-o", str(tmp_path)
    )

    assert (done.returncode, done.stderr) == (0, "")
    first, second = (asked["messages"] for asked in model.asked)
    question = {"role": "user", "content": "How was the weather"}
    assert first == [question]
    assert [second[0], second[-1]] == [
        question,
        {"role": "user", "content": "And the food"},
    ]
    # How much depends on the machine; nothing leaves no message.
    for reply in second[1:-1]:
        assert reply["role"] == "assistant"
        assert long.startswith(reply["content"])
        assert 0 < len(reply["content"]) < len(long)
    assert len(second) in (2, 3)


def test_a_model_that_nobody_is_behind_is_one_sentence(tmp_path: Path) -> None:
    url = "http://127.0.0.1:1/v1"
    done = agent("--llm-url", url, says="hello\n", cwd=tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        f"agent: no answer from the language model at {url}/chat/completions: "
    )
    assert done.stderr.count("\n") == 1


@pytest.mark.thorough
def test_a_model_that_fails_ends_the_turn_and_the_code_says_so(
    model: LanguageModel,
) -> None:
    model.status = 500
    done = agent("--llm-url", model.url, says="hello\n")

    assert done.returncode == 1
    assert "HTTP 500" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.thorough
def test_nothing_is_written_that_nobody_asked_for(tmp_path: Path) -> None:
    done = agent(says="good morning\n", cwd=tmp_path)

    assert done.returncode == 0
    assert "/quit, Ctrl-D or Ctrl-C" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.thorough
def test_a_terminal_strikes_out_what_was_cut(tmp_path: Path) -> None:
    person = Person(tmp_path)
    person.until("help")
    person.types("tell me everything that you know about the sea please")
    person.until("agent  You")
    person.until(" know")
    person.types("stop")
    person.until("interrupted at")
    person.types("/quit")

    assert person.leaves() == 0
    assert re.search("agent  You said: .*\x1b\\[9;31m.*more\\.", person.shown)
    assert "you    stop" in person.shown


class Person:
    """Somebody at a terminal, with the agent in it."""

    def __init__(self, folder: Path) -> None:
        self._screen, terminal = os.openpty()
        env = {k: v for k, v in os.environ.items() if "API_KEY" not in k}
        env.update(GRADIUM_DEV_VENV=sys.prefix, TERM="xterm")
        env["PROMPT_TOOLKIT_NO_CPR"] = "1"
        self._process = subprocess.Popen(
            [*COMMAND[:-1], "--speed=2"],
            cwd=folder,
            env=env,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
        )
        os.close(terminal)
        self.shown = ""
        self._seen = 0

    def until(self, text: str) -> None:
        """Look on until this is shown, after what was looked for before."""
        while (found := self.shown.find(text, self._seen)) < 0:
            self.shown += os.read(self._screen, 65536).decode(errors="replace")
        self._seen = found + len(text)

    def types(self, line: str) -> None:
        """Type a line."""
        os.write(self._screen, f"{line}\r".encode())

    def leaves(self) -> int:
        """Look on to the end; return the exit code."""
        # Linux reports the last writer's leaving as an input/output error.
        with contextlib.suppress(OSError):
            while chunk := os.read(self._screen, 65536):
                self.shown += chunk.decode(errors="replace")
        os.close(self._screen)
        return self._process.wait(60)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"turns": [{"users": "hi"}]}', "is no conversation"),
        *(
            pytest.param(*case, marks=pytest.mark.thorough)
            for case in (
                (None, "No such file or directory"),
                ("{", "is no conversation"),
                ("{}", "is no conversation"),
            )
        ),
    ],
)
def test_a_bad_script_is_one_clear_sentence(
    tmp_path: Path, content: str | None, sentence: str
) -> None:
    path = tmp_path / "script.json"
    if content is not None:
        path.write_text(content)

    done = agent("--script", str(path))

    assert done.returncode == 2
    assert sentence in done.stderr and done.stderr.count("\n") == 1
