# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The way to Redis: bounded, told once, and back by itself."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import virtual_clock
from fake_redis import (
    FAULTS,
    OK,
    FakeRedis,
    fake_redis,
    silent,
    until,
)

from gradium_tts_python.fleet.redis_link import (
    LinkDown,
    RedisLink,
    Script,
    _within,
    join,
)

LOG = logging.getLogger("test_redis_link")


@asynccontextmanager
async def link_to(
    url: str, *, call_s: float = 5.0, first_wait_s: float = 60.0
) -> AsyncIterator[RedisLink]:
    link = RedisLink(url, LOG, call_s=call_s, first_wait_s=first_wait_s)
    try:
        yield link
    finally:
        await link.leave()


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [
        (record.levelname, record.getMessage())
        for record in caplog.records
        if record.name == LOG.name
    ]


async def test_a_command_is_answered_and_its_connection_kept() -> None:
    async with fake_redis() as server, link_to(server.url) as link:
        answers = [await link.call("SET", "a", b"\x00", 1) for _ in range(3)]

        assert answers == [b"OK"] * 3
        assert server.commands == [[b"SET", b"a", b"\x00", b"1"]] * 3
        assert len(server.connections) == 1


async def test_calls_at_the_same_time_do_not_wait_for_each_other() -> None:
    async with fake_redis() as server, link_to(server.url) as link:
        await asyncio.gather(*(link.call("PING") for _ in range(8)))
        await link.call("PING")

        assert len(server.commands) == 9
        assert not link.is_down


async def test_who_has_left_opens_nothing_that_nobody_would_close() -> None:
    async with fake_redis() as server:
        async with link_to(server.url) as link:
            await link.call("PING")
        with pytest.raises(LinkDown, match="not used any more"):
            await link.call("PING")

        assert len(server.connections) == 1


async def test_a_connection_that_was_closed_meanwhile_is_replaced() -> None:
    async with fake_redis() as server, link_to(server.url) as link:
        await link.call("PING")
        await server.stop()
        await server.start()

        assert await link.call("PING") == b"OK"
        assert not link.is_down


async def test_a_script_that_redis_does_not_know_is_sent_whole() -> None:
    script = Script("return 1")
    async with fake_redis() as server, link_to(server.url) as link:
        server.first_answers = [b"-NOSCRIPT No matching script.\r\n"]

        assert await link.run(script, ["k"], ["v"]) == b"OK"
        assert await link.run(script, ["k"], ["v"]) == b"OK"

    by_hash = [b"EVALSHA", script.sha.encode(), b"1", b"k", b"v"]
    whole = [b"EVAL", b"return 1", b"1", b"k", b"v"]
    assert server.commands == [by_hash, whole, by_hash]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_fault_is_told_once_and_nothing_is_asked_after_it(
    fault: Callable[[FakeRedis], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOG.name)
    async with fake_redis() as server:
        fault(server)
        url = server.url.replace("//", "//user:s3cret-pass@")
        call_s = 0.05 if fault is silent else 5.0
        async with link_to(url, call_s=call_s) as link:
            for _ in range(3):
                with pytest.raises(LinkDown) as failure:
                    await link.call("SET", "a", "b")
                assert "s3cret" not in str(failure.value)

            assert link.is_down
            assert len(server.commands) <= 1
    [(level, text)] = told(caplog)
    assert level == "WARNING"
    assert f"127.0.0.1:{server.port}" in text and "s3cret" not in text


@pytest.mark.parametrize("option", ["colour=red", "socket_timeout=long"])
async def test_an_option_that_is_none_is_a_fault_like_others(
    option: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with link_to(f"redis://:s3cret-pass@127.0.0.1/0?{option}") as link:
        with pytest.raises(LinkDown):
            await link.call("PING")

    [(level, text)] = told(caplog)
    assert level == "WARNING" and "s3cret" not in text


async def test_a_redis_that_was_down_is_used_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, LOG.name)
    server = FakeRedis()
    await server.start()
    await server.stop()
    async with link_to(server.url, first_wait_s=0.001) as link:
        with pytest.raises(LinkDown):
            await link.call("PING")
        await server.start()
        await until(lambda: not link.is_down)

        assert await link.call("PING") == b"OK"
    await server.stop()

    assert [level for level, _ in told(caplog)] == ["WARNING", "INFO"]
    assert server.commands == [
        [b"SET", b"gradium_tts:probe", b"1", b"PX", b"1000"],
        [b"PING"],
    ]


class SlowConnection:
    """A connection of the package redis, to a server that is far away."""

    def __init__(self, connect_s: float, answer_s: float) -> None:
        self._connect_s = connect_s
        self._answer_s = answer_s

    async def connect(self) -> None:
        await asyncio.sleep(self._connect_s)

    async def send_command(self, *command: object) -> None:
        pass

    async def read_response(self) -> bytes:
        await asyncio.sleep(self._answer_s)
        return b"OK"

    async def disconnect(self, nowait: bool) -> None:
        pass


@pytest.mark.parametrize(
    ("connect_s", "answer_s", "lost_s", "is_answered"),
    [
        (0.3, 0.0, 0.05, False),
        (0.0, 0.3, 0.05, False),
        (0.049, 0.3, 0.099, False),
        (0.049, 0.049, 0.098, True),
    ],
)
def test_a_slow_redis_costs_a_request_100_ms_at_most(
    connect_s: float, answer_s: float, lost_s: float, is_answered: bool
) -> None:
    class SlowLink(RedisLink):
        def _connection(self) -> SlowConnection:
            return SlowConnection(connect_s, answer_s)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        link = SlowLink("redis://far-away", LOG)
        is_down = False
        try:
            await link.call("PING")
        except LinkDown:
            is_down = True
        assert loop.time() == pytest.approx(lost_s)
        assert is_down is not is_answered
        if is_down:
            # From now on nothing is waited for.
            with pytest.raises(LinkDown):
                await link.call("PING")
            assert loop.time() == pytest.approx(lost_s)
        await link.leave()

    virtual_clock.run(run())


def test_a_redis_that_takes_only_what_it_is_tried_with_is_seldom_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A node of a cluster has some of the keys, and refuses all others."""

    class Node(SlowConnection):
        async def send_command(self, *command: object) -> None:
            if command[0] != "SET":
                raise OSError("MOVED")

    class NodeLink(RedisLink):
        def _connection(self) -> Node:
            return Node(0.0, 0.0)

    async def run() -> None:
        link = NodeLink("redis://node", LOG)
        for _ in range(600):
            await asyncio.sleep(1.0)
            with pytest.raises(LinkDown):
                await link.call("EVAL")
        await link.leave()

    virtual_clock.run(run())

    warnings = [text for level, text in told(caplog) if level == "WARNING"]
    assert 5 < len(warnings) < 20


async def test_a_call_that_is_cancelled_leaves_nothing() -> None:
    async with fake_redis() as server, link_to(server.url) as link:
        server.answer = None
        calling = asyncio.ensure_future(link.call("PING"))
        await until(lambda: bool(server.commands))
        calling.cancel()
        await asyncio.wait({calling})
        server.answer = OK

        assert calling.cancelled()
        assert not link.is_down
        assert await link.call("PING") == b"OK"


async def test_what_fails_while_it_is_given_up_is_of_no_interest(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fails_when_cancelled() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ValueError("an answer that came at the last moment") from None

    with pytest.raises(asyncio.TimeoutError):
        await _within(fails_when_cancelled(), 0.0)
    gc.collect()

    assert [record.message for record in caplog.records] == []


async def test_a_loop_has_one_link_for_a_url_until_its_last_user_leaves() -> (
    None
):
    url = "redis://127.0.0.1:1"
    one, same = join(url, LOG), join(url, LOG)
    other = join("redis://127.0.0.1:2", LOG)

    assert one is same and one is not other

    await one.leave()
    assert join(url, LOG) is one
    await one.leave()
    await one.leave()
    fresh = join(url, LOG)
    assert fresh is not one
    await fresh.leave()
    await other.leave()
