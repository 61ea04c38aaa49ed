# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Processes that speak with one key: `python tests/crowd.py PLAN`.

Run as a program, so that its processes are forked before any loop or thread is
there. Each request that was spoken is a line of JSON on its standard output.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import random
import select
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from multiprocessing.process import BaseProcess
from typing import Any

from speaking import client_on, speak

from gradium_tts_python.fleet.redis_link import RedisLink

TEXT = "One two three."
READY = b"ready"


@dataclass(frozen=True)
class Plan:
    """What a crowd does.

    Attributes:
        url: of the server.
        requests: how many are spoken in all.
        processes: how many speak at a time.
        machines: the folder of the locks, and by how much the clocks are
            ahead in s, of each machine; the processes are spread over them.
        kill_every_s: how often one is killed and another begun; 0 is never.
        patience_s: how long Redis is waited for; a busy machine needs more
            than the 50 ms of production.
        params: settings.
    """

    url: str
    requests: int
    processes: int
    machines: list[tuple[str, float]]
    kill_every_s: float = 0.0
    patience_s: float = 5.0
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """What came of one request.

    Attributes:
        wait_s: for a session slot.
        took_s: in all.
        sessions: how many it took.
        error: why it was not spoken.
    """

    process: int
    wait_s: float
    took_s: float
    sessions: int
    error: str | None


@asynccontextmanager
async def crowd(plan: Plan) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a crowd beside a test's server."""
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        json.dumps(asdict(plan)),
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
        start_new_session=True,
    )
    try:
        yield running
    finally:
        # With all its children; none is left where it has ended well.
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        await running.wait()


async def told_by(plan: Plan) -> list[Told]:
    """Let a crowd speak, and return what came of it."""
    async with crowd(plan) as running:
        assert running.stdout
        lines = (await running.stdout.read()).splitlines()
        assert await running.wait() == 0
    return [Told(**json.loads(line)) for line in lines]


# ------------------------------------------------------------- in the program


def shift_clocks(ahead_s: float) -> None:
    """Be on a machine whose clocks all differ, that of the loop, too."""
    if not ahead_s:
        return
    clock, clock_ns, wall = time.monotonic, time.monotonic_ns, time.time
    time.monotonic = lambda: clock() + ahead_s
    time.monotonic_ns = lambda: clock_ns() + round(ahead_s * 1e9)
    time.time = lambda: wall() + ahead_s


def work(plan: Plan, number: int, tokens: int, told: int) -> None:
    """One process: a request for each token, until there are no more."""
    home, ahead_s = plan.machines[number % len(plan.machines)]
    os.environ["GRADIUM_TTS_SLOTS"] = home
    shift_clocks(ahead_s)
    assert RedisLink.__init__.__kwdefaults__
    RedisLink.__init__.__kwdefaults__["call_s"] = plan.patience_s

    async def run() -> None:
        async with client_on(plan.url, **plan.params) as client:
            client.prewarm()
            os.write(told, READY + b"\n")
            loop = asyncio.get_running_loop()
            while await loop.run_in_executor(None, os.read, tokens, 1):
                started_s = time.monotonic()
                spoken = await speak(client, TEXT, f"p{number}")
                times = spoken.speech.times
                line = Told(
                    number,
                    times.slot_at - times.opened_at,
                    time.monotonic() - started_s,
                    spoken.speech.usage.sessions,
                    str(spoken.error) if spoken.error else None,
                )
                # Of one write, so that no two are mixed.
                os.write(told, json.dumps(asdict(line)).encode() + b"\n")

    asyncio.run(run())


class Parent:
    """Starts the processes, kills some, and passes on what they tell."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._tokens, self._more_tokens = os.pipe()
        self._told, self._tell = os.pipe()
        self._context = multiprocessing.get_context("fork")
        self._processes = [self._start(n) for n in range(plan.processes)]
        self._kill_at = time.monotonic() + plan.kill_every_s

    def run(self) -> None:
        left, rest, ready = self._plan.requests, b"", 0
        while left > 0:
            if self._plan.kill_every_s and time.monotonic() > self._kill_at:
                self._kill_one()
            rest += os.read(self._told, 65536) if self._has_news() else b""
            *lines, rest = rest.split(b"\n")
            for line in lines:
                if line != READY:
                    left -= 1
                    print(line.decode(), flush=True)
                    continue
                ready += 1
                if ready == self._plan.processes:
                    # All at once: who starts late is not who is served late.
                    os.write(self._more_tokens, b"x" * self._plan.requests)
        for process in self._processes:
            process.kill()
            process.join()

    def _has_news(self) -> bool:
        return bool(select.select([self._told], [], [], 0.02)[0])

    def _start(self, number: int) -> BaseProcess:
        arguments = (self._plan, number, self._tokens, self._tell)
        process = self._context.Process(target=work, args=arguments)
        process.start()
        return process

    def _kill_one(self) -> None:
        number = random.randrange(len(self._processes))
        victim = self._processes[number]
        assert victim.pid
        os.kill(victim.pid, signal.SIGKILL)
        victim.join()
        # For the request that was lost with it, if it had one.
        os.write(self._more_tokens, b"x")
        self._processes[number] = self._start(number)
        self._kill_at = time.monotonic() + self._plan.kill_every_s


if __name__ == "__main__":
    Parent(Plan(**json.loads(sys.argv[1]))).run()
