# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""All servers of a measurement, in a process of their own.

    python run.py CERTIFICATE_AND_KEY.pem

It reads a line of JSON for each order and answers with one:

* `{"open": "sim", "rtt_s": …, "is_tls": …, "synthesis_s": …, "speed": …}`:
  a local Gradium server, at this distance;
* `{"open": "lean", "chunk_s": …, "is_tls": …, "is_paced": …}`: one that only
  pours, at no distance;
* `{"generated_after": seconds}`: how much audio the first kind has made since;
* `{"poured": true}`: when the second kind wrote each chunk, by first word;
* `{"carried": true}`: bytes that went over the distances, up and down;
* `{"close": true}`: all are closed, and forgotten.

It ends when stdin is closed.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from contextlib import AsyncExitStack
from typing import Any

from lean import LeanServer

from fault_proxy import FaultProxy
from gradium_sim import GradiumSim

Json = dict[str, Any]
FRAME_S = 0.08
# A session that lasts longer than this is not waited for.
_LINGER_S = 12.0
_LOOK_S = 0.05
# One that has sent nothing for so long has come to its end.
_QUIET_S = 0.3


class Servers:
    """What is open, and what is asked of it."""

    def __init__(self, certificate: str) -> None:
        self._stack = AsyncExitStack()
        self._sims: list[GradiumSim] = []
        self._lean: list[LeanServer] = []
        self._proxies: list[FaultProxy] = []
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate)

    async def answer(self, order: Json) -> Json:
        """Do what an order says."""
        if order.get("open") == "sim":
            return {"url": await self._open_sim(order)}
        if order.get("open") == "lean":
            return {"url": await self._open_lean(order)}
        if "generated_after" in order:
            return await self._generated_after(order["generated_after"])
        if "poured" in order:
            return self._poured()
        if "close" in order:
            await self.close()
            return {"is_closed": True}
        return self._carried()

    async def close(self) -> None:
        """Close all there are, and forget them."""
        await self._stack.aclose()
        self._sims.clear()
        self._lean.clear()
        self._proxies.clear()

    async def _open_sim(self, order: Json) -> str:
        sim = GradiumSim(
            first_audio_delay_s=order["synthesis_s"],
            speed=order["speed"],
            trailing_silence_s=0.0,
            is_keeping_sound=False,
            tls=self._tls if order["is_tls"] else None,
        )
        await self._stack.enter_async_context(sim)
        self._sims.append(sim)
        proxy = FaultProxy(sim.host, sim.port, rtt_s=order["rtt_s"])
        await self._stack.enter_async_context(proxy)
        self._proxies.append(proxy)
        return proxy.url_for(sim.url)

    async def _open_lean(self, order: Json) -> str:
        server = LeanServer(
            chunk_s=order["chunk_s"], is_paced=order["is_paced"]
        )
        self._lean.append(server)
        self._stack.callback(server.close)
        return await server.listen(self._tls if order["is_tls"] else None)

    async def _generated_after(self, since_s: float) -> Json:
        """Wait for sessions to end; count the frames made since then."""
        for _ in range(round(_LINGER_S / _LOOK_S)):
            if not self._has_running(since_s):
                break
            await asyncio.sleep(_LOOK_S)
        frames = sum(
            at_s > since_s
            for sim in self._sims
            for session in sim.sessions
            for at_s in session.times.frames_s
        )
        for sim in self._sims:
            sim.sessions.clear()
        return {"generated_s": frames * FRAME_S}

    def _has_running(self, since_s: float) -> bool:
        now_s = time.monotonic()
        return now_s < since_s + _QUIET_S or any(
            session.times.frames_s
            and session.times.frames_s[-1] > now_s - _QUIET_S
            for sim in self._sims
            for session in sim.sessions
        )

    def _poured(self) -> Json:
        sent = {
            session.text.partition(" ")[0]: session.sent_s
            for server in self._lean
            for session in server.sessions
            if session.text
        }
        for server in self._lean:
            server.sessions.clear()
        return {"sent_s": sent}

    def _carried(self) -> Json:
        sizes = {"up": 0, "down": 0}
        for proxy in self._proxies:
            for packet in proxy.log:
                sizes[packet.direction] += len(packet.payload)
            proxy.log.clear()
        return sizes


async def serve() -> None:
    """Answer until stdin is closed."""
    loop = asyncio.get_running_loop()
    servers = Servers(sys.argv[1])
    say({"is_ready": True})
    try:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            say(await servers.answer(json.loads(line)))
    finally:
        await servers.close()


def say(answer: Json) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(serve())
