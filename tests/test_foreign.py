# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What `new` writes, and the commands with an extension that is not ours."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from authors_pytest import run_pytest

from ten_host.events import Frame, Metrics
from ten_host.new import NameProblem, words_for, write_extension
from ten_host.output import OutputError, check_picture
from ten_host.spoken import Spoken

NAME = "acme_tts_python"
# The lanes of what comes of an extension; of its sockets nothing is known.
HEARD = ["ttfb", "frames", "words", "buffer", "events"]


@dataclass(frozen=True)
class Author:
    """Somebody with a folder, in which the extension was written."""

    folder: Path

    @property
    def package(self) -> Path:
        return self.folder / NAME

    @property
    def target(self) -> list[str]:
        configs = self.package / "tests" / "configs"
        return [
            f"--package={self.package}",
            f"--property={configs}/property_subtitle_alignment.json",
            f"--vendor={self.package}/tests/fake_vendor.py:running",
        ]

    def drawn(self, name: str) -> dict[str, Any]:
        """A page's lanes, and what its marks say, by lane."""
        text = (self.folder / name).read_text("utf-8")
        tree = json.loads(text.split('id="tree">')[1].split("</script>")[0])
        lanes = [lane["name"] for lane in tree["lanes"]]
        marks = {lane: [] for lane in lanes}
        for mark in tree["marks"]:
            marks[mark["lane"]].append(mark["text"])
        return {"lanes": lanes, "marks": marks}

    def types(
        self, *command: str, told: str = ""
    ) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        environment.pop("TEN_HOST_LOG", None)
        return subprocess.run(
            [sys.executable, "-m", *command],
            cwd=self.folder,
            env=environment,
            input=told,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )


@pytest.fixture
def author(tmp_path: Path) -> Author:
    write_extension(NAME, tmp_path / NAME)
    return Author(tmp_path)


def test_new_writes_everything_under_the_given_name(author: Author) -> None:
    manifest = json.loads((author.package / "manifest.json").read_text())
    everything = "".join(
        f"{path.name}\n{path.read_text()}"
        for path in author.package.rglob("*")
        if path.is_file()
    )

    assert manifest["name"] == NAME
    assert not re.search("my_tts|my-tts|MyTTS|MY_TTS|my_vendor", everything)
    assert "class AcmeTTSExtension(" in everything
    assert 'NAME = "acme"' in everything
    assert "ACME_TTS_PYTHON_API_KEY" in everything
    assert os.access(author.package / "tests" / "bin" / "start", os.X_OK)


@pytest.mark.parametrize("name", ["", "My", "my-tts", "1st", "class", "a b"])
def test_a_name_that_no_package_can_have_is_refused(name: str) -> None:
    with pytest.raises(NameProblem, match="a name has small letters"):
        words_for(name)


@pytest.mark.parametrize("name", ["json", "ten_host", "pytest"])
def test_the_name_of_a_package_that_there_is_is_refused(name: str) -> None:
    with pytest.raises(NameProblem, match=f"there is a package {name} already"):
        words_for(name)


def test_new_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("mine")

    with pytest.raises(NameProblem, match="is there already"):
        write_extension(NAME, tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


@pytest.mark.stand_in
def test_its_own_tests_and_the_scenarios_pass_from_the_start(
    author: Author, is_thorough: bool
) -> None:
    few = ("-k", "test_a_text_is_spoken or test_requests_whose_texts_are_mixed")

    done = run_pytest(
        *(author.folder, NAME, "--pyargs", "ten_host.conformance"),
        f"--rootdir={author.package}",
        *("-c", f"{author.package}/pyproject.toml"),
        *(() if is_thorough else few),
    )

    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    # It does not tell its connection: the base class has no call for it.
    outcome = r"\d+ passed, 1 skipped" if is_thorough else "2 passed"
    assert re.match(f"{outcome}\\b", last), last


# What an author may get wrong: where, what stands there, what he writes
# instead, and what his own tests then tell him.
FAULTS = {
    "a bug": (
        *("extension.py", "self.request.texts.put_nowait(None)"),
        "self.nothing()",
        "acme_tts_python: request_tts of r1 raised; its request never ends",
    ),
    "a number of another type": (
        *("extension.py", "            request.interval_ms,\n"),
        "            float(request.interval_ms),\n",
        "data tts_audio_end of acme_tts_python is dropped: against the schema:"
        " request_event_interval_ms is float64, not int64",
    ),
    "null for a list": (
        *("extension.py", "                words=words,\n"),
        "                words=words or None,\n",
        "data tts_text_result of acme_tts_python is dropped: against the"
        " schema: words is null, not array",
    ),
    "a request that is never finished": (
        *("extension.py", "await self.finish_request(request.request_id)"),
        "pass",
        "acme_tts_python: the request r2 waits for r1",
    ),
    "text that never ends": (
        *("extension.py", "await stream.end_input()"),
        "await asyncio.Event().wait()",
        "the task acme_tts_python:r1:text of acme_tts_python, made",
    ),
    "a bug on the way to an error": (
        *("extension.py", "self.problem = str(error)"),
        "self.problem = str(eror)",
        "on_init of acme_tts_python raised (TEN ends the process here)",
    ),
    "a name that TEN has not": (
        *("extension.py", "from ten_runtime import"),
        "from ten_runtime import AudioStream,",
        "ImportError: ten_runtime stand-in has no AudioStream",
    ),
    "a base class that is not here": (
        *("extension.py", "from ten_ai_base.tts2 import"),
        "import ten_ai_base.asr\nfrom ten_ai_base.tts2 import",
        "ten_ai_base stand-in has no module asr (ten_ai_base 0.7.41 has it)",
    ),
    "a newer base class": (
        *("extension.py", "ttfb_ms = request.start()"),
        "ttfb_ms = request.start(); await self.on_connected()",
        "has no on_connected (newer ones have it: TEN_HOST_BASE=0.8)",
    ),
    "a manifest that TEN refuses": (
        *("manifest.json", '"interface": ['),
        '"interfaces": [',
        "Failed to set metadata for extension(acme_tts_python), manifest.json:",
    ),
    "a property of another type": (
        *("property.json", '"params": {'),
        '"params": {"voice": 5,',
        "acme_tts_python cannot start: property params.voice is int64, not",
    ),
}


@pytest.mark.thorough
@pytest.mark.stand_in
@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_is_found_by_its_own_tests(author: Author, what: str) -> None:
    name, there, instead, told = FAULTS[what]
    file = author.package / name
    code = file.read_text()
    assert there in code
    file.write_text(code.replace(there, instead, 1))

    faulty = run_pytest(author.folder, NAME, "--ten-limit=2", "-x")

    assert faulty.returncode == 1, faulty.stdout + faulty.stderr
    assert told in faulty.stdout


@pytest.mark.thorough
def test_what_is_written_passes_format_lint_and_types(author: Author) -> None:
    for command in (
        ("ruff", "check", "--isolated", "--select=E4,E7,E9,F,B", NAME),
        ("mypy", "--strict", "-p", NAME),
    ):
        done = author.types(*command)
        assert done.returncode == 0, done.stdout + done.stderr


def test_speak_takes_any_extension(author: Author) -> None:
    done = author.types(
        *("ten_host", "speak", *author.target),
        *("--timeline=speak.html", "Hello you there"),
    )

    assert done.returncode == 0, done.stderr
    words = re.findall(r"word +[\d.]+ s  (\w+)", done.stdout)
    assert words == ["Hello", "you", "there"]
    assert re.search(r"TTFB [\d.]+ ms, 0.52 s of audio", done.stdout)
    with wave.open(str(author.folder / "speak.wav")) as file:
        assert (file.getframerate(), file.getnframes()) == (16000, 8320)
    drawn = author.drawn("speak.html")
    assert drawn["lanes"] == ["text", *HEARD]
    assert drawn["marks"]["text"] == ["Hello you there"]
    assert drawn["marks"]["words"] == words
    assert drawn["marks"]["frames"]
    assert drawn["marks"]["events"] == ["end of the speech"]
    assert re.fullmatch(
        r"TTFB \d+ ms = extension and vendor \(\d+ ms\)",
        drawn["marks"]["ttfb"][-1],
    )


def test_a_speech_without_a_ttfb_of_its_own_is_timed_from_here() -> None:
    spoken = Spoken("r1")
    begun_s = spoken.sent("Hello.")

    spoken.add(Frame(bytes(320), 16000, time_s=begun_s + 0.25))
    seen_ms = spoken.ttfb_ms
    spoken.add(Metrics({"ttfb": 240}))

    assert seen_ms == pytest.approx(250)
    assert spoken.ttfb_ms == 240


def test_a_picture_that_nothing_here_can_draw_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    check_picture(tmp_path / "a.html")
    with pytest.raises(OutputError) as caught:
        check_picture(tmp_path / "a.png")

    assert str(caught.value) == (
        f"cannot draw {tmp_path / 'a.png'}: pip install"
        " 'ten-extension-devkit[plot]', or name a page, which ends in .html"
    )


@pytest.mark.thorough
def test_host_talks_json_with_any_extension(author: Author) -> None:
    text = {"data": "tts_text_input", "request_id": "r1", "text": "Hello."}
    lines = [
        json.dumps({"data": "tts_flush", "flush_id": "f1"}),
        json.dumps({**text, "text_input_end": True}),
        "no JSON",
        json.dumps({"cmd": "whatever"}),
    ]

    done = author.types(
        *("ten_host", "host", "--until=AudioEnd", *author.target),
        "--timeline=host.html",
        told="\n".join(lines),
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("host: no JSON: Expecting value")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [next(iter(one)) for one in told]
    assert kinds.count("AudioStart") == kinds.count("AudioEnd") == 1
    assert {"Result": {"cmd": "whatever", "ok": True}} in told
    frames = [one["Frame"]["pcm"] for one in told if "Frame" in one]
    assert frames == ["2560 bytes"] * 3
    (flush_end,) = [one for one in told if "FlushEnd" in one]
    assert flush_end["FlushEnd"]["flush_id"] == "f1"
    times = [next(iter(one.values())).get("at_s", 0.0) for one in told]
    assert all(0.0 <= at_s < 60.0 for at_s in times)
    drawn = author.drawn("host.html")["marks"]
    assert drawn["text"] == ["Hello."]
    assert {"interrupted", "flush done"} <= set(drawn["events"])


@pytest.mark.thorough
@pytest.mark.parametrize("by", [f"--package={NAME}", f"--addon={NAME}"])
def test_package_builds_and_proves_any_extension(
    author: Author, by: str
) -> None:
    done = author.types(
        *("ten_host", "package", by, *author.target[1:], "-o", "dist")
    )

    assert done.returncode == 0, done.stderr
    assert f"{NAME}-0.1.0.tpkg: spoke 0.68 s" in done.stdout


def test_where_no_extension_is_no_package_is_built(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from ten_host.__main__ import main

    monkeypatch.chdir(tmp_path)

    code = main(["package"])

    assert (code, capsys.readouterr().err) == (
        1,
        f"package: there is no manifest.json in {tmp_path}\n",
    )


@pytest.mark.thorough
def test_the_agent_speaks_with_any_extension(author: Author) -> None:
    script = {
        "greeting": "Hello.",
        "turns": [
            {
                "user": "tell me more",
                "reply": "A very long reply that goes on and on, and on.",
                "interrupt_after_s": 0.4,
            },
            {"user": "stop it", "reply": "All right."},
        ],
    }
    (author.folder / "script.json").write_text(json.dumps(script))

    done = author.types(
        *("ten_host", "agent", *author.target),
        *("--script=script.json", "-o", "talk", "--timeline=talk.html"),
    )

    assert done.returncode == 0, done.stderr
    told = json.loads((author.folder / "talk/conversation.json").read_text())
    reasons = [one["reason"] for one in told["spoken"]]
    assert reasons == ["end", "interrupted", "end"]
    assert (told["stray_frames"], told["errors"]) == (0, [])
    drawn = author.drawn("talk.html")
    assert drawn["lanes"] == ["text", *HEARD]
    assert drawn["marks"]["words"][0] == "Hello."
    assert drawn["marks"]["text"][-2] == "All right."
    assert "interrupted" in drawn["marks"]["events"]


WRONG = {
    "--package=nowhere": "nowhere is no extension's package: manifest.json:",
    "--addon=nobody": "--addon: there is no package nobody",
    "--property=x.json": "--property needs --addon NAME or --package PATH",
    "--vendor=x.py:y": "--vendor needs --addon NAME or --package PATH",
}


@pytest.mark.parametrize("option", WRONG)
@pytest.mark.parametrize("command", ["speak", "host", "agent", "package"])
def test_a_wrong_extension_is_one_sentence(
    command: str,
    option: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from ten_host.__main__ import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEN_HOST_LOG", "off")
    text = ["Hello."] if command == "speak" else []

    code = main([command, option, *text])

    assert code == 2
    err = capsys.readouterr().err
    assert err.startswith(f"{command}: ")
    assert WRONG[option] in err
    assert len(err.splitlines()) == 1


@pytest.mark.thorough
def test_a_broken_file_of_properties_is_one_sentence(
    author: Author,
) -> None:
    path = author.folder / "wrong.json"
    path.write_text("[]")

    done = author.types(
        *("ten_host", "speak", f"--package={author.package}"),
        *(f"--property={path}", "Hello."),
    )

    assert done.returncode == 2
    assert done.stderr == f"speak: --property: {path}: it is no JSON object\n"
