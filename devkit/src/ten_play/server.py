# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The web server of the page."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aiohttp import WSCloseCode, web
from aiohttp.typedefs import Handler

from gradium_sim.server import VoiceName
from ten_agent.chat import Chat
from ten_host.catalogue import CatalogueError, voices_of
from trace_timeline import LANES, lines_of, marks_of
from trace_timeline.page import COLOURS, SCRIPT

from .guard import guarding
from .line import Line, key_of_environment
from .local_line import LocalLine
from .remote_line import RemoteLine
from .texts import SAMPLES
from .visit import MOST_BYTES, Visit

STATIC = Path(__file__).resolve().parent / "static"

# Each page has an extension and a server of its own.
MOST_PAGES = 8

# What a trace file may have at most (wire/trace.py).
MOST_TRACE_BYTES = 64 * 2**20

Json = dict[str, Any]


@dataclass(frozen=True)
class Order:
    """What the user of `./dev play` asked for.

    Attributes:
        port: 0 for any that is free.
        voice: of the local server.
        llm_url: of a language model, if there is one.
    """

    port: int
    voice: VoiceName = "espeak"
    llm_url: str | None = None
    llm_model: str = ""


class PlayServer:
    """Serves the page on this machine; `async with` runs it."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._pages: set[web.WebSocketResponse] = set()
        self._starting = asyncio.Lock()
        app = web.Application(
            middlewares=[guarding(lambda: self.port)],
            client_max_size=MOST_TRACE_BYTES,
        )
        app.router.add_get("/", self._page)
        app.router.add_get("/socket", self._socket)
        app.router.add_post("/timeline", self._timeline)
        for path in (SCRIPT, COLOURS):
            app.router.add_get(f"/static/{path.name}", _file(path))
        app.router.add_static("/static", STATIC)
        app.on_shutdown.append(self._leave)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        self.port = order.port

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://localhost:{self.port}"

    async def __aenter__(self) -> PlayServer:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._order.port)
        try:
            await site.start()
        except BaseException:
            await self._runner.cleanup()
            raise
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._runner.cleanup()

    async def _page(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(STATIC / "index.html")

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=MOST_BYTES, heartbeat=20)
        await socket.prepare(request)
        if len(self._pages) >= MOST_PAGES:
            text = f"{MOST_PAGES} pages are open; close one, then reload"
            await socket.send_json({"type": "refused", "text": text})
            await socket.close()
            return socket
        self._pages.add(socket)
        try:
            await self._visit(socket)
        finally:
            self._pages.discard(socket)
        return socket

    async def _leave(self, app: web.Application) -> None:
        """Hang up: a page that is open would be waited for."""
        pages = [
            page.close(code=WSCloseCode.GOING_AWAY) for page in self._pages
        ]
        await asyncio.gather(*pages)

    async def _visit(self, socket: web.WebSocketResponse) -> None:
        order = self._order
        chat = None
        if order.llm_url:
            chat = Chat(order.llm_url, order.llm_model)
        key = key_of_environment()
        async with RemoteLine(key) if key else LocalLine(order.voice) as line:
            greeting: Json = {
                "voices": await self._voices(line),
                "samples": [asdict(sample) for sample in SAMPLES],
                "lanes": [asdict(lane) for lane in LANES],
                "vendor": line.vendor,
                "has_model": chat is not None,
            }
            await Visit(socket, line, chat, self._starting).run(greeting)

    async def _voices(self, line: Line) -> list[dict[str, str]]:
        try:
            return await voices_of(line.http_url, line.key)
        except CatalogueError as error:
            print(f"play: {error}", file=sys.stderr)
            return []

    async def _timeline(self, request: web.Request) -> web.Response:
        """Answer a trace with the marks of its last run."""
        try:
            marks = marks_of(lines_of(await request.text()))
        except (ValueError, TypeError, AttributeError):
            return web.json_response(
                {"problem": "this file is no trace"}, status=400
            )
        if not marks:
            return web.json_response(
                {"problem": "there is nothing to draw in this file"}, status=400
            )
        return web.json_response({"marks": [one.tree() for one in marks]})


def _file(path: Path) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(path)

    return answer
