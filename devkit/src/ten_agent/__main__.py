# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`./dev agent`: talk to an agent, or let a script do it."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ten_runtime import App, TenEnv

from . import control, llm, sink, user  # noqa: F401 - they register themselves
from .conversation import GREETING, Conversation, ConversationError
from .finish import finished
from .graph import app_property

ADDON = "gradium_tts_python"
LOCAL_KEY = "local"


class AgentApp(App):
    """An app with one graph.

    Its property comes as an attribute: TEN's apps take no argument.
    """

    tree: dict[str, Any]

    def on_configure(self, ten_env: TenEnv) -> None:
        ten_env.init_property_from_json(json.dumps(self.tree))
        ten_env.on_configure_done()


def main() -> int:
    """Run the agent; 0 is done, 1 is not, 2 is not understood."""
    order = _parser().parse_args()
    try:
        script = Conversation.load(order.script) if order.script else None
    except ConversationError as error:
        print(f"agent: {error}", file=sys.stderr)
        return 2
    importlib.import_module(ADDON)
    with _tts_params(order) as params:
        tree = app_property(
            {"params": params},
            addon=ADDON,
            folder=order.output,
            conversation=script.tree() if script else None,
            greeting=script.greeting if script else GREETING,
            llm={
                "url": order.llm_url,
                "model": order.llm_model,
                "replies": [
                    turn.reply
                    for turn in (script.turns if script else ())
                    if not turn.is_return
                ],
                "token_s": order.token_ms / 1000,
            },
        )
        try:
            _run(tree)
        except RuntimeError as error:
            print(f"agent: {error}", file=sys.stderr)
            return 1
    print(f"{order.output / 'conversation.json'} sums it up")
    return 0


def _run(tree: dict[str, Any]) -> None:
    """Run the app until the conversation is over.

    Raises:
        RuntimeError: the app failed.
    """
    apps: list[AgentApp] = []
    failures: list[Exception] = []

    def live() -> None:
        # On one thread from its making to its end, as TEN wants it.
        try:
            app = AgentApp()
            app.tree = tree
            apps.append(app)
            app.run(False)
        except Exception as error:
            failures.append(error)
        finally:
            finished.set()

    thread = threading.Thread(target=live, name="agent-app")
    thread.start()
    with contextlib.suppress(KeyboardInterrupt):
        finished.wait()
    if apps and thread.is_alive():
        apps[0].close()
    thread.join()
    if failures:
        raise RuntimeError(str(failures[0]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev agent", description=__doc__)
    add = parser.add_argument
    add("--script", type=Path, help="play this conversation")
    add("--llm-url", help="an endpoint of OpenAI's kind, as …/v1")
    add("--llm-model", default="gpt-4o-mini", help="its model")
    add("--token-ms", type=float, default=10.0, help="pace of a scripted LLM")
    add("--voice", choices=("espeak", "tones"), default="espeak")
    add("--speed", type=float, default=3.0, help="local server: x real time")
    add(
        "-o",
        "--output",
        type=Path,
        default=Path("conversation"),
        help="the folder of the WAV files",
    )
    return parser


@contextlib.contextmanager
def _tts_params(order: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The voice's settings; without a key a local server runs."""
    key = os.environ.get("GRADIUM_API_KEY", "").strip()
    if key:
        yield {"api_key": key}
        return
    from gradium_sim import SimThread

    with SimThread(
        voice=order.voice, api_keys=(LOCAL_KEY,), speed=order.speed
    ) as sim:
        yield {"api_key": LOCAL_KEY, "url": sim.url}


if __name__ == "__main__":
    sys.exit(main())
