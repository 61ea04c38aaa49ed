# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The tester behind `ExtensionHost`."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from ten_runtime import (
    AsyncTenEnvTester,
    Cmd,
    CmdResult,
    Data,
    StatusCode,
    TenError,
)

from .events import Event, event_of
from .messages import Collector, Message
from .seen import Seen

T = TypeVar("T")


class HostError(Exception):
    """The run failed: the extension raised, or broke its interface."""


class Tester(Collector):
    """Hands on what comes as events.

    Attributes:
        env: of the tester, once it was started.
        loop: that it runs on, once it was started.

    Args:
        seen: takes down what is sent and what comes.
    """

    def __init__(
        self,
        on_event: Callable[[Event], None],
        on_started: Callable[[], None],
        seen: Seen | None = None,
    ) -> None:
        super().__init__()
        self._on_event = on_event
        self._on_started = on_started
        self.env: AsyncTenEnvTester | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self._seen = seen
        self._is_unwanted = False

    def stop(self) -> None:
        """End the run, from any thread: now, or as soon as it has begun."""
        self._is_unwanted = True
        if self.env is not None:
            # The run may end by itself in this very moment.
            with contextlib.suppress(RuntimeError):
                self.env.stop_test()

    async def call(
        self,
        call: Callable[[AsyncTenEnvTester], Coroutine[Any, Any, T]],
        finished: asyncio.Future[str | None],
    ) -> T:
        """Run a call of the environment on the tester's loop, from another.

        Args:
            finished: has the reason of a failure, once the run ended. Its
                loop then cancels a call, or never begins it.

        Raises:
            HostError: the run ended before.
        """
        env, loop = self.env, self.loop
        if env is None or loop is None or finished.done():
            raise HostError("the extension is not running")
        future = asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(call(env), loop)
        )
        either: set[asyncio.Future[Any]] = {future, finished}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if future.done() and not future.cancelled():
                return future.result()
        finally:
            future.cancel()
        failure = await asyncio.shield(finished)
        raise HostError(failure or "the run ended")

    async def send(
        self,
        name: str,
        fields: Mapping[str, Any],
        finished: asyncio.Future[str | None],
    ) -> None:
        """Send a data message; arguments and errors as those of `call`."""
        data = Data.create(name)
        check(data.set_property_from_json(None, json.dumps(dict(fields))))
        self._note(name, fields)
        check(await self.call(lambda env: env.send_data(data), finished))

    async def ask(
        self,
        name: str,
        fields: Mapping[str, Any],
        finished: asyncio.Future[str | None],
    ) -> CmdResult:
        """Send a command, and return its result; as `send`."""
        cmd = Cmd.create(name)
        check(cmd.set_property_from_json(None, json.dumps(dict(fields))))
        self._note(name, fields)
        result, error = await self.call(lambda env: env.send_cmd(cmd), finished)
        check(error)
        if result is None:
            raise HostError(f"{name} was not answered")
        return result

    def _note(self, name: str, fields: Mapping[str, Any]) -> None:
        if self._seen is not None:
            self._seen.sent(name, fields)

    async def on_start(self, ten_env: AsyncTenEnvTester) -> None:
        self.loop = asyncio.get_running_loop()
        self.env = ten_env
        # `stop` says so before it looks for `env`, so that one of the two
        # always sees the other; a second `stop_test` does no harm.
        if self._is_unwanted:
            ten_env.stop_test()
        self._on_started()

    async def came(self, env: AsyncTenEnvTester, message: Message) -> None:
        if self._seen is not None:
            self._seen.came(message)
        self._on_event(event_of(message))

    async def on_cmd(self, ten_env: AsyncTenEnvTester, cmd: Cmd) -> None:
        await ten_env.return_result(CmdResult.create(StatusCode.OK, cmd))


def check(error: TenError | None) -> None:
    """Raise HostError for an error that TEN has returned."""
    if error is not None:
        raise HostError(str(error))
