# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""Drives one extension through TEN's public tester API.

`ExtensionHost` works with the real `ten_runtime` as well as with this kit's
stand-in: it uses nothing but `AsyncExtensionTester` in single mode. The tester
runs on a thread of its own, as TEN runs it; the host hands every event over to
the loop that entered it, where everything else happens.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeVar

from ten_runtime import Cmd, StatusCode

from .app import waiting_lines
from .events import (
    AudioEnd,
    AudioStart,
    Error,
    Event,
    FlushEnd,
    Frame,
    TextResult,
    describe,
)
from .package import import_addon
from .seen import Seen
from .tester import HostError, Tester

T = TypeVar("T")

START_S = 120.0
"""How long an extension may take to start: its imports set the pace, which
are slow on a busy machine."""

SETTLE_S = 1.0
"""How long a stop waits for an extension that has not been heard of."""


@dataclass(frozen=True)
class CommandResult:
    """The answer to a command, with its properties."""

    is_ok: bool
    properties: Mapping[str, Any] = field(default_factory=dict)


class ExtensionHost:
    """One extension, running for as long as the `async with` block.

    ```python
    async with ExtensionHost("my_tts", {"params": {...}}) as host:
        await host.send_text("r1", "Hello.", end=True)
        await host.ended("r1")
        host.pcm("r1")
    ```

    Leaving the block stops the extension, once it is through its `on_init`.
    What it sends while stopping is lost: TEN ends tester and extension
    at the same time.

    Args:
        addon_name: the add-on; a package of that name is imported first, so
            that it registers under one identity.
        properties: the node's property; TEN merges it over property.json.
        wait_s: how long `ended`, `flush`, `until` and `command` wait.
        timeout_s: after which TEN ends the run as failed.
        on_event: called with each event as it comes, on the loop of the
            block; nothing is kept then, so that a run may be endless.
        seen: takes down what is sent and what comes, to be drawn.

    Raises:
        HostError: on entering, waiting or leaving, when the run failed.
    """

    def __init__(
        self,
        addon_name: str,
        properties: Mapping[str, Any] | None = None,
        *,
        wait_s: float = 30.0,
        timeout_s: float = 600.0,
        on_event: Callable[[Event], None] | None = None,
        seen: Seen | None = None,
    ) -> None:
        self._wait_s = wait_s
        self._listener = on_event
        self._tester = Tester(self._on_event, self._on_started, seen)
        import_addon(addon_name)
        self._tester.set_test_mode_single(
            addon_name, json.dumps(dict(properties or {}))
        )
        self._tester.set_timeout(int(timeout_s * 1_000_000))
        self._log: list[tuple[str | None, Event]] = []
        self._open_request: str | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._is_started = False
        # Whether it is through its start: it has sent or answered something.
        self._is_heard_of = False
        self._flushes = 0

    async def __aenter__(self) -> ExtensionHost:
        self._loop = asyncio.get_running_loop()
        self._finished: asyncio.Future[str | None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name="ten_host")
        self._thread.start()
        try:
            await self._wait_for(lambda: self._is_started, "its start", START_S)
        except BaseException as error:
            await self._join()
            if isinstance(error, TimeoutError):
                raise HostError(str(error)) from None
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                await self._settle()
        finally:
            failure = await self._join()
        if failure is not None and kind is None:
            raise HostError(failure)

    async def send_text(
        self,
        request_id: str,
        text: str,
        *,
        end: bool = False,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Send one `tts_text_input` and wait until it is handed over."""
        fields = {
            "request_id": request_id,
            "text": text,
            "text_input_end": end,
            "metadata": dict(metadata or {}),
        }
        await self.send_data("tts_text_input", fields)

    async def send_data(self, name: str, fields: Mapping[str, Any]) -> None:
        """Send any data message, its properties given as JSON values."""
        await self._tester.send(name, fields, self._finished)

    async def flush(
        self,
        flush_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> float:
        """Interrupt; return the seconds until its `tts_flush_end` came."""
        self._flushes += 1
        flush_id = flush_id or f"flush-{self._flushes}"
        since = len(self._log)
        sent_s = time.monotonic()
        fields = {"flush_id": flush_id, "metadata": dict(metadata or {})}
        await self.send_data("tts_flush", fields)
        event = await self.until(
            lambda e: isinstance(e, FlushEnd) and e.flush_id == flush_id,
            since=since,
            what=f"the end of {flush_id}",
        )
        return event.time_s - sent_s

    async def command(
        self, name: str, properties: Mapping[str, Any] | None = None
    ) -> CommandResult:
        """Send a command and wait for its result.

        Raises:
            TimeoutError: none came within `wait_s`.
            HostError: the run ended before.
        """
        answer = self._tester.ask(name, properties or {}, self._finished)
        result = await self._answer(answer, name)
        self._is_heard_of = True
        fields, _ = result.get_property_to_json("")
        is_ok = result.get_status_code() == StatusCode.OK
        return CommandResult(is_ok, json.loads(fields or "{}"))

    async def _answer(self, answer: Coroutine[Any, Any, T], name: str) -> T:
        task = asyncio.ensure_future(answer)
        try:
            await asyncio.wait([task], timeout=self._wait_s)
            if not task.done():
                raise TimeoutError(
                    f"{name} was not answered within {self._wait_s} s"
                    f"{waiting_lines()}"
                )
            return task.result()
        finally:
            task.cancel()

    async def ended(self, request_id: str) -> AudioEnd:
        """Wait for the request's `tts_audio_end`, its first if it has more."""
        event = await self.until(
            lambda e: isinstance(e, AudioEnd) and e.request_id == request_id,
            what=f"the end of {request_id}",
        )
        assert isinstance(event, AudioEnd)
        return event

    async def until(
        self,
        is_wanted: Callable[[Event], bool],
        *,
        since: int = 0,
        what: str = "the wanted event",
    ) -> Event:
        """Return the first event that `is_wanted`; wait for it if need be.

        Args:
            since: looks only at `events()[since:]`.
            what: what is waited for, in the words of an error message.

        Raises:
            TimeoutError: none came within `wait_s`; tells what did come.
            HostError: the run ended before.
        """
        found: list[Event] = []

        def has_come() -> bool:
            nonlocal since
            while since < len(self._log) and not found:
                event = self._log[since][1]
                since += 1
                if is_wanted(event):
                    found.append(event)
            return bool(found)

        await self._wait_for(has_come, what, self._wait_s)
        return found[0]

    def events(self, request_id: str | None = None) -> list[Event]:
        """Return what was received, in order; of one request if it is given.

        A frame belongs to the request between whose start and end it came.
        Metrics and connection states name no request: they appear only in the
        full list.
        """
        if request_id is None:
            return [event for _, event in self._log]
        return [event for owner, event in self._log if owner == request_id]

    def frames(self, request_id: str) -> list[Frame]:
        """Return the request's frames, in order."""
        return [e for e in self.events(request_id) if isinstance(e, Frame)]

    def pcm(self, request_id: str) -> bytes:
        """Return the samples of all the request's frames, in order."""
        return b"".join(frame.pcm for frame in self.frames(request_id))

    # -------------------------------------------------- on the tester's thread

    def _run(self) -> None:
        failure: str | None
        try:
            error = self._tester.run()
            failure = None if error is None else error.error_message()
        except Exception as raised:
            failure = f"{type(raised).__name__}: {raised}"
        self._loop.call_soon_threadsafe(self._on_finished, failure)

    def _on_event(self, event: Event) -> None:
        self._loop.call_soon_threadsafe(self._receive, event)

    def _on_started(self) -> None:
        self._loop.call_soon_threadsafe(self._receive_start)

    # ------------------------------------------------------ on the host's loop

    def _receive_start(self) -> None:
        self._is_started = True
        self._wake()

    def _receive(self, event: Event) -> None:
        owner: str | None = None
        if isinstance(event, AudioStart):
            owner = self._open_request = event.request_id
        elif isinstance(event, AudioEnd):
            owner, self._open_request = event.request_id, None
        elif isinstance(event, Frame):
            owner = self._open_request
        elif isinstance(event, TextResult):
            owner = event.request_id
        elif isinstance(event, Error):
            owner = event.id
        self._is_heard_of = True
        if self._listener:
            self._listener(event)
        else:
            self._log.append((owner, event))
        self._wake()

    def _on_finished(self, failure: str | None) -> None:
        self._finished.set_result(failure)
        self._wake()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def _wait_for(
        self, is_true: Callable[[], bool], what: str, wait_s: float
    ) -> None:
        deadline_s = time.monotonic() + wait_s
        while not is_true():
            if self._finished.done():
                failure = self._finished.result() or "the run ended"
                raise HostError(f"waiting for {what}: {failure}")
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._waiters.append(waiter)
            left_s = deadline_s - time.monotonic()
            await asyncio.wait([waiter], timeout=max(left_s, 0.0))
            if not waiter.done() and not is_true():
                raise TimeoutError(
                    f"{what} did not come within {wait_s} s; "
                    f"came: {describe(self.events())}"
                    f"{waiting_lines()}"
                )

    async def _settle(self) -> None:
        """Wait for a sign of life, so that the stop comes after `on_init`.

        An extension that is stopped before sees neither that nor `on_start`.
        One that answers commands answers this one; of another one nothing
        can be known.
        """
        if self._is_heard_of or self._finished.done():
            return
        cmd = Cmd.create("ten_host_sync")
        answer = asyncio.ensure_future(
            self._tester.call(lambda env: env.send_cmd(cmd), self._finished)
        )
        # Its failure is the run's, which tells of it.
        answer.add_done_callback(lambda a: a.cancelled() or a.exception())
        either: set[asyncio.Future[Any]] = {answer, self._finished}
        try:
            await asyncio.wait(
                either,
                timeout=SETTLE_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            answer.cancel()

    async def _join(self) -> str | None:
        """Stop the run and wait for its thread.

        A cancellation is passed on only after that: nothing else could end
        the thread.
        """
        if not self._finished.done():
            self._tester.stop()
        is_cancelled = False
        while not self._finished.done():
            try:
                await asyncio.shield(self._finished)
            except asyncio.CancelledError:
                is_cancelled = True
        self._thread.join()
        if is_cancelled:
            raise asyncio.CancelledError
        return self._finished.result()
