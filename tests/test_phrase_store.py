# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Where phrases are looked for, in which order, and for how long."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import pytest
from fake_redis import OK, FakeRedis, fake_redis, until

from gradium_tts_python.core.phrases import Phrase, encode_phrase
from gradium_tts_python.core.protocol import Audio
from gradium_tts_python.fleet import phrase_store, shared_phrases
from gradium_tts_python.fleet.phrase_files import PhraseFiles
from gradium_tts_python.fleet.phrase_store import PhraseMemory, PhraseStore
from gradium_tts_python.fleet.redis_link import RedisLink
from gradium_tts_python.fleet.shared_phrases import MOST_BYTES, SharedPhrases

LOG = logging.getLogger("test_phrase_store")
ONE, OTHER, THIRD = "1" * 64, "2" * 64, "3" * 64
NOW, TTL_S = 1_700_000_000.0, 3600.0
# What Redis says of a key that it does not have.
NIL = b"$-1\r\n"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take longer than a request would wait."""
    monkeypatch.setattr(phrase_store, "LOOK_UP_S", 60.0)
    monkeypatch.setattr(
        shared_phrases,
        "join",
        lambda url, log: RedisLink(url, log, call_s=60.0),
    )


def phrase(size_bytes: int = 1000, spoken_at: float = NOW) -> Phrase:
    return Phrase((Audio(bytes(size_bytes), 0.0, 1.0),), spoken_at)


def bulk(value: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(value), value)


def store_with(**where: Any) -> PhraseStore:
    return PhraseStore(10_000_000, TTL_S, LOG, clock=lambda: NOW, **where)


def shared(redis: FakeRedis) -> SharedPhrases:
    return SharedPhrases(redis.url, TTL_S, LOG, clock=lambda: NOW)


# --------------------------------------------------------------- in memory


def test_the_least_recently_used_goes_first() -> None:
    memory = PhraseMemory(3 * phrase().size_bytes, TTL_S)
    for key in (ONE, OTHER, THIRD):
        memory.put(key, phrase())
    assert memory.get(ONE, NOW)

    memory.put("4" * 64, phrase())

    assert memory.get(ONE, NOW) and memory.get(THIRD, NOW)
    assert memory.get(OTHER, NOW) is None


def test_what_does_not_fit_at_all_is_not_kept() -> None:
    memory = PhraseMemory(500, TTL_S)

    memory.put(ONE, phrase())

    assert memory.get(ONE, NOW) is None


def test_what_is_kept_again_counts_once() -> None:
    memory = PhraseMemory(2 * phrase().size_bytes, TTL_S)
    for _ in range(5):
        memory.put(ONE, phrase())

    memory.put(OTHER, phrase())

    assert memory.get(ONE, NOW) and memory.get(OTHER, NOW)


def test_what_is_old_is_not_said_any_more() -> None:
    memory = PhraseMemory(1_000_000, TTL_S)
    memory.put(ONE, phrase())

    assert memory.get(ONE, NOW + TTL_S)
    assert memory.get(ONE, NOW + TTL_S + 1) is None


# ------------------------------------------------------------------ on disk


class SlowFiles(PhraseFiles):
    """A disk that answers when it is told to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, 1_000_000, 0.0)
        self.may_answer = threading.Event()

    def read(self, key: str) -> Phrase | None:
        self.may_answer.wait()
        return super().read(key)


async def test_a_disk_that_does_not_answer_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phrase_store, "LOOK_UP_S", 0.001)
    files = SlowFiles(tmp_path)
    files.write(ONE, phrase())
    store = store_with(files=files)

    assert await store.find(ONE) is None

    files.may_answer.set()
    monkeypatch.setattr(phrase_store, "LOOK_UP_S", 60.0)
    assert await store.find(ONE) == phrase()


async def test_what_was_read_once_is_in_memory(tmp_path: Path) -> None:
    files = PhraseFiles(tmp_path, 1_000_000, 0.0)
    files.write(ONE, phrase())
    store = store_with(files=files)
    await store.find(ONE)
    for path in tmp_path.glob("*/*"):
        path.unlink()

    assert await store.find(ONE) == phrase()


async def test_what_was_used_last_is_in_memory_from_the_start(
    tmp_path: Path,
) -> None:
    files = SlowFiles(tmp_path)
    files.write(ONE, phrase())
    store = store_with(files=files)

    store.open()
    await store.aclose()

    assert await store.find(ONE) == phrase()


# ------------------------------------------------------------------- in Redis


async def test_what_one_machine_keeps_another_finds(tmp_path: Path) -> None:
    async with fake_redis() as redis:
        one = store_with(shared=shared(redis))
        one.keep(ONE, phrase())
        await until(lambda: len(redis.commands) == 1)
        await one.aclose()
        ((command, name, blob, unit, ttl_ms),) = redis.commands

        other = store_with(
            files=PhraseFiles(tmp_path, 1_000_000, 0.0), shared=shared(redis)
        )
        redis.first_answers = [bulk(blob)]
        found = [await other.find(ONE) for _ in range(2)]
        await other.aclose()

    assert (command, unit, int(ttl_ms)) == (b"SET", b"PX", 3_600_000)
    assert name == b"gradium_tts:phrase:" + ONE.encode()
    assert found == [phrase()] * 2
    # It is at hand now, for the other processes as well.
    assert redis.commands[1:] == [[b"GET", name]]
    assert await store_with(files=PhraseFiles(tmp_path, 1_000_000, 0.0)).find(
        ONE
    )


async def test_what_is_old_in_redis_is_not_used() -> None:
    old = phrase(spoken_at=NOW - TTL_S - 1)
    async with fake_redis() as redis:
        store = store_with(shared=shared(redis))
        redis.first_answers = [bulk(encode_phrase(ONE, old)), NIL]

        assert await store.find(ONE) is None
        assert await store.find(ONE) is None
        await store.aclose()


@pytest.mark.parametrize(
    "kept",
    [phrase(MOST_BYTES + 1), phrase(spoken_at=NOW - TTL_S - 1)],
    ids=["too long", "old"],
)
async def test_what_is_of_no_use_to_others_is_not_shared(kept: Phrase) -> None:
    async with fake_redis() as redis:
        store = store_with(shared=shared(redis))
        store.keep(ONE, kept)
        store.keep(OTHER, phrase())
        await until(lambda: bool(redis.commands))
        await store.aclose()

    assert [command[1][-1:] for command in redis.commands] == [b"2"]


async def test_a_redis_that_is_down_is_asked_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with fake_redis() as redis:
        store = store_with(shared=shared(redis))
        redis.answer = b"-LOADING Redis is loading the dataset in memory\r\n"

        for key in (ONE, OTHER, THIRD):
            assert await store.find(key) is None
        redis.answer = OK
        await store.aclose()

    assert len(redis.commands) == 1
    assert len([r for r in caplog.records if r.name == LOG.name]) == 1
