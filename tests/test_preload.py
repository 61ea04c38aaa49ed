# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Texts that are spoken ahead, for the store and in nobody's way."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest
from fake_redis import until
from heard import WORDS
from speaking import client_on, speak

from gradium_sim import Close, Fault, FaultPlan, GradiumSim, Limits, Point
from gradium_sim import Error as SimError
from gradium_tts_python.core.phrases import Phrase
from gradium_tts_python.fleet import phrase_store
from gradium_tts_python.fleet.phrase_files import FOLDER, PhraseFiles
from gradium_tts_python.gradium_tts import GradiumTTSClient
from gradium_tts_python.wire import preload
from gradium_tts_python.wire.preload import Preload
from ten_host import Error as ErrorEvent
from ten_host import Frame

if TYPE_CHECKING:
    from conftest import StartHost

    from ten_host.testing.log import TenLog

HELLO, WAIT = " ".join(WORDS[:4]), " ".join(WORDS[4:8])
BOTH = {"phrases": "memory", "preload": [HELLO, WAIT]}


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for calm, or for another try, but long for the disk."""
    monkeypatch.setattr(phrase_store, "LOOK_UP_S", 60.0)
    monkeypatch.setattr(preload, "CALM_S", 0.0)
    monkeypatch.setattr(preload, "AGAIN_S", 0.001)


@asynccontextmanager
async def speaking_ahead(
    sim: GradiumSim, **params: Any
) -> AsyncIterator[GradiumTTSClient]:
    params = {**BOTH, "warm": "off", **params}
    async with client_on(sim.url, **params) as client:
        client.preload()
        yield client


def complete(sim: GradiumSim) -> list[str]:
    """What was said to the end, by the texts of each session."""
    return [" ".join(s.texts) for s in sim.sessions if s.is_complete]


def counted(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str
) -> list[None]:
    """Count the calls of a method, which does what it does."""
    calls: list[None] = []
    method = getattr(owner, name)

    def call(*arguments: Any) -> Any:
        calls.append(None)
        return method(*arguments)

    monkeypatch.setattr(owner, name, call)
    return calls


def is_there(task_name: str) -> bool:
    return any(t.get_name() == task_name for t in asyncio.all_tasks())


async def done() -> None:
    """Return once nothing is spoken ahead any more."""
    await until(lambda: not is_there("gradium:preload"))


async def test_texts_are_spoken_once_one_at_a_time_and_then_known(
    sim: GradiumSim,
) -> None:
    async with speaking_ahead(sim) as client:
        await done()
        assert complete(sim) == [HELLO, WAIT]
        spoken = [await speak(client, text) for text in (HELLO, WAIT)]
        await done()

    assert all(each.speech.is_cached for each in spoken)
    assert len(sim.sessions) == 2
    assert sim.sessions[1].times.setup_s > (
        sim.sessions[0].times.end_of_stream_s or 0
    )


async def test_what_is_in_the_store_is_not_spoken_again(
    sim: GradiumSim, tmp_path: Path
) -> None:
    disk = {"phrases": "disk", "phrases_path": str(tmp_path)}
    for _ in range(2):
        async with speaking_ahead(sim, **disk):
            await done()

    assert complete(sim) == [HELLO, WAIT]
    assert len(sim.connections) == 2


async def test_a_request_makes_it_give_way_and_it_is_tried_again(
    sim: GradiumSim,
) -> None:
    sim.limits = Limits(sessions=1)
    sim.pause_at(Point.AUDIO, after_frames=2)
    async with speaking_ahead(sim, max_sessions=1) as client:
        await sim.reached(Point.AUDIO)
        sim.resume()

        spoken = await speak(client, "a text of a request")
        await done()

    assert spoken.error is None
    assert spoken.speech.usage.sessions == 1
    assert complete(sim) == ["a text of a request", HELLO, WAIT]
    assert " ".join(sim.sessions[0].texts) == HELLO
    assert len(sim.sessions) == 4


async def test_a_request_that_is_known_lets_it_go_on(sim: GradiumSim) -> None:
    async with speaking_ahead(sim, preload=[HELLO]) as client:
        await done()
        sim.pause_at(Point.AUDIO)
        params = client.config.params.model_copy(update=BOTH)
        client.update_config(
            client.config.model_copy(update={"params": params})
        )
        await sim.reached(Point.AUDIO)

        spoken = await speak(client, HELLO)
        sim.resume()
        await done()

    assert spoken.speech.is_cached
    assert complete(sim) == [HELLO, WAIT]
    assert len(sim.sessions) == 2


async def test_a_session_that_is_not_free_is_not_waited_in_line_for(
    sim: GradiumSim, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = counted(monkeypatch, Preload, "_say")
    sim.pause_at(Point.AUDIO, after_frames=2)
    async with client_on(sim.url, warm="off", max_sessions=1) as other:
        speaking = asyncio.ensure_future(speak(other, "of another agent"))
        await sim.reached(Point.AUDIO)
        async with speaking_ahead(sim, max_sessions=1, preload=[HELLO]):
            await until(lambda: len(tries) == 3)
            assert len(sim.sessions) == 1
            sim.resume()
            await speaking
            await done()

    assert complete(sim) == ["of another agent", HELLO]


@pytest.mark.parametrize(
    ("fault", "tries"),
    [
        (Fault(Point.READY, Close(1011), times=None), 3),
        (
            Fault(
                Point.READY, SimError("Embeddings not found", 1008), times=None
            ),
            1,
        ),
    ],
    ids=["down", "refused"],
)
async def test_a_failure_is_one_warning_and_no_event(
    start_host: StartHost,
    sim: GradiumSim,
    ten_log: TenLog,
    fault: Fault,
    tries: int,
) -> None:
    sim.faults = FaultPlan(fault)
    host = await start_host({**BOTH, "warm": "off"})

    await sim.until(lambda s: len(s.sessions) == tries)
    await until(lambda: "cannot be spoken ahead" in ten_log.text())

    assert ten_log.text().count("cannot be spoken ahead") == 1
    assert HELLO not in ten_log.text().replace("config:", "")
    assert [
        e for e in host.events() if isinstance(e, (ErrorEvent, Frame))
    ] == []


async def test_another_voice_has_the_texts_spoken_anew(
    sim: GradiumSim,
) -> None:
    async with speaking_ahead(sim, preload=[HELLO]) as client:
        await done()
        params = client.config.params.model_copy(update={"speed": 1.5})
        client.update_config(
            client.config.model_copy(update={"params": params})
        )
        await done()
        spoken = await speak(client, HELLO)

    assert complete(sim) == [HELLO, HELLO]
    assert spoken.speech.is_cached


async def test_an_update_that_completes_the_settings_has_them_spoken(
    start_host: StartHost, sim: GradiumSim
) -> None:
    host = await start_host({**BOTH, "api_key": "", "warm": "off"})

    await host.command("update_configs", {"params": {"api_key": "test-key"}})
    await sim.until(lambda s: len(complete(s)) == 2)

    assert complete(sim) == [HELLO, WAIT]


async def test_of_several_processes_one_speaks_ahead(
    sim: GradiumSim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead = PhraseFiles(tmp_path, 1_000_000, 0.0).take_lead()
    assert lead
    tries = counted(monkeypatch, PhraseFiles, "take_lead")
    disk = {"phrases": "disk", "phrases_path": str(tmp_path)}
    async with speaking_ahead(sim, preload=[HELLO], **disk):
        await until(lambda: len(tries) == 3)
        assert sim.sessions == []

        lead.close()
        await done()

    assert complete(sim) == [HELLO]
    assert len([*(tmp_path / FOLDER).glob("*.phrase")]) == 1


async def test_the_lead_is_kept_until_the_text_is_on_disk(
    sim: GradiumSim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads: list[BinaryIO] = []
    may_write = threading.Event()
    take_lead, write = PhraseFiles.take_lead, PhraseFiles.write

    def take(files: PhraseFiles) -> BinaryIO | None:
        if lead := take_lead(files):
            leads.append(lead)
        return lead

    def write_later(files: PhraseFiles, key: str, phrase: Phrase) -> None:
        may_write.wait()
        write(files, key, phrase)

    monkeypatch.setattr(PhraseFiles, "take_lead", take)
    monkeypatch.setattr(PhraseFiles, "write", write_later)
    monkeypatch.setattr(phrase_store, "_WRITE_S", 60.0)
    disk = {"phrases": "disk", "phrases_path": str(tmp_path)}
    async with speaking_ahead(sim, preload=[HELLO], **disk):
        await sim.until(lambda s: len(complete(s)) == 1)
        await sim.settled()
        were_left = [lead.closed for lead in leads]
        may_write.set()
        await done()

    assert were_left == [False]
    assert [lead.closed for lead in leads] == [True]
    assert len([*(tmp_path / FOLDER).glob("*.phrase")]) == 1


async def test_a_text_that_no_session_holds_is_one_warning(
    start_host: StartHost, sim: GradiumSim, ten_log: TenLog
) -> None:
    params = {**BOTH, "preload": [HELLO], "session_max_chars": 10}
    await start_host({**params, "warm": "off"})

    await until(lambda: "too long to be kept" in ten_log.text())

    assert sim.sessions == []


async def test_the_end_of_a_client_ends_it(sim: GradiumSim) -> None:
    sim.pause_at(Point.AUDIO)
    async with speaking_ahead(sim):
        await sim.reached(Point.AUDIO)

    assert not is_there("gradium:preload")


AGENT = """
import asyncio, sys
from speaking import client_on, speak
from test_preload import HELLO, WAIT
from gradium_tts_python.fleet import phrase_store
from gradium_tts_python.wire import preload

phrase_store.LOOK_UP_S = 60.0
preload.CALM_S, preload.AGAIN_S = 0.0, 0.01

async def main(url, folder):
    texts = [HELLO, WAIT]
    settings = {"phrases": "disk", "phrases_path": folder, "preload": texts}
    async with client_on(url, warm="off", **settings) as client:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        client.preload()
        names = {"gradium:preload"}
        while names & {task.get_name() for task in asyncio.all_tasks()}:
            await asyncio.sleep(0.01)
        spoken = [await speak(client, text) for text in texts]
        assert all(each.speech.is_cached for each in spoken)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.thorough
async def test_what_sixteen_processes_preload_is_spoken_once(
    sim: GradiumSim, tmp_path: Path
) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    agents = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", AGENT, sim.url, str(tmp_path)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
        )
        for _ in range(16)
    ]
    for agent in agents:
        assert agent.stdout
        assert await agent.stdout.readline() == b"ready\n"

    ends = await asyncio.gather(*(agent.communicate(b"\n") for agent in agents))

    assert [agent.returncode for agent in agents] == [0] * len(ends)
    assert complete(sim) == [HELLO, WAIT]
    assert len(sim.sessions) == 2
