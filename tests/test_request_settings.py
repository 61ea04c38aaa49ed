# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`metadata.tts`: what one request changes for itself."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest
from heard import WORDS, whole_words

from gradium_sim import Fault, FaultPlan, GradiumSim, Point, Reset
from gradium_tts_python.core.admission import Admission, Segment, Verdict
from ten_host import AudioStart, EndReason, Error, ExtensionHost, Metrics

if TYPE_CHECKING:
    from conftest import StartHost

    from ten_host.testing.log import TenLog

TEXT = "Hello there, my world."
TWELVE = " ".join(WORDS[:12])
EMMA, KENT = "YTpq7expH9539ERJ", "LFZvm12tW_z0xfGo"
FATAL, NON_FATAL = -1000, 1000
# A dictionary that the server has.
with_dictionary = pytest.mark.sim(pronunciation_ids=("my-words",))


async def speak(
    host: ExtensionHost,
    request_id: str,
    wishes: Any = None,
    text: str = TEXT,
) -> None:
    """Speak a text to its end; `wishes` go with it."""
    metadata = {} if wishes is None else {"tts": wishes}
    await host.send_text(request_id, text, end=True, metadata=metadata)
    end = await host.ended(request_id)
    assert end.reason is EndReason.REQUEST_END


def setups(sim: GradiumSim) -> list[dict[str, Any]]:
    """The setups of all sessions, their `json_config` read."""
    return [
        {**session.setup, **_config_of(session.setup)}
        for session in sim.sessions
    ]


def _config_of(setup: Mapping[str, Any]) -> dict[str, Any]:
    text = setup.get("json_config")
    return {"json_config": json.loads(text)} if text else {}


def heard(host: ExtensionHost, request_id: str) -> list[str]:
    return whole_words(host.pcm(request_id), 24000)


def errors(host: ExtensionHost) -> list[tuple[str, int, str]]:
    """Request, code and message of each error."""
    return [
        (event.id, event.code, event.message)
        for event in host.events()
        if isinstance(event, Error)
    ]


WISHES: dict[str, tuple[Any, dict[str, Any]]] = {
    "voice_id": ({"voice_id": KENT}, {"voice_id": KENT}),
    "voice": ({"voice": "Kent"}, {"voice": "Kent", "voice_id": None}),
    "speed": (
        {"speed": 2},
        {"json_config": {"temp": 1, "padding_bonus": -3.33}},
    ),
    "temperature": ({"temperature": 0}, {"json_config": {"temp": 0}}),
    "similarity": (
        {"similarity": 3},
        {"json_config": {"temp": 1, "cfg_coef": 3}},
    ),
    "language": (
        {"language": "fr-FR"},
        {"json_config": {"temp": 1, "rewrite_rules": "fr"}},
    ),
    "pronunciation_id": (
        {"pronunciation_id": "my-words"},
        {"pronunciation_id": "my-words"},
    ),
    "all": (
        {"voice_id": KENT, "speed": 1, "temperature": 0.5},
        {"voice_id": KENT, "json_config": {"temp": 0.5, "padding_bonus": 0.0}},
    ),
    "nothing": ({}, {}),
    "what is absent": ({"voice_id": None, "language": ""}, {}),
}


@with_dictionary
@pytest.mark.parametrize("name", WISHES)
async def test_a_request_is_spoken_as_it_asks_and_the_next_is_not(
    start_host: StartHost, sim: GradiumSim, name: str
) -> None:
    wishes, expected = WISHES[name]
    host = await start_host({"voice_id": EMMA, "json_config": {"temp": 1}})

    await speak(host, "r1")
    await speak(host, "r2", wishes)
    await speak(host, "r3")

    before, own, after = setups(sim)
    assert own == {
        key: value
        for key, value in {**before, **expected}.items()
        if value is not None
    }
    assert before == after
    assert errors(host) == []
    assert heard(host, "r2") == TEXT.split()


async def test_several_characters_speak_on_one_reserve(
    start_host: StartHost, sim: GradiumSim
) -> None:
    host = await start_host()
    await sim.until(lambda s: len(s.connections) == 1)

    for number, voice in enumerate((EMMA, KENT, EMMA)):
        await speak(host, f"r{number}", {"voice_id": voice})
        await sim.until(lambda s, n=number: len(s.connections) == n + 2)

    warm = [
        event.metadata["is_warm"]
        for event in host.events()
        if isinstance(event, Metrics) and "ttfb" in event.metrics
    ]
    assert [setup["voice_id"] for setup in setups(sim)] == [EMMA, KENT, EMMA]
    assert warm == [True, True, True]


async def test_the_first_text_of_a_request_decides(
    start_host: StartHost, sim: GradiumSim
) -> None:
    host = await start_host()

    for voice, end in ((EMMA, False), (KENT, False), (None, True)):
        metadata = {"tts": {"voice_id": voice}} if voice else {}
        await host.send_text("r1", "One two. ", end=end, metadata=metadata)
    await host.ended("r1")

    assert [setup["voice_id"] for setup in setups(sim)] == [EMMA]
    assert len(heard(host, "r1")) == 6


@pytest.mark.parametrize("how", ["drop", "size"])
async def test_all_sessions_of_a_request_are_as_it_asks(
    start_host: StartHost, sim: GradiumSim, how: str
) -> None:
    host = await start_host({"session_max_chars": 30 if how == "size" else 0})
    if how == "drop":
        sim.faults = FaultPlan(Fault(Point.AUDIO, Reset(), after_words=6))

    await speak(host, "r1", {"voice_id": KENT, "speed": 2.0}, TWELVE)

    asked = [(s["voice_id"], s["json_config"]) for s in setups(sim)]
    count = 2 if how == "drop" else 3
    assert asked == [(KENT, {"padding_bonus": -3.33})] * count
    assert heard(host, "r1") == TWELVE.split()


async def test_an_update_leaves_a_request_what_it_asked_for(
    start_host: StartHost, sim: GradiumSim
) -> None:
    sim.pause_at(Point.SETUP)
    host = await start_host()
    wishes = {"tts": {"voice_id": KENT}}
    await host.send_text("r1", TEXT, end=True, metadata=wishes)
    await sim.reached(Point.SETUP)

    await host.command("update_configs", {"params": {"voice_id": EMMA}})
    sim.resume()
    await host.ended("r1")
    await speak(host, "r2", {"speed": 2})

    assert [setup["voice_id"] for setup in setups(sim)] == [KENT, EMMA]


async def test_each_life_of_an_id_is_spoken_as_it_asks(
    start_host: StartHost, sim: GradiumSim
) -> None:
    host = await start_host()

    await speak(host, "r1", {"voice_id": KENT})
    since = len(host.events())
    await host.send_text("r1", TEXT, end=True)
    await host.until(lambda e: "AudioEnd" in type(e).__name__, since=since)

    voices = [setup["voice_id"] for setup in setups(sim)]
    assert voices == [KENT, "cLONiZ4hQ8VpQ4Sz"]


# -------------------------------------------------------------- what is wrong


def nested(levels: int) -> Any:
    tree: Any = {}
    for _ in range(levels):
        tree = {"a": tree}
    return tree


WRONG: dict[str, tuple[Any, str]] = {
    "a text": ("Emma", " must be an object, not a text"),
    "a list": ([{"voice_id": KENT}], " must be an object, not a list"),
    "false": (False, " must be an object, not true or false"),
    "a type": ({"voice_id": 7}, ".voice_id must be a text, not 7"),
    "a range": ({"speed": 3}, ".speed must be at most 2.0, not 3"),
    "one of two": (
        {"voice_id": KENT, "speed": "fast"},
        '.speed must be a number, not "fast"',
    ),
    "both": (
        {"voice_id": KENT, "voice": "Kent"},
        ": voice_id and voice exclude each other",
    ),
    "deep": (
        {"voice_id": nested(60)},
        f".voice_id must be a text, not {json.dumps(nested(60))[:57]}...",
    ),
    "huge": (
        {"voice_id": "v" * 100_000},
        f'.voice_id must have at most 200 characters, not "{"v" * 56}...',
    ),
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_wrong_is_one_error_and_the_settings_speak(
    start_host: StartHost, sim: GradiumSim, name: str
) -> None:
    wishes, sentence = WRONG[name]
    host = await start_host({"voice_id": EMMA})

    await speak(host, "r1", wishes)
    await speak(host, "r2")

    message = f"metadata.tts{sentence}; the request is spoken with the settings"
    assert errors(host) == [("r1", NON_FATAL, message)]
    assert setups(sim)[0] == setups(sim)[1]
    assert heard(host, "r1") == TEXT.split()
    names = [type(e) for e in host.events("r1")[:2]]
    assert names == [Error, AudioStart]


@pytest.mark.parametrize(
    ("wishes", "told"),
    [
        ({"voice_id": "no-such-voice"}, "metadata.tts.voice_id is"),
        ({"pronunciation_id": "none"}, "metadata.tts.pronunciation_id is"),
        (
            {"voice_id": "no-such-voice", "speed": 2},
            "metadata.tts.voice_id or metadata.tts.speed is",
        ),
    ],
)
async def test_what_the_vendor_refuses_is_one_error_and_the_settings_speak(
    start_host: StartHost, sim: GradiumSim, wishes: Any, told: str
) -> None:
    host = await start_host({"voice_id": EMMA, "pronunciation_id": ""})

    await speak(host, "r1", wishes, TWELVE)
    await speak(host, "r2")

    ((request_id, code, message),) = errors(host)
    assert (request_id, code) == ("r1", NON_FATAL)
    assert message.startswith(f"{told} not accepted: 127.0.0.1:")
    assert message.endswith("; the request is spoken with the settings")
    _, second, third = setups(sim)
    assert second == third
    assert heard(host, "r1") == TWELVE.split()


async def test_a_word_is_not_broken_where_the_vendor_refuses(
    start_host: StartHost, sim: GradiumSim
) -> None:
    host = await start_host({"voice_id": EMMA})
    wishes = {"tts": {"voice_id": "no-such-voice"}}

    await host.send_text("r1", "This is an exam", metadata=wishes)
    await host.until(lambda e: isinstance(e, Error))
    await host.send_text("r1", "ple of it.", end=True)
    await host.ended("r1")

    assert heard(host, "r1") == "This is an example of it.".split()


async def test_what_is_wrong_with_the_settings_is_fatal_after_all(
    start_host: StartHost,
) -> None:
    host = await start_host({"voice_id": "no-such-voice"})

    await host.send_text("r1", TEXT, end=True, metadata={"tts": {"speed": 1.5}})
    end = await host.ended("r1")

    assert end.reason is EndReason.ERROR
    assert [(e[0], e[1]) for e in errors(host)] == [
        ("r1", NON_FATAL),
        ("r1", FATAL),
    ]


async def test_a_key_that_a_request_cannot_change_is_a_warning(
    start_host: StartHost, sim: GradiumSim, ten_log: TenLog
) -> None:
    host = await start_host()

    await speak(host, "r1", {"voiceid": KENT, "speed": 1, "sample_rate": 8000})

    lines = re.findall("WARN .*(request=r1 metadata.*)", ten_log.text())
    assert lines == [
        "request=r1 metadata.tts.voiceid is nothing that a request can change;"
        " did you mean metadata.tts.voice_id?",
        "request=r1 metadata.tts.sample_rate is nothing that a request can"
        " change",
    ]
    assert errors(host) == []
    assert setups(sim)[0]["json_config"] == {"padding_bonus": 0.0}
    assert setups(sim)[0]["output_format"] == "pcm_24000"


async def test_metadata_that_the_base_cannot_read_blocks_nothing(
    start_host: StartHost,
) -> None:
    host = await start_host()

    for tree in (nested(700), {"voice_id": nested(700)}):
        metadata = {"tts": tree}
        await host.send_text("r1", TEXT, end=True, metadata=metadata)
    await speak(host, "r2", {"voice_id": KENT})

    assert heard(host, "r2") == TEXT.split()


# ---------------------------------------------------------------- which turn


def segment(text: str, *, is_last: bool, **metadata: Any) -> Segment:
    return Segment("r1", text, True, is_last, metadata)


@pytest.mark.parametrize("turn_id", [1, 2])
def test_what_a_request_asks_for_makes_no_other_turn(turn_id: int) -> None:
    admission = Admission()
    first = segment("One", is_last=False, turn_id=1, tts={"voice": "Kent"})
    late = segment("two", is_last=False, turn_id=turn_id)

    begun = admission.admit(first)
    admission.ended()

    assert begun is Verdict.NEW
    same = Verdict.LATE if turn_id == 1 else Verdict.NEW
    assert admission.admit(late) is same
