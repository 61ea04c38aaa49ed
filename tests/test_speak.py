# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`./dev speak`, run as a user runs it: in a process of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import socket
import subprocess
import sys
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from gradium_sim import Error, Fault, FaultPlan, Point, SimThread, tones
from ten_host.speak import main

ROOT = Path(__file__).resolve().parent.parent
PANGRAM = "The quick brown fox jumps over the lazy dog."
SECRET = "gsk_never_show_this_0123456789"

pocketsphinx_missing = sys.version_info >= (3, 14)


@dataclass(frozen=True)
class Outcome:
    """What a run of the command left."""

    code: int
    out: str
    err: str

    @property
    def last_line(self) -> str:
        return self.out.strip().splitlines()[-1]


def speak(
    *arguments: str,
    folder: Path,
    stdin: bytes | None = b"",
    key: str | None = None,
    command: tuple[str, ...] = (sys.executable, "-m", "ten_host", "speak"),
    **variables: str,
) -> Outcome:
    """Run the command in `folder`, without a terminal."""
    env = {**os.environ, "PYTHONIOENCODING": "utf-8", **variables}
    env.pop("GRADIUM_API_KEY", None)
    if key is not None:
        env["GRADIUM_API_KEY"] = key
    done = subprocess.run(
        [*command, *arguments],
        cwd=folder,
        env=env,
        input=stdin,
        capture_output=True,
        timeout=240,
        check=False,
    )
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())


def read_wav(path: Path) -> tuple[int, npt.NDArray[np.int16]]:
    """The file's rate in Hz and its samples."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        pcm = file.readframes(file.getnframes())
        return file.getframerate(), np.frombuffer(pcm, dtype="<i2")


@pytest.fixture(scope="module")
def fox(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Path]:
    """The pangram spoken once at 16 kHz, as the recogniser wants it."""
    folder = tmp_path_factory.mktemp("fox")
    files = ("-o", "fox.wav", "--timeline", "fox.html")
    outcome = speak(PANGRAM, *files, "--sample-rate", "16000", folder=folder)
    return outcome, folder / "fox.wav"


@pytest.fixture(scope="module", autouse=True)
def unanswered(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[subprocess.Popen[str]]:
    """The command with a URL that nobody answers.

    The extension tries for eight seconds, so it runs beside the other tests.
    """
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{taken.getsockname()[1]}/api/speech/tts"
        with subprocess.Popen(
            [sys.executable, "-m", "ten_host", "speak", "Hi.", "--url", url],
            cwd=tmp_path_factory.mktemp("unanswered"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            yield process
            process.kill()


@pytest.fixture
def server() -> Iterator[SimThread]:
    with SimThread(voice="tones") as sim:
        yield sim


WISHES = (
    *("--voice-id=LFZvm12tW_z0xfGo", "--sample-rate", "8000"),
    *("--set", "params.temperature=0.3", "--set", "speed=1.5"),
    *("--repeat", "3", "--log", "info"),
)


@dataclass(frozen=True)
class Wished:
    """What came of many options at once, and what the server saw of it."""

    outcome: Outcome
    rate_hz: int
    texts: list[str]
    setups: list[dict[str, Any]]
    keys: set[str | None]


@pytest.fixture(scope="module")
def wished(tmp_path_factory: pytest.TempPathFactory) -> Wished:
    """A text from a pipe, spoken three times, with the environment's key."""
    folder = tmp_path_factory.mktemp("wished")
    with SimThread(voice="tones", api_keys=(SECRET,)) as sim:
        outcome = speak(
            *("--url", sim.url, *WISHES),
            folder=folder,
            stdin=b"Hello from a pipe.\n",
            key=SECRET,
        )
        spoken = [session for session in sim.sessions if session.texts]
        return Wished(
            outcome,
            read_wav(folder / "speak.wav")[0],
            [session.text for session in spoken],
            [session.setup for session in spoken],
            {c.headers.get("x-api-key") for c in sim.connections},
        )


def recognise(samples: npt.NDArray[np.int16], words: list[str]) -> list[str]:
    """The words that a recogniser hears, with a grammar of just these."""
    from pocketsphinx import Decoder

    decoder = Decoder(samprate=16000, lm=None, loglevel="FATAL")
    alternatives = " | ".join(sorted(set(words)))
    decoder.add_jsgf_string(
        "words",
        f"#JSGF V1.0; grammar words; public <said> = ( {alternatives} )+ ;",
    )
    decoder.activate_search("words")
    decoder.start_utt()
    decoder.process_raw(samples.astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    heard = decoder.hyp()
    return heard.hypstr.split() if heard else []


@pytest.mark.skipif(
    pocketsphinx_missing, reason="no recogniser for this Python"
)
@pytest.mark.parametrize("noise_rms", [100, 150, 200])
def test_a_listener_hears_the_sentence(
    fox: tuple[Outcome, Path], noise_rms: int
) -> None:
    rate_hz, samples = read_wav(fox[1])
    words = PANGRAM.lower().rstrip(".").split()
    # Pure digital silence between words is nothing a recogniser was made for.
    noise = np.random.default_rng(noise_rms).normal(0, noise_rms, len(samples))

    heard = recognise(np.clip(samples + noise, -32768, 32767), words)

    assert rate_hz == 16000
    assert heard == words


def test_every_step_is_printed_in_its_order(fox: tuple[Outcome, Path]) -> None:
    outcome, _ = fox

    steps = re.findall(r"^ +\d+\.\d{3} s  (\w+(?: \w+)?)", outcome.out, re.M)

    assert outcome.err == ""
    assert outcome.code == 0
    assert steps[0] == "text in"
    assert steps[-1] == "audio end"
    order = [
        steps.index(step) for step in ("audio start", "first audio", "word")
    ]
    assert order == sorted(order)
    assert steps.count("word") == 9


def test_the_last_line_has_the_figures_and_the_file(
    fox: tuple[Outcome, Path],
) -> None:
    outcome, path = fox
    _, samples = read_wav(path)

    figures = re.fullmatch(
        r"TTFB (\d+) ms, (\d+\.\d\d) s of audio, "
        r"real-time factor (\d\.\d{3}), fox\.wav",
        outcome.last_line,
    )

    assert figures is not None
    assert float(figures[2]) == pytest.approx(len(samples) / 16000, abs=0.006)


def test_the_words_are_printed_as_they_are_spoken(
    fox: tuple[Outcome, Path],
) -> None:
    outcome, _ = fox

    spoken = re.findall(r"word +(\d+\.\d\d) s  (\S+)", outcome.out)

    starts = [float(start) for start, _ in spoken]
    assert " ".join(word for _, word in spoken) == PANGRAM
    assert starts == sorted(starts)


def test_plain_output_has_no_control_characters(
    fox: tuple[Outcome, Path],
) -> None:
    assert not re.findall(r"[^\n -~…]", fox[0].out)


def test_the_timeline_has_the_words_and_the_sockets(
    fox: tuple[Outcome, Path],
) -> None:
    page = fox[1].with_suffix(".html").read_text("utf-8")

    tree = json.loads(page.split('id="tree">')[1].split("</script>")[0])

    told = {lane["name"]: [] for lane in tree["lanes"]}
    for mark in tree["marks"]:
        told[mark["lane"]].append(mark["text"])
    assert " ".join(told["words"]) == PANGRAM
    assert told["sockets"]
    assert " round trip" in told["ttfb"][-1]


def test_the_file_has_the_rate_that_was_asked_for(wished: Wished) -> None:
    assert wished.outcome.code == 0
    assert wished.rate_hz == 8000
    assert wished.outcome.last_line.endswith("speak.wav")


@pytest.mark.thorough
def test_the_file_may_have_the_highest_rate(
    server: SimThread, tmp_path: Path
) -> None:
    rate = ("--sample-rate", "48000")
    speak("Hello there.", *rate, "--url", server.url, folder=tmp_path)

    assert read_wav(tmp_path / "speak.wav")[0] == 48000


def test_the_text_can_come_from_a_pipe(wished: Wished) -> None:
    assert wished.texts == ["Hello from a pipe."] * 3


def test_the_text_is_written_like_a_language_model_does(
    server: SimThread, tmp_path: Path
) -> None:
    outcome = speak(
        PANGRAM, "--llm", "200", "--url", server.url, folder=tmp_path
    )

    (session,) = [s for s in server.sessions if s.texts]
    assert outcome.out.count("text in") == 10
    assert len(session.texts) > 1
    assert session.text == PANGRAM


def test_the_voice_is_the_one_that_was_asked_for(wished: Wished) -> None:
    voices = {setup["voice_id"] for setup in wished.setups}

    assert voices == {"LFZvm12tW_z0xfGo"}


def test_repeat_prints_median_and_p90(wished: Wished) -> None:
    assert wished.outcome.out.count("TTFB") == 4
    assert re.match(
        r"3 requests: TTFB median \d+ ms, p90 \d+ ms; ",
        wished.outcome.last_line,
    )


def test_the_log_is_shown_to_who_asks_for_it(wished: Wished) -> None:
    # That nobody else is shown it is asserted of the pangram.
    assert "request=r1" in wished.outcome.err
    assert "DEBUG" not in wished.outcome.err


def test_a_terminal_shows_a_bar_of_the_audio_received(
    server: SimThread, tmp_path: Path
) -> None:
    screen, terminal = os.openpty()
    command = [sys.executable, "-m", "ten_host", "speak", PANGRAM]

    with subprocess.Popen(
        [*command, "--url", server.url],
        cwd=tmp_path,
        stdout=terminal,
        stderr=subprocess.DEVNULL,
    ):
        os.close(terminal)
        shown = _read_all(screen)

    bars = re.findall(r"\r\x1b\[K(█*)(░*) (\d+\.\d) s of audio", shown)
    seconds = [float(bar[2]) for bar in bars]
    assert {len(full) + len(rest) for full, rest, _ in bars} == {30}
    assert seconds == sorted(seconds)
    assert seconds[-1] > seconds[0]
    assert re.search(r"\r\x1b\[KTTFB .* speak\.wav\s*$", shown)


def _read_all(screen: int) -> str:
    """What a terminal shows, until its last writer has left."""
    chunks: list[bytes] = []
    # Linux reports the last writer's leaving as an input/output error.
    with contextlib.suppress(OSError):
        while chunk := os.read(screen, 4096):
            chunks.append(chunk)
    os.close(screen)
    return b"".join(chunks).decode()


def test_a_setting_is_given_by_its_name(wished: Wished) -> None:
    configs = [json.loads(setup["json_config"]) for setup in wished.setups]

    assert [config["temp"] for config in configs] == [0.3] * 3
    assert all(config["padding_bonus"] < 0 for config in configs)


def test_the_sound_can_go_to_stdout(server: SimThread, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ten_host", "speak", PANGRAM, "-o", "-"]
        + ["--url", server.url],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=240,
        check=True,
    )

    assert done.stdout[:4] == b"RIFF"
    assert tones.decode(done.stdout[44:], 24000) == PANGRAM.split()
    assert b"audio end" in done.stderr
    assert not list(tmp_path.iterdir())


PLAYER = """#!/bin/sh
echo "$@" > {folder}/asked
PATH=/bin:/usr/bin cat > {folder}/heard
exit {code}
"""
SILENT = """#!/bin/sh
echo no sound card >&2
exit 1
"""


@pytest.mark.parametrize(
    "code", (0, pytest.param(3, marks=pytest.mark.thorough))
)
def test_the_machine_s_player_is_given_the_sound(
    server: SimThread, tmp_path: Path, code: int
) -> None:
    # The first of the two that are there cannot play.
    players = {"paplay": SILENT, "aplay": PLAYER}
    for name, script in players.items():
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(script.format(folder=tmp_path, code=code))
        path.chmod(0o700)

    outcome = speak(
        *("Hi.", "--play", "--url", server.url),
        folder=tmp_path,
        # This machine may have players of its own.
        PATH=str(tmp_path / "bin"),
    )

    rate_hz, samples = read_wav(tmp_path / "speak.wav")
    assert (tmp_path / "heard").read_bytes() == samples.tobytes()
    assert f"-r {rate_hz}" in (tmp_path / "asked").read_text()
    assert outcome.code == (1 if code else 0)
    assert outcome.err == (
        "speak: paplay cannot play it: no sound card; aplay cannot play it: it"
        " failed\n"
        if code
        else ""
    )


def test_what_came_of_a_request_that_fails_is_kept(tmp_path: Path) -> None:
    with SimThread(voice="tones") as sim:
        refusal = Error("The model is gone", 1002)
        sim.faults = FaultPlan(
            Fault(Point.AUDIO, Error("Internal error", 1011), after_words=4),
            Fault(Point.READY, refusal, skip=1, times=None),
        )
        outcome = speak(PANGRAM, "--url", sim.url, folder=tmp_path)

    rate_hz, samples = read_wav(tmp_path / "speak.wav")
    heard = tones.decode(samples.tobytes(), rate_hz)
    assert outcome.code == 1
    assert heard[:4] == PANGRAM.split()[:4]
    assert re.search(
        r"^speak: .*; the \d\.\d\d s that came, until \"\w+\" are in"
        r" speak\.wav\n$",
        outcome.err,
    )


@pytest.mark.thorough
def test_an_attempt_is_told_while_it_is_made(tmp_path: Path) -> None:
    with SimThread(voice="tones") as sim:
        failure = Error("Internal error", 1011)
        sim.faults = FaultPlan(Fault(Point.AUDIO, failure, after_words=4))
        outcome = speak(PANGRAM, "--url", sim.url, folder=tmp_path)

    steps = re.findall(r"^ +\d+\.\d{3} s  (\w+(?: \w+)?)", outcome.out, re.M)
    assert outcome.code == 0
    assert steps.index("first audio") < steps.index("resume")
    assert steps.index("resume") < steps.index("audio end")
    assert re.search(r"resume +goes on after “\w+” \(Internal", outcome.out)


def test_the_sockets_have_names(fox: tuple[Outcome, Path]) -> None:
    outcome, _ = fox

    assert re.search(r"connect +socket 1 open after \d+ ms", outcome.out)
    assert re.search(r"setup +socket 1, (from|opened)", outcome.out)
    assert re.search(r"TTFB +\d+ ms, (own|reserve) socket", outcome.out)


@pytest.mark.thorough
def test_the_timeline_can_be_a_picture(
    server: SimThread, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")

    outcome = speak(
        PANGRAM, "--timeline", "a.png", "--url", server.url, folder=tmp_path
    )

    assert outcome.code == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_the_script_speaks_in_the_folder_it_is_called_from(
    server: SimThread, tmp_path: Path
) -> None:
    if not Path(sys.prefix, ".installed-speak").exists():
        pytest.skip("this Python was not set up by ./dev")

    # A module of the user's that the command itself must not import.
    (tmp_path / "wave.py").write_text("raise ImportError('not this one')")

    outcome = speak(
        "Hi.",
        "--url",
        server.url,
        folder=tmp_path,
        command=(str(ROOT / "dev"), "speak"),
        GRADIUM_DEV_VENV=sys.prefix,
    )

    assert (outcome.code, outcome.err) == (0, "")
    assert {path.name for path in tmp_path.iterdir()} == {
        "speak.wav",
        "wave.py",
    }


@dataclass(frozen=True)
class Bad:
    """Input that cannot work, and what the user is told.

    `is_late`: only once there is a server, of which the URL is given.
    """

    arguments: tuple[str, ...]
    says: str
    code: int = 2
    stdin: bytes = b""
    is_late: bool = False


BAD = {
    "empty text": Bad(("",), "the text is empty"),
    "blank text": Bad((" \t\n",), "the text is empty"),
    "empty pipe": Bad((), "the text is empty"),
    "binary pipe": Bad((), "not UTF-8", stdin=b"\xff\xfe\x00"),
    "binary argument": Bad((os.fsdecode(b"\xff\xfe"),), "not UTF-8"),
    "rate that does not exist": Bad(
        ("Hi.", "--sample-rate", "11025"),
        "must be one of 8000, 16000, 22050, 24000, 44100, 48000, not 11025",
    ),
    "rate that is no number": Bad(("Hi.", "--sample-rate", "24k"), "not 24k"),
    "unknown option": Bad(("Hi.", "--loud"), "--loud"),
    "two texts": Bad(("Hi.", "there."), "there."),
    "no repetitions": Bad(("Hi.", "--repeat", "0"), "from 1 to 10000, not 0"),
    "http url": Bad(("Hi.", "--url", "http://127.0.0.1/"), "wss://host/path"),
    "url without a host": Bad(("Hi.", "--url", "ws://"), "wss://host/path"),
    "url with a bad port": Bad(
        ("Hi.", "--url", "ws://a:b/"), "wss://host/path"
    ),
    "no key for a real host": Bad(
        ("Hi.", "--url", "wss://example.com/"), "GRADIUM_API_KEY"
    ),
    "folder that is not there": Bad(
        ("Hi.", "-o", "nowhere/a.wav"), "there is no folder nowhere"
    ),
    "sound that is no WAV": Bad(
        ("Hi.", "-o", "a.mp3"), "name a file that ends in .wav"
    ),
    "picture of an unknown kind": Bad(
        ("Hi.", "--timeline", "a.bmp"), ".png, .svg, .pdf, .html"
    ),
    "setting without a value": Bad(("Hi.", "--set", "speed"), "not speed"),
    "setting that cannot be": Bad(
        ("Hi.", "--set", "speed=9"), "at most 2.0, not 9", 1, is_late=True
    ),
    "pace of a model that is none": Bad(("Hi.", "--llm", "0"), "not 0"),
    "name of no voice": Bad(
        ("Hi.", "--voice", "Kant"), "did you mean Kent?", 1, is_late=True
    ),
    "output that is a folder": Bad(("Hi.", "-o", "."), "it is a folder"),
    "nothing to speak": Bad(
        ("?!…",), "nothing in it that can be spoken", is_late=True
    ),
    "voice that does not exist": Bad(
        ("Hi.", "--voice-id", "no_such_voice"), "no_such_voice", 1, is_late=True
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_ends_in_one_clear_sentence(
    case: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bad = BAD[case]
    monkeypatch.chdir(tmp_path)
    arguments = list(bad.arguments)

    # A process of its own only where more than the command line is read.
    if bad.is_late:
        url = request.getfixturevalue("server").url
        outcome = speak(*arguments, "--url", url, folder=tmp_path)
    else:
        monkeypatch.delenv("GRADIUM_API_KEY", raising=False)
        monkeypatch.setenv("TEN_HOST_LOG", "off")
        pipe = io.TextIOWrapper(io.BytesIO(bad.stdin))
        monkeypatch.setattr(sys, "stdin", pipe)
        code = main(arguments)
        outcome = Outcome(code, *capsys.readouterr())

    assert outcome.code == bad.code
    assert bad.says in outcome.err
    assert outcome.err.startswith("speak: ")
    assert outcome.err.count("\n") == 1
    assert "Traceback" not in outcome.out + outcome.err
    assert not list(tmp_path.iterdir())


def test_a_url_that_nobody_answers_ends_in_one_clear_sentence(
    unanswered: subprocess.Popen[str],
) -> None:
    out, err = unanswered.communicate(timeout=240)

    assert unanswered.returncode == 1
    assert err.startswith("speak: ")
    assert "127.0.0.1" in err
    assert err.count("\n") == 1
    assert "Traceback" not in out + err


def test_a_wrong_key_ends_in_one_clear_sentence_without_the_key(
    server: SimThread, tmp_path: Path
) -> None:
    outcome = speak("Hi.", "--url", server.url, folder=tmp_path, key=SECRET)

    assert outcome.code == 1
    assert "key" in outcome.err.lower()
    assert outcome.err.count("\n") == 1
    assert SECRET not in outcome.out + outcome.err
    assert not list(tmp_path.iterdir())


def test_the_environment_s_key_is_sent_and_never_printed(
    wished: Wished,
) -> None:
    assert wished.keys == {SECRET}
    assert SECRET not in wished.outcome.out + wished.outcome.err
