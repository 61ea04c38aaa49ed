# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""What clients are put through; the same for all of them.

Standard library only: this runs in the environments of the peers, too. Each
scenario takes a way to make clients and its own arguments, and returns JSON.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import time
from collections.abc import Callable
from typing import Any

from client import Client, Speaking

Make = Callable[[], Client]
Json = dict[str, Any]

SHORT = "One two three four five."
# Longer than anyone listens to it here.
LONG = " ".join(["Seven and twenty sailors sang a song of home again."] * 12)
_WAIT_S = 60.0


async def conversation(
    make: Make, calm_s: float, listen_s: float
) -> dict[str, float]:
    """Go through the turns of a conversation; gives ms to first audio.

    Args:
        calm_s: between two turns, for the client to get ready again.
        listen_s: how long is listened before an interruption.
    """
    client = make()
    await client.open()
    rows: dict[str, float] = {}
    try:
        for name in ("first request", "next"):
            await asyncio.sleep(calm_s)
            rows[name] = await _asked(client)
        for name, heard_s, pause_s in (
            ("300 ms after an interruption", listen_s, 0.3),
            ("at once after an interruption", listen_s, 0.0),
            ("at once after an early interruption", 0.0, 0.0),
        ):
            await asyncio.sleep(calm_s)
            await _begun(await client.start([LONG]))
            await asyncio.sleep(heard_s)
            await client.interrupt()
            await asyncio.sleep(pause_s)
            rows[name] = await _asked(client)
        await asyncio.sleep(calm_s)
        turns = [await _asked(client, "One.") for _ in range(3)]
        rows["back to back"] = sum(turns[1:]) / 2
    finally:
        await client.close()
    return rows


async def after_idle(make: Make, idle_s: float) -> float:
    """Ask once, be idle, ask again; gives ms of the second."""
    client = make()
    await client.open()
    try:
        await _asked(client)
        await asyncio.sleep(idle_s)
        return await _asked(client)
    finally:
        await client.close()


async def repeated(
    make: Make, times: int, calm_s: float, is_fresh: bool, is_same: bool
) -> list[float]:
    """Say a text again and again; gives ms to first audio, but of the first.

    Args:
        calm_s: before each, for the client to get ready again.
        is_fresh: whether each is said by a client of its own.
        is_same: whether it is one text, or another each time.
    """
    client = make()
    await client.open()
    found = []
    try:
        for number in range(times + 1):
            if is_fresh and number:
                await client.close()
                client = make()
                await client.open()
            await asyncio.sleep(calm_s)
            text = SHORT if is_same else f"{SHORT} {number}"
            found.append(await _asked(client, text))
    finally:
        await client.close()
    return found[1:]


async def interruption(
    make: Make, calm_s: float, listen_s: float, linger_s: float
) -> Json:
    """Interrupt a request in the middle; look out for what still comes.

    Args:
        linger_s: how long, with the conversation still open.
    """
    client = make()
    await client.open()
    try:
        await asyncio.sleep(calm_s)
        speaking = await client.start([LONG])
        await _begun(speaking)
        await asyncio.sleep(listen_s)
        at_s = time.monotonic()
        await client.interrupt()
        let_go_s = time.monotonic()
        heard = speaking.heard_bytes
        await asyncio.sleep(linger_s)
        return {
            "at_s": at_s,
            "let_go_ms": (let_go_s - at_s) * 1000,
            "stale_bytes": speaking.heard_bytes - heard,
        }
    finally:
        await client.close()


async def load(
    make: Make, sessions: int, words: int, settle_s: float, window_s: float
) -> Json:
    """Speak in many sessions at once; measure in a window of time.

    Returns:
        CPU of the process and audio in the window; memory before, with all
        idle, and while all speak; each session's arrivals.
    """
    before = resident_bytes()
    clients = [make() for _ in range(sessions)]
    for client in clients:
        await client.open()
        await asyncio.sleep(0.002)  # not all handshakes at once
    await asyncio.sleep(settle_s)
    gc.collect()
    idle = resident_bytes()
    speakings = []
    for number, client in enumerate(clients):
        text = " ".join([f"session{number}", *["word"] * (words - 1)])
        speakings.append(await client.start([text]))
        await asyncio.sleep(min(0.08 / sessions, 0.01))
    await asyncio.sleep(settle_s)
    cpu_s, begin_s = time.process_time(), time.monotonic()
    heard = sum(one.heard_bytes for one in speakings)
    await asyncio.sleep(window_s)
    result = {
        "begin_s": begin_s,
        "end_s": time.monotonic(),
        "cpu_s": time.process_time() - cpu_s,
        "heard_bytes": sum(one.heard_bytes for one in speakings) - heard,
        "resident": [before, idle, resident_bytes()],
        "arrivals": [one.arrivals for one in speakings],
    }
    for client in clients:
        await client.close()
    return result


async def idle(
    make: Make, sessions: int, settle_s: float, window_s: float
) -> Json:
    """Have sessions wait for a request; gives CPU of the process."""
    clients = [make() for _ in range(sessions)]
    for client in clients:
        await client.open()
        await asyncio.sleep(0.002)  # not all handshakes at once
    await asyncio.sleep(settle_s)
    cpu_s = time.process_time()
    await asyncio.sleep(window_s)
    cpu_s = time.process_time() - cpu_s
    for client in clients:
        await client.close()
    return {"cpu_s": cpu_s}


async def growth(make: Make, requests: int, samples: int) -> list[Json]:
    """Make many requests, one after the other; look at what is kept."""
    client = make()
    await client.open()
    kept = []
    try:
        for number in range(1, requests + 1):
            await _asked(client)
            if number % max(1, requests // samples) == 0:
                gc.collect()
                kept.append(
                    {
                        "requests": number,
                        "resident_bytes": resident_bytes(),
                        "descriptors": len(os.listdir("/proc/self/fd"))
                        if os.path.isdir("/proc/self/fd")
                        else 0,
                        "tasks": len(asyncio.all_tasks()),
                    }
                )
    finally:
        await client.close()
    return kept


async def long_text(make: Make, words: int, is_split: bool) -> Json:
    """Speak one long text, whole or word by word; gives CPU seconds."""
    client = make()
    await client.open()
    texts = [f"word{number} " for number in range(words)]
    try:
        await asyncio.sleep(0.1)
        cpu_s = time.process_time()
        speaking = await client.start(texts if is_split else ["".join(texts)])
        await asyncio.wait_for(speaking.over.wait(), _WAIT_S * 4)
        return {
            "cpu_s": time.process_time() - cpu_s,
            "heard_bytes": speaking.heard_bytes,
        }
    finally:
        await client.close()


def resident_bytes() -> int:
    """Return the memory that the process holds; its peak where no /proc is."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


async def _begun(speaking: Speaking) -> None:
    await asyncio.wait_for(speaking.begun.wait(), _WAIT_S)
    if not speaking.arrivals:
        raise RuntimeError("a request ended without any audio")


async def _asked(client: Client, text: str = SHORT) -> float:
    """Ask and wait for the end; gives ms to first audio."""
    speaking = await client.start([text])
    await _begun(speaking)
    await asyncio.wait_for(speaking.over.wait(), _WAIT_S)
    return speaking.first_ms


SCENARIOS: dict[str, Callable[..., Any]] = {
    scenario.__name__: scenario
    for scenario in (
        conversation,
        after_idle,
        repeated,
        interruption,
        load,
        idle,
        growth,
        long_text,
    )
}
