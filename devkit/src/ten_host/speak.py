# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""`./dev speak`: one text through the real extension, into a WAV file.

Without a key the local server speaks; with `GRADIUM_API_KEY` Gradium does.
Exit code 2 stands for wrong input, 1 for a failure on the way; both come with
one sentence on stderr.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import wave
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .order import LOCAL_KEY, Order, UsageError, parse

if TYPE_CHECKING:
    from .host import ExtensionHost
    from .live import Live
    from .spoken import Spoken

ADDON = "gradium_tts_python"

# Pace of the local server, as a multiple of real time. As fast as it can, it
# would take the processor away from the threads that pass on its first audio,
# which the vendor's machine does not.
LOCAL_SPEED = 25.0

# The pace of a fast language model's tokens.
SEGMENT_PAUSE_S = 0.015

# Between repeated requests, as between two turns of a talk: the next socket
# gets opened in it. A remote handshake takes longer than a local one.
LOCAL_PAUSE_S = 0.1
REMOTE_PAUSE_S = 1.0

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
        return asyncio.run(_speak(order))
    except UsageError as error:
        return _fail(str(error), key, 2)
    except SpeakError as error:
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


async def _speak(order: Order) -> int:
    # Imported here: wrong input is answered without loading all of this.
    from .app import app_running
    from .live import Live
    from .spoken import summary

    live = Live(order)
    with _server(order) as url, app_running():
        spoken = await _run(order, url, live)
    _write_wav(order, spoken[-1].pcm)
    if order.timeline is not None:
        from .timeline import draw

        draw(spoken[-1], order.timeline)
    live.line(summary(spoken, str(order.output)))
    return 0


@contextlib.contextmanager
def _server(order: Order) -> Iterator[str | None]:
    """The URL to use; the local server runs meanwhile if it is needed."""
    if not order.is_local:
        yield order.url
        return
    from gradium_sim.process import sim_process

    with sim_process(voice="espeak", key=LOCAL_KEY, speed=LOCAL_SPEED) as url:
        yield url


def _properties(order: Order, url: str | None) -> dict[str, object]:
    params: dict[str, object] = {
        "api_key": order.key or LOCAL_KEY,
        "sample_rate": order.sample_rate_hz,
    }
    if url is not None:
        params["url"] = url
    if order.voice_id is not None:
        params["voice_id"] = order.voice_id
    return {"enable_words": True, "params": params}


async def _run(order: Order, url: str | None, live: Live) -> list[Spoken]:
    from .host import ExtensionHost, HostError

    is_near = order.is_local or order.key == LOCAL_KEY
    pause_s = LOCAL_PAUSE_S if is_near else REMOTE_PAUSE_S
    spoken: list[Spoken] = []
    host = ExtensionHost(ADDON, _properties(order, url), wait_s=SILENCE_S)
    try:
        async with host:
            for index in range(order.repeat):
                if order.repeat > 1:
                    await asyncio.sleep(pause_s)
                spoken.append(
                    await _request(host, f"r{index + 1}", order, live)
                )
    except HostError as error:
        raise SpeakError(str(error)) from error
    except TimeoutError as error:
        raise SpeakError(
            f"no answer from {url or 'Gradium'} within {SILENCE_S:.0f} s"
        ) from error
    finally:
        live.close()
    return spoken


async def _request(
    host: ExtensionHost, request_id: str, order: Order, live: Live
) -> Spoken:
    """Speak the text once, showing every event as it comes."""
    from .events import EndReason, Error
    from .spoken import Spoken

    spoken = Spoken(request_id, order.sample_rate_hz)
    since = len(host.events())
    live.begin(spoken)
    sender = asyncio.create_task(
        _send(host, spoken, order, live), name="speak:text"
    )
    errors: list[Error] = [e for e in host.events() if isinstance(e, Error)]
    try:
        while spoken.end is None:
            event = await host.until(lambda _: True, since=since)
            since += 1
            spoken.add(event)
            live.show(event)
            if isinstance(event, Error):
                errors.append(event)
    finally:
        sender.cancel()
        await asyncio.wait([sender])
    if spoken.end.reason is not EndReason.REQUEST_END:
        reason = errors[0].message if errors else "the audio broke off"
        raise SpeakError(reason)
    if not spoken.frames:
        raise UsageError("the text has nothing in it that can be spoken")
    return spoken


async def _send(
    host: ExtensionHost, spoken: Spoken, order: Order, live: Live
) -> None:
    pieces = order.pieces()
    for index, piece in enumerate(pieces):
        if index > 0:
            await asyncio.sleep(SEGMENT_PAUSE_S)
        is_end = not order.is_segmented
        live.show_text(spoken.sent(piece), piece, is_end)
        await host.send_text(spoken.request_id, piece, end=is_end)
    if order.is_segmented:
        await host.send_text(spoken.request_id, "", end=True)


def _write_wav(order: Order, pcm: bytes) -> None:
    try:
        with wave.open(str(order.output), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(order.sample_rate_hz)
            file.writeframes(pcm)
    except OSError as error:
        raise SpeakError(
            f"cannot write {order.output}: {error.strerror}"
        ) from error
