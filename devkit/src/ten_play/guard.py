# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Who may speak with the server: pages of its own, on this machine.

A page of the world that the user visits can send requests to this machine,
also by a name of its own that leads here (DNS rebinding). Its browser tells:
the name in `Host`, and the page's place in `Origin`.
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

NAMES = ("127.0.0.1", "localhost", "[::1]")

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:;"
    " connect-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def fault_of(request: web.Request, port: int) -> str:
    """Say why a request is not answered; empty if it is."""
    hosts = {f"{name}:{port}" for name in NAMES}
    if request.headers.get("Host", "") not in hosts:
        return f"this page is at http://localhost:{port} only"
    origin = request.headers.get("Origin")
    is_own = origin in {f"http://{host}" for host in hosts}
    if origin is not None and not is_own:
        return "another page may not use this one"
    if origin is None and request.method != "GET":
        return "a page has to say where it is from"
    if origin is None and "Upgrade" in request.headers:
        return "a page has to say where it is from"
    return ""


def guarding(port: Callable[[], int]) -> Middleware:
    """Return what stands before every answer.

    Args:
        port: where the server listens.
    """

    @web.middleware
    async def guard(
        request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        fault = fault_of(request, port())
        if fault:
            return web.Response(status=403, text=f"{fault}\n", headers=HEADERS)
        response = await handler(request)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    return guard
