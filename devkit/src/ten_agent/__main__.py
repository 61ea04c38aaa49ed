# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`./dev agent`: talk to an agent, or let a script do it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ten_host.output import OutputError, check_picture, draw
from ten_host.own_trace import own_trace
from ten_host.package import import_addon
from ten_host.player import PlayerError, find_players
from ten_host.program import called
from ten_host.target import (
    Target,
    TargetError,
    add_target_options,
    target_of,
)
from ten_host.vendor import VendorError, running_vendor
from ten_runtime import App, TenEnv

from . import control, llm, sink, user  # noqa: F401 - they register themselves
from .chat import Chat, ChatError
from .conversation import GREETING, Conversation, ConversationError
from .finish import failures, finished, seen
from .graph import app_property
from .records import SUMMARY, WHOLE
from .user import QUIT

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


def main(arguments: list[str]) -> int:
    """Run the agent; 0 is done, 1 is not, 2 is not understood."""
    order = _parser().parse_args(arguments)
    try:
        script = Conversation.load(order.script) if order.script else None
        target = target_of(order)
        addon = target.addon if target else ADDON
        if order.llm_url:
            asyncio.run(Chat(order.llm_url, order.llm_model).check())
        import_addon(addon)
        with (
            _drawn(order.timeline),
            _tts_properties(order, target) as properties,
        ):
            return _talk(order, script, addon, properties)
    except (
        *(ConversationError, OutputError),
        *(TargetError, VendorError),
    ) as error:
        print(f"agent: {error}", file=sys.stderr)
        return 2
    except (ChatError, PlayerError) as error:
        print(f"agent: {error}", file=sys.stderr)
        return 1


def _talk(
    order: argparse.Namespace,
    script: Conversation | None,
    addon: str,
    properties: dict[str, Any],
) -> int:
    """Run the agent around one extension; return the exit code."""
    players = find_players() if order.play else []
    print(_banner(order, addon), flush=True)
    tree = app_property(
        properties,
        addon=addon,
        sink={
            "folder": str(order.output or ""),
            "pace": order.speed,
            "players": players,
        },
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
    if order.output:
        print(f"{order.output / SUMMARY} sums it up, {WHOLE} is to be heard")
    # A terminal has shown them where they happened.
    for failure in failures if not sys.stdout.isatty() else ():
        print(f"agent: {failure}", file=sys.stderr)
    return 1 if failures else 0


def _banner(order: argparse.Namespace, addon: str) -> str:
    voice = "Gradium's voice" if _key() else "the local voice"
    if addon != ADDON:
        voice = f"the voice of {addon}"
    mind = order.llm_url or "a script, which repeats what you say"
    if order.script:
        return f"{order.script} with {voice}; Ctrl-C ends it"
    return (
        f"A voice agent with {voice} and {mind}.\n"
        "Type and press Enter: it interrupts what is being said."
        f" {QUIT[0]}, Ctrl-D or Ctrl-C ends it."
    )


def _key() -> str:
    return os.environ.get("GRADIUM_API_KEY", "").strip()


def _run(tree: dict[str, Any]) -> None:
    """Run the app until the conversation is over.

    Raises:
        RuntimeError: the app failed.
    """
    apps: list[AgentApp] = []
    faults: list[Exception] = []

    def live() -> None:
        # On one thread from its making to its end, as TEN wants it.
        try:
            app = AgentApp()
            app.tree = tree
            apps.append(app)
            app.run(False)
        except Exception as error:
            faults.append(error)
        finally:
            finished.set()

    thread = threading.Thread(target=live, name="agent-app")
    thread.start()
    with contextlib.suppress(KeyboardInterrupt):
        finished.wait()
    if apps and thread.is_alive():
        apps[0].close()
    thread.join()
    if faults:
        raise RuntimeError(str(faults[0]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=called("agent"), description=__doc__)
    add = parser.add_argument
    add("--script", type=Path, help="play this conversation")
    add("--llm-url", help="an endpoint of OpenAI's kind, as …/v1")
    add("--llm-model", default="gpt-4o-mini", help="its model")
    add("--token-ms", type=float, default=10.0, help="pace of a scripted LLM")
    add("--voice", choices=("espeak", "tones"), default="espeak")
    add("--play", action="store_true", help="let it be heard")
    add(
        "--speed",
        type=_speed,
        default=1.0,
        help="of the whole talk, as a multiple of real time (default: 1)",
    )
    add(
        "-o",
        "--output",
        type=Path,
        help="a folder for conversation.json, one WAV of the whole talk, and"
        " one for each thing said (default: nothing is written)",
    )
    add(
        "--timeline",
        type=Path,
        metavar="FILE",
        help="draw the talk, on one clock: .png, .svg, .pdf or .html",
    )
    add_target_options(parser)
    return parser


@contextlib.contextmanager
def _drawn(path: Path | None) -> Iterator[None]:
    """Draw what happens in the block, if a file is named."""
    if path is None:
        yield
        return
    check_picture(path)
    seen.is_wanted = True
    with own_trace() as trace:
        yield
        # Only its own trace tells of sockets; not everyone writes one.
        draw(path, trace.lines() or seen.lines(), called("agent"))


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0.1 <= speed <= 100:
        raise argparse.ArgumentTypeError(f"must be 0.1 to 100, not {text}")
    return speed


@contextlib.contextmanager
def _tts_properties(
    order: argparse.Namespace, target: Target | None
) -> Iterator[dict[str, Any]]:
    """The extension's properties, while its vendor runs if one was named."""
    if target is None:
        with _tts_params(order) as params:
            yield {"enable_words": True, "params": params}
        return
    with running_vendor(target.vendor):
        yield target.properties


@contextlib.contextmanager
def _tts_params(order: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The voice's settings; without a key a local server runs."""
    key = _key()
    if key:
        yield {"api_key": key}
        return
    from gradium_sim import SimThread

    # A little faster than it is heard, or its frames were always just late.
    pace = order.speed * 1.6
    with SimThread(voice=order.voice, api_keys=(LOCAL_KEY,), speed=pace) as sim:
        yield {"api_key": LOCAL_KEY, "url": sim.url}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
