# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""How many sockets are opened ahead, and what becomes of those not needed.

Sockets are counted at a server in memory, on a virtual clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from speaking import client_on

from gradium_tts_python.core.endpoint import Endpoint
from gradium_tts_python.core.errors import (
    ConnectError,
    ErrorKind,
    GradiumError,
    classify,
)
from gradium_tts_python.core.haste import HASTE_S
from gradium_tts_python.gradium_tts import GradiumTTSClient
from gradium_tts_python.wire.transport import Transport

from .properties.memory_transport import RATE_HZ, Failure, MemoryServer, Plan
from .properties.virtual_loop import run_virtually

pytestmark = pytest.mark.fast_turns

# A socket takes three round trips, a turn of one word hardly more than one.
OPENS_S, TURN_S = 0.3, 0.11
NEAR = Plan(connect_s=OPENS_S, message_s=TURN_S / 5)
NEVER_OLD_S = 3600.0


async def turn(client: GradiumTTSClient) -> bool:
    """Say one word; tells whether its socket was there already."""
    asked_s = asyncio.get_running_loop().time()
    async with client.open_stream() as stream:
        was_there = asyncio.get_running_loop().time() == asked_s
        await stream.send_text("alpha")
        await stream.end_input()
        async for _ in stream:
            pass
    return was_there


async def interrupted_turn(client: GradiumTTSClient) -> bool:
    """Have a turn cut off in its first moment."""
    asked_s = asyncio.get_running_loop().time()
    async with client.open_stream() as stream:
        was_there = asyncio.get_running_loop().time() == asked_s
        await stream.send_text("alpha")
        with suppress(asyncio.CancelledError):
            async with stream:
                await asyncio.sleep(TURN_S / 2)
                raise asyncio.CancelledError
    return was_there


def played(
    play: Callable[[GradiumTTSClient, MemoryServer], Awaitable[Any]],
    *plans: Plan,
    **params: Any,
) -> tuple[Any, MemoryServer]:
    """Play with a client whose server is known to answer."""
    server = MemoryServer([*[NEAR] * 2, *plans, *[NEAR] * 90], lambda _: None)
    params = {"reserve_max_age_s": NEVER_OLD_S, **params}

    async def run() -> Any:
        async with client_on(
            "ws://memory/",
            connect=server.connect,
            sample_rate=RATE_HZ,
            **params,
        ) as client:
            client.prewarm()
            await asyncio.sleep(1.0)
            await turn(client)
            await asyncio.sleep(10.0)
            return await play(client, server)

    return run_virtually(run()), server


@pytest.mark.parametrize(
    ("most", "found"),
    [
        (0, "---------"),
        (1, "+--------"),
        # A turn is shorter than a half of a handshake.
        (2, "+-+-+-+-+"),
        (3, "+-+-+++++"),
        (4, "+-+-+++++"),
    ],
)
def test_turns_that_come_fast_find_a_socket(most: int, found: str) -> None:
    async def play(client: GradiumTTSClient, server: MemoryServer) -> str:
        turns = [await turn(client) for _ in found]
        return "".join("+" if was_there else "-" for was_there in turns)

    assert played(play, max_reserves=most)[0] == found


def test_who_interrupts_again_and_again_waits_once() -> None:
    async def play(
        client: GradiumTTSClient, server: MemoryServer
    ) -> list[bool]:
        found = []
        for _ in range(4):
            found += [await interrupted_turn(client), await turn(client)]
            await asyncio.sleep(3.0)
        return found

    found, _ = played(play)

    assert found == [True, False, *[True] * 6]


def test_a_quiet_agent_holds_one() -> None:
    async def play(client: GradiumTTSClient, server: MemoryServer) -> list[int]:
        held = []
        for _ in range(5):
            await turn(client)
            await asyncio.sleep(3.0)
            held.append(len(server.open))
        return held

    held, server = played(play)

    assert held == [1] * 5
    assert len(server.connects_s) == 7


def test_further_sockets_are_given_up_after_a_while() -> None:
    async def play(client: GradiumTTSClient, server: MemoryServer) -> list[int]:
        for _ in range(4):
            await turn(client)
        held = []
        for pause_s in (1.0, HASTE_S / 2, HASTE_S):
            await asyncio.sleep(pause_s)
            held.append(len(server.open))
        return held

    held, _ = played(play)

    assert held == [3, 3, 1]


@pytest.mark.parametrize(
    "error",
    [
        ConnectError("Concurrency limit exceeded", ErrorKind.CAPACITY),
        ConnectError("busy", classify(http_status=429)),
        ConnectError("down", classify(http_status=503)),
    ],
    ids=str,
)
def test_after_a_refusal_no_further_socket_is_opened(
    error: GradiumError,
) -> None:
    async def play(client: GradiumTTSClient, server: MemoryServer) -> int:
        await interrupted_turn(client)
        await asyncio.sleep(1.0)
        assert len(server.open) == 2
        await client.disconnected(error, client.config.endpoint())
        for _ in range(5):
            await turn(client)
        await asyncio.sleep(10.0)
        return len(server.open)

    held, _ = played(play)

    assert held == 1


def test_a_refused_reserve_gives_the_others_up() -> None:
    """The server takes one socket more, and refuses the next."""
    refused = Plan(connect_s=OPENS_S, failure=Failure.REFUSED)

    async def play(client: GradiumTTSClient, server: MemoryServer) -> int:
        await interrupted_turn(client)
        await asyncio.sleep(40.0)
        opened = len(server.connects_s)
        await asyncio.sleep(10.0)
        assert len(server.connects_s) == opened
        return len(server.open)

    held, _ = played(play, NEAR, refused)

    assert held == 1


def test_a_server_that_is_gone_is_asked_by_one_reserve() -> None:
    """Three were held; the next attempts are those of one."""

    async def play(
        client: GradiumTTSClient, server: MemoryServer
    ) -> list[float]:
        for _ in range(4):
            await turn(client)
        await asyncio.sleep(6.0)
        assert len(server.open) == 3
        server.refuse_from_now_on()
        server.drop()
        gone_s = asyncio.get_running_loop().time()
        before = len(server.connects_s)
        await asyncio.sleep(20.0)
        return [at_s - gone_s for at_s in server.connects_s[before:]]

    tried_s, _ = played(play)

    # Within half a second, then after 1, 2, 4 and 8 s, or a half of it.
    assert 4 <= len(tried_s) <= 6
    steps = [b - a for a, b in zip(tried_s, tried_s[1:], strict=False)]
    assert all(b > a for a, b in zip(steps, steps[1:], strict=False))


def test_settings_that_allow_none_close_those_that_are_there() -> None:
    async def play(client: GradiumTTSClient, server: MemoryServer) -> int:
        params = client.config.params.model_copy(update={"max_reserves": 0})
        client.update_config(
            client.config.model_copy(update={"params": params})
        )
        await asyncio.sleep(1.0)
        return len(server.open)

    held, _ = played(play)

    assert held == 0


def test_a_vendor_that_allows_one_bare_socket_is_tried_once_a_minute() -> None:
    """It closes a second one at once; what is asked for is said all the same."""
    server = MemoryServer([NEAR] * 900, lambda _: None)
    closed_s: list[float] = []

    async def connect(endpoint: Endpoint, timeout_s: float) -> Transport:
        opened = await server.connect(endpoint, timeout_s)
        if sum(not each.is_in_session for each in server.open) > 1:
            closed_s.append(asyncio.get_running_loop().time())
            opened.drop()
        return opened

    async def play() -> None:
        async with client_on(
            "ws://memory/", connect=connect, sample_rate=RATE_HZ
        ) as client:
            for _ in range(15):
                for _ in range(3):
                    await turn(client)
                await asyncio.sleep(10.0)

    run_virtually(play())

    assert [at_s // 60 for at_s in closed_s[::2]] == [0, 1, 2]
    assert closed_s[::2] == closed_s[1::2]
    assert sum(log.is_complete for log in server.sessions) == 45
