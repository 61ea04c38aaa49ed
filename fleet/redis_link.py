# This file is part of TEN Framework, an open source project. Licensed under
# the Apache License, Version 2.0. See the LICENSE file for more information.
"""The way to the Redis of a fleet, which is never in the way of speech.

A connect and an exchange take `CALL_S` each at most. After the first failure,
of whatever kind, every call fails at once until a write in the background has
gone through again: whoever asks has a way to do without.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import weakref
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Union
from urllib.parse import unquote, urlsplit

from ..core.redact import Masker, host_of

Argument = Union[str, bytes, int, float]
# What is done on a connection of the package redis.
Work = Callable[[Any], Coroutine[Any, Any, Any]]

CALL_S = 0.05
# When a server that failed is tried again, in the background: after so long,
# doubling to this.
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 5.0
# One that fails again sooner than this is left alone for twice as long each
# time, up to a minute: it takes what it is tried with, and nothing else.
STEADY_S, LONGEST_REST_S = 30.0, 60.0
# Connections that are kept open for the next calls.
MOST_FREE = 4
PREFIX = "gradium_tts:"


class LinkDown(Exception):
    """Redis did not answer in time, or refused: do without it."""


class Script:
    """A Lua script, which Redis knows by its hash after the first run."""

    def __init__(self, text: str) -> None:
        """Take the text of a script."""
        self.text = text
        self.sha = hashlib.sha1(
            text.encode(), usedforsecurity=False
        ).hexdigest()


class RedisLink:
    """The connections of one event loop to one Redis; see `join`."""

    def __init__(
        self,
        url: str,
        log: logging.Logger,
        *,
        call_s: float = CALL_S,
        first_wait_s: float = FIRST_WAIT_S,
    ) -> None:
        """Connect to nothing yet.

        Args:
            url: `redis://` or `rediss://`; its password is never shown.
            log: told when Redis fails, and when it is back.
            call_s: the limit of a connect, and that of an exchange.
            first_wait_s: when it is tried again after a failure.
        """
        # Here, where somebody has asked for it; it takes some 80 ms.
        # pylint: disable=import-error,import-outside-toplevel
        import redis.asyncio
        import redis.asyncio.retry
        import redis.backoff

        self._redis: Any = redis
        self.host = host_of(url)
        self.log = log
        self._call_s = call_s
        self._first_wait_s = self._wait_s = first_wait_s
        self._masker = Masker([unquote(urlsplit(url).password or "")])
        self._url = url
        self._free: list[Any] = []
        self._up_since = -math.inf
        self._probe: asyncio.Task[None] | None = None
        self.users = 1

    @property
    def is_down(self) -> bool:
        """Whether calls fail at once, until it answers again."""
        return self._probe is not None

    async def call(self, command: str, *arguments: Argument) -> Any:
        """Send one command and return the answer; texts are bytes in it.

        A command may be sent twice, where Redis had closed the connection.
        Cancelling is safe; whether the command was carried out is unknown.

        Raises:
            LinkDown: there was no good answer in time.
        """
        return await self._ask(
            lambda connection: _exchange(connection, (command, *arguments))
        )

    async def run(
        self,
        script: Script,
        keys: Sequence[str],
        arguments: Sequence[Argument] = (),
    ) -> Any:
        """Run a script; the same contract as `call`."""
        rest = (len(keys), *keys, *arguments)

        async def evaluate(connection: Any) -> Any:
            try:
                return await _exchange(
                    connection, ("EVALSHA", script.sha, *rest)
                )
            except self._redis.exceptions.NoScriptError:
                return await _exchange(connection, ("EVAL", script.text, *rest))

        return await self._ask(evaluate)

    async def leave(self) -> None:
        """Use it no more; the last user closes the connections."""
        self.users -= 1
        if self.users > 0:
            return
        _forget(self)
        probe, self._probe = self._probe, None
        if probe:
            probe.cancel()
            await asyncio.wait({probe})
        await self._close_free()

    # --------------------------------------------------------------- internal

    async def _ask(self, work: Work) -> Any:
        if self.is_down:
            raise LinkDown(f"redis at {self.host} is down")
        if not self.users:
            # Nobody would close what is opened now.
            raise LinkDown(f"redis at {self.host} is not used any more")
        try:
            return await self._attempt(work)
        except Exception as error:
            # Of whatever kind, also of an option of the URL that is none: it
            # must not end a request.
            why = self._reason(error)
            await self._failed(why)
            raise LinkDown(f"redis at {self.host}: {why}") from None

    async def _attempt(self, work: Work) -> Any:
        """Do it on a free connection, or on one that is opened for it."""
        while True:
            is_reused = bool(self._free)
            connection = self._free.pop() if is_reused else self._connection()
            try:
                if not is_reused:
                    await _within(connection.connect(), self._call_s)
                answer = await _within(work(connection), self._call_s)
            except BaseException as error:
                await connection.disconnect(nowait=True)
                is_lost = isinstance(error, self._redis.ConnectionError)
                if not (is_reused and is_lost):
                    raise
                # Closed while nobody used it, as by a restart.
                await self._close_free()
                continue
            if len(self._free) < MOST_FREE:
                self._free.append(connection)
            else:
                await connection.disconnect(nowait=True)
            return answer

    def _connection(self) -> Any:
        """Make one that is not open yet."""
        redis = self._redis
        never = redis.asyncio.retry.Retry(redis.backoff.NoBackoff(), 0)
        # The pool only reads the URL: what is kept is decided here.
        pool = redis.asyncio.ConnectionPool.from_url(
            self._url, protocol=2, retry=never
        )
        return pool.make_connection()

    async def _failed(self, why: str) -> None:
        if self.is_down or not self.users:
            return
        loop = asyncio.get_running_loop()
        is_steady = loop.time() - self._up_since > STEADY_S
        longer_s = min(2 * self._wait_s, LONGEST_REST_S)
        self._wait_s = self._first_wait_s if is_steady else longer_s
        # First of all: others must find it down from now on.
        self._probe = loop.create_task(
            self._wait_for_it(), name="gradium:redis"
        )
        self.log.warning(
            "redis at %s is no help: %s; what it shares is shared on this"
            " machine only until it answers",
            self.host,
            why,
        )
        await self._close_free()

    async def _wait_for_it(self) -> None:
        """Try a write until one goes through; a full Redis still reads."""
        wait_s = self._wait_s
        while True:
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
            try:
                await self._attempt(
                    lambda connection: _exchange(
                        connection, ("SET", f"{PREFIX}probe", "1", "PX", 1000)
                    )
                )
            except Exception:
                continue
            break
        self._probe = None
        self._up_since = asyncio.get_running_loop().time()
        self.log.info("redis at %s answers again", self.host)

    async def _close_free(self) -> None:
        free, self._free = self._free, []
        for connection in free:
            await connection.disconnect(nowait=True)

    def _reason(self, error: BaseException) -> str:
        if isinstance(error, asyncio.TimeoutError):
            return f"no answer within {self._call_s * 1000:.0f} ms"
        return self._masker.head(str(error) or type(error).__name__, 200)


async def _exchange(connection: Any, command: Sequence[Argument]) -> Any:
    await connection.send_command(*command)
    return await connection.read_response()


async def _within(work: Coroutine[Any, Any, Any], most_s: float) -> Any:
    """Await it for so long; what has come while the loop was busy counts."""
    task = asyncio.create_task(work, name="gradium:redis")
    # One that fails while it is cancelled has nobody who asks why.
    task.add_done_callback(lambda task: task.cancelled() or task.exception())
    try:
        await asyncio.wait({task}, timeout=most_s)
        # An answer that waits in the socket is read in the turn in which the
        # time is found to be over, and passed on in the next ones.
        for _ in range(5):
            if task.done():
                break
            await asyncio.sleep(0)
        else:
            raise asyncio.TimeoutError
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


# --------------------------------------------------------- one for each loop

_Links = dict[str, RedisLink]
_links: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Links] = (
    weakref.WeakKeyDictionary()
)


def join(url: str, log: logging.Logger) -> RedisLink:
    """Return the running loop's link to this Redis; leave it when done."""
    links = _links.setdefault(asyncio.get_running_loop(), {})
    link = links.get(url)
    if link:
        link.users += 1
        return link
    links[url] = RedisLink(url, log)
    return links[url]


def _forget(link: RedisLink) -> None:
    for links in list(_links.values()):
        for url in [url for url, each in links.items() if each is link]:
            del links[url]
