# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""A language model on this machine: an endpoint of OpenAI's kind."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class LanguageModel:
    """Streams one reply, token by token, and notes what it was asked.

    Attributes:
        asked: the body of each request.
        tokens: of the reply to all that follow.
        url: where it is, as `--llm-url` wants it.
        status: what it answers with; over 200 there is no reply.
    """

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.tokens: Sequence[str] = ("It", " is", " sunny", ".")
        self.url = ""
        self.status = 200


@contextlib.contextmanager
def language_model() -> Iterator[LanguageModel]:
    """Run one."""
    model = LanguageModel()

    class Endpoint(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(405)

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            model.asked.append(json.loads(self.rfile.read(length)))
            if model.status != 200:
                self.send_error(model.status)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for token in [*model.tokens, ""]:
                delta = {"content": token} if token else {}
                event = json.dumps({"choices": [{"delta": delta}]})
                self.wfile.write(f"data: {event}\n\n".encode())
            self.wfile.write(b"data: [DONE]\n\n")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    model.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield model
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
