# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`./dev speak`: one text through the real extension, into a WAV file.

Without a key the local server speaks; with `GRADIUM_API_KEY` Gradium does; and
with `--addon` or `--package` any other extension.
Exit code 2 stands for wrong input, 1 for a failure on the way; both come with
one sentence on stderr.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trace_timeline import TraceTail

from .catalogue import (
    HTTP_URL,
    CatalogueError,
    http_url_of,
    id_of,
    local_voices,
    voices_of,
)
from .order import LOCAL_KEY, STDOUT, Order, UsageError, parse
from .output import OutputError, draw
from .own_trace import own_trace
from .pace import written
from .player import PlayerError
from .program import called
from .seen import Seen
from .sound import Sound

if TYPE_CHECKING:
    from .host import ExtensionHost
    from .live import Live
    from .spoken import Spoken

ADDON = "gradium_tts_python"

# Pace of the local server, as a multiple of real time. As fast as it can, it
# would take the processor away from the threads that pass on its first audio,
# which the vendor's machine does not.
LOCAL_SPEED = 25.0

# Between repeated requests, as between two turns of a talk: the next socket
# gets opened in it. A remote handshake takes longer than a local one.
LOCAL_PAUSE_S = 0.1
REMOTE_PAUSE_S = 1.0

# How often the trace is looked at for what goes wrong.
LOOK_S = 0.04
# How long a request waits for the first session; what hangs shows then.
READY_S = 2.0

# After so long without any event, no answer is to be expected.
SILENCE_S = 30.0


class SpeakError(Exception):
    """It went wrong on the way; exit code 1."""


def main(arguments: list[str]) -> int:
    """Run the command; return the exit code."""
    key = os.environ.get("GRADIUM_API_KEY") or None
    is_verbose = "TEN_HOST_LOG" in os.environ
    # The user wants the sound and its events; what failed is in an event too.
    os.environ.setdefault("TEN_HOST_LOG", "off")
    try:
        order = parse(arguments, key)
        if order.log is not None:
            os.environ["TEN_HOST_LOG"] = order.log
        asyncio.run(_speak(order)).wait()
        return 0
    except UsageError as error:
        return _fail(str(error), key, 2)
    except (SpeakError, PlayerError, CatalogueError, OutputError) as error:
        return _fail(str(error), key, 1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output left. Python would complain once more when
        # it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if is_verbose:
            raise
        return _fail(
            f"{type(error).__name__}: {error} (a bug; TEN_HOST_LOG=debug shows"
            " where)",
            key,
            1,
        )


def _fail(message: str, key: str | None, code: int) -> int:
    line = message.strip().splitlines()[0] if message.strip() else "it failed"
    if key:
        line = line.replace(key, "***")
    print(f"speak: {line}", file=sys.stderr)
    return code


async def _speak(order: Order) -> Sound:
    """Speak; return the sound, which may still be playing."""
    # Imported here: wrong input is answered without loading all of this.
    from .app import app_running
    from .live import Live

    with contextlib.ExitStack() as stack:
        live = Live(order)
        trace = stack.enter_context(own_trace())
        sound = stack.enter_context(Sound(order))
        url = stack.enter_context(_server(order))
        stack.enter_context(app_running())
        seen = Seen()
        spoken = await _run(order, url, live, sound, trace, seen)
        if order.timeline is not None:
            # Only its own trace tells of sockets; not everyone writes one.
            lines = trace.again().lines() or seen.lines()
            draw(order.timeline, lines, called("speak"))
    _close(order, spoken, live)
    return sound


def _close(order: Order, spoken: list[Spoken], live: Live) -> None:
    """Write the file, and say how it went.

    Raises:
        SpeakError: the speech broke off; what came of it is kept.
        UsageError: there was nothing to say.
    """
    from .events import EndReason
    from .spoken import summary

    last = spoken[-1]
    assert last.end
    is_file = order.output != STDOUT
    if last.frames and is_file:
        _write(order.output, last)
    if last.end.reason is not EndReason.REQUEST_END:
        reason = last.errors[0].message if last.errors else "it broke off"
        raise SpeakError(reason + _what_came(last, order))
    if not last.frames:
        raise UsageError("the text has nothing in it that can be spoken")
    live.line(summary(spoken) + (f", {order.output}" if is_file else ""))


def _what_came(spoken: Spoken, order: Order) -> str:
    if not spoken.frames:
        return ""
    until = f', until "{spoken.words[-1].text}"' if spoken.words else ""
    place = "went out" if order.output == STDOUT else f"are in {order.output}"
    return f"; the {spoken.audio_s:.2f} s that came{until} {place}"


@contextlib.contextmanager
def _server(order: Order) -> Iterator[str | None]:
    """The URL to use; the local server runs meanwhile if it is needed."""
    if order.target is not None:
        from .vendor import VendorError, running_vendor

        try:
            with running_vendor(order.target.vendor):
                yield None
        except VendorError as error:
            raise UsageError(f"--vendor: {error}") from None
        return
    if not order.is_local:
        yield order.url
        return
    from gradium_sim.process import sim_process

    with sim_process(voice="espeak", key=LOCAL_KEY, speed=LOCAL_SPEED) as url:
        yield url


async def _properties(order: Order, url: str | None) -> dict[str, Any]:
    """Return the settings of the extension.

    Raises:
        CatalogueError: there is no voice of the name that was asked for.
    """
    if order.target is not None:
        return order.target.properties
    params = {"api_key": order.key or LOCAL_KEY}
    if order.voice is not None:
        if order.is_local:
            voices = local_voices()
        else:
            http_url = http_url_of(url) if url else HTTP_URL
            voices = await voices_of(http_url, params["api_key"])
        params["voice_id"] = id_of(order.voice, voices)
    if url is not None:
        params["url"] = url
    return {**order.settings, "params": {**params, **order.settings["params"]}}


async def _host(order: Order, url: str | None, seen: Seen) -> ExtensionHost:
    """Return what runs the extension; raises CatalogueError."""
    from .host import ExtensionHost

    addon = order.target.addon if order.target else ADDON
    properties = await _properties(order, url)
    return ExtensionHost(addon, properties, wait_s=SILENCE_S, seen=seen)


async def _run(
    order: Order,
    url: str | None,
    live: Live,
    sound: Sound,
    trace: TraceTail,
    seen: Seen,
) -> list[Spoken]:
    from .tester import HostError

    is_near = order.is_local or order.key == LOCAL_KEY
    pause_s = LOCAL_PAUSE_S if is_near else REMOTE_PAUSE_S
    speaker = _Speaker(order, live, sound, trace)
    spoken: list[Spoken] = []
    host = await _host(order, url, seen)
    try:
        async with host:
            if order.wishes:
                answer = await host.command("update_configs", order.wishes)
                message = str(answer.properties.get("message", ""))
                if not answer.is_ok:
                    raise SpeakError(message)
                live.line(f"settings: {message}")
            if order.target is None:
                await speaker.until_ready()
            for index in range(order.repeat):
                if order.repeat > 1:
                    await asyncio.sleep(pause_s)
                spoken.append(await speaker.speak(host, f"r{index + 1}"))
    except HostError as error:
        raise SpeakError(str(error)) from error
    except TimeoutError as error:
        who = order.target.addon if order.target else url or "Gradium"
        raise SpeakError(
            f"no answer from {who} within {SILENCE_S:.0f} s"
        ) from error
    finally:
        live.close()
    return spoken


class _Speaker:
    """Speaks the text of an order, and shows what happens meanwhile."""

    def __init__(
        self, order: Order, live: Live, sound: Sound, trace: TraceTail
    ) -> None:
        self._order = order
        self._live = live
        self._sound = sound
        self._trace = trace

    async def until_ready(self) -> None:
        """Wait for the first socket, as an agent has one before it is asked.

        Not for long: one that fails is the request's to tell of.
        """
        deadline_s = time.monotonic() + READY_S
        while time.monotonic() < deadline_s:
            lines = self._trace.lines()
            self._live.show_trace(lines)
            if any(_is_settled(line) for line in lines):
                return
            await asyncio.sleep(LOOK_S / 4)

    async def speak(self, host: ExtensionHost, request_id: str) -> Spoken:
        """Speak the text once, until its end."""
        from .events import Error
        from .spoken import Spoken

        early = [e for e in host.events() if isinstance(e, Error)]
        spoken = Spoken(request_id, errors=early)
        since = len(host.events())
        self._live.begin(spoken)
        works = [
            asyncio.create_task(self._send(host, spoken), name="speak:text"),
            asyncio.create_task(self._watch(), name="speak:trace"),
        ]
        try:
            while spoken.end is None:
                event = await host.until(lambda _: True, since=since)
                since += 1
                # What led to an event stands in the trace before it.
                self._live.show_trace(self._trace.lines())
                spoken.add(event)
                self._live.show(event)
                self._sound.take(event)
        finally:
            for work in works:
                work.cancel()
            await asyncio.wait(works)
        return spoken

    async def _send(self, host: ExtensionHost, spoken: Spoken) -> None:
        is_whole = not self._order.tokens_per_s
        async for piece in written(self._order.text, self._order.tokens_per_s):
            self._live.show_text(spoken.sent(piece), piece, is_whole)
            await host.send_text(spoken.request_id, piece, end=is_whole)
        if not is_whole:
            await host.send_text(spoken.request_id, "", end=True)

    async def _watch(self) -> None:
        while True:
            self._live.show_trace(self._trace.lines())
            await asyncio.sleep(LOOK_S)


def _is_settled(line: Mapping[str, Any]) -> bool:
    """Whether the first socket is as good as it gets."""
    message = line.get("message")
    kind = message.get("type") if isinstance(message, Mapping) else None
    is_failure = line.get("wire") in ("refused", "lost", "abort")
    return is_failure or kind == "ready" or line.get("name") == "error"


def _write(path: Path, spoken: Spoken) -> None:
    from .wav import write_wav

    try:
        write_wav(path, spoken.pcm, spoken.sample_rate_hz)
    except OSError as error:
        raise SpeakError(f"cannot write {path}: {error.strerror}") from error
